"""Remove the bias field of one case."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import BiasCorrection
    from radpipe.imaging.bias_field import correct_bias
    from radpipe.io.files import write_json
    from radpipe.io.images import read_image, write_image

    case, quality = snakemake.wildcards.case, {}
    settings = BiasCorrection.model_validate(snakemake.params.settings["bias_correction"])
    for modality, source, target in zip(
        snakemake.params.modalities, snakemake.input.images, snakemake.output.images, strict=True
    ):
        image, quality[modality] = correct_bias(read_image(source), settings, case=case)
        write_image(image, target)
    write_json(quality, snakemake.output.quality)
