"""Checks at the door of a fit: order, types and values of rows."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import CaseError, FitError
from radpipe.modelling.blocks import as_categories, as_numbers
from radpipe.modelling.predictors.base import Kind, Target


def in_order(
    table: pd.DataFrame, y: Target, patients: Sequence[str] | npt.NDArray[np.object_]
) -> tuple[pd.DataFrame, Target, npt.NDArray[np.object_]]:
    """Rows sorted by case: sums of floats, and so the fit, depend on their order.

    Raises:
        FitError: the lengths differ.
    """
    if not len(table) == len(y) == len(patients):
        raise FitError(
            "features, outcomes and patients are of different length",
            found=f"{len(table)}, {len(y)} and {len(patients)} rows",
        )
    order = np.argsort(table.index.astype(str), kind="stable")
    return table.iloc[order], y[order], np.asarray(patients, dtype=object)[order]


def typed(table: pd.DataFrame, categorical: Sequence[str]) -> pd.DataFrame:
    """Numbers as float and categories as text, whatever a file made of them."""
    changed = {
        str(c): as_categories(table[c]) if c in categorical else as_numbers(table[c])
        for c, kind in table.dtypes.items()
        if c in categorical or kind != np.float64
    }
    return table.assign(**changed)


def check_outcome(table: pd.DataFrame, y: npt.NDArray[Any], kind: Kind) -> Target:
    """The outcome as a predictor takes it.

    Raises:
        FitError: a value does not fit the kind of outcome.
    """
    if kind == "survival":
        if y.dtype.names != ("event", "time"):
            raise FitError(
                "a survival outcome is an array with the fields event and time", found=y.dtype
            )
        expected: str | None = "a time of 0 or more"
        bad = ~(np.isfinite(y["time"]) & (y["time"] >= 0))
        problem, values = "a follow-up time of the training part is no time", y["time"]
    else:
        y = y.astype(float)
        values = y
        bad, problem, expected = _strange(y, kind)
    if bad.any():
        case = str(table.index[bad][0])
        raise FitError(problem, case=case, found=values[bad][0], expected=expected)
    if kind == "survival" and not y["event"].any():
        raise FitError("no event was seen in the training part", found=f"{len(y)} censored cases")
    return y


def check_finite(table: pd.DataFrame) -> None:
    """Refuse infinite features.

    Raises:
        CaseError: a feature is infinite.
    """
    numbers = table.select_dtypes("number")
    infinite = np.isinf(numbers.to_numpy())
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise CaseError(
            f"feature '{numbers.columns[column]}' is infinite",
            case=str(table.index[row]),
            expected="a number, or an empty cell",
        )


def check_columns(table: pd.DataFrame, columns: Sequence[str], model: str) -> None:
    """Refuse rows without a column that a model reads.

    Raises:
        FitError: a column is missing.
    """
    absent = [c for c in columns if c not in table]
    if absent:
        raise FitError(
            f"model '{model}' needs the column '{absent[0]}'",
            found=f"{len(absent)} of {len(columns)} columns missing",
            expected="the columns it was fitted on",
        )


def _strange(y: npt.NDArray[Any], kind: Kind) -> tuple[npt.NDArray[np.bool_], str, str | None]:
    if kind == "binary":
        return ~np.isin(y, (0.0, 1.0)), "an outcome of the training part is neither 0 nor 1", None
    if kind == "multiclass":
        whole = np.isfinite(y) & (y >= 0) & (np.floor(y) == y)
        return ~whole, "an outcome of the training part is no index of a class", "0, 1, 2 …"
    return ~np.isfinite(y), "an outcome of the training part is no number", "a number"
