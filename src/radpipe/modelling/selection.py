"""Choosing features inside a training part."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from radpipe.types import Matrix, Vector

CONSTANT = 1e-8
"""A scaled column with a standard deviation below this does not vary."""


class FeatureFilter(TransformerMixin, BaseEstimator):
    """Keep varying, ranked columns of which no two are nearly the same.

    Columns are visited in rank order, and a column is kept unless it does not vary or correlates
    with a kept one above `correlation` in absolute value; `keep` columns are kept at most. Rank
    is the order of the columns, or with `anova` the F statistic of the two classes, largest
    first: F = (n - 2) r² / (1 - r²) grows with the point-biserial |r|, which is what is ranked.
    If nothing varies the first column stays, for a predictor needs one.

    Args:
        method: `none` or `anova`.
        keep: columns kept at most; none: no limit.
        correlation: largest |r| of two kept columns; 1: off.
    """

    def __init__(
        self, method: str = "none", keep: int | None = None, correlation: float = 0.95
    ) -> None:
        self.method = method
        self.keep = keep
        self.correlation = correlation

    def fit(self, X: Matrix, y: Vector | None = None) -> Self:
        """Choose columns; `y` is read by `anova` only."""
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        unit, varies = _unit_columns(X)
        order = np.flatnonzero(varies)
        if self.method == "anova":
            # Rounded, so that equal columns tie and the earlier one wins on every machine.
            strength = np.abs(_unit_vector(np.asarray(y, dtype=float)) @ unit[:, order]).round(10)
            order = order[np.argsort(-strength, kind="stable")]
        limit = len(order) if self.keep is None else min(self.keep, len(order))
        kept = _uncorrelated(unit, order, self.correlation, limit)
        self.kept_ = np.sort(kept) if len(kept) else np.zeros(1, dtype=np.intp)
        return self

    def transform(self, X: Matrix) -> Matrix:
        """The kept columns in their original order."""
        return np.asarray(X)[:, self.kept_]

    def get_feature_names_out(
        self, input_features: npt.ArrayLike | None = None
    ) -> npt.NDArray[np.object_]:
        """Names of the kept columns."""
        if input_features is None:
            input_features = [f"x{i}" for i in range(self.n_features_in_)]
        return np.asarray(input_features, dtype=object)[self.kept_]


def _unit_columns(X: Matrix) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Centred columns of length one, and which columns vary."""
    centred = X - X.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    varies = length > CONSTANT * np.sqrt(len(X))
    return np.asfortranarray(centred / np.where(varies, length, 1.0)), varies


def _unit_vector(y: Vector) -> Vector:
    centred = y - y.mean()
    return centred / np.sqrt((centred**2).sum())


def _uncorrelated(
    unit: Matrix, order: npt.NDArray[np.intp], correlation: float, limit: int
) -> npt.NDArray[np.intp]:
    """Walk along `order`; a whole correlation matrix is never needed."""
    if correlation >= 1:
        return order[:limit]
    kept = np.empty((limit, len(unit)))
    chosen: list[int] = []
    for column in order:
        if len(chosen) == limit:
            break
        candidate = unit[:, column]
        if chosen and np.abs(kept[: len(chosen)] @ candidate).max() > correlation:
            continue
        kept[len(chosen)] = candidate
        chosen.append(int(column))
    return np.asarray(chosen, dtype=np.intp)
