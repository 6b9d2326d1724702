"""The study config: one typed definition, its defaults, and messages for people.

Every key is documented in `sections`, `segmentation` and `study` and nowhere else;
`config/README.md` and the JSON schema for editors are made from these definitions. The config is
closed: an unknown key stops the run.
"""

from radpipe.config.base import REFERENCE, Section, Voxels
from radpipe.config.loading import json_schema, load_study, read_segmenter
from radpipe.config.sections import (
    BiasCorrection,
    Controls,
    Encoder,
    Evaluation,
    Handcrafted,
    Model,
    Normalisation,
    Outcome,
    Registration,
    Resampling,
    Selection,
    Splits,
    Threshold,
)
from radpipe.config.segmentation import (
    Augmentation,
    Budget,
    Classical,
    Cleaning,
    Crf,
    EarlyStopping,
    Ensemble,
    Network,
    Segmentation,
    Segmenter,
    Start,
)
from radpipe.config.study import Study

__all__ = [
    "REFERENCE",
    "Augmentation",
    "BiasCorrection",
    "Budget",
    "Classical",
    "Cleaning",
    "Controls",
    "Crf",
    "EarlyStopping",
    "Encoder",
    "Ensemble",
    "Evaluation",
    "Handcrafted",
    "Model",
    "Network",
    "Normalisation",
    "Outcome",
    "Registration",
    "Resampling",
    "Section",
    "Segmentation",
    "Segmenter",
    "Selection",
    "Splits",
    "Start",
    "Study",
    "Threshold",
    "Voxels",
    "json_schema",
    "load_study",
    "read_segmenter",
]
