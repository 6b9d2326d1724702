"""Bring the images of one case to one grid and one intensity scale."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Normalisation, Resampling
    from radpipe.imaging.preparation import prepare_images
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, read_transform, write_image

    params = snakemake.params
    transforms = zip(params.moving, snakemake.input.transforms, strict=True)
    images, quality = prepare_images(
        {m: read_image(p) for m, p in zip(params.modalities, snakemake.input.images, strict=True)},
        {modality: read_transform(path) for modality, path in transforms},
        reference=params.reference,
        resampling=Resampling.model_validate(params.settings["resampling"]),
        normalisation=Normalisation.model_validate(params.settings["normalisation"]),
        case=snakemake.wildcards.case,
    )
    for modality, target in zip(params.modalities, snakemake.output.images, strict=True):
        write_image(images[modality], target)
    write_json(quality, snakemake.output.quality)
