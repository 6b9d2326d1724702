"""Segmenters planned, trained or fitted fold by fold, and what they draw of cases held out.

Rules that train run first (priority): they are the longest jobs, and Snakemake weighs their many
input files anew at every choice for as long as they wait.
"""


rule plan_segmenter:
    input:
        images=lambda w: images_of(planned_cases(w.segmenter, w.fold)),
        masks=lambda w: reference_masks(planned_cases(w.segmenter, w.fold)),
        plan=lambda w: given_plan(w.segmenter),
    output:
        plan=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/plan.yaml",
    log:
        f"{RESULTS}/logs/plan_segmenter/{{segmenter}}_{{fold}}.log",
    wildcard_constraints:
        segmenter=any_of(TRAINED),
    params:
        cases=lambda w: planned_cases(w.segmenter, w.fold),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=f"{RESULTS}/masks/{REFERENCE}",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: given_settings(w.segmenter),
        settings=settings("normalisation"),
        code=SEGMENTATION_CODE,
    message:
        "Planning segmenter {wildcards.segmenter}, fold {wildcards.fold}"
    script:
        "../workflow/scripts/plan_segmenter.py"


rule train_segmenter:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: reference_masks(fold_cases(w.fold, "train")),
        plan=rules.plan_segmenter.output.plan,
        start=lambda w: start_weights(w.segmenter),
    output:
        weights=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/weights.safetensors",
        training=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/training.tsv",
        manifest=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/manifest.json",
    log:
        f"{RESULTS}/logs/train_segmenter/{{segmenter}}_{{fold}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/train_segmenter/{{segmenter}}_{{fold}}.tsv"
    wildcard_constraints:
        segmenter=any_of(TRAINED),
    priority: 10
    resources:
        gpu=1,
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=f"{RESULTS}/masks/{REFERENCE}",
        labels=STUDY.segmentation.labels,
        held_out=lambda w: fold_cases(w.fold, "test"),
        checkpoints=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/checkpoints",
        seed=STUDY.seed,
        code=SEGMENTATION_CODE,
    message:
        "Training segmenter {wildcards.segmenter}, fold {wildcards.fold} (gpu={resources.gpu})"
    script:
        "../workflow/scripts/train_segmenter.py"


rule fit_classical:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "train")),
        masks=lambda w: reference_masks(fold_cases(w.fold, "train")),
    output:
        fitted=directory(f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/fitted"),
        manifest=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/manifest.json",
    log:
        f"{RESULTS}/logs/fit_classical/{{segmenter}}_{{fold}}.log",
    wildcard_constraints:
        segmenter=any_of(CLASSICAL),
    params:
        cases=lambda w: fold_cases(w.fold, "train"),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=f"{RESULTS}/masks/{REFERENCE}",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: segmenter_settings(w.segmenter),
        seed=STUDY.seed,
        code=SEGMENTATION_CODE,
    message:
        "Fitting segmenter {wildcards.segmenter}, fold {wildcards.fold}"
    script:
        "../workflow/scripts/fit_classical.py"


rule segment_cases:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "test")),
        members=lambda w: member_files(w.segmenter, w.fold),
        coarse=lambda w: coarse_masks(w.segmenter, w.fold),
    output:
        masks=directory(f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/masks"),
        entropy=directory(f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/entropy"),
        uncertainty=f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/uncertainty.tsv",
    log:
        f"{RESULTS}/logs/segment_cases/{{segmenter}}_{{fold}}.log",
    wildcard_constraints:
        segmenter=any_of(s for s in SEGMENTERS if s not in CLASSICAL),
    params:
        cases=lambda w: fold_cases(w.fold, "test"),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: segmenter_settings(w.segmenter),
        members=lambda w: member_places(w.segmenter, w.fold),
        coarse=lambda w: "".join(coarse_masks(w.segmenter, w.fold)),
        code=SEGMENTATION_CODE,
    message:
        "Segmenting the held-out cases of fold {wildcards.fold} with {wildcards.segmenter}"
    script:
        "../workflow/scripts/segment_cases.py"


rule segment_classically:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        images=lambda w: images_of(fold_cases(w.fold, "test")),
        fitted=rules.fit_classical.output.fitted,
        boxes=lambda w: reference_masks(boxed_cases(w.segmenter, w.fold)),
    output:
        masks=directory(f"{RESULTS}/segmenters/{{segmenter}}/{{fold}}/masks"),
    log:
        f"{RESULTS}/logs/segment_classically/{{segmenter}}_{{fold}}.log",
    wildcard_constraints:
        segmenter=any_of(CLASSICAL),
    params:
        cases=lambda w: fold_cases(w.fold, "test"),
        boxed=lambda w: boxed_cases(w.segmenter, w.fold),
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        labels=STUDY.segmentation.labels,
        segmenter=lambda w: segmenter_settings(w.segmenter),
        code=SEGMENTATION_CODE,
    message:
        "Segmenting the held-out cases of fold {wildcards.fold} with {wildcards.segmenter}"
    script:
        "../workflow/scripts/segment_classically.py"
