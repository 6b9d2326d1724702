"""The outcome of each case as numbers, whatever a spreadsheet made of it."""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Outcome
from radpipe.errors import FitError
from radpipe.io.outcomes import class_names, follow_up, outcome_values
from radpipe.types import DEVELOPMENT

SURVIVAL_DTYPE = np.dtype([("event", np.bool_), ("time", np.float64)])
"""A survival outcome as one array: whether the event was seen, and the follow-up."""


def targets(cases: pd.DataFrame, outcome: Outcome | None) -> pd.DataFrame:
    """Patient and outcome of each case, of any kind of outcome.

    Args:
        cases: the whole case table (the classes of a multiclass outcome are those of its
            development cohort) with `case`, `patient` and the outcome columns. A table without
            these (an external cohort that is only scored) has a missing outcome everywhere.
        outcome: kind, columns and what their values mean; none: no outcome at all.

    Returns:
        Indexed by `case`: `patient` (text), and `y` (binary: 1.0 positive, 0.0 not; multiclass: the
        index of the class in `io.outcomes.class_names`; regression: the number), or `time` and
        `event` (1.0, 0.0) of a survival outcome; NaN where the outcome is not known.
    """
    index = pd.Index(cases["case"].astype(str), name="case")
    table = pd.DataFrame({"patient": cases["patient"].astype(str).to_numpy()}, index=index)
    known = outcome is not None and set(outcome.columns) <= set(cases.columns)
    if outcome is None or outcome.kind != "survival":
        y = outcome_values(cases, outcome).to_numpy() if outcome and known else np.nan
        return table.assign(y=y)
    if not known:
        return table.assign(time=np.nan, event=np.nan)
    time, event = follow_up(cases, outcome).to_numpy(), outcome_values(cases, outcome).to_numpy()
    half = np.isnan(time) | np.isnan(event)
    return table.assign(time=np.where(half, np.nan, time), event=np.where(half, np.nan, event))


def target_array(targets: pd.DataFrame) -> npt.NDArray[np.generic]:
    """The outcome as the array that a predictor is fitted on.

    Args:
        targets: from `targets`, of any kind of outcome.

    Returns:
        float, shape (n,); of a survival outcome a structured array of `SURVIVAL_DTYPE`.

    Raises:
        FitError: the outcome of a case is missing.
    """
    survival = "time" in targets
    columns = ["time", "event"] if survival else ["y"]
    missing = targets[columns].isna().any(axis=1)
    if missing.any():
        raise FitError(
            "the outcome is missing",
            case=str(targets.index[missing][0]),
            expected="a value for every case that a model is fitted on",
        )
    if not survival:
        return targets["y"].to_numpy(dtype=float)
    return survival_array(targets["event"] == 1, targets["time"])


def survival_array(event: npt.ArrayLike, time: npt.ArrayLike) -> npt.NDArray[np.generic]:
    """Events (true or 1: seen) and follow-up times as one array of `SURVIVAL_DTYPE`."""
    events = np.asarray(event).astype(bool)
    array = np.empty(len(events), dtype=SURVIVAL_DTYPE)
    array["event"], array["time"] = events, np.asarray(time, dtype=float)
    return array


def horizon_of(development: pd.DataFrame, outcome: Outcome) -> float:
    """The time by which the probability of the event is predicted.

    Args:
        development: targets of the whole development cohort, so that all folds share one horizon.
        outcome: a survival outcome; `horizon` wins.

    Returns:
        `outcome.horizon`, else the median follow-up time.
    """
    if outcome.horizon is not None:
        return outcome.horizon
    return float(np.median(development["time"].dropna()))


def outcome_facts(cases: pd.DataFrame, outcome: Outcome) -> dict[str, Any]:
    """What `cards.fit_settings` asks of an outcome: `kind`, `classes`, `horizon`.

    Args:
        cases: the whole case table: all folds share classes and horizon.
        outcome: what is predicted.
    """
    classes = class_names(cases, outcome) if outcome.kind == "multiclass" else ()
    horizon = None
    if outcome.kind == "survival":
        known = targets(cases, outcome)
        horizon = horizon_of(known[(cases["cohort"] == DEVELOPMENT).to_numpy()], outcome)
    return {"kind": outcome.kind, "classes": classes, "horizon": horizon}
