"""Compare segmenters with each other, and what they expect of their masks with what is true."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.io.tables import read_table, write_table
    from radpipe.segmentation.collection import pooled_uncertainty
    from radpipe.segmentation.comparison import comparison_table
    from radpipe.segmentation.uncertainty import uncertainty_quality

    params, output = snakemake.params, snakemake.output
    scores, cases = read_table(snakemake.input.scores), read_table(snakemake.input.cases)
    judged = {
        "confidence": params.evaluation["confidence"],
        "samples": params.evaluation["bootstrap"],
        "seed": params.seed,
    }
    write_table(comparison_table(scores, cases, **judged), output.comparisons)
    folders = dict(zip(params.segmenters, map(Path, snakemake.input.predicted), strict=True))
    uncertainty = pooled_uncertainty(folders)
    write_table(uncertainty, output.uncertainty)
    told = scores[scores["segmenter"].isin(uncertainty["segmenter"])]
    write_table(uncertainty_quality(uncertainty, told, cases, **judged), output.quality)
