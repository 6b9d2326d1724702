"""Put the features of all cases into one table, and describe its columns."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.features.dictionary import feature_dictionary
    from radpipe.features.table import collect_features, collect_status
    from radpipe.io.tables import write_table

    paths = [Path(path) for path in snakemake.input.tables]
    features, controls = collect_features(paths)
    write_table(features, snakemake.output.features)
    write_table(features, snakemake.output.text)
    write_table(controls, snakemake.output.controls)
    write_table(collect_status(paths), snakemake.output.status)
    columns = [column for column in features if column != "case"]
    write_table(feature_dictionary(columns), snakemake.output.dictionary)
