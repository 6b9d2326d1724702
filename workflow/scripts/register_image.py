"""Align the moving images of one case with its reference."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Registration
    from radpipe.imaging.registration import register_rigid
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_transform

    params, case, quality = snakemake.params, snakemake.wildcards.case, {}
    settings = Registration.model_validate(params.settings["registration"])
    fixed = read_image(snakemake.input.reference)
    for modality, source, target in zip(
        params.modalities, snakemake.input.moving, snakemake.output.transforms, strict=True
    ):
        result = register_rigid(fixed, read_image(source), settings, params.seed, case=case)
        quality[modality] = result.quality
        write_transform(result.transform, target)
    write_json(quality, snakemake.output.quality)
