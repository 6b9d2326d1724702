"""Put the features of all cases into one table, and describe its columns and settings."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.features.collection import (
        Collected,
        collect_features,
        collect_status,
        collect_warnings,
    )
    from radpipe.features.dictionary import feature_dictionary
    from radpipe.features.ibsi.families import family_definitions
    from radpipe.features.presets import feature_settings
    from radpipe.features.table import FeatureSettings
    from radpipe.io.tables import write_table

    output = snakemake.output
    paths = [Path(path) for path in snakemake.input.tables]
    out = Collected(Path(output.features), Path(output.text), Path(output.controls))
    columns = collect_features(paths, out)
    write_table(collect_status(paths), output.status)
    write_table(collect_warnings(map(Path, snakemake.input.warnings)), output.warnings)
    settings = FeatureSettings.from_params(snakemake.params.features).handcrafted
    meanings = feature_dictionary(columns, settings, family_definitions())
    write_table(meanings, output.dictionary)
    write_table(feature_settings(snakemake.params.modalities, settings), output.settings)
