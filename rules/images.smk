"""Import, registration and bias correction of the images of a case."""

IMAGE_CODE = code_hash("imaging", "io.images", "io.volumes")


rule import_image:
    input:
        images=lambda w: named_images(w.case),
    output:
        images=expand(f"{RESULTS}/imported/{{{{case}}}}/{{m}}.nii.gz", m=MODALITIES),
        quality=f"{RESULTS}/imported/{{case}}/import.json",
    log:
        f"{RESULTS}/logs/import_image/{{case}}.log",
    params:
        modalities=MODALITIES,
        missing=lambda w: SHEET.missing(w.case),
        reference=STUDY.images.reference,
        code=IMAGE_CODE,
    message:
        "Importing {wildcards.case}"
    script:
        "../workflow/scripts/import_image.py"


rule import_mask:
    input:
        mask=lambda w: SHEET.mask(w.case),
    output:
        mask=f"{RESULTS}/imported/{{case}}/mask.nii.gz",
    log:
        f"{RESULTS}/logs/import_mask/{{case}}.log",
    params:
        labels=STUDY.segmentation.labels,
        code=IMAGE_CODE,
    message:
        "Importing the mask of {wildcards.case}"
    script:
        "../workflow/scripts/import_mask.py"


rule register_image:
    input:
        reference=f"{RESULTS}/imported/{{case}}/{STUDY.images.reference}.nii.gz",
        moving=expand(f"{RESULTS}/imported/{{{{case}}}}/{{m}}.nii.gz", m=MOVING),
    output:
        transforms=expand(f"{RESULTS}/registered/{{{{case}}}}/{{m}}.tfm", m=MOVING),
        quality=f"{RESULTS}/registered/{{case}}/registration.json",
    log:
        f"{RESULTS}/logs/register_image/{{case}}.log",
    params:
        modalities=MOVING,
        seed=STUDY.seed,
        settings=settings("registration"),
        code=IMAGE_CODE,
    message:
        "Registering {wildcards.case}"
    script:
        "../workflow/scripts/register_image.py"


rule correct_bias:
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
    log:
        f"{RESULTS}/logs/correct_bias/{{case}}.log",
    params:
        modalities=STUDY.bias_correction.modalities,
        settings=settings("bias_correction"),
        code=IMAGE_CODE,
    message:
        "Correcting the bias field of {wildcards.case}"
    script:
        "../workflow/scripts/correct_bias.py"
