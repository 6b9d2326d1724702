"""Models under nested cross-validation, their refit on the whole cohort, and its one use elsewhere."""

FITTED = {
    "tabular": ["model.skops", "card.json", "tuning.tsv"],
    "network": ["weights.safetensors", "card.json", "tuning.tsv"],
}


def model_settings(wildcards):
    """What a fit depends on besides its data."""
    return {
        "model": STUDY.model(wildcards.model).model_dump(mode="json"),
        "threshold": STUDY.evaluation.threshold.model_dump(mode="json"),
        "splits": STUDY.splits.model_dump(mode="json"),
        "outcome": STUDY.outcome and STUDY.outcome.model_dump(mode="json"),
    }


def fitted_model(model, fold):
    """The files of one fitted model."""
    kind = "network" if model in NETWORKS else "tabular"
    return [f"{RESULTS}/models/{model}/{fold}/{name}" for name in FITTED[kind]]


def sources(model, folds):
    """Where the blocks of a model are read from; see radpipe.modelling.scoring.Sources."""
    if model in NETWORKS:
        return {
            "modalities": MODALITIES,
            "prepared": f"{RESULTS}/prepared",
            "masks": mask_folder(),
        }
    return {
        "clinical": f"{RESULTS}/cohort/clinical.tsv",
        "columns": STUDY.features.clinical,
        "features": f"{TABLES}/features.parquet",
        "embeddings": embeddings_for(model, folds),
    }


def seen_by(model, folds, cases):
    """The inputs from which a model is fitted or scored: tables, or images and masks."""
    if model in NETWORKS:
        return images_of(cases) + feature_masks(cases)
    return [f"{TABLES}/features.parquet"] + embeddings_for(model, folds)


rule fit_model:
    message:
        "Fitting model {wildcards.model}, fold {wildcards.fold}"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        features=f"{TABLES}/features.parquet",
        embeddings=lambda w: embeddings_for(w.model, [w.fold]),
    output:
        expand(f"{RESULTS}/models/{{{{model}}}}/{{{{fold}}}}/{{n}}", n=FITTED["tabular"]),
    wildcard_constraints:
        model=any_of(TABULAR),
    params:
        settings=model_settings,
        sources=lambda w: sources(w.model, [w.fold]),
        seed=STUDY.seed,
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/fit_model/{{model}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit_model/{{model}}_{{fold}}.tsv"
    script:
        "../workflow/scripts/fit_model.py"


rule train_model:
    message:
        "Training model {wildcards.model}, fold {wildcards.fold}"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: feature_masks(fold_cases(w.fold, "train")),
    output:
        expand(f"{RESULTS}/models/{{{{model}}}}/{{{{fold}}}}/{{n}}", n=FITTED["network"]),
    wildcard_constraints:
        model=any_of(NETWORKS),
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        sources=lambda w: sources(w.model, [w.fold]),
        settings=model_settings,
        seed=STUDY.seed,
        code=code_hash("networks", "modelling", "features.crops"),
    log:
        f"{RESULTS}/logs/train_model/{{model}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_model/{{model}}_{{fold}}.tsv"
    resources:
        gpu=1,
    script:
        "../workflow/scripts/train_model.py"


rule predict_cases:
    message:
        "Scoring the held-out cases with {wildcards.model}"
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        models=lambda w: [
            f for k in STUDY.splits.outer for f in fitted_model(w.model, k)
        ],
        seen=lambda w: seen_by(w.model, STUDY.splits.outer, cases_of(DEVELOPMENT)),
    output:
        scores=f"{RESULTS}/models/{{model}}/scores.tsv",
    params:
        folds=STUDY.splits.outer,
        models=f"{RESULTS}/models/{{model}}",
        sources=lambda w: sources(w.model, STUDY.splits.outer),
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/predict_cases/{{model}}.log",
    script:
        "../workflow/scripts/predict_cases.py"


rule bundle_model:
    message:
        "Bundling the final {wildcards.model}"
    input:
        model=lambda w: fitted_model(w.model, FINAL),
    output:
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
    params:
        study=STUDY.model_dump(mode="json"),
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/bundle_model/{{model}}.log",
    script:
        "../workflow/scripts/bundle_model.py"


rule apply_bundle:
    message:
        "Scoring the external cohort once with {wildcards.model}"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        seen=lambda w: seen_by(w.model, [FINAL], cases_of("external")),
    output:
        scores=f"{RESULTS}/models/{{model}}/external.tsv",
    params:
        cases=lambda w: cases_of("external"),
        sources=lambda w: sources(w.model, [FINAL]),
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/apply_bundle/{{model}}.log",
    script:
        "../workflow/scripts/apply_bundle.py"


rule collect_predictions:
    message:
        "Joining scores and outcomes"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        scores=expand(f"{RESULTS}/models/{{m}}/scores.tsv", m=MODELS),
        external=expand(
            f"{RESULTS}/models/{{m}}/external.tsv", m=MODELS if has_external() else []
        ),
    output:
        table=f"{TABLES}/predictions.tsv",
    params:
        outcome=STUDY.outcome and STUDY.outcome.model_dump(mode="json"),
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/collect_predictions.log",
    script:
        "../workflow/scripts/collect_predictions.py"


rule collect_selection:
    message:
        "Collecting what the models selected"
    input:
        cards=expand(f"{RESULTS}/models/{{m}}/{{f}}/card.json", m=TABULAR, f=FOLDS),
    output:
        table=f"{TABLES}/selection.tsv",
    params:
        pairs=[(m, f) for m in TABULAR for f in FOLDS],
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/collect_selection.log",
    script:
        "../workflow/scripts/collect_selection.py"


def control_settings():
    """The parts of the study that the negative controls depend on."""
    study = STUDY.model_dump(mode="json")
    parts = ("study", "seed", "cases", "outcome", "images", "features", "splits", "models")
    keys = ("threshold", "confidence", "controls")
    evaluation = {key: study["evaluation"][key] for key in keys}
    return {key: study[key] for key in parts} | {"evaluation": evaluation}


rule control:
    message:
        "Running the negative controls"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        features=f"{TABLES}/features.parquet",
        controls=f"{TABLES}/controls.parquet",
    output:
        table=f"{TABLES}/controls.tsv",
    params:
        study=control_settings(),
        code=code_hash("modelling"),
    log:
        f"{RESULTS}/logs/control.log",
    script:
        "../workflow/scripts/control.py"
