"""Split the development patients into folds."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.splits import split_cohort

    splits = split_cohort(read_table(snakemake.input.cases), load_study(snakemake.config))
    write_table(splits, snakemake.output.splits)
