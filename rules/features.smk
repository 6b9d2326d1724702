"""Handcrafted features case by case; deep features fold by fold."""


rule extract_features:
    message:
        "Extracting features of {wildcards.case}"
    input:
        images=lambda w: images_of([w.case]),
        masks=lambda w: feature_masks([w.case]),
    output:
        table=f"{RESULTS}/features/{{case}}.parquet",
    params:
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        handcrafted=STUDY.features.handcrafted
        and STUDY.features.handcrafted.model_dump(mode="json"),
        controls=STUDY.evaluation.controls.model_dump(mode="json"),
        seed=STUDY.seed,
        code=code_hash("features", "io.images"),
    log:
        f"{RESULTS}/logs/extract_features/{{case}}.log",
    script:
        "../workflow/scripts/extract_features.py"


rule collect_features:
    message:
        "Collecting the features of all cases"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=lambda w: expand(f"{RESULTS}/features/{{c}}.parquet", c=cases_of()),
    output:
        features=f"{TABLES}/features.parquet",
        text=f"{TABLES}/features.tsv.gz",
        controls=f"{TABLES}/controls.parquet",
        status=f"{TABLES}/feature_status.tsv",
        dictionary=f"{TABLES}/feature_dictionary.tsv",
    params:
        code=code_hash("features", "io.images"),
    log:
        f"{RESULTS}/logs/collect_features.log",
    script:
        "../workflow/scripts/collect_features.py"


rule train_encoder:
    message:
        "Training encoder {wildcards.encoder}, fold {wildcards.fold}"
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: feature_masks(fold_cases(w.fold, "train")),
    output:
        weights=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/weights.safetensors",
        training=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/training.tsv",
        manifest=f"{RESULTS}/encoders/{{encoder}}/{{fold}}/manifest.json",
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        seed=STUDY.seed,
        code=code_hash("networks", "features", "io.images"),
    log:
        f"{RESULTS}/logs/train_encoder/{{encoder}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_encoder/{{encoder}}_{{fold}}.tsv"
    resources:
        gpu=1,
    script:
        "../workflow/scripts/train_encoder.py"


rule embed_cases:
    message:
        "Embedding the cases of fold {wildcards.fold} with {wildcards.encoder}"
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold)),
        masks=lambda w: feature_masks(fold_cases(w.fold)),
        weights=rules.train_encoder.output.weights,
    output:
        table=f"{TABLES}/embeddings/{{encoder}}/{{fold}}.parquet",
    params:
        cases=lambda w: fold_cases(w.fold),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        code=code_hash("networks", "features", "io.images"),
    log:
        f"{RESULTS}/logs/embed_cases/{{encoder}}_{{fold}}.log",
    script:
        "../workflow/scripts/embed_cases.py"
