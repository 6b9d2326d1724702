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


rule bundle_fusion:
    input:
        models=lambda w: fusion_files(w.model, FINAL),
        parts=lambda w: [f"{RESULTS}/{part}" for part in bundled(w.model)],
        clinical=f"{RESULTS}/cohort/clinical.tsv",
        tables=lambda w: described(w.model),
    output:
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
    log:
        f"{RESULTS}/logs/bundle_fusion/{{model}}.log",
    wildcard_constraints:
        model=any_of(FUSED),
    params:
        study=scoring_settings(),
        model=lambda w: STUDY.model(w.model).model_dump(mode="json"),
        members=lambda w: members_of(w.model, FINAL),
        models=f"{RESULTS}/models",
        parts=lambda w: {part: f"{RESULTS}/{part}" for part in bundled(w.model)},
        features=f"{TABLES}/features.parquet" if STUDY.has_features else None,
        code=MODEL_CODE,
    message:
        "Bundling the final {wildcards.model} with the models it joins"
    script:
        "../workflow/scripts/bundle_fusion.py"


rule fuse_external:
    input:
        bundle=f"{RESULTS}/bundles/{{model}}.zip",
        scores=lambda w: files_of_members(w.model, "external.tsv"),
    output:
        scores=f"{RESULTS}/models/{{model}}/external.tsv",
    log:
        f"{RESULTS}/logs/fuse_external/{{model}}.log",
    wildcard_constraints:
        model=any_of(FUSED),
    params:
        looks=f"{RESULTS}/models/{{model}}/looks.tsv",
        code=MODEL_CODE,
    message:
        "Joining what the members of {wildcards.model} say of the external cohort"
    script:
        "../workflow/scripts/fuse_external.py"
