"""Write the report as one HTML file and as PDF."""

from radpipe.logs import job

with job(snakemake.log[0], snakemake.threads):
    from radpipe.config import load_study
    from radpipe.reporting.content import build_report
    from radpipe.reporting.html import render_html
    from radpipe.reporting.inputs import report_inputs
    from radpipe.reporting.pdf import render_pdf

    params = snakemake.params
    report = build_report(load_study(params.study), report_inputs(params.paths, params.shown))
    render_html(report, snakemake.output.html)
    render_pdf(report, snakemake.output.pdf)
