"""Figures, and one report in two forms."""


def report_tables():
    """The tables this study makes, by the name the report knows them under."""
    names = ["quality"]
    names += ["segmentation", "segmentation_summary"] if SEGMENTERS else []
    names += ["feature_dictionary", "feature_status"] if STUDY.measures_features else []
    if MODELS:
        names += ["predictions", "performance", "roc", "operating_points", "comparisons"]
        names += ["calibration", "decision_curve", "sample_size", "controls", "selection"]
    names += ["truth", "truth_cases"] if STUDY.evaluation.truth else []
    tables = {name: f"{TABLES}/{name}.tsv" for name in names}
    if STUDY.measures_features:
        tables["features"] = f"{TABLES}/features.parquet"
    return tables


def training_logs():
    """The learning curves of segmenters and encoders, by `<name>/<fold>`."""
    encoders = [e.name for e in STUDY.features.encoders] if MODELS else []
    logs = {
        f"{name}/{fold}": f"{RESULTS}/segmenters/{name}/{fold}/training.tsv"
        for name in SEGMENTERS
        for fold in MASK_FOLDS
    }
    return logs | {
        f"{name}/{fold}": f"{RESULTS}/encoders/{name}/{fold}/training.tsv"
        for name in encoders
        for fold in FOLDS
    }


def explanation_files():
    """What explains each model, by kind of explanation and model."""
    folder = f"{TABLES}/explanations"
    return {
        "explanations": {m: f"{folder}/{m}.tsv" for m in TABULAR},
        "lime": {m: f"{folder}/{m}_lime.tsv" for m in TABULAR},
        "occlusion": {m: f"{folder}/{m}_occlusion.npz" for m in NETWORKS},
    }


def report_paths(wildcards):
    """Everything the report reads, named as its inputs are named."""
    return {
        "tables": report_tables(),
        "cases": f"{RESULTS}/cohort/cases.tsv",
        "exclusions": f"{RESULTS}/cohort/exclusions.tsv",
        "splits": f"{RESULTS}/cohort/splits.tsv",
        "provenance": f"{RESULTS}/provenance.json",
        "figures": f"{RESULTS}/figures",
        "training": training_logs(),
        **explanation_files(),
    }


def report_cases(wildcards):
    """The prepared images, drawn masks and predicted masks that may be shown."""
    cases = cases_of()
    return {
        "cases": cases,
        "drawn": [c for c in cases if SHEET.mask(c)],
        "modalities": MODALITIES,
        "prepared": f"{RESULTS}/prepared",
        "masks": f"{RESULTS}/masks/{REFERENCE}",
        "predicted": {s: f"{RESULTS}/masks/{s}" for s in SEGMENTERS},
    }


rule record_provenance:
    message:
        "Recording versions, settings and hashes"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        sheet=STUDY.cases,
        tables=list(report_tables().values()),
    output:
        record=f"{RESULTS}/provenance.json",
    params:
        study=STUDY.model_dump(mode="json"),
        code=code_hash("provenance"),
    log:
        f"{RESULTS}/logs/record_provenance.log",
    script:
        "../workflow/scripts/record_provenance.py"


rule draw_figures:
    message:
        "Drawing the figures"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=list(report_tables().values()),
        training=list(training_logs().values()),
        explanations=[f for files in explanation_files().values() for f in files.values()],
        images=lambda w: images_of(cases_of()),
        drawn=lambda w: reference_masks(cases_of()),
        predicted=expand(f"{RESULTS}/masks/{{s}}", s=SEGMENTERS),
    output:
        figures=directory(f"{RESULTS}/figures"),
    params:
        study=STUDY.model_dump(mode="json"),
        paths=report_paths,
        shown=report_cases,
        code=code_hash("reporting"),
    log:
        f"{RESULTS}/logs/draw_figures.log",
    script:
        "../workflow/scripts/draw_figures.py"


rule render_report:
    message:
        "Writing the report"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        figures=f"{RESULTS}/figures",
        provenance=f"{RESULTS}/provenance.json",
        tables=list(report_tables().values()),
    output:
        html=f"{REPORTS}/report.html",
        pdf=f"{REPORTS}/report.pdf",
    params:
        study=STUDY.model_dump(mode="json"),
        paths=report_paths,
        shown=report_cases,
        code=code_hash("reporting"),
    log:
        f"{RESULTS}/logs/render_report.log",
    script:
        "../workflow/scripts/render_report.py"
