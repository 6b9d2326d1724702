"""Map features voxel by voxel in the regions of one case."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config.handcrafted import Maps
    from radpipe.features.table import FeatureSettings
    from radpipe.features.voxel_maps import case_maps, write_maps
    from radpipe.io.images import read_image
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table

    params = snakemake.params
    (files,) = case_files(
        [snakemake.wildcards.case], params.modalities, prepared=params.prepared, masks=params.masks
    )
    images = {m: read_image(path, case=files.case) for m, path in files.images.items()}
    mask = read_image(files.mask, case=files.case)
    settings, maps = FeatureSettings.from_params(params.features), Maps.model_validate(params.maps)
    made = case_maps(images, mask, settings, maps)
    table = write_maps(files.case, made, snakemake.output.maps)
    write_table(table, snakemake.output.table)
