"""Measure every model in every cohort."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import Evaluation
    from radpipe.evaluation.performance import operating_points, performance_table
    from radpipe.evaluation.tables import roc_table
    from radpipe.io.tables import read_table, write_table

    predictions = read_table(snakemake.input.predictions)
    settings = Evaluation.model_validate(snakemake.params.evaluation)
    performance = performance_table(predictions, settings, snakemake.params.seed)
    write_table(performance, snakemake.output.performance)
    write_table(roc_table(predictions), snakemake.output.roc)
    write_table(operating_points(predictions), snakemake.output.operating_points)
