"""Make the fused images of one case from its prepared ones."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import FusedImage
    from radpipe.imaging.fusion import fuse_images
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_image

    params = snakemake.params
    images, quality = fuse_images(
        {m: read_image(p) for m, p in zip(params.modalities, snakemake.input.images, strict=True)},
        [FusedImage.model_validate(image) for image in params.fused],
        zero_background=params.zero_background,
    )
    for image, target in zip(images.values(), snakemake.output.images, strict=True):
        write_image(image, target)
    write_json(quality, snakemake.output.quality)
