"""Put the final model and what scoring needs into one file."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.modelling.bundles import write_bundle
    from radpipe.provenance import versions

    context = {"study": snakemake.params.study, "versions": versions()}
    write_bundle(Path(snakemake.input.model[0]).parent, snakemake.output.bundle, context)
