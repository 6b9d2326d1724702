"""What every statistic asks of its input, checked at the door."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.types import Vector

PREDICTION_COLUMNS = ("model", "case", "patient", "cohort", "fold", "y_true", "y_prob", "threshold")
"""The columns of `predictions.tsv`."""


def check_outcome(y: npt.ArrayLike) -> Vector:
    """The outcome as float, shape (n,), 0 or 1.

    Raises:
        RadpipeError: other values than 0 and 1, a missing value, not one dimension, no case.
    """
    outcome = np.asarray(y, dtype=float)
    if outcome.ndim != 1 or outcome.size == 0:
        raise RadpipeError(
            "the outcome is not a vector",
            found=f"shape {outcome.shape}",
            expected="(n,) with n > 0",
        )
    if not np.isin(outcome, (0.0, 1.0)).all():
        strange = outcome[~np.isin(outcome, (0.0, 1.0))][0]
        raise RadpipeError("the outcome is not binary", found=strange, expected="0 or 1")
    return outcome


def check_scores(y: npt.ArrayLike, score: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Outcome and score as float, both of shape (n,), every score finite.

    Raises:
        RadpipeError: lengths differ or a score is missing or infinite.
    """
    outcome, values = check_outcome(y), np.asarray(score, dtype=float)
    if values.shape != outcome.shape:
        raise RadpipeError(
            "outcome and score differ in length", found=values.shape, expected=outcome.shape
        )
    if not np.isfinite(values).all():
        raise RadpipeError(
            "a score is not a finite number",
            found=f"{int((~np.isfinite(values)).sum())} of {values.size} missing or infinite",
            expected="a number for every case",
        )
    return outcome, values


def check_probabilities(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Outcome and probabilities, both of shape (n,), every probability in [0, 1].

    Raises:
        RadpipeError: as `check_scores`, or a value is outside [0, 1]: a score is no probability.
    """
    outcome, values = check_scores(y, p)
    outside = (values < 0) | (values > 1)
    if outside.any():
        raise RadpipeError(
            "a probability is outside [0, 1]",
            found=float(values[outside][0]),
            expected="predicted probabilities",
            hint="scores are not probabilities; calibrate the model on training data first",
        )
    return outcome, values


def both_classes(y: Vector) -> bool:
    """Whether the outcome has positive and negative cases."""
    return bool(0 < y.sum() < y.size)


def check_predictions(predictions: pd.DataFrame) -> pd.DataFrame:
    """The rows of `predictions.tsv` that have an outcome, checked.

    External cohorts may lack outcomes; such rows cannot be judged and are left out.

    Raises:
        RadpipeError: a column is missing, a prediction or threshold is not finite, a probability is
            outside [0, 1], the outcome is not binary, a development case has no outcome, a model
            predicted a case twice in one fold, or its repeats do not hold the same cases.
    """
    absent = [c for c in PREDICTION_COLUMNS if c not in predictions.columns]
    if absent:
        raise RadpipeError("the predictions lack columns", found=absent, expected="all of them")
    check_finite(predictions, "y_prob")
    rows = predictions[predictions["y_true"].notna()].reset_index(drop=True)
    lost = predictions[predictions["y_true"].isna() & (predictions["cohort"] == "development")]
    if len(lost):
        raise RadpipeError("a development case has no outcome", case=str(lost["case"].iloc[0]))
    if rows.empty:
        return rows
    check_probabilities(rows["y_true"], rows["y_prob"])
    check_finite(rows, "threshold")
    rows = rows.assign(repeat=[repeat_of(str(fold)) for fold in rows["fold"]])
    _check_repeats(rows)
    return rows


def repeat_of(fold: str) -> str:
    """The repeat a fold belongs to: `r2` of `r2f3`; other folds (`final`) are their own."""
    head, _, tail = fold.partition("f")
    return head if head[:1] == "r" and head[1:].isdigit() and tail.isdigit() else fold


def check_finite(table: pd.DataFrame, column: str) -> None:
    """A column of the rows of `predictions.tsv` holds numbers only.

    Raises:
        RadpipeError: naming the first case without one.
    """
    values = table[column].to_numpy(dtype=float, na_value=np.nan)
    if not np.isfinite(values).all():
        row = table.iloc[int(np.flatnonzero(~np.isfinite(values))[0])]
        raise RadpipeError(
            f"model '{row['model']}', fold {row['fold']}: {column} is missing",
            case=str(row["case"]),
            found=row[column],
            expected="a number for every case",
        )


def _check_repeats(rows: pd.DataFrame) -> None:
    twice = rows[rows.duplicated(["model", "cohort", "case", "repeat"])]
    if len(twice):
        row = twice.iloc[0]
        raise RadpipeError(
            f"model '{row['model']}' predicts the case twice in repeat {row['repeat']}",
            case=str(row["case"]),
        )
    for (model, cohort), group in rows.groupby(["model", "cohort"], sort=False):
        cases = [set(part["case"]) for _, part in group.groupby("repeat", sort=False)]
        if any(part != cases[0] for part in cases):
            raise RadpipeError(
                f"the repeats of model '{model}' in cohort '{cohort}' hold different cases",
                found=[len(part) for part in cases],
                expected="the same cases in each repeat",
            )
