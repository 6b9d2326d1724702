"""Compare predicted with drawn masks on the original grid, case by case and in the mean."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.segmentation.scoring import mask_pairs, score_segmentation, segmentation_summary

    params = snakemake.params
    drawn = dict(zip(params.cases, snakemake.input.reference, strict=True))
    pairs = [
        pair
        for segmenter, folder in zip(params.segmenters, snakemake.input.predicted, strict=True)
        for pair in mask_pairs(segmenter, folder, drawn)
    ]
    scores = score_segmentation(pairs, params.labels, params.tolerances_mm)
    write_table(scores, snakemake.output.scores)
    summary = segmentation_summary(
        scores,
        read_table(snakemake.input.cases),
        confidence=params.evaluation["confidence"],
        samples=params.evaluation["bootstrap"],
        seed=params.seed,
    )
    write_table(summary, snakemake.output.summary)
