"""What scoring a new case takes beside the model: all of it lies in the bundle."""


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
