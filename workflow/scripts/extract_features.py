"""Measure the region of one case, and its negative controls."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Controls, Handcrafted
    from radpipe.features.table import case_table
    from radpipe.io.images import read_image
    from radpipe.io.layout import case_files
    from radpipe.io.tables import write_table

    params = snakemake.params
    (files,) = case_files(
        [snakemake.wildcards.case], params.modalities, prepared=params.prepared, masks=params.masks
    )
    table = case_table(
        files.case,
        {m: read_image(path, case=files.case) for m, path in files.images.items()},
        read_image(files.mask, case=files.case),
        params.handcrafted and Handcrafted.model_validate(params.handcrafted),
        Controls.model_validate(params.controls),
        params.seed,
    )
    write_table(table, snakemake.output.table)
