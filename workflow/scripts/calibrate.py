"""Hold predicted against observed risk."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation
    from radpipe.evaluation.tables import calibration_table
    from radpipe.io.tables import read_table, write_table

    table = calibration_table(
        read_table(snakemake.input.predictions),
        Evaluation.model_validate(snakemake.params.evaluation),
        snakemake.params.seed,
    )
    write_table(table, snakemake.output.table)
