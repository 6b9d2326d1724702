"""The refit of each model with all it needs, and what it says of external cases."""


rule bundle_model:
    input:
        model=lambda w: fitted_model(w.model, FINAL),
        parts=lambda w: [f"{RESULTS}/{part}" for part in bundled(w.model)],
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        tables=lambda w: described(w.model),
    output:
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
    log:
        f"{RESULTS}/logs/bundle_model/{{model}}.log",
    wildcard_constraints:
        model=any_of(TABULAR + NETWORKS),
    params:
        study=scoring_settings(),
        model=lambda w: STUDY.model(w.model).model_dump(mode="json"),
        parts=lambda w: {part: f"{RESULTS}/{part}" for part in bundled(w.model)},
        features=f"{TABLES}/features.parquet" if STUDY.has_features else None,
        sources=lambda w: sources(w.model, [FINAL]),
        code=MODEL_CODE,
    message:
        "Bundling the final {wildcards.model}"
    script:
        "../workflow/scripts/bundle_model.py"


rule apply_bundle:
    input:
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        seen=lambda w: seen_by(w.model, [FINAL], cases_of("external")),
    output:
        scores=f"{RESULTS}/models/{{model}}/external.tsv",
    log:
        f"{RESULTS}/logs/apply_bundle/{{model}}.log",
    wildcard_constraints:
        model=any_of(TABULAR + NETWORKS),
    params:
        cases=lambda w: cases_of("external"),
        sources=lambda w: sources(w.model, [FINAL]),
        looks=f"{RESULTS}/models/{{model}}/looks.tsv",
        code=MODEL_CODE,
    message:
        "Scoring the external cohort once with {wildcards.model}"
    script:
        "../workflow/scripts/apply_bundle.py"
