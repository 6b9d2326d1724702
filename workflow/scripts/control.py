"""Run the negative controls."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.controls import run_controls

    table = run_controls(
        load_study(snakemake.params.study),
        read_table(snakemake.input.cases),
        read_table(snakemake.input.features),
        read_table(snakemake.input.controls),
    )
    write_table(table, snakemake.output.table)
