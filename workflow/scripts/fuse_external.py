"""Fuse what the members of a frozen bundle say of the external cohort; no outcome is read."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.modelling.applying_looks import record_look
    from radpipe.modelling.bundles import read_bundle
    from radpipe.modelling.fusion import fuse_fold
    from radpipe.types import FINAL

    params = snakemake.params
    bundle = read_bundle(snakemake.input.bundle)
    tables = [read_table(path) for path in snakemake.input.scores]
    look = record_look(params.looks, bundle.sha256, tables[0]["case"])
    print(f"look {look} at the external cohort, bundle {bundle.sha256}")
    scores = fuse_fold(bundle.fitted, FINAL, tables)
    write_table(scores.assign(bundle_sha256=bundle.sha256), snakemake.output.scores)
