"""Compare the models with each other, pair by pair."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation
    from radpipe.evaluation.tables import comparison_table
    from radpipe.io.tables import read_table, write_table

    table = comparison_table(
        read_table(snakemake.input.predictions),
        Evaluation.model_validate(snakemake.params.evaluation),
        primary=snakemake.params.primary,
    )
    write_table(table, snakemake.output.table)
