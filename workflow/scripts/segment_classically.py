"""Draw the masks of the held-out cases of one fold with a classical segmenter."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Classical
    from radpipe.io.images import write_image
    from radpipe.io.layout import case_files
    from radpipe.logs import progress
    from radpipe.segmentation.classical.drawing import segment_classical
    from radpipe.segmentation.classical.storage import load_classical

    params = snakemake.params
    settings = Classical.model_validate(params.segmenter)
    fitted = load_classical(snakemake.input.fitted)
    boxes = dict(zip(params.boxed, snakemake.input.boxes, strict=True))
    masks = Path(snakemake.output.masks)
    masks.mkdir(parents=True, exist_ok=True)
    for files in progress(
        case_files(params.cases, params.modalities, prepared=params.prepared), "segmenting case"
    ):
        mask = segment_classical(fitted, files, settings, params.labels, box=boxes.get(files.case))
        write_image(mask, masks / f"{files.case}.nii.gz")
