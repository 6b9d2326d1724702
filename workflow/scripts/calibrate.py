"""Hold predicted against observed values."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation, Outcome
    from radpipe.evaluation.by_kind import calibration
    from radpipe.io.tables import read_table, write_table

    table = calibration(
        read_table(snakemake.input.predictions),
        Outcome.model_validate(snakemake.params.outcome),
        Evaluation.model_validate(snakemake.params.evaluation),
        snakemake.params.seed,
    )
    write_table(table, snakemake.output.table)
