"""Learn how much each member of a fusion counts, on the training part of one fold."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Model, Outcome
    from radpipe.io.tables import read_table
    from radpipe.modelling.fitting import fit_settings
    from radpipe.modelling.fusion import by_case, fit_fusion, write_fusion
    from radpipe.modelling.outcomes import outcome_facts, target_array, targets
    from radpipe.modelling.splits import part_of

    params, fold = snakemake.params, snakemake.wildcards.fold
    model = Model.model_validate(params.settings["model"])
    outcome = Outcome.model_validate(params.settings["outcome"])
    cases = read_table(snakemake.input.cases)
    facts = outcome_facts(cases, outcome)
    training = part_of(read_table(snakemake.input.splits), fold, "train")
    known = targets(cases, outcome).loc[training]
    inner = [by_case(read_table(path)) for path in snakemake.input.inner]
    fitted = fit_fusion(
        dict(zip(model.of, inner, strict=True)),
        known,
        target_array(known),
        model,
        fit_settings(params.settings, params.seed, snakemake.threads, **facts),
    )
    write_fusion(fitted, Path(snakemake.output[0]).parent)
