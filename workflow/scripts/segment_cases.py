"""Draw the masks of the held-out cases of one fold."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Segmenter
    from radpipe.io.images import write_image
    from radpipe.io.layout import case_files
    from radpipe.logs import progress
    from radpipe.segmentation.inference import load_segmenter, segment_case

    params = snakemake.params
    settings = Segmenter.model_validate(params.segmenter)
    network = load_segmenter(
        snakemake.input.weights, settings, params.labels, inputs=len(params.modalities)
    )
    Path(snakemake.output.masks).mkdir(parents=True, exist_ok=True)
    files = case_files(params.cases, params.modalities, prepared=params.prepared)
    for case in progress(files, "segmenting case"):
        mask = segment_case(network, case, settings, params.labels)
        write_image(mask, Path(snakemake.output.masks) / f"{case.case}.nii.gz")
