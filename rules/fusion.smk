"""Models of models: decisions are joined as their inner out-of-fold predictions advise."""


rule fuse_models:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        splits=f"{RESULTS}/cohort/splits.tsv",
        inner=lambda w: files_of_members(w.model, f"{w.fold}/inner.tsv"),
    output:
        expand(f"{RESULTS}/models/{{{{model}}}}/{{{{fold}}}}/{{n}}", n=FITTED["fusion"]),
    log:
        f"{RESULTS}/logs/fuse_models/{{model}}_{{fold}}.log",
    wildcard_constraints:
        model=any_of(FUSED),
    params:
        settings=model_settings,
        seed=STUDY.seed,
        code=MODEL_CODE,
    message:
        "Weighing the members of {wildcards.model}, fold {wildcards.fold}"
    script:
        "../workflow/scripts/fuse_models.py"


rule fuse_scores:
    input:
        models=lambda w: [f for k in STUDY.splits.outer for f in fitted_model(w.model, k)],
        scores=lambda w: files_of_members(w.model, "scores.tsv"),
    output:
        scores=f"{RESULTS}/models/{{model}}/scores.tsv",
    log:
        f"{RESULTS}/logs/fuse_scores/{{model}}.log",
    wildcard_constraints:
        model=any_of(FUSED),
    params:
        folds=STUDY.splits.outer,
        models=f"{RESULTS}/models/{{model}}",
        code=MODEL_CODE,
    message:
        "Joining what the members of {wildcards.model} say of the held-out cases"
    script:
        "../workflow/scripts/fuse_scores.py"


rule fuse_external:
    input:
        models=lambda w: fitted_model(w.model, FINAL),
        scores=lambda w: files_of_members(w.model, "external.tsv"),
    output:
        scores=f"{RESULTS}/models/{{model}}/external.tsv",
    log:
        f"{RESULTS}/logs/fuse_external/{{model}}.log",
    wildcard_constraints:
        model=any_of(FUSED),
    params:
        folds=[FINAL],
        models=f"{RESULTS}/models/{{model}}",
        code=MODEL_CODE,
    message:
        "Joining what the members of {wildcards.model} say of the external cohort"
    script:
        "../workflow/scripts/fuse_scores.py"
