"""Bring the drawn mask of one case to the prepared grid."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.imaging.preparation import prepare_mask
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_image

    mask, quality = prepare_mask(
        read_image(snakemake.input.mask), read_image(snakemake.input.grid), snakemake.params.labels
    )
    write_image(mask, snakemake.output.mask)
    write_json(quality, snakemake.output.quality)
