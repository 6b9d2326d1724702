"""Deep features: encoders trained fold by fold, and what they say of every case."""


rule train_encoder:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: feature_masks(fold_cases(w.fold, "train")),
        sources=lambda w: encoder_sources(w.encoder, w.fold),
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
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        held_out=lambda w: fold_cases(w.fold, "test"),
        context=lambda w: encoder_context(w.encoder, w.fold),
        seed=STUDY.seed,
        code=ENCODER_CODE,
    message:
        "Training encoder {wildcards.encoder}, fold {wildcards.fold} (gpu={resources.gpu})"
    script:
        "../workflow/scripts/train_encoder.py"


rule embed_cases:
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold)),
        masks=lambda w: feature_masks(fold_cases(w.fold)),
        sources=lambda w: encoder_sources(w.encoder, w.fold),
        weights=rules.train_encoder.output.weights,
    output:
        table=f"{TABLES}/embeddings/{{encoder}}/{{fold}}.parquet",
    log:
        f"{RESULTS}/logs/embed_cases/{{encoder}}_{{fold}}.log",
    priority: 10
    params:
        cases=lambda w: fold_cases(w.fold),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        context=lambda w: encoder_context(w.encoder, w.fold),
        code=ENCODER_CODE,
    message:
        "Embedding the cases of fold {wildcards.fold} with {wildcards.encoder}"
    script:
        "../workflow/scripts/embed_cases.py"


rule reconstruct_cases:
    input:
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(c for cs in held_out_once().values() for c in cs),
        masks=lambda w: feature_masks(c for cs in held_out_once().values() for c in cs),
        weights=lambda w: expand(
            f"{RESULTS}/encoders/{w.encoder}/{{f}}/weights.safetensors", f=held_out_once()
        ),
    output:
        table=f"{TABLES}/embeddings/{{encoder}}/reconstruction.tsv",
        arrays=f"{TABLES}/embeddings/{{encoder}}/reconstructions.npz",
    log:
        f"{RESULTS}/logs/reconstruct_cases/{{encoder}}.log",
    wildcard_constraints:
        encoder=any_of(RECONSTRUCTING),
    params:
        folds=lambda w: held_out_once(),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        encoder=lambda w: STUDY.encoder(w.encoder).model_dump(mode="json"),
        code=[ENCODER_CODE, code_hash("features.reconstructions")],
    message:
        "Reconstructing held-out cases with {wildcards.encoder}"
    script:
        "../workflow/scripts/reconstruct_cases.py"
