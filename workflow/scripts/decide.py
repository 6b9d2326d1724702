"""Weigh benefit and harm of acting on each model."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation
    from radpipe.evaluation.tables import decision_table
    from radpipe.io.tables import read_table, write_table

    settings = Evaluation.model_validate(snakemake.params.evaluation)
    table = decision_table(read_table(snakemake.input.predictions), settings)
    write_table(table, snakemake.output.table)
