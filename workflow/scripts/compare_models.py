"""Compare the models with each other, pair by pair."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation, Outcome
    from radpipe.evaluation.by_kind import comparisons
    from radpipe.io.tables import read_table, write_table

    table = comparisons(
        read_table(snakemake.input.predictions),
        Outcome.model_validate(snakemake.params.outcome),
        Evaluation.model_validate(snakemake.params.evaluation),
        snakemake.params.seed,
        primary=snakemake.params.primary,
    )
    write_table(table, snakemake.output.table)
