"""Figures, and one report in two forms."""


rule record_provenance:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        sheet=STUDY.cases,
        tables=list(report_tables().values()),
        # Shown nowhere, but a whole study makes them.
        maps=map_tables(),
        bundles=bundle_files(),
    output:
        record=f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/record_provenance.log",
    params:
        study=STUDY.model_dump(mode="json"),
        code=code_hash("provenance"),
    message:
        "Recording versions, settings and hashes"
    script:
        "../workflow/scripts/record_provenance.py"


rule draw_figures:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=list(report_tables().values()),
        training=list(training_logs().values()),
        plans=list(plan_files().values()),
        reconstructions=list(reconstruction_files("reconstructions.npz").values()),
        explanations=[f for files in explanation_files().values() for f in files.values()],
        images=lambda w: images_of(cases_of()),
        drawn=lambda w: reference_masks(cases_of()),
        predicted=expand(f"{RESULTS}/masks/{{s}}", s=SEGMENTERS),
    output:
        figures=directory(f"{RESULTS}/figures"),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    params:
        study=STUDY.model_dump(mode="json"),
        paths=report_paths,
        shown=report_cases,
        code=code_hash("reporting"),
    message:
        "Drawing the figures"
    script:
        "../workflow/scripts/draw_figures.py"


rule render_report:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        figures=f"{RESULTS}/figures",
        provenance=f"{RESULTS}/provenance.json",
        tables=list(report_tables().values()),
    output:
        html=f"{REPORTS}/report.html",
        pdf=f"{REPORTS}/report.pdf",
    log:
        f"{RESULTS}/logs/render_report.log",
    params:
        study=STUDY.model_dump(mode="json"),
        paths=report_paths,
        shown=report_cases,
        code=code_hash("reporting"),
    message:
        "Writing the report"
    script:
        "../workflow/scripts/render_report.py"
