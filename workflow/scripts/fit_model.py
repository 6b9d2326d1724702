"""Fit one tabular model on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Model, Outcome
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundles import write_model
    from radpipe.modelling.crossfit import fit_fold
    from radpipe.modelling.fitting import fit_settings
    from radpipe.modelling.outcomes import binary_targets
    from radpipe.modelling.scoring import Sources

    params, fold = snakemake.params, snakemake.wildcards.fold
    model = Model.model_validate(params.settings["model"])
    outcome = Outcome.model_validate(params.settings["outcome"])
    fitted = fit_fold(
        Sources(**params.sources).blocks(model.blocks, fold),
        binary_targets(read_table(snakemake.input.cases), outcome),
        read_table(snakemake.input.splits),
        fold,
        model,
        fit_settings(params.settings, params.seed, snakemake.threads),
    )
    write_model(fitted, Path(snakemake.output[0]).parent)
