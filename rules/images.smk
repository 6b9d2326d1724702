"""Import, registration, bias correction and one interpolation onto the prepared grid."""


IMAGE_CODE = code_hash("imaging", "io.images", "io.checks")


rule import_image:
    message:
        "Importing {wildcards.case}"
    input:
        images=lambda w: [SHEET.image(w.case, m) for m in MODALITIES],
    output:
        images=expand(f"{RESULTS}/imported/{{{{case}}}}/{{m}}.nii.gz", m=MODALITIES),
        quality=f"{RESULTS}/imported/{{case}}/import.json",
    params:
        modalities=MODALITIES,
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/import_image/{{case}}.log",
    script:
        "../workflow/scripts/import_image.py"


rule import_mask:
    message:
        "Importing the mask of {wildcards.case}"
    input:
        mask=lambda w: SHEET.mask(w.case),
    output:
        mask=f"{RESULTS}/imported/{{case}}/mask.nii.gz",
    params:
        labels=STUDY.segmentation.labels,
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/import_mask/{{case}}.log",
    script:
        "../workflow/scripts/import_mask.py"


rule register_image:
    message:
        "Registering {wildcards.case}"
    input:
        reference=f"{RESULTS}/imported/{{case}}/{STUDY.images.reference}.nii.gz",
        moving=expand(f"{RESULTS}/imported/{{{{case}}}}/{{m}}.nii.gz", m=MOVING),
    output:
        transforms=expand(f"{RESULTS}/registered/{{{{case}}}}/{{m}}.tfm", m=MOVING),
        quality=f"{RESULTS}/registered/{{case}}/registration.json",
    params:
        modalities=MOVING,
        seed=STUDY.seed,
        settings=settings("registration"),
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/register_image/{{case}}.log",
    script:
        "../workflow/scripts/register_image.py"


rule correct_bias:
    message:
        "Correcting the bias field of {wildcards.case}"
    input:
        images=expand(
            f"{RESULTS}/imported/{{{{case}}}}/{{m}}.nii.gz",
            m=STUDY.bias_correction.modalities,
        ),
    output:
        images=expand(
            f"{RESULTS}/corrected/{{{{case}}}}/{{m}}.nii.gz",
            m=STUDY.bias_correction.modalities,
        ),
        quality=f"{RESULTS}/corrected/{{case}}/bias.json",
    params:
        modalities=STUDY.bias_correction.modalities,
        settings=settings("bias_correction"),
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/correct_bias/{{case}}.log",
    script:
        "../workflow/scripts/correct_bias.py"


def native_image(modality):
    """The image of a modality on its own grid, corrected where that is asked for."""
    stage = "corrected" if modality in STUDY.bias_correction.modalities else "imported"
    return f"{RESULTS}/{stage}/{{case}}/{modality}.nii.gz"


rule prepare_image:
    message:
        "Preparing {wildcards.case}"
    input:
        images=[native_image(m) for m in MODALITIES],
        transforms=expand(f"{RESULTS}/registered/{{{{case}}}}/{{m}}.tfm", m=MOVING),
    output:
        images=expand(f"{RESULTS}/prepared/{{{{case}}}}/{{m}}.nii.gz", m=MODALITIES),
        quality=f"{RESULTS}/prepared/{{case}}/preparation.json",
    params:
        modalities=MODALITIES,
        moving=MOVING,
        reference=STUDY.images.reference,
        settings=settings("resampling", "normalisation"),
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/prepare_image/{{case}}.log",
    script:
        "../workflow/scripts/prepare_image.py"


rule prepare_mask:
    message:
        "Preparing the mask of {wildcards.case}"
    input:
        mask=f"{RESULTS}/imported/{{case}}/mask.nii.gz",
        grid=f"{RESULTS}/prepared/{{case}}/{STUDY.images.reference}.nii.gz",
    output:
        mask=f"{RESULTS}/masks/{REFERENCE}/{{case}}.nii.gz",
        quality=f"{RESULTS}/masks/{REFERENCE}/{{case}}.json",
    params:
        labels=STUDY.segmentation.labels,
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/prepare_mask/{{case}}.log",
    script:
        "../workflow/scripts/prepare_mask.py"


def quality_cases(wildcards):
    """Which cases have quality numbers of which stage, in the order of the rule's inputs."""
    cases = cases_of()
    return {
        "imported": cases,
        "registered": cases if MOVING else [],
        "corrected": cases if STUDY.bias_correction.modalities else [],
        "prepared": cases,
        "masks": [c for c in cases if SHEET.mask(c)],
    }


rule collect_quality:
    message:
        "Collecting the quality numbers of all cases"
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
        prepared=lambda w: expand(
            f"{RESULTS}/prepared/{{c}}/preparation.json", c=cases_of()
        ),
        masks=lambda w: [
            path.replace(".nii.gz", ".json") for path in reference_masks(cases_of())
        ],
    output:
        table=f"{TABLES}/quality.tsv",
    params:
        cases=quality_cases,
        code=IMAGE_CODE,
    log:
        f"{RESULTS}/logs/collect_quality.log",
    script:
        "../workflow/scripts/collect_quality.py"
