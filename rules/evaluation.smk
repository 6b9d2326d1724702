"""What the predictions are worth, and what the models look at."""


rule evaluate:
    input:
        predictions=f"{TABLES}/predictions.tsv",
        cases=f"{RESULTS}/cohort/cases.tsv",
    output:
        expand(f"{TABLES}/{{t}}.tsv", t=measured_tables()),
    log:
        f"{RESULTS}/logs/evaluate.log",
    params:
        names=measured_tables(),
        outcome=outcome_settings(),
        evaluation=evaluation_settings("confidence", "bootstrap", "subgroups"),
        seed=STUDY.seed,
        code=code_hash("evaluation"),
    message:
        "Measuring every model"
    script:
        "../workflow/scripts/evaluate.py"


rule compare_models:
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/comparisons.tsv",
    log:
        f"{RESULTS}/logs/compare_models.log",
    params:
        outcome=outcome_settings(),
        evaluation=evaluation_settings("confidence", "bootstrap"),
        primary=STUDY.primary,
        seed=STUDY.seed,
        code=code_hash("evaluation"),
    message:
        "Comparing the models"
    script:
        "../workflow/scripts/compare_models.py"


rule calibrate:
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/calibration.tsv",
    log:
        f"{RESULTS}/logs/calibrate.log",
    params:
        outcome=outcome_settings(),
        evaluation=evaluation_settings("confidence", "bootstrap"),
        seed=STUDY.seed,
        code=code_hash("evaluation"),
    message:
        "Drawing the calibration curves"
    script:
        "../workflow/scripts/calibrate.py"


rule decide:
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/decision_curve.tsv",
    log:
        f"{RESULTS}/logs/decide.log",
    params:
        outcome=outcome_settings(),
        evaluation=evaluation_settings("decision_range"),
        code=code_hash("evaluation"),
    message:
        "Weighing benefit and harm"
    script:
        "../workflow/scripts/decide.py"


rule plan_sample:
    input:
        cards=expand(f"{RESULTS}/models/{{m}}/{FINAL}/card.json", m=TABULAR),
    output:
        table=f"{TABLES}/sample_size.tsv",
    log:
        f"{RESULTS}/logs/plan_sample.log",
    params:
        expected_r2=STUDY.evaluation.expected_r2,
        code=code_hash("evaluation"),
    message:
        "Asking whether the cohort is large enough"
    script:
        "../workflow/scripts/plan_sample.py"


rule score_truth:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        transforms=lambda w: [
            f"{RESULTS}/registered/{c}/{m}.tfm" for c, m in truth_keys(w)["transforms"]
        ],
        imported=lambda w: [
            f"{RESULTS}/imported/{c}/{m}.nii.gz" for c, m in truth_keys(w)["imported"]
        ],
        corrected=lambda w: [
            f"{RESULTS}/corrected/{c}/{m}.nii.gz" for c, m in truth_keys(w)["corrected"]
        ],
        segmentation=[f"{TABLES}/segmentation.tsv"] if SEGMENTERS else [],
        performance=[f"{TABLES}/performance.tsv"] if MODELS else [],
    output:
        table=f"{TABLES}/truth.tsv",
        cases=f"{TABLES}/truth_cases.tsv",
    log:
        f"{RESULTS}/logs/score_truth.log",
    params:
        truth=str(STUDY.evaluation.truth),
        keys_of=truth_keys,
        code=code_hash("phantoms.truth"),
    message:
        "Holding the results against the simulated truth"
    script:
        "../workflow/scripts/score_truth.py"
