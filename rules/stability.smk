"""Features measured a second time: which of them survive."""

from radpipe.features.visits import check_visits

try:
    check_visits(SHEET, STUDY.features.stability)
except RadpipeError as error:
    raise WorkflowError(str(error)) from None


rule perturb_features:
    input:
        images=lambda w: images_of([w.case]),
        masks=lambda w: feature_masks([w.case]),
        table=f"{RESULTS}/features/{{case}}.parquet",
    output:
        table=f"{RESULTS}/features/perturbed/{{case}}.parquet",
    log:
        f"{RESULTS}/logs/perturb_features/{{case}}.log",
    params:
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        features=measurement_settings(),
        stability=STUDY.features.stability.model_dump(mode="json"),
        code=code_hash("features", "io.images"),
    message:
        "Measuring {wildcards.case} again after small changes"
    script:
        "../workflow/scripts/perturb_features.py"


rule measure_stability:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        features=f"{TABLES}/features.parquet",
        perturbed=lambda w: expand(f"{RESULTS}/features/perturbed/{{c}}.parquet", c=perturbed()),
    output:
        measurements=f"{TABLES}/measurements.parquet",
        table=f"{TABLES}/stability.tsv",
    log:
        f"{RESULTS}/logs/measure_stability.log",
    params:
        stability=STUDY.features.stability.model_dump(mode="json"),
        evaluation=evaluation_settings("confidence"),
        code=code_hash("features", "evaluation.agreement"),
    message:
        "Judging which features survive a second measurement"
    script:
        "../workflow/scripts/measure_stability.py"
