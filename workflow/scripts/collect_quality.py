"""Put the quality numbers of all cases and stages into one tidy table."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.imaging.collection import collect_quality
    from radpipe.io.tables import write_table

    stages = {
        stage: dict(zip(cases, snakemake.input[stage], strict=True))
        for stage, cases in snakemake.params.cases.items()
    }
    write_table(collect_quality(stages), snakemake.output.table)
