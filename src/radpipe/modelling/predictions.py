"""Scores of cases, and the table in which they meet the outcome."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Iterable, Sequence
from typing import Protocol

import pandas as pd

from radpipe.config import Outcome
from radpipe.errors import CaseError
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FittedModel, predict
from radpipe.modelling.outcomes import binary_targets
from radpipe.types import Vector

SCORE_COLUMNS = ["model", "case", "fold", "y_prob", "threshold"]
PREDICTION_COLUMNS = [
    *["model", "case", "patient", "cohort", "fold"],
    *["y_true", "y_prob", "threshold"],
]


class _Scored(Protocol):
    """What a score needs to know of a fitted model of any kind."""

    @property
    def threshold(self) -> float: ...

    @property
    def card(self) -> dict[str, object]: ...


def score_table(
    fitted: _Scored, cases: Sequence[str] | pd.Index, y_prob: Vector, fold: str
) -> pd.DataFrame:
    """One row a case: `model, case, fold, y_prob, threshold`."""
    table = pd.DataFrame({"case": [str(c) for c in cases], "y_prob": y_prob})
    table["model"] = str(fitted.card["name"])
    table["fold"] = fold
    table["threshold"] = fitted.threshold
    return table[SCORE_COLUMNS]


def score_cases(fitted: FittedModel, X: pd.DataFrame | Blocks, fold: str) -> pd.DataFrame:
    """Score rows with a tabular model; no outcome is read (guardrail G16).

    Returns:
        `model, case, fold, y_prob, threshold` in the order of the rows.
    """
    table = X.table if isinstance(X, Blocks) else X
    return score_table(fitted, table.index, predict(fitted, table), fold)


def collect_predictions(
    tables: Iterable[pd.DataFrame], cases: pd.DataFrame, outcome: Outcome
) -> pd.DataFrame:
    """Put scores beside the outcome.

    Args:
        tables: tables as `score_table` makes them, of all models, folds and cohorts.
        cases: the case table, with `case, patient, cohort` and the outcome column.
        outcome: which column, and what counts as positive.

    Returns:
        `model, case, patient, cohort, fold, y_true, y_prob, threshold`, sorted by model, cohort,
        fold and case; `y_true` is 1, 0 or empty where the outcome is not known.

    Raises:
        CaseError: a scored case is not in the case table, or a score is missing.
    """
    scores = pd.concat(list(tables), ignore_index=True)
    targets = binary_targets(cases, outcome)
    targets["cohort"] = cases["cohort"].to_numpy()
    unknown = sorted(set(scores["case"]) - set(targets.index))
    if unknown:
        raise CaseError("a scored case is not in the case table", case=unknown[0])
    if scores["y_prob"].isna().any():
        raise CaseError(
            "the score is missing", case=str(scores["case"][scores["y_prob"].isna()].iloc[0])
        )
    table = scores.join(targets, on="case").rename(columns={"y": "y_true"})
    table["y_true"] = table["y_true"].astype("Int64")
    return table.sort_values(["model", "cohort", "fold", "case"], ignore_index=True)[
        PREDICTION_COLUMNS
    ]
