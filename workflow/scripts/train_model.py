"""Train one network on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job
from radpipe.slots import gpu_slot

with job(snakemake.log[0], snakemake.threads), gpu_slot():
    from radpipe.config import Model, Outcome
    from radpipe.io.files import sha256
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundles import WEIGHTS, write_model
    from radpipe.modelling.cnn import fit_cnn
    from radpipe.modelling.fitting import fit_settings
    from radpipe.modelling.outcomes import outcome_facts, target_array, targets
    from radpipe.modelling.scoring import Sources
    from radpipe.segmentation.manifest import check_start, write_manifest

    params, folder = snakemake.params, Path(snakemake.output[0]).parent
    model = Model.model_validate(params.settings["model"])
    outcome = Outcome.model_validate(params.settings["outcome"])
    cases = read_table(snakemake.input.cases)
    known = targets(cases, outcome)
    if model.start is not None:
        check_start(model.start, known.loc[params.held_out, "patient"])
    own = known.loc[params.cases]
    facts = outcome_facts(cases, outcome)
    settings = fit_settings(params.settings, params.seed, snakemake.threads, **facts)
    crops = Sources(**params.sources).crops(params.cases, model.crop)
    patients = own["patient"].to_numpy()
    write_model(fit_cnn(crops, target_array(own), patients, params.cases, model, settings), folder)
    write_manifest(
        folder / "manifest.json",
        weights=sha256(folder / WEIGHTS),
        cases=own.reset_index(),
        settings=model,
        start=model.start,
    )
