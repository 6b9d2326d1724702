"""Scores of cases, and the table in which they meet the outcome."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Iterable
from typing import Protocol

import numpy as np
import pandas as pd

from radpipe.config import Outcome
from radpipe.errors import CaseError
from radpipe.io.outcomes import class_names
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FittedModel, predict_scores
from radpipe.modelling.outcomes import targets

IDENTITY = ["model", "case", "patient", "cohort", "fold"]


class _Scored(Protocol):
    """What a score needs to know of a fitted model of any kind."""

    @property
    def threshold(self) -> float: ...

    @property
    def card(self) -> dict[str, object]: ...


def score_table(fitted: _Scored, scores: pd.DataFrame, fold: str) -> pd.DataFrame:
    """One row a case: `model, case, fold`, the scores, and `threshold` where the model has one.

    Args:
        fitted: the model.
        scores: by case, the columns of `fitting.predict_scores`.
        fold: name of the fold whose model this is.
    """
    table = scores.rename_axis("case").reset_index()
    table["case"] = table["case"].astype(str)
    table.insert(0, "model", str(fitted.card["name"]))
    table.insert(2, "fold", fold)
    return table if np.isnan(fitted.threshold) else table.assign(threshold=fitted.threshold)


def score_cases(
    fitted: FittedModel, X: pd.DataFrame | Blocks, fold: str, *, curve: bool = False
) -> pd.DataFrame:
    """Score rows with a tabular model; no outcome is read (guardrail G16).

    `curve` is that of `fitting.predict_scores`.

    Returns:
        As `score_table`, in the order of the rows.
    """
    return score_table(fitted, predict_scores(fitted, X, curve=curve), fold)


def collect_predictions(
    tables: Iterable[pd.DataFrame], cases: pd.DataFrame, outcome: Outcome
) -> pd.DataFrame:
    """Put scores beside the outcome.

    Args:
        tables: tables as `score_table` makes them, of all models, folds and cohorts.
        cases: the case table, with `case, patient, cohort` and the outcome columns.
        outcome: its kind, columns, and what their values mean.

    Returns:
        `model, case, patient, cohort, fold`, sorted by model, cohort, fold and case, then binary
        `y_true` (1, 0 or empty where it is not known), `y_prob, threshold`; multiclass `y_true`
        (the class), `y_prob_<class>` each; regression `y_true, y_pred`; survival `risk,
        event_prob, event_prob_<time>` each, `threshold, time, event`.

    Raises:
        CaseError: a scored case is not in the case table, or a score is missing.
    """
    scores = pd.concat(list(tables), ignore_index=True)
    known = _known(cases, outcome)
    unknown = sorted(set(scores["case"]) - set(known.index))
    if unknown:
        raise CaseError("a scored case is not in the case table", case=unknown[0])
    given = [c for c in scores.columns if c not in ("model", "case", "fold", "bundle_sha256")]
    missing = scores[given].isna().any(axis=1)
    if missing.any():
        raise CaseError("the score is missing", case=str(scores["case"][missing].iloc[0]))
    table = scores.join(known, on="case")
    after = ["time", "event"] if outcome.kind == "survival" else []
    before = [] if after else ["y_true"]
    return table.sort_values(["model", "cohort", "fold", "case"], ignore_index=True)[
        [*IDENTITY, *before, *given, *after]
    ]


def _known(cases: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """Patient, cohort and outcome of each case as the table of predictions has them."""
    table = targets(cases, outcome)
    table["cohort"] = cases["cohort"].to_numpy()
    if outcome.kind == "survival":
        return table.assign(event=table["event"].astype("Int64"))
    if outcome.kind == "multiclass":
        names = dict(enumerate(class_names(cases, outcome)))
        return table.drop(columns="y").assign(y_true=table["y"].map(names))
    table = table.rename(columns={"y": "y_true"})
    return table if outcome.kind == "regression" else table.astype({"y_true": "Int64"})
