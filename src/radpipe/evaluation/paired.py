"""Paired comparison of two methods on the same patients, without a distribution assumed."""

from itertools import product

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.evaluation.comparison import Difference, permutation_p
from radpipe.evaluation.intervals import patient_weights, percentile_interval
from radpipe.types import Vector

EXACT_UP_TO = 12
"""With so many patients at most, all 4096 ways to swap the methods are tried."""

PERMUTATIONS = 9999
"""Random swaps with more patients."""


def paired_difference(
    differences: npt.ArrayLike,
    patient: npt.ArrayLike,
    *,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Difference:
    """Mean over patients of the difference of two methods, first minus second.

    A patient with several cases counts with their mean, so that every patient counts the same. The
    interval is that of a bootstrap of patients, the p-value that of the sign-flip test.

    Args:
        differences: one a case, shape (n,).
        patient: name of each case's patient, shape (n,).
        samples: bootstrap samples.
        confidence: of the interval.
        seed: of the draws.

    Returns:
        The difference; `z` is NaN, the test has no such statistic.

    Raises:
        RadpipeError: there is no case, or a difference is no finite number.
    """
    values = np.asarray(differences, dtype=float)
    if not values.size or not np.isfinite(values).all():
        found = f"{np.isfinite(values).sum()} of {values.size}"
        raise RadpipeError("differences cannot be compared", found=found, expected="finite numbers")
    names, index = np.unique(np.asarray(patient).astype(str), return_inverse=True)
    means = np.bincount(index, values) / np.bincount(index)
    weights = patient_weights(names, samples, seed)
    replicates = weights @ means / weights.sum(axis=1)
    interval = percentile_interval(float(means.mean()), replicates, confidence)
    method = "sign_flip_exact" if names.size <= EXACT_UP_TO else "sign_flip"
    p = sign_flip_p(means, seed)
    return Difference(interval.estimate, interval.low, interval.high, np.nan, p, method)


def sign_flip_p(differences: npt.ArrayLike, seed: int = 0) -> float:
    """Two-sided p-value of the mean of paired differences: if methods were alike, signs are chance.

    Exact over all signs up to `EXACT_UP_TO` differences, otherwise (b + 1) / (m + 1) of
    `PERMUTATIONS` random ones (Phipson & Smyth, Stat Appl Genet Mol Biol 2010;9:39).

    Args:
        differences: one a patient, shape (n,).
        seed: of the random signs.
    """
    values = np.asarray(differences, dtype=float)
    if values.size <= EXACT_UP_TO:
        signs = np.array(list(product((1.0, -1.0), repeat=values.size)))
        return float(_as_extreme(signs @ values, values).mean())
    draws = np.random.default_rng(seed).integers(0, 2, (PERMUTATIONS, values.size))
    return permutation_p(int(_as_extreme((1.0 - 2.0 * draws) @ values, values).sum()), PERMUTATIONS)


def _as_extreme(sums: Vector, values: Vector) -> npt.NDArray[np.bool_]:
    # Equal sums may differ by rounding, as their terms are added in another order.
    rounding = 1e-12 * np.abs(values).sum()
    return np.asarray(np.abs(sums) >= abs(values.sum()) - rounding)
