"""Segmenters trained fold by fold, and masks of cases their weights never saw.

Rules that train run first (priority): they are the longest jobs, and Snakemake weighs their many
input files anew at every choice for as long as they wait.
"""


rule train_segmenter:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: reference_masks(fold_cases(w.fold, "train")),
    output:
        weights=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/weights.safetensors",
        training=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/training.tsv",
        manifest=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/manifest.json",
    log:
        f"{RESULTS}/logs/train_segmenter/{{segmenter}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_segmenter/{{segmenter}}_{{fold}}.tsv"
    priority: 10
    resources:
        gpu=1,
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=f"{RESULTS}/masks/{REFERENCE}",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: STUDY.segmenter(w.segmenter).model_dump(mode="json"),
        seed=STUDY.seed,
        code=code_hash("networks", "segmentation", "io.images"),
    message:
        "Training segmenter {wildcards.segmenter}, fold {wildcards.fold} (gpu={resources.gpu})"
    script:
        "../workflow/scripts/train_segmenter.py"


rule segment_cases:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "test")),
        weights=rules.train_segmenter.output.weights,
        manifest=rules.train_segmenter.output.manifest,
    output:
        masks=directory(f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/masks"),
    log:
        f"{RESULTS}/logs/segment_cases/{{segmenter}}_{{fold}}.log",
    params:
        cases=lambda w: fold_cases(w.fold, "test"),
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: STUDY.segmenter(w.segmenter).model_dump(mode="json"),
        code=code_hash("networks", "segmentation", "io.images"),
    message:
        "Segmenting the held-out cases of fold {wildcards.fold} with {wildcards.segmenter}"
    script:
        "../workflow/scripts/segment_cases.py"


rule collect_masks:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        masks=expand(f"{RESULTS}/segmenters/{{{{segmenter}}}}/{{f}}/masks", f=MASK_FOLDS),
        manifests=expand(
            f"{RESULTS}/segmenters/{{{{segmenter}}}}/{{f}}/manifest.json", f=MASK_FOLDS
        ),
        weights=expand(
            f"{RESULTS}/segmenters/{{{{segmenter}}}}/{{f}}/weights.safetensors",
            f=MASK_FOLDS,
        ),
    output:
        masks=directory(f"{RESULTS}/masks/{{segmenter}}"),
    log:
        f"{RESULTS}/logs/collect_masks/{{segmenter}}.log",
    params:
        folds=MASK_FOLDS,
        code=code_hash("segmentation"),
    message:
        "Collecting the out-of-fold masks of {wildcards.segmenter}"
    script:
        "../workflow/scripts/collect_masks.py"


rule score_segmentation:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        predicted=expand(f"{RESULTS}/masks/{{s}}", s=SEGMENTERS),
        reference=lambda w: reference_masks(cases_of()),
    output:
        scores=f"{TABLES}/segmentation.tsv",
        summary=f"{TABLES}/segmentation_summary.tsv",
    log:
        f"{RESULTS}/logs/score_segmentation.log",
    params:
        segmenters=SEGMENTERS,
        labels=STUDY.segmentation.labels,
        tolerance_mm=STUDY.segmentation.tolerance_mm,
        confidence=STUDY.evaluation.confidence,
        samples=STUDY.evaluation.bootstrap,
        seed=STUDY.seed,
        code=code_hash("segmentation", "evaluation"),
    message:
        "Comparing predicted with drawn masks"
    script:
        "../workflow/scripts/score_segmentation.py"
