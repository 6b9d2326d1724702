"""A table of features that a user has made elsewhere, in place of the extraction."""


rule import_features:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        table=STUDY.features.table,
    output:
        features=f"{TABLES}/features.parquet",
        dictionary=f"{TABLES}/feature_dictionary.tsv",
        controls=f"{TABLES}/controls.parquet",
    log:
        f"{RESULTS}/logs/import_features.log",
    params:
        volume=STUDY.features.volume,
        code=code_hash("features.given_table"),
    message:
        "Reading the given table of features"
    script:
        "../workflow/scripts/import_features.py"
