"""Tests of the difference between models."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm, t

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import (
    Placements,
    clustered_covariance,
    delong_covariance,
    placements,
)
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.multiplicity import benjamini_hochberg, holm
from radpipe.types import Matrix

__all__ = [
    "Difference",
    "benjamini_hochberg",
    "clustered_delong_test",
    "delong_test",
    "difference_of_aucs",
    "holm",
    "nadeau_bengio",
    "permutation_p",
    "unpaired_delong_test",
]


@dataclass(frozen=True)
class Difference:
    """First minus second, with interval, test statistic (z, or t where a t test) and p-value."""

    difference: float
    low: float
    high: float
    z: float
    p: float
    method: str


def delong_test(
    y: npt.ArrayLike, p_a: npt.ArrayLike, p_b: npt.ArrayLike, confidence: float = 0.95
) -> Difference:
    """Paired test of two AUCs on the same cases, every case a patient of its own.

    DeLong et al., Biometrics 1988;44:837. Two equal score vectors give z = 0 and p = 1.
    """
    placed = placements(y, np.stack([np.asarray(p_a, dtype=float), np.asarray(p_b, dtype=float)]))
    return difference_of_aucs(placed, delong_covariance(placed), confidence, "delong_paired")


def clustered_delong_test(
    y: npt.ArrayLike,
    p_a: npt.ArrayLike,
    p_b: npt.ArrayLike,
    patient: npt.ArrayLike,
    confidence: float = 0.95,
) -> Difference:
    """Paired test of two AUCs when patients have several cases (Obuchowski 1997)."""
    placed = placements(y, np.stack([np.asarray(p_a, dtype=float), np.asarray(p_b, dtype=float)]))
    covariance = clustered_covariance(placed, y, patient)
    return difference_of_aucs(placed, covariance, confidence, "obuchowski_paired")


def unpaired_delong_test(
    first: tuple[npt.ArrayLike, npt.ArrayLike],
    second: tuple[npt.ArrayLike, npt.ArrayLike],
    confidence: float = 0.95,
) -> Difference:
    """Test of two AUCs measured on different cases, by a t test with Welch's degrees of freedom.

    As in pROC, each variance is DeLong's and counts with the cases of its curve; `z` holds t.

    Args:
        first: outcome and scores of the first curve, each of shape (n,).
        second: those of the second, of any other length.
        confidence: of the interval.
    """
    placed = [placements(*curve) for curve in (first, second)]
    v = [float(delong_covariance(p)[0, 0]) for p in placed]
    n = [p.positive.shape[1] + p.negative.shape[1] for p in placed]
    difference, variance = float(placed[0].auc[0] - placed[1].auc[0]), v[0] + v[1]
    if not variance > 0:
        reason = "delong_unpaired (no test: variance 0 or undefined)"
        return Difference(difference, np.nan, np.nan, np.nan, np.nan, reason)
    freedom = variance**2 / (v[0] ** 2 / (n[0] - 1) + v[1] ** 2 / (n[1] - 1))
    error = float(np.sqrt(variance))
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * t.sf(abs(difference) / error, freedom))
    return Difference(
        difference,
        max(-1.0, difference - half),
        min(1.0, difference + half),
        difference / error,
        p,
        f"delong_unpaired (df {freedom:.1f})",
    )


def difference_of_aucs(
    placed: Placements, covariance: Matrix, confidence: float, method: str
) -> Difference:
    """The difference of the first two scores' AUCs, given their covariance."""
    first, second = (float(a) for a in placed.auc[:2])
    difference = first - second
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    if np.isnan(variance):
        note = f"{method} (no test: fewer than two in a class)"
        return Difference(difference, np.nan, np.nan, np.nan, np.nan, note)
    # Rounding leaves 1e-19 where equal scores have a difference of variance 0.
    error = np.sqrt(variance) if variance > 1e-15 else 0.0
    z = difference / error if error else np.copysign(np.inf, difference) if difference else 0.0
    half = normal_quantile(confidence) * error
    low, high = max(-1.0, difference - half), min(1.0, difference + half)
    return Difference(difference, low, high, float(z), float(2 * norm.sf(abs(z))), method)


def nadeau_bengio(
    differences: npt.ArrayLike, n_train: float, n_test: float, confidence: float = 0.95
) -> Difference:
    """Corrected resampled t test of differences from (repeated) cross-validation.

    The training sets overlap, so the plain t test over folds is far too sure of itself; the
    variance is taken times 1/J + n_test/n_train. Nadeau & Bengio, Mach Learn 2003;52:239.

    Args:
        differences: one a fold, shape (J,), of all repeats.
        n_train: cases in a training part.
        n_test: cases in a test part.
        confidence: of the interval.

    Raises:
        RadpipeError: fewer than two differences.
    """
    values = np.asarray(differences, dtype=float)
    if values.size < 2:
        raise RadpipeError("too few folds to compare", found=values.size, expected="at least 2")
    mean, factor = float(values.mean()), 1 / values.size + n_test / n_train
    error = float(np.sqrt(factor * values.var(ddof=1)))
    statistic = mean / error if error else np.copysign(np.inf, mean) if mean else 0.0
    freedom = values.size - 1
    half = float(t.ppf(0.5 + confidence / 2, freedom)) * error
    p = float(2 * t.sf(abs(statistic), freedom))
    return Difference(mean, mean - half, mean + half, float(statistic), p, "nadeau_bengio")


def permutation_p(at_least_as_extreme: int, permutations: int) -> float:
    """The p-value (b + 1) / (m + 1), never 0.

    Phipson & Smyth, Stat Appl Genet Mol Biol 2010;9:39.
    """
    return (at_least_as_extreme + 1) / (permutations + 1)
