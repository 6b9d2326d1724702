"""Measure every model in every cohort."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation, Outcome
    from radpipe.evaluation.by_kind import judge
    from radpipe.io.tables import read_table, write_table

    tables = judge(
        read_table(snakemake.input.predictions),
        read_table(snakemake.input.cases),
        Outcome.model_validate(snakemake.params.outcome),
        Evaluation.model_validate(snakemake.params.evaluation),
        snakemake.params.seed,
    )
    for name, path in zip(snakemake.params.names, snakemake.output, strict=True):
        write_table(tables[name], path)
