"""Bring the images of one case to one form."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.imaging.importing import blank_image, import_image
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_image

    case, params, quality, images = snakemake.wildcards.case, snakemake.params, {}, {}
    named = [m for m in params.modalities if m not in params.missing]
    for modality, source in zip(named, snakemake.input.images, strict=True):
        raw = read_image(source, case=case)
        images[modality], quality[modality] = import_image(raw, case=case, file=source)
    for modality in params.missing:
        images[modality], quality[modality] = blank_image(images[params.reference])
    for modality, target in zip(params.modalities, snakemake.output.images, strict=True):
        write_image(images[modality], target)
    write_json(quality, snakemake.output.quality)
