"""What the rules of encoders ask: which of them need more than images, and where it lies."""

ENCODER_CODE = code_hash(
    "networks", "features.deep", "features.encoders", "features.crops", "io.images"
)


def trained_encoders():
    """The encoders that have a learning curve."""
    return [e.name for e in STUDY.features.encoders if isinstance(e, TrainedEncoder | Belief)]


def encoder_sources(encoder, fold):
    """What an encoder is made from beside images: a segmenter's files, or weights of the user."""
    own = STUDY.encoder(encoder)
    if isinstance(own, Given):
        return [own.weights]
    if not isinstance(own, Bottleneck):
        return []
    folder = f"{RESULTS}/segmenters/{own.segmenter}/{fold}"
    return [f"{folder}/{file}" for file in ("weights.safetensors", "plan.yaml", "manifest.json")]


def encoder_context(encoder, fold):
    """What an encoder needs to know beside its own settings; nothing that it has no use for."""
    own = STUDY.encoder(encoder)
    if isinstance(own, Supervised):
        return {
            "outcome": STUDY.outcome.model_dump(mode="json"),
            "code": code_hash("modelling.encoding", "modelling.outcomes", "io.outcomes"),
        }
    if isinstance(own, Bottleneck):
        return {
            "segmenter": f"{RESULTS}/segmenters/{own.segmenter}/{fold}",
            "labels": STUDY.segmentation.labels,
            "code": SEGMENTATION_CODE,
        }
    return {}


def held_out_once():
    """The held-out cases of each fold of the first repeat."""
    return {f: fold_cases(f, "test") for f in STUDY.splits.outer if f.startswith("r1f")}


def reconstruction_files(name):
    """What shows how encoders with a decoder see cases, by encoder."""
    return {e: f"{TABLES}/embeddings/{e}/{name}" for e in (RECONSTRUCTING if MODELS else [])}
