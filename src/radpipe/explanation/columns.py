"""The columns a model looks at, as numbers that SHAP and LIME can work with."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.types import Matrix, Vector

Predict = Callable[[pd.DataFrame], npt.NDArray[np.floating]]
"""From rows with the columns of the training data to one number each, shape (n,): P(y = 1), or what
else the kind of outcome has (`models.scale_of`)."""

BATCH = 2000
"""Rows given to the model at once while its columns are sought, about."""

ROUNDING = 1e-9
"""Changes below this come from the number of rows in a matrix product, not from a column."""

PROBES = 3
"""Shuffles of a column that must all leave the predictions alone before it counts as unused."""


def used_columns(
    predict: Predict, table: pd.DataFrame, background: pd.DataFrame, *, seed: int
) -> list[str]:
    """The columns of which a change can change a prediction.

    Groups of columns are swapped with rows of the background and halved where that moves a
    prediction, so that a model using few of thousands of columns costs few calls. The model
    must not let one row influence another.

    Args:
        predict: the model.
        table: rows to be explained.
        background: rows of the training data, with the same columns.
        seed: of the swaps.

    Returns:
        Names in the order of the table; a column without variation is not used.
    """
    check_columns(table, background)
    rng = np.random.default_rng(seed)
    rows = pd.concat([table, background], ignore_index=True)
    start = np.asarray(predict(rows), dtype=float)
    orders = [rng.permutation(len(rows)) for _ in range(PROBES)]
    used: list[str] = []
    groups = [list(table.columns)]
    # Level by level, since a call for one group costs nearly as much as a call for twenty.
    while groups:
        moving = _moving(predict, rows, start, groups, orders)
        used += [group[0] for group in moving if len(group) == 1]
        wide = [group for group in moving if len(group) > 1]
        halves = [(group[: len(group) // 2], group[len(group) // 2 :]) for group in wide]
        groups = [half for pair in halves for half in pair]
    return [column for column in table.columns if column in set(used)]


def _moving(
    predict: Predict,
    rows: pd.DataFrame,
    start: Vector,
    groups: list[list[str]],
    orders: list[npt.NDArray[np.intp]],
) -> list[list[str]]:
    """The groups of columns of which some shuffle changes a prediction."""
    moved = [False] * len(groups)
    per_call = max(1, BATCH // len(rows))
    for order in orders:
        still = [i for i, done in enumerate(moved) if not done]
        for first in range(0, len(still), per_call):
            part = still[first : first + per_call]
            swapped = [
                _replace(rows, rows[groups[i]].iloc[order].reset_index(drop=True)) for i in part
            ]
            p = np.asarray(predict(pd.concat(swapped, ignore_index=True)), dtype=float)
            for i, values in zip(part, p.reshape(len(part), -1), strict=True):
                moved[i] = bool(np.abs(values - start).max() > ROUNDING)
    return [group for group, hit in zip(groups, moved, strict=True) if hit]


def source_columns(features: Iterable[str], table: pd.DataFrame) -> dict[str, str]:
    """The column of the table behind each feature of a pipeline, where there is one.

    A feature has the name of its column, or `<column>_<category>` if the column holds text.
    """
    texts = [c for c in table.columns if not pd.api.types.is_numeric_dtype(table[c])]
    found: dict[str, str] = {}
    for feature in features:
        owners = [c for c in texts if feature.startswith(f"{c}_")]
        if feature in table.columns:
            found[feature] = feature
        elif owners:
            found[feature] = max(owners, key=len)
    return found


def check_columns(table: pd.DataFrame, background: pd.DataFrame) -> None:
    """Refuse rows and background that do not share their columns.

    Raises:
        RadpipeError: the columns differ or there are no rows.
    """
    if list(table.columns) != list(background.columns):
        raise RadpipeError(
            "the background has other columns than the rows to explain",
            found=sorted(set(table.columns) ^ set(background.columns)) or "another order",
            expected="the same columns in the same order",
        )
    if table.empty or background.empty:
        raise RadpipeError("there is nothing to explain", found="no rows or no background")


@dataclass(frozen=True)
class Codes:
    """A reversible coding of some columns as floats; the other columns are held fixed.

    Attributes:
        columns: the coded columns.
        categories: the values of each column that is not numeric; a code is a position there.
        fixed: one row that gives the columns that are not coded.
    """

    columns: list[str]
    categories: dict[str, list[Hashable]]
    fixed: pd.DataFrame

    @classmethod
    def of(cls, table: pd.DataFrame, background: pd.DataFrame, columns: list[str]) -> "Codes":
        """The coding of `columns`; categories are those of either table, sorted by name."""
        rows = pd.concat([table, background], ignore_index=True)
        texts = [c for c in columns if not pd.api.types.is_numeric_dtype(rows[c])]
        categories = {c: sorted(rows[c].unique(), key=str) for c in texts}
        return cls(columns, categories, background.iloc[[0]])

    def encode(self, table: pd.DataFrame) -> Matrix:
        """Codes of the rows, shape (n, columns); a missing number stays NaN."""
        coded = [
            # A missing value is a category of its own, found by its text.
            table[c].map(str).map({str(v): i for i, v in enumerate(self.categories[c])})
            if c in self.categories
            else table[c]
            for c in self.columns
        ]
        return np.column_stack([column.to_numpy(dtype=float) for column in coded])

    def decode(self, codes: Matrix) -> pd.DataFrame:
        """Rows with all columns of the model."""
        fixed = self.fixed.iloc[np.zeros(len(codes), dtype=int)].reset_index(drop=True)
        columns: dict[str, npt.NDArray[np.generic]] = {}
        for name, values in zip(self.columns, codes.T, strict=True):
            if name in self.categories:
                known = pd.Series(self.categories[name], dtype=self.fixed[name].dtype)
                columns[name] = known.iloc[values.astype(int)].to_numpy()
            else:
                columns[name] = values
        return _replace(fixed, pd.DataFrame(columns))

    def predictor(self, predict: Predict) -> Callable[[Matrix], Vector]:
        """The model as a function of codes."""
        return lambda codes: np.asarray(predict(self.decode(np.asarray(codes))), dtype=float)


def _replace(table: pd.DataFrame, columns: pd.DataFrame) -> pd.DataFrame:
    """The table with some columns replaced; assigning hundreds one by one is ten times slower."""
    others = table.drop(columns=list(columns.columns))
    return pd.concat([others, columns], axis=1)[list(table.columns)]
