"""What the final models go by: SHAP and LIME of tables, occlusion maps of networks."""


rule explain_model:
    input:
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        predictions=f"{TABLES}/predictions.tsv",
        model=lambda w: fitted_model(w.model, FINAL),
        seen=lambda w: seen_by(w.model, [FINAL], cases_of(DEVELOPMENT)),
    output:
        table=f"{TABLES}/explanations/{{model}}.tsv",
        local=f"{TABLES}/explanations/{{model}}_lime.tsv",
    log:
        f"{RESULTS}/logs/explain_model/{{model}}.log",
    wildcard_constraints:
        model=any_of(TABULAR),
    params:
        shown=STUDY.report.explained_cases,
        sources=lambda w: sources(w.model, [FINAL]),
        seed=STUDY.seed,
        code=code_hash("explanation", "modelling"),
    message:
        "Explaining {wildcards.model}"
    script:
        "../workflow/scripts/explain_model.py"


rule map_model:
    input:
        predictions=f"{TABLES}/predictions.tsv",
        model=lambda w: fitted_model(w.model, FINAL),
        seen=lambda w: seen_by(w.model, [FINAL], cases_of(DEVELOPMENT)),
    output:
        maps=f"{TABLES}/explanations/{{model}}_occlusion.npz",
    log:
        f"{RESULTS}/logs/map_model/{{model}}.log",
    wildcard_constraints:
        model=any_of(NETWORKS),
    params:
        shown=STUDY.report.explained_cases,
        sources=lambda w: sources(w.model, [FINAL]),
        code=code_hash("explanation", "modelling", "networks", "features.crops"),
    message:
        "Mapping what {wildcards.model} looks at"
    script:
        "../workflow/scripts/map_model.py"
