"""Adjustment of the p-values of a family of tests.

A missing p-value stays missing and is not counted. The definitions are those of R's `p.adjust`.
"""

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Vector


def bonferroni(p: npt.ArrayLike) -> Vector:
    """Bonferroni: each p-value times their number."""
    values, adjusted = _finite_p(p)
    return _place(adjusted, np.minimum(values * values.size, 1.0))


def holm(p: npt.ArrayLike) -> Vector:
    """Holm's adjusted p-values, for a family of confirmatory tests.

    Holm, Scand J Stat 1979;6:65.
    """
    values, adjusted = _finite_p(p)
    order = np.argsort(values, kind="stable")
    steps = np.maximum.accumulate((values.size - np.arange(values.size)) * values[order])
    return _place(adjusted, _unsorted(np.minimum(steps, 1.0), order))


def hochberg(p: npt.ArrayLike) -> Vector:
    """Hochberg's step-up values; holds for independent or positively dependent tests.

    Hochberg, Biometrika 1988;75:800.
    """
    values, adjusted = _finite_p(p)
    return _place(adjusted, _step_up(values, np.arange(1.0, values.size + 1)))


def hommel(p: npt.ArrayLike) -> Vector:
    """Hommel's values, at least as small as Hochberg's, under the same condition.

    Hommel, Biometrika 1988;75:383; computed as in Wright, Biometrics 1992;48:1005.
    """
    values, adjusted = _finite_p(p)
    n = values.size
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    smallest = (n * ranked / np.arange(1, n + 1)).min(initial=1.0)
    closed = np.full(n, smallest)
    for size in range(n - 1, 1, -1):
        first, last = np.arange(n - size + 1), np.arange(n - size + 1, n)
        bound = (size * ranked[last] / np.arange(2, size + 1)).min()
        current = np.empty(n)
        current[first] = np.minimum(size * ranked[first], bound)
        current[last] = current[n - size]
        closed = np.maximum(closed, current)
    return _place(adjusted, _unsorted(np.maximum(closed, ranked), order))


def benjamini_hochberg(p: npt.ArrayLike) -> Vector:
    """Benjamini and Hochberg's adjusted p-values, for screening: the false discovery rate.

    Benjamini & Hochberg, J R Stat Soc B 1995;57:289.
    """
    values, adjusted = _finite_p(p)
    return _place(adjusted, _step_up(values, values.size / _descending_ranks(values.size)))


def benjamini_yekutieli(p: npt.ArrayLike) -> Vector:
    """The false discovery rate under any dependence of the tests.

    Benjamini & Yekutieli, Ann Stat 2001;29:1165.
    """
    values, adjusted = _finite_p(p)
    n = values.size
    harmonic = (1 / np.arange(1, n + 1)).sum()
    return _place(adjusted, _step_up(values, harmonic * n / _descending_ranks(n)))


def _descending_ranks(n: int) -> Vector:
    """Ranks n, n - 1, ..., 1 of p-values from the largest to the smallest."""
    return np.arange(n, 0, -1, dtype=float)


def _step_up(values: Vector, factors: Vector) -> Vector:
    """Running minimum of factor x p from the largest p-value down; `factors` in that order."""
    order = np.argsort(values, kind="stable")[::-1]
    return _unsorted(np.minimum(np.minimum.accumulate(factors * values[order]), 1.0), order)


def _unsorted(steps: Vector, order: npt.NDArray[np.intp]) -> Vector:
    placed = np.empty(order.size)
    placed[order] = steps
    return placed


def _finite_p(p: npt.ArrayLike) -> tuple[Vector, Vector]:
    values = np.asarray(p, dtype=float)
    finite = values[~np.isnan(values)]
    if ((finite < 0) | (finite > 1)).any():
        raise RadpipeError("a p-value is outside [0, 1]", found=finite.tolist())
    return finite, values.copy()


def _place(adjusted: Vector, steps: Vector) -> Vector:
    adjusted[~np.isnan(adjusted)] = steps
    return adjusted
