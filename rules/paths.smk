"""The study, its names, its folders, and what `params` hold of its settings."""

import functools
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from radpipe.config import REFERENCE, Classical, Ensemble, Network, load_study
from radpipe.config.encoders import (
    Belief,
    Bottleneck,
    Given,
    Reconstructing,
    Supervised,
    TrainedEncoder,
)
from radpipe.errors import RadpipeError
from radpipe.io.cases import read_case_sheet
from radpipe.io.tables import read_table
from radpipe.provenance import code_hash
from radpipe.segmentation.classical.fitted import check_segmentation
from radpipe.types import DEVELOPMENT, FINAL

if "study" not in config:

    configfile: "config/demo.yaml"


try:
    STUDY = load_study(config)
    SHEET = read_case_sheet(STUDY)
    STUDY = STUDY.with_sites(SHEET.sites)
    check_segmentation(STUDY.segmentation)
except RadpipeError as error:
    raise WorkflowError(str(error)) from None

RESULTS = f"results/{STUDY.study}"
REPORTS = f"reports/{STUDY.study}"
TABLES = f"{RESULTS}/tables"
MODALITIES = STUDY.images.modalities
PREPARED = STUDY.images.prepared
FUSED_IMAGES = [image.name for image in STUDY.images.fused]
MOVING = STUDY.images.moving if STUDY.registration.enabled else []
NETWORKS = [m.name for m in STUDY.models if m.is_network]
FUSED = [m.name for m in STUDY.models if m.is_fusion]
TABULAR = [m.name for m in STUDY.models if not (m.is_network or m.is_fusion)]
MODELS = [m.name for m in STUDY.models]
FOLDS = STUDY.splits.outer + [FINAL]
SEGMENTERS = [s.name for s in STUDY.segmentation.segmenters]
TRAINED = [s.name for s in STUDY.segmentation.segmenters if isinstance(s, Network)]
CLASSICAL = [s.name for s in STUDY.segmentation.segmenters if isinstance(s, Classical)]
ENCODERS = [e.name for e in STUDY.features.encoders]
RECONSTRUCTING = [e.name for e in STUDY.features.encoders if isinstance(e, Reconstructing)]
HAS_EXTERNAL = bool((SHEET.table["cohort"] != DEVELOPMENT).any())
MASK_FOLDS = [f for f in FOLDS if f.startswith("r1f") or (f == FINAL and HAS_EXTERNAL)]
# What a fit or a score is computed by, of any kind of model.
MODEL_CODE = code_hash(
    "modelling",
    "networks",
    "segmentation.starting",
    "segmentation.manifest",
    "features.crops",
    "evaluation",
    "io.outcomes",
    "io.images",
    "io.estimators",
)
FITTED = {
    "tabular": ["model.skops", "card.json", "tuning.tsv", "inner.tsv"],
    "network": ["weights.safetensors", "card.json", "tuning.tsv", "inner.tsv", "manifest.json"],
    "fusion": ["card.json", "tuning.tsv", "inner.tsv"],
}


def any_of(names):
    """A regular expression that matches one of the names and nothing else."""
    return "|".join(map(re.escape, names)) or "(?!)"


wildcard_constraints:
    case=any_of(SHEET.cases),
    modality=any_of(PREPARED),
    segmenter=any_of(SEGMENTERS),
    encoder=any_of(ENCODERS),
    model=any_of(MODELS),
    fold=any_of(FOLDS),


def settings(*sections):
    """Config sections for `params`: a job is run again when one of them changes."""
    return {name: getattr(STUDY, name).model_dump(mode="json") for name in sections}


def scoring_settings():
    """What scoring a new case needs to know of the study: all but how it was judged."""
    study = STUDY.model_dump(mode="json")
    return {k: v for k, v in study.items() if k not in ("evaluation", "report", "models", "cases")}


def evaluation_settings(*keys):
    """The keys of the evaluation section that one rule uses."""
    section = STUDY.evaluation.model_dump(mode="json")
    return {key: section[key] for key in keys}


def model_settings(wildcards):
    """What a fit depends on besides its data."""
    return {
        "model": STUDY.model(wildcards.model).model_dump(mode="json"),
        "threshold": STUDY.evaluation.threshold.model_dump(mode="json"),
        "splits": STUDY.splits.model_dump(mode="json"),
        "outcome": STUDY.outcome and STUDY.outcome.model_dump(mode="json"),
    }


def measurement_settings(*evaluation):
    """What the regions of a case are measured with; `controls` beside it where they are."""
    handcrafted = STUDY.features.handcrafted
    return {
        "handcrafted": handcrafted and handcrafted.model_dump(mode="json"),
        "labels": STUDY.segmentation.labels,
        "seed": STUDY.seed,
        **evaluation_settings(*evaluation),
    }


def control_settings():
    """The parts of the study that the negative controls depend on."""
    study = STUDY.model_dump(mode="json")
    # Segmenters and encoders are there because models and encoders name them.
    parts = ("study", "seed", "cases", "outcome", "images", "segmentation", "features")
    parts += ("splits", "models")
    keys = ("threshold", "confidence", "controls")
    evaluation = {key: study["evaluation"][key] for key in keys}
    return {key: study[key] for key in parts} | {"evaluation": evaluation}
