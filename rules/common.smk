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


def embeddings_for(model, folds):
    """The embedding tables of the folds that a model's blocks need, by encoder and fold."""
    names = [e for e in ENCODERS if e in STUDY.model(model).blocks]
    return expand(f"{TABLES}/embeddings/{{e}}/{{f}}.parquet", e=names, f=folds)


def fitted_model(model, fold):
    """The files of one fitted model."""
    kind = "fusion" if model in FUSED else "network" if model in NETWORKS else "tabular"
    return [f"{RESULTS}/models/{model}/{fold}/{name}" for name in FITTED[kind]]


def carried_columns(model):
    """The columns of the sheet that a model's harmonisation needs beside its blocks."""
    wanted = STUDY.model(model).harmonisation
    return [] if wanted is None else [wanted.batch, *wanted.covariates]


def measurements_for(model):
    """The repeated measurements that a model's selection by stability looks at."""
    asked = STUDY.model(model).selection.stability is not None
    return [f"{TABLES}/measurements.parquet"] if asked else []


def sources(model, folds):
    """Where the blocks of a model are read from; see radpipe.modelling.scoring.Sources."""
    if model in NETWORKS:
        return {
            "modalities": STUDY.model(model).modalities or PREPARED,
            "prepared": f"{RESULTS}/prepared",
            "masks": mask_folder(),
        }
    return {
        "clinical": f"{RESULTS}/cohort/clinical.tsv",
        "columns": STUDY.features.clinical,
        "carried": carried_columns(model),
        "features": f"{TABLES}/features.parquet",
        "embeddings": embeddings_for(model, folds),
    }


def given_start(model):
    """The given weights that a network goes on from, if there are any."""
    start = STUDY.model(model).start
    return [str(start.weights)] if start else []


def files_of_members(model, name):
    """A file of each model that a fusion joins, by its place in the model's folder."""
    return [f"{RESULTS}/models/{m}/{name}" for m in STUDY.model(model).of]


def fusion_files(model, fold):
    """The files of a fusion and of the models it joins, fitted in one fold."""
    return [f for m in (model, *STUDY.model(model).of) for f in fitted_model(m, fold)]


def members_of(model, fold):
    """Of each model that a fusion joins its settings, and where its blocks are read from."""
    return {
        m: {"model": STUDY.model(m).model_dump(mode="json"), "sources": sources(m, [fold])}
        for m in STUDY.model(model).of
    }


def seen_by(model, folds, cases):
    """The inputs from which a model is fitted or scored: tables, or images and masks."""
    if model in NETWORKS:
        return images_of(cases) + feature_masks(cases)
    return [f"{TABLES}/features.parquet"] + embeddings_for(model, folds)


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
