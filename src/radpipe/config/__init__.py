"""The study config: one typed definition, its defaults, and messages for people.

Every key is documented where it is defined, in the modules of this package, and nowhere else;
`config/README.md` and the JSON schema for editors are made from these definitions. The config is
closed: an unknown key stops the run.
"""

from radpipe.config.base import IMAGES, REFERENCE, SITE, Section, Voxels
from radpipe.config.encoders import Encoder
from radpipe.config.handcrafted import Handcrafted
from radpipe.config.images import FusedImage, Images
from radpipe.config.loading import json_schema, load_study, read_encoder, read_segmenter
from radpipe.config.modelling import Harmonisation, Imputation, Model, SearchBudget, Selection
from radpipe.config.outcome import Outcome
from radpipe.config.sections import (
    BiasCorrection,
    Controls,
    Evaluation,
    Normalisation,
    Registration,
    Resampling,
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
from radpipe.config.stability import Stability
from radpipe.config.study import BASELINES, Study

__all__ = [
    "BASELINES",
    "IMAGES",
    "REFERENCE",
    "SITE",
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
    "FusedImage",
    "Handcrafted",
    "Harmonisation",
    "Images",
    "Imputation",
    "Model",
    "Network",
    "Normalisation",
    "Outcome",
    "Registration",
    "Resampling",
    "SearchBudget",
    "Section",
    "Segmentation",
    "Segmenter",
    "Selection",
    "Splits",
    "Stability",
    "Start",
    "Study",
    "Threshold",
    "Voxels",
    "json_schema",
    "load_study",
    "read_encoder",
    "read_segmenter",
]
