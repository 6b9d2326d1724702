"""Put what the feature maps of all cases hold into one table."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.features.collection import collect_maps
    from radpipe.io.tables import write_table

    write_table(collect_maps(map(Path, snakemake.input.tables)), snakemake.output.table)
