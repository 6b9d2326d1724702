"""What a model is fitted on and scored from, and what its bundle holds beside it."""


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


def needs_region(model):
    """Whether a model is shown anything of the region of a case."""
    blocks = set(STUDY.model(model).blocks)
    measured = STUDY.measures_features and blocks & {"volume", "handcrafted"}
    return bool(measured or "images" in blocks or blocks & set(ENCODERS))


def bundled(model):
    """What a bundle holds beside its models, by its place below the folder of results."""
    joined = STUDY.model(model).of
    if joined:
        return list(dict.fromkeys(part for member in joined for part in bundled(member)))
    source = STUDY.segmentation.mask_source
    parts = drawn_with(source) if source != REFERENCE and needs_region(model) else []
    for name in (e for e in ENCODERS if e in STUDY.model(model).blocks):
        parts += [f"encoders/{name}/{FINAL}/{f}" for f in ("weights.safetensors", "manifest.json")]
        encoder = STUDY.encoder(name)
        if isinstance(encoder, Bottleneck):
            folder = f"segmenters/{encoder.segmenter}/{FINAL}"
            parts += [
                f"{folder}/{f}" for f in ("weights.safetensors", "plan.yaml", "manifest.json")
            ]
    return list(dict.fromkeys(parts))


def described(model):
    """The tables that the training cohort of a model is described from."""
    features = [f"{TABLES}/features.parquet"] if STUDY.has_features else []
    models = STUDY.model(model).of or [model]
    return features + [table for m in models for table in embeddings_for(m, [FINAL])]
