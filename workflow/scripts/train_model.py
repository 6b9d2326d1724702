"""Train one network on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.config import Model, Outcome
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundles import write_model
    from radpipe.modelling.cnn import fit_cnn
    from radpipe.modelling.fitting import fit_settings
    from radpipe.modelling.outcomes import binary_targets
    from radpipe.modelling.scoring import Sources

    params = snakemake.params
    model = Model.model_validate(params.settings["model"])
    outcome = Outcome.model_validate(params.settings["outcome"])
    targets = binary_targets(read_table(snakemake.input.cases), outcome).loc[params.cases]
    fitted = fit_cnn(
        Sources(**params.sources).crops(params.cases, model.crop),
        targets["y"].to_numpy(),
        targets["patient"].to_numpy(),
        params.cases,
        model,
        fit_settings(params.settings, params.seed, snakemake.threads),
    )
    write_model(fitted, Path(snakemake.output[0]).parent)
