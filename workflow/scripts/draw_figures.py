"""Draw every figure of the study."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.reporting.figures.driver import draw_figures
    from radpipe.reporting.inputs import report_inputs

    params = snakemake.params
    inputs = report_inputs(params.paths, params.shown)
    draw_figures(load_study(params.study), inputs, snakemake.output.figures)
