"""What the predictions are worth, and what the models look at."""


def evaluation_settings(*keys):
    """The keys of the evaluation section that one rule uses."""
    section = STUDY.evaluation.model_dump(mode="json")
    return {key: section[key] for key in keys}


rule evaluate:
    message:
        "Measuring every model"
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        performance=f"{TABLES}/performance.tsv",
        roc=f"{TABLES}/roc.tsv",
        operating_points=f"{TABLES}/operating_points.tsv",
    params:
        evaluation=evaluation_settings("confidence", "bootstrap"),
        seed=STUDY.seed,
        code=code_hash("evaluation"),
    log:
        f"{RESULTS}/logs/evaluate.log",
    script:
        "../workflow/scripts/evaluate.py"


rule compare_models:
    message:
        "Comparing the models"
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/comparisons.tsv",
    params:
        evaluation=evaluation_settings("confidence"),
        primary=STUDY.primary,
        code=code_hash("evaluation"),
    log:
        f"{RESULTS}/logs/compare_models.log",
    script:
        "../workflow/scripts/compare_models.py"


rule calibrate:
    message:
        "Drawing the calibration curves"
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/calibration.tsv",
    params:
        evaluation=evaluation_settings("confidence", "bootstrap"),
        seed=STUDY.seed,
        code=code_hash("evaluation"),
    log:
        f"{RESULTS}/logs/calibrate.log",
    script:
        "../workflow/scripts/calibrate.py"


rule decide:
    message:
        "Weighing benefit and harm"
    input:
        predictions=f"{TABLES}/predictions.tsv",
    output:
        table=f"{TABLES}/decision_curve.tsv",
    params:
        evaluation=evaluation_settings("decision_range"),
        code=code_hash("evaluation"),
    log:
        f"{RESULTS}/logs/decide.log",
    script:
        "../workflow/scripts/decide.py"


rule plan_sample:
    message:
        "Asking whether the cohort is large enough"
    input:
        cards=expand(f"{RESULTS}/models/{{m}}/{FINAL}/card.json", m=TABULAR),
    output:
        table=f"{TABLES}/sample_size.tsv",
    params:
        expected_r2=STUDY.evaluation.expected_r2,
        code=code_hash("evaluation.sample_size"),
    log:
        f"{RESULTS}/logs/plan_sample.log",
    script:
        "../workflow/scripts/plan_sample.py"


rule explain_model:
    message:
        "Explaining {wildcards.model}"
    input:
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        predictions=f"{TABLES}/predictions.tsv",
        model=lambda w: fitted_model(w.model, FINAL),
        seen=lambda w: seen_by(w.model, [FINAL], cases_of(DEVELOPMENT)),
    output:
        table=f"{TABLES}/explanations/{{model}}.tsv",
        local=f"{TABLES}/explanations/{{model}}_lime.tsv",
    wildcard_constraints:
        model=any_of(TABULAR),
    params:
        shown=STUDY.report.explained_cases,
        sources=lambda w: sources(w.model, [FINAL]),
        seed=STUDY.seed,
        code=code_hash("explanation"),
    log:
        f"{RESULTS}/logs/explain_model/{{model}}.log",
    script:
        "../workflow/scripts/explain_model.py"


rule map_model:
    message:
        "Mapping what {wildcards.model} looks at"
    input:
        predictions=f"{TABLES}/predictions.tsv",
        model=lambda w: fitted_model(w.model, FINAL),
        seen=lambda w: seen_by(w.model, [FINAL], cases_of(DEVELOPMENT)),
    output:
        maps=f"{TABLES}/explanations/{{model}}_occlusion.npz",
    wildcard_constraints:
        model=any_of(NETWORKS),
    params:
        shown=STUDY.report.explained_cases,
        sources=lambda w: sources(w.model, [FINAL]),
        code=code_hash("explanation", "modelling.cnn"),
    log:
        f"{RESULTS}/logs/map_model/{{model}}.log",
    script:
        "../workflow/scripts/map_model.py"


def truth_keys(wildcards):
    """Case and modality of every image that has a truth of its registration or bias field."""
    cases, corrected = cases_of(), STUDY.bias_correction.modalities
    return {
        "transforms": [(c, m) for c in cases for m in MOVING],
        "imported": [(c, m) for c in cases for m in corrected],
        "corrected": [(c, m) for c in cases for m in corrected],
    }


rule score_truth:
    message:
        "Holding the results against the simulated truth"
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
    params:
        truth=str(STUDY.evaluation.truth),
        keys_of=truth_keys,
        code=code_hash("phantoms.truth"),
    log:
        f"{RESULTS}/logs/score_truth.log",
    script:
        "../workflow/scripts/score_truth.py"
