"""Handcrafted features, case by case, and the table of all of them; maps of single features."""

from radpipe.features.map_names import check_maps

try:
    check_maps(STUDY)
except RadpipeError as error:
    raise WorkflowError(str(error)) from None


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
        modalities=PREPARED,
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
        modalities=PREPARED,
        features=measurement_settings(),
        code=code_hash("features", "io.images"),
    message:
        "Collecting the features of all cases"
    script:
        "../workflow/scripts/collect_features.py"


rule map_features:
    input:
        images=lambda w: images_of([w.case]),
        masks=lambda w: feature_masks([w.case]),
    output:
        maps=expand(f"{RESULTS}/maps/{{{{case}}}}/{{f}}.nii.gz", f=STUDY.features.maps.features),
        table=f"{RESULTS}/maps/{{case}}/maps.tsv",
    log:
        f"{RESULTS}/logs/map_features/{{case}}.log",
    params:
        modalities=PREPARED,
        prepared=f"{RESULTS}/prepared",
        masks=mask_folder(),
        features=measurement_settings(),
        maps=STUDY.features.maps.model_dump(mode="json"),
        code=code_hash("features", "io.images"),
    message:
        "Mapping features of {wildcards.case}"
    script:
        "../workflow/scripts/map_features.py"


rule collect_maps:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        tables=lambda w: expand(f"{RESULTS}/maps/{{c}}/maps.tsv", c=cases_of()),
    output:
        table=f"{TABLES}/feature_maps.tsv",
    log:
        f"{RESULTS}/logs/collect_maps.log",
    params:
        code=code_hash("features.collection"),
    message:
        "Collecting what the feature maps of all cases hold"
    script:
        "../workflow/scripts/collect_maps.py"
