"""Bring the images of one case to one form."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.imaging.importing import import_image
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_image

    case, quality = snakemake.wildcards.case, {}
    for modality, source, target in zip(
        snakemake.params.modalities, snakemake.input.images, snakemake.output.images, strict=True
    ):
        raw = read_image(source, case=case)
        image, quality[modality] = import_image(raw, case=case, file=source)
        write_image(image, target)
    write_json(quality, snakemake.output.quality)
