"""Collect the repeated measurements of all cases, and judge each feature by them."""

from pathlib import Path

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Stability
    from radpipe.features.collection import collect_measurements
    from radpipe.features.stability import retest_table, stability_of_file
    from radpipe.io.tables import read_table, write_table

    stability = Stability.model_validate(snakemake.params.stability)
    retest = None
    if stability.retest is not None:
        features, cases = (read_table(snakemake.input[name]) for name in ("features", "cases"))
        retest = retest_table(features, cases, stability.retest)
    measurements = Path(snakemake.output.measurements)
    collect_measurements([Path(path) for path in snakemake.input.perturbed], retest, measurements)
    confidence = snakemake.params.evaluation["confidence"]
    write_table(stability_of_file(measurements, stability, confidence), snakemake.output.table)
