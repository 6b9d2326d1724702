"""Columns kept of a training part: varying, ranked, and no two nearly the same."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Self

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, TransformerMixin

from radpipe.modelling.predictors.base import Kind, Target
from radpipe.modelling.selection.registry import rank_columns
from radpipe.modelling.selection.targets import unit_columns
from radpipe.types import Matrix

Columns = npt.NDArray[np.intp]


class FeatureFilter(TransformerMixin, BaseEstimator):
    """Keep varying, ranked columns of which no two are nearly the same.

    Columns are visited in rank order, and a column is kept unless it does not vary or correlates
    with a kept one above `correlation` in absolute value; `keep` columns are kept at most. If
    nothing varies the first column stays, for a predictor needs one.

    Args:
        method: `none` (the order of the columns) or a name in `RANKINGS`.
        keep: columns kept at most; none: no limit.
        correlation: largest |r| of two kept columns; 1: off.
        kind: kind of outcome.
        seed: of rankings that draw.
    """

    def __init__(
        self,
        method: str = "none",
        keep: int | None = None,
        correlation: float = 0.95,
        kind: Kind = "binary",
        seed: int = 0,
    ) -> None:
        self.method = method
        self.keep = keep
        self.correlation = correlation
        self.kind = kind
        self.seed = seed

    def fit(self, X: Matrix, y: Target | None = None) -> Self:
        """Choose columns of X (n, p); `y` is read by the ranking only."""
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        outcome = np.zeros(len(X)) if y is None else np.asarray(y)
        order = visiting_order(X, outcome, self.method, kind=self.kind, seed=self.seed)
        self.kept_ = kept_columns(X, order, self.keep, self.correlation)
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


def visiting_order(X: Matrix, y: Target, method: str, *, kind: Kind, seed: int) -> Columns:
    """The columns that vary, from the best to the least."""
    _, varies = unit_columns(X)
    usable = np.flatnonzero(varies)
    if not len(usable):
        return usable
    return usable[rank_columns(method, X[:, usable], y, kind=kind, seed=seed)]


def kept_columns(X: Matrix, order: Columns, keep: int | None, correlation: float) -> Columns:
    """Columns kept when visited in `order`, sorted; the first of all if there is none.

    The columns kept for a smaller limit are the first of those for a larger one.
    """
    kept = np.sort(walk(X, order, len(order) if keep is None else keep, correlation))
    return kept if len(kept) else np.zeros(1, dtype=np.intp)


def walk(X: Matrix, order: Columns, limit: int, correlation: float) -> Columns:
    """The first `limit` columns along `order` without near copies, in that order."""
    limit = min(limit, len(order))
    if correlation >= 1:
        return order[:limit]
    unit, _ = unit_columns(X)
    kept = np.empty((limit, len(unit)))
    chosen: list[int] = []
    # A whole correlation matrix is never needed.
    for column in order:
        if len(chosen) == limit:
            break
        candidate = unit[:, column]
        if chosen and np.abs(kept[: len(chosen)] @ candidate).max() > correlation:
            continue
        kept[len(chosen)] = candidate
        chosen.append(int(column))
    return np.asarray(chosen, dtype=np.intp)
