"""The study config: one typed definition, its defaults, and messages for people.

Every key is documented in `sections` and `study` and nowhere else; `config/README.md` and the JSON
schema for editors are made from these definitions. The config is closed: an unknown key stops the
run.
"""

from radpipe.config.loading import json_schema, load_study
from radpipe.config.sections import (
    REFERENCE,
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
    Segmenter,
    Selection,
    Splits,
    Threshold,
    Voxels,
)
from radpipe.config.study import Study

__all__ = [
    "REFERENCE",
    "BiasCorrection",
    "Controls",
    "Encoder",
    "Evaluation",
    "Handcrafted",
    "Model",
    "Normalisation",
    "Outcome",
    "Registration",
    "Resampling",
    "Segmenter",
    "Selection",
    "Splits",
    "Study",
    "Threshold",
    "Voxels",
    "json_schema",
    "load_study",
]
