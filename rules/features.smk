"""Handcrafted features case by case; deep features fold by fold."""


rule extract_features:
    input:
        images=lambda w: images_of([w.case]),
        masks=lambda w: feature_masks([w.case]),
    output:
        table=f"{RESULTS}/features/{{case}}.parquet",
    log:
        f"{RESULTS}/logs/extract_features/{{case}}.log",
    params:
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        handcrafted=STUDY.features.handcrafted
        and STUDY.features.handcrafted.model_dump(mode="json"),
        controls=STUDY.evaluation.controls.model_dump(mode="json"),
        seed=STUDY.seed,
        code=code_hash("features", "io.images"),
    message:
        "Extracting features of {wildcards.case}"
    script:
        "../workflow/scripts/extract_features.py"


rule collect_features:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=lambda w: expand(f"{RESULTS}/features/{{c}}.parquet", c=cases_of()),
    output:
        features=f"{TABLES}/features.parquet",
        text=f"{TABLES}/features.tsv.gz",
        controls=f"{TABLES}/controls.parquet",
        status=f"{TABLES}/feature_status.tsv",
        dictionary=f"{TABLES}/feature_dictionary.tsv",
    log:
        f"{RESULTS}/logs/collect_features.log",
    params:
        code=code_hash("features", "io.images"),
    message:
        "Collecting the features of all cases"
    script:
        "../workflow/scripts/collect_features.py"


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


rule train_encoder:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: feature_masks(fold_cases(w.fold, "train")),
    output:
        weights=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/weights.safetensors",
        training=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/training.tsv",
        manifest=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/manifest.json",
    log:
        f"{RESULTS}/logs/train_encoder/{{encoder}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_encoder/{{encoder}}_{{fold}}.tsv"
    priority: 10
    resources:
        gpu=1,
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        seed=STUDY.seed,
        code=code_hash("networks", "features", "io.images"),
    message:
        "Training encoder {wildcards.encoder}, fold {wildcards.fold} (gpu={resources.gpu})"
    script:
        "../workflow/scripts/train_encoder.py"


rule embed_cases:
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold)),
        masks=lambda w: feature_masks(fold_cases(w.fold)),
        weights=rules.train_encoder.output.weights,
    output:
        table=f"{TABLES}/embeddings/{{encoder}}/{{fold}}.parquet",
    log:
        f"{RESULTS}/logs/embed_cases/{{encoder}}_{{fold}}.log",
    priority: 10
    params:
        cases=lambda w: fold_cases(w.fold),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        code=code_hash("networks", "features", "io.images"),
    message:
        "Embedding the cases of fold {wildcards.fold} with {wildcards.encoder}"
    script:
        "../workflow/scripts/embed_cases.py"
