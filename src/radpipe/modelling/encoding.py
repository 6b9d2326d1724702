"""What an encoder of a fold is made from, as the workflow names it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from radpipe.config import Outcome
from radpipe.features.deep.sources import Sources, Targets
from radpipe.modelling.outcomes import target_array, targets


def read_sources(context: Mapping[str, Any], training: pd.DataFrame | None = None) -> Sources:
    """The sources of an encoder.

    Args:
        context: `outcome` (a section of the config) for supervised kinds, `segmenter` (a folder)
            and `labels` for kind segmenter; empty for any other.
        training: rows of the case table, the training part alone; None to apply an encoder, which
            reads no outcome.
    """
    segmenter = context.get("segmenter")
    own = None
    if training is not None and context.get("outcome"):
        own = _targets(training, Outcome.model_validate(context["outcome"]))
    folder = None if segmenter is None else Path(segmenter)
    return Sources(targets=own, segmenter=folder, labels=context.get("labels", {}))


def _targets(training: pd.DataFrame, outcome: Outcome) -> Targets:
    known = targets(training, outcome).dropna()
    y = target_array(known)
    return Targets(outcome.kind, dict(zip(known.index, y, strict=True)))
