"""Measure one case again after small changes of image and mask."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Stability
    from radpipe.features.stability import perturbed_table
    from radpipe.features.table import FeatureSettings
    from radpipe.io.images import read_image
    from radpipe.io.layout import case_files
    from radpipe.io.tables import read_table, write_table

    params = snakemake.params
    (files,) = case_files(
        [snakemake.wildcards.case], params.modalities, prepared=params.prepared, masks=params.masks
    )
    table = perturbed_table(
        read_table(snakemake.input.table),
        {m: read_image(path, case=files.case) for m, path in files.images.items()},
        read_image(files.mask, case=files.case),
        FeatureSettings.from_params(params.features),
        Stability.model_validate(params.stability),
    )
    write_table(table, snakemake.output.table)
