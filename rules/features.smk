"""Handcrafted features, case by case, and the table of all of them."""


rule extract_features:
    input:
        images=lambda w: images_of([w.case]),
        masks=lambda w: feature_masks([w.case]),
    output:
        table=f"{RESULTS}/features/{{case}}.parquet",
        warnings=f"{RESULTS}/features/warnings/{{case}}.tsv",
    log:
        f"{RESULTS}/logs/extract_features/{{case}}.log",
    params:
        modalities=MODALITIES,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        features=measurement_settings("controls"),
        code=code_hash("features", "io.images"),
    message:
        "Extracting features of {wildcards.case}"
    script:
        "../workflow/scripts/extract_features.py"


rule collect_features:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=lambda w: expand(f"{RESULTS}/features/{{c}}.parquet", c=cases_of()),
        warnings=lambda w: expand(f"{RESULTS}/features/warnings/{{c}}.tsv", c=cases_of()),
    output:
        features=f"{TABLES}/features.parquet",
        text=f"{TABLES}/features.tsv.gz",
        controls=f"{TABLES}/controls.parquet",
        status=f"{TABLES}/feature_status.tsv",
        dictionary=f"{TABLES}/feature_dictionary.tsv",
        warnings=f"{TABLES}/feature_warnings.tsv",
        settings=f"{TABLES}/feature_settings.tsv",
    log:
        f"{RESULTS}/logs/collect_features.log",
    params:
        modalities=MODALITIES,
        features=measurement_settings(),
        code=code_hash("features", "io.images"),
    message:
        "Collecting the features of all cases"
    script:
        "../workflow/scripts/collect_features.py"
