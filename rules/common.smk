"""Inputs that depend on wildcards; everything else is Python in radpipe."""

@functools.cache
def read_version(path, modified_ns):
    """A table as it was at one time: Snakemake asks for the cases of every job anew."""
    return read_table(path)


def read_cached(path):
    """A table that is read again only when it has changed."""
    return read_version(path, Path(path).stat().st_mtime_ns)


def cases_of(cohort=None):
    """The usable cases, known once check_cases has opened every image."""
    table = read_cached(checkpoints.check_cases.get().output.cases)
    if cohort == DEVELOPMENT:
        table = table[table["cohort"] == DEVELOPMENT]
    elif cohort == "external":
        table = table[table["cohort"] != DEVELOPMENT]
    return list(table["case"])


def fold_cases(fold, part=None):
    """The cases of one part of a fold, or all of the fold."""
    table = read_cached(checkpoints.split_cohort.get().output.splits)
    table = table[table["fold"] == fold]
    return list(table["case"] if part is None else table.loc[table["part"] == part, "case"])


def named_images(case):
    """The images that the sheet names of a case."""
    return [SHEET.image(case, m) for m in MODALITIES if m not in SHEET.missing(case)]


def images_of(cases):
    """The prepared images of some cases, modality by modality, fused ones last."""
    return [f"{RESULTS}/prepared/{c}/{m}.nii.gz" for c in cases for m in PREPARED]


def native_image(modality):
    """The image of a modality on its own grid, corrected where that is asked for."""
    stage = "corrected" if modality in STUDY.bias_correction.modalities else "imported"
    return f"{RESULTS}/{stage}/{{case}}/{modality}.nii.gz"


def reference_masks(cases):
    """The drawn masks of those cases that have one."""
    return [f"{RESULTS}/masks/{REFERENCE}/{c}.nii.gz" for c in cases if SHEET.mask(c)]


def drawn_masks(cases):
    """The drawn masks of cases that have one, on their original grids."""
    return [f"{RESULTS}/imported/{c}/mask.nii.gz" for c in cases]


def drawn_cases():
    """The cases that come with a drawn mask."""
    return [c for c in cases_of() if SHEET.mask(c)]


def feature_masks(cases):
    """What must exist before the masks that features are measured in can be read."""
    source = STUDY.segmentation.mask_source
    return reference_masks(cases) if source == REFERENCE else [f"{RESULTS}/masks/{source}"]


def mask_folder():
    """The folder of the masks that features are measured in."""
    return f"{RESULTS}/masks/{STUDY.segmentation.mask_source}"


def perturbed():
    """The cases that are measured again after small changes."""
    return cases_of() if STUDY.features.stability.perturbs else []


def quality_cases(wildcards):
    """Which cases have quality numbers of which stage, in the order of the inputs."""
    cases = cases_of()
    return {
        "imported": cases,
        "registered": cases if MOVING else [],
        "corrected": cases if STUDY.bias_correction.modalities else [],
        "prepared": cases,
        "fused": cases if FUSED_IMAGES else [],
        "masks": [c for c in cases if SHEET.mask(c)],
    }


def truth_keys(wildcards):
    """Case and modality of every image that has a truth of its registration or bias field."""
    cases, corrected = cases_of(), STUDY.bias_correction.modalities
    return {
        "transforms": [(c, m) for c in cases for m in MOVING],
        "imported": [(c, m) for c in cases for m in corrected],
        "corrected": [(c, m) for c in cases for m in corrected],
    }
