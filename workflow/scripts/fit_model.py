"""Fit one tabular model on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Model, Outcome
    from radpipe.config.stability import Stability
    from radpipe.io.tables import read_table
    from radpipe.modelling.bundles import write_model
    from radpipe.modelling.crossfit import fit_fold, stable_in_fold
    from radpipe.modelling.fitting import fit_settings
    from radpipe.modelling.outcomes import outcome_facts, targets
    from radpipe.modelling.scoring import Sources

    params, fold = snakemake.params, snakemake.wildcards.fold
    model = Model.model_validate(params.settings["model"])
    outcome = Outcome.model_validate(params.settings["outcome"])
    cases, splits = read_table(snakemake.input.cases), read_table(snakemake.input.splits)
    facts = outcome_facts(cases, outcome)
    for path in snakemake.input.measurements:
        stability = Stability.model_validate(params.stability)
        facts["stable"] = stable_in_fold(read_table(path), splits, fold, model, stability)
    fitted = fit_fold(
        Sources(**params.sources).blocks(model.blocks, fold),
        targets(cases, outcome),
        splits,
        fold,
        model,
        fit_settings(params.settings, params.seed, snakemake.threads, **facts),
    )
    write_model(fitted, Path(snakemake.output[0]).parent)
