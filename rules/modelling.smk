"""Models under nested cross-validation, what they predict out of fold, and their controls."""


rule check_leaks:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        features=f"{TABLES}/features.parquet",
    output:
        table=f"{TABLES}/tripwires.tsv",
    log:
        f"{RESULTS}/logs/check_leaks.log",
    params:
        outcome=STUDY.outcome and STUDY.outcome.model_dump(mode="json"),
        clinical=STUDY.features.clinical,
        allow=STUDY.features.allow,
        code=code_hash("modelling.tripwires", "modelling.blocks", "modelling.outcomes"),
    message:
        "Looking for features that tell the outcome by themselves"
    script:
        "../workflow/scripts/check_leaks.py"


rule fit_model:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        features=f"{TABLES}/features.parquet",
        embeddings=lambda w: embeddings_for(w.model, [w.fold]),
        measurements=lambda w: measurements_for(w.model),
        checked=ancient(f"{TABLES}/tripwires.tsv"),
    output:
        expand(f"{RESULTS}/models/{{{{model}}}}/{{{{fold}}}}/{{n}}", n=FITTED["tabular"]),
    log:
        f"{RESULTS}/logs/fit_model/{{model}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/fit_model/{{model}}_{{fold}}.tsv"
    wildcard_constraints:
        model=any_of(TABULAR),
    params:
        settings=model_settings,
        sources=lambda w: sources(w.model, [w.fold]),
        stability=STUDY.features.stability.model_dump(mode="json"),
        seed=STUDY.seed,
        code=MODEL_CODE,
    message:
        "Fitting model {wildcards.model}, fold {wildcards.fold}"
    script:
        "../workflow/scripts/fit_model.py"


rule train_model:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: feature_masks(fold_cases(w.fold, "train")),
        start=lambda w: given_start(w.model),
        checked=ancient(f"{TABLES}/tripwires.tsv"),
    output:
        expand(f"{RESULTS}/models/{{{{model}}}}/{{{{fold}}}}/{{n}}", n=FITTED["network"]),
    log:
        f"{RESULTS}/logs/train_model/{{model}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_model/{{model}}_{{fold}}.tsv"
    wildcard_constraints:
        model=any_of(NETWORKS),
    priority: 10
    resources:
        gpu=1,
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        held_out=lambda w: fold_cases(w.fold, "test"),
        sources=lambda w: sources(w.model, [w.fold]),
        settings=model_settings,
        seed=STUDY.seed,
        code=MODEL_CODE,
    message:
        "Training model {wildcards.model}, fold {wildcards.fold} (gpu={resources.gpu})"
    script:
        "../workflow/scripts/train_model.py"


rule predict_cases:
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        models=lambda w: [f for k in STUDY.splits.outer for f in fitted_model(w.model, k)],
        seen=lambda w: seen_by(w.model, STUDY.splits.outer, cases_of(DEVELOPMENT)),
    output:
        scores=f"{RESULTS}/models/{{model}}/scores.tsv",
    log:
        f"{RESULTS}/logs/predict_cases/{{model}}.log",
    wildcard_constraints:
        model=any_of(TABULAR + NETWORKS),
    params:
        folds=STUDY.splits.outer,
        models=f"{RESULTS}/models/{{model}}",
        sources=lambda w: sources(w.model, STUDY.splits.outer),
        code=MODEL_CODE,
    message:
        "Scoring the held-out cases with {wildcards.model}"
    script:
        "../workflow/scripts/predict_cases.py"


rule collect_predictions:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        scores=expand(f"{RESULTS}/models/{{m}}/scores.tsv", m=MODELS),
        external=expand(f"{RESULTS}/models/{{m}}/external.tsv", m=MODELS if HAS_EXTERNAL else []),
    output:
        table=f"{TABLES}/predictions.tsv",
    log:
        f"{RESULTS}/logs/collect_predictions.log",
    params:
        outcome=STUDY.outcome and STUDY.outcome.model_dump(mode="json"),
        code=MODEL_CODE,
    message:
        "Joining scores and outcomes"
    script:
        "../workflow/scripts/collect_predictions.py"


rule collect_selection:
    input:
        cards=expand(f"{RESULTS}/models/{{m}}/{{f}}/card.json", m=TABULAR, f=FOLDS),
    output:
        table=f"{TABLES}/selection.tsv",
    log:
        f"{RESULTS}/logs/collect_selection.log",
    params:
        pairs=[(m, f) for m in TABULAR for f in FOLDS],
        code=MODEL_CODE,
    message:
        "Collecting what the models selected"
    script:
        "../workflow/scripts/collect_selection.py"


rule control:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        features=f"{TABLES}/features.parquet",
        controls=f"{TABLES}/controls.parquet",
    output:
        table=f"{TABLES}/controls.tsv",
    log:
        f"{RESULTS}/logs/control.log",
    params:
        study=control_settings(),
        code=MODEL_CODE,
    message:
        "Running the negative controls"
    script:
        "../workflow/scripts/control.py"
