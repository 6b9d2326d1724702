"""What a user may ask for, and what the report is made from."""

from radpipe.config import Outcome
from radpipe.evaluation.by_kind import DECIDABLE, table_names


def prepared_files(wildcards):
    return images_of(cases_of()) + reference_masks(cases_of())


def mask_targets(wildcards):
    drawn = reference_masks(cases_of())
    return drawn + ([f"{TABLES}/segmentation.tsv"] if SEGMENTERS else [])


def map_tables():
    """What the feature maps hold, if the study wants any."""
    return [f"{TABLES}/feature_maps.tsv"] if STUDY.features.maps.features else []


def feature_targets(wildcards):
    tables = [f"{TABLES}/features.parquet"] if STUDY.has_features else []
    tables += [f"{TABLES}/stability.tsv"] if STUDY.measures_stability else []
    tables += map_tables()
    return tables + expand(f"{TABLES}/embeddings/{{e}}/{{f}}.parquet", e=ENCODERS, f=FOLDS)


def bundle_files():
    """The frozen model of each, for new cases."""
    return expand(f"{RESULTS}/bundles/{{m}}.zip", m=MODELS)


def model_targets(wildcards):
    return [f"{TABLES}/predictions.tsv"] + bundle_files()


def measured_tables():
    """The tables that measure the models, by the kind of outcome; see radpipe.evaluation.by_kind."""
    return table_names(
        STUDY.outcome or Outcome(column="none"),
        repeats=STUDY.splits.repeats,
        subgroups=STUDY.evaluation.subgroups,
    )


def judged_tables():
    """All that is made of the predictions, and of what the models selected."""
    kind = STUDY.outcome.kind
    names = measured_tables() + ["comparisons", "calibration"]
    names += ["decision_curve"] if kind in DECIDABLE else []
    return names + (["sample_size", "selection_stability"] if TABULAR else [])


def outcome_settings():
    """What is predicted, for `params`."""
    return STUDY.outcome and STUDY.outcome.model_dump(mode="json")


def report_tables():
    """The tables this study makes, by the name the report knows them under."""
    names = ["quality"] if MODALITIES else []
    if SEGMENTERS:
        names += ["segmentation", "segmentation_summary", "segmenter_comparisons"]
        names += ["uncertainty", "uncertainty_quality"]
    names += ["feature_dictionary"] if STUDY.has_features else []
    if STUDY.measures_features:
        names += ["feature_status", "feature_warnings", "feature_settings"]
    names += ["stability"] if STUDY.measures_stability else []
    if MODELS:
        names += ["predictions", *judged_tables(), "tripwires", "controls", "selection"]
    names += ["truth", "truth_cases"] if STUDY.evaluation.truth else []
    tables = {name: f"{TABLES}/{name}.tsv" for name in names}
    if STUDY.has_features:
        tables["features"] = f"{TABLES}/features.parquet"
    return tables


def training_logs():
    """The learning curves of segmenters and encoders, by `<name>/<fold>`."""
    logs = {
        f"{name}/{fold}": f"{RESULTS}/segmenters/{name}/{fold}/training.tsv"
        for name in TRAINED
        for fold in trained_folds(name)
    }
    return logs | {
        f"{name}/{fold}": f"{RESULTS}/encoders/{name}/{fold}/training.tsv"
        for name in (trained_encoders() if MODELS else [])
        for fold in FOLDS
    }


def plan_files():
    """The plans that were made from the data, by `<name>/<fold>`."""
    planned = [n for n in TRAINED if STUDY.segmenter(n).network == "auto"]
    return {
        f"{name}/{fold}": f"{RESULTS}/segmenters/{name}/{fold}/plan.yaml"
        for name in planned
        for fold in trained_folds(name)
    }


def look_ledgers():
    """How often external cases were looked at, by model; written beside the scores."""
    scored = MODELS if HAS_EXTERNAL else []
    return {m: f"{RESULTS}/models/{m}/looks.tsv" for m in scored}


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
        "plans": plan_files(),
        "reconstructions": reconstruction_files("reconstructions.npz"),
        "reconstruction_errors": reconstruction_files("reconstruction.tsv"),
        "looks": look_ledgers(),
        **explanation_files(),
    }


def report_cases(wildcards):
    """The prepared images, drawn masks and predicted masks that may be shown."""
    cases = cases_of()
    return {
        "cases": cases,
        "drawn": [c for c in cases if SHEET.mask(c)],
        "modalities": PREPARED,
        "prepared": f"{RESULTS}/prepared",
        "masks": f"{RESULTS}/masks/{REFERENCE}",
        "predicted": {s: f"{RESULTS}/masks/{s}" for s in SEGMENTERS},
    }
