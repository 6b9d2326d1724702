"""Fuse what the members of a fusion say of cases that none of them has seen."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.fusion import fuse_scores

    params = snakemake.params
    tables = [read_table(path) for path in snakemake.input.scores]
    write_table(fuse_scores(params.models, params.folds, tables), snakemake.output.scores)
