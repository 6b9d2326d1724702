"""The outcome as numbers that a ranking can correlate with."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from radpipe.modelling.predictors.base import Kind, Target, one_hot
from radpipe.modelling.predictors.survival import martingale
from radpipe.types import Matrix, Vector

Groups = npt.NDArray[np.intp]


def numeric_targets(y: Target, kind: Kind) -> Matrix:
    """The outcome in columns, shape (n, m).

    One column for a binary outcome and a number, one a class for several, the martingale residual
    of the empty model (events minus expected events) for a time.
    """
    if kind == "multiclass":
        return one_hot(y, np.unique(y)).astype(float)
    if kind == "survival":
        return martingale(y, np.zeros(len(y)))[:, None]
    return np.asarray(y, dtype=float)[:, None]


def groups_of(y: Target, kind: Kind, bins: int) -> Groups:
    """The class of each row, or for numbers and times the quantile group, shape (n,)."""
    if kind in ("binary", "multiclass"):
        return np.unique(y, return_inverse=True)[1]
    return quantile_groups(numeric_targets(y, kind), bins)[:, 0]


def quantile_groups(X: Matrix, bins: int) -> npt.NDArray[np.intp]:
    """Each column cut into `bins` groups of about equal size; equal values stay together."""
    ranks = column_ranks(X)
    return np.minimum((ranks - 0.5) * bins // len(X), bins - 1).astype(np.intp)


def column_ranks(X: Matrix) -> Matrix:
    """Mid-ranks within each column, shape (n, p)."""
    return np.asarray(rankdata(X, axis=0), dtype=float)


def unit_columns(X: Matrix) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Centred columns of length one, and which columns vary."""
    centred = X - X.mean(axis=0)
    length = np.sqrt((centred**2).sum(axis=0))
    varies = length > CONSTANT * np.sqrt(len(X))
    return np.asfortranarray(centred / np.where(varies, length, 1.0)), varies


def unit_vector(y: Vector) -> Vector:
    """A centred vector of length one; zero if it does not vary."""
    centred = y - y.mean()
    length = float(np.sqrt((centred**2).sum()))
    return centred / length if length > 0 else centred


CONSTANT = 1e-8
"""A scaled column with a standard deviation below this does not vary."""
