"""From registered and corrected images to one grid a case, and what their quality is."""


rule prepare_image:
    input:
        images=[native_image(m) for m in MODALITIES],
        transforms=expand(f"{RESULTS}/registered/{{{{case}}}}/{{m}}.tfm", m=MOVING),
    output:
        images=expand(f"{RESULTS}/prepared/{{{{case}}}}/{{m}}.nii.gz", m=MODALITIES),
        quality=f"{RESULTS}/prepared/{{case}}/preparation.json",
    log:
        f"{RESULTS}/logs/prepare_image/{{case}}.log",
    params:
        modalities=MODALITIES,
        moving=MOVING,
        reference=STUDY.images.reference,
        settings=settings("resampling", "normalisation"),
        code=IMAGE_CODE,
    message:
        "Preparing {wildcards.case}"
    script:
        "../workflow/scripts/prepare_image.py"


rule fuse_images:
    input:
        images=expand(f"{RESULTS}/prepared/{{{{case}}}}/{{m}}.nii.gz", m=MODALITIES),
    output:
        images=expand(f"{RESULTS}/prepared/{{{{case}}}}/{{m}}.nii.gz", m=FUSED_IMAGES),
        quality=f"{RESULTS}/prepared/{{case}}/fusion.json",
    log:
        f"{RESULTS}/logs/fuse_images/{{case}}.log",
    params:
        modalities=MODALITIES,
        fused=[image.model_dump(mode="json") for image in STUDY.images.fused],
        zero_background=STUDY.zero_background,
        code=IMAGE_CODE,
    message:
        "Fusing images of {wildcards.case}"
    script:
        "../workflow/scripts/fuse_images.py"


rule prepare_mask:
    input:
        mask=f"{RESULTS}/imported/{{case}}/mask.nii.gz",
        grid=f"{RESULTS}/prepared/{{case}}/{STUDY.images.reference}.nii.gz",
    output:
        mask=f"{RESULTS}/masks/{REFERENCE}/{{case}}.nii.gz",
        quality=f"{RESULTS}/masks/{REFERENCE}/{{case}}.json",
    log:
        f"{RESULTS}/logs/prepare_mask/{{case}}.log",
    params:
        labels=STUDY.segmentation.labels,
        code=IMAGE_CODE,
    message:
        "Preparing the mask of {wildcards.case}"
    script:
        "../workflow/scripts/prepare_mask.py"


rule collect_quality:
    input:
        cases=f"{RESULTS}/cohort/cases.tsv",
        imported=lambda w: expand(f"{RESULTS}/imported/{{c}}/import.json", c=cases_of()),
        registered=lambda w: expand(
            f"{RESULTS}/registered/{{c}}/registration.json",
            c=cases_of() if MOVING else [],
        ),
        corrected=lambda w: expand(
            f"{RESULTS}/corrected/{{c}}/bias.json",
            c=cases_of() if STUDY.bias_correction.modalities else [],
        ),
        prepared=lambda w: expand(f"{RESULTS}/prepared/{{c}}/preparation.json", c=cases_of()),
        fused=lambda w: expand(
            f"{RESULTS}/prepared/{{c}}/fusion.json",
            c=cases_of() if FUSED_IMAGES else [],
        ),
        masks=lambda w: [path.replace(".nii.gz", ".json") for path in reference_masks(cases_of())],
    output:
        table=f"{TABLES}/quality.tsv",
    log:
        f"{RESULTS}/logs/collect_quality.log",
    params:
        cases=quality_cases,
        code=IMAGE_CODE,
    message:
        "Collecting the quality numbers of all cases"
    script:
        "../workflow/scripts/collect_quality.py"
