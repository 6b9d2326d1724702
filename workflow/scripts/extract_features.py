"""Measure the regions of one case, and its negative controls."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.features.settings_check import feature_warnings
    from radpipe.features.table import FeatureSettings, case_table
    from radpipe.io.images import read_image
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table

    params = snakemake.params
    (files,) = case_files(
        [snakemake.wildcards.case], params.modalities, prepared=params.prepared, masks=params.masks
    )
    settings = FeatureSettings.from_params(params.features)
    mask = read_image(files.mask, case=files.case)
    images = {m: read_image(path, case=files.case) for m, path in files.images.items()}
    table = case_table(files.case, images, mask, settings)
    write_table(table, snakemake.output.table)
    warnings = feature_warnings(table, params.modalities, settings, mask.GetSpacing())
    write_table(warnings, snakemake.output.warnings)
