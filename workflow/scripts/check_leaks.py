"""Hold each feature alone against the outcome; stop before any fit at a copy of it."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Outcome
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.tripwires import check_leaks

    table = check_leaks(
        read_table(snakemake.input.cases),
        read_table(snakemake.input.features),
        Outcome.model_validate(snakemake.params.outcome),
        clinical=snakemake.params.clinical,
        allowed=snakemake.params.allow,
    )
    write_table(table, snakemake.output.table)
