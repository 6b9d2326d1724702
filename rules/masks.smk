"""The out-of-fold masks of every segmenter, how good they are, and how well they know it."""


rule collect_masks:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        masks=expand(f"{RESULTS}/segmenters/{{{{segmenter}}}}/{{f}}/masks", f=MASK_FOLDS),
        manifests=lambda w: [m for f in MASK_FOLDS for m in manifests_of(w.segmenter, f)],
        native=lambda w: expand(
            f"{RESULTS}/imported/{{c}}/{STUDY.images.reference}.nii.gz", c=cases_of()
        ),
    output:
        masks=directory(f"{RESULTS}/masks/{{segmenter}}"),
    log:
        f"{RESULTS}/logs/collect_masks/{{segmenter}}.log",
    wildcard_constraints:
        segmenter=any_of(SEGMENTERS),
    params:
        folds=MASK_FOLDS,
        manifests=lambda w: {f: manifests_of(w.segmenter, f) for f in MASK_FOLDS},
        cases=lambda w: cases_of(),
        code=SEGMENTATION_CODE,
    message:
        "Collecting the out-of-fold masks of {wildcards.segmenter}"
    script:
        "../workflow/scripts/collect_masks.py"


rule score_segmentation:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        predicted=expand(f"{RESULTS}/masks/{{s}}", s=SEGMENTERS),
        reference=lambda w: drawn_masks(drawn_cases()),
    output:
        scores=f"{TABLES}/segmentation.tsv",
        summary=f"{TABLES}/segmentation_summary.tsv",
    log:
        f"{RESULTS}/logs/score_segmentation.log",
    params:
        segmenters=SEGMENTERS,
        cases=lambda w: drawn_cases(),
        labels=STUDY.segmentation.labels,
        tolerances_mm=STUDY.segmentation.tolerance_mm,
        evaluation=evaluation_settings("confidence", "bootstrap"),
        seed=STUDY.seed,
        code=code_hash("segmentation", "evaluation"),
    message:
        "Comparing predicted with drawn masks"
    script:
        "../workflow/scripts/score_segmentation.py"


rule compare_segmenters:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        scores=f"{TABLES}/segmentation.tsv",
        predicted=expand(f"{RESULTS}/masks/{{s}}", s=SEGMENTERS),
    output:
        comparisons=f"{TABLES}/segmenter_comparisons.tsv",
        uncertainty=f"{TABLES}/uncertainty.tsv",
        quality=f"{TABLES}/uncertainty_quality.tsv",
    log:
        f"{RESULTS}/logs/compare_segmenters.log",
    params:
        segmenters=SEGMENTERS,
        evaluation=evaluation_settings("confidence", "bootstrap"),
        seed=STUDY.seed,
        code=code_hash("segmentation", "evaluation"),
    message:
        "Comparing segmenters with each other, and their doubts with their errors"
    script:
        "../workflow/scripts/compare_segmenters.py"
