"""Confidence intervals: Wilson and Clopper-Pearson for proportions, the bootstrap of patients."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.stats import beta, norm

from radpipe.types import Interval, Matrix, Vector

USABLE_SHARE = 0.8
"""Below this share of samples in which a statistic exists, its bootstrap interval is not given."""


def normal_quantile(confidence: float) -> float:
    """The two-sided normal quantile: 1.96 for a confidence of 0.95."""
    return float(norm.ppf(0.5 + confidence / 2))


def wilson(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of the proportion k / n, without continuity correction.

    NaN for n = 0. Wilson, J Am Stat Assoc 1927;22:209.
    """
    if n == 0:
        return np.nan, np.nan
    z = normal_quantile(confidence)
    share, spread = k / n, z**2 / n
    centre = (share + spread / 2) / (1 + spread)
    half = z / (1 + spread) * np.sqrt(share * (1 - share) / n + spread / (4 * n))
    # At the ends the exact limits are 0 and 1; rounding must not push them outside.
    low = 0.0 if k == 0 else max(0.0, centre - half)
    return float(low), float(1.0 if k == n else min(1.0, centre + half))


def clopper_pearson(k: float, n: float, confidence: float = 0.95) -> tuple[float, float]:
    """The exact interval of the proportion k / n: never too narrow, often too wide.

    NaN for n = 0. Clopper & Pearson, Biometrika 1934;26:404.
    """
    if n == 0:
        return np.nan, np.nan
    tail = (1 - confidence) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    return low, 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))


def patient_weights(patient: npt.ArrayLike, samples: int, seed: int | Sequence[int]) -> Matrix:
    """How often each case is in each bootstrap sample of patients, shape (samples, n).

    Patients are drawn with replacement; all cases of a patient come together. The weights depend on
    the names of the patients only, not on the order of the rows.
    """
    names, index = np.unique(np.asarray(patient).astype(str), return_inverse=True)
    share = np.full(names.size, 1 / names.size)
    draws = np.random.default_rng(seed).multinomial(names.size, share, size=samples)
    return draws[:, index].astype(float)


def percentile_interval(
    estimate: float, replicates: Vector, confidence: float, method: str = "patient_bootstrap"
) -> Interval:
    """The percentile interval of bootstrap replicates; a NaN is a sample without the statistic.

    The method says when more than 5 % of the samples lack the statistic; the limits are NaN when
    fewer than 80 % have it.
    """
    finite = replicates[np.isfinite(replicates)]
    share = finite.size / replicates.size
    if share < USABLE_SHARE:
        note = f"{method} (no interval: defined in {100 * share:.0f} % of samples)"
        return Interval(estimate, np.nan, np.nan, note)
    low, high = np.quantile(finite, [(1 - confidence) / 2, (1 + confidence) / 2])
    note = method if share >= 0.95 else f"{method} (defined in {100 * share:.0f} % of samples)"
    return Interval(estimate, float(low), float(high), note)


def bootstrap_interval(
    statistic: Callable[..., float],
    arrays: Sequence[npt.ArrayLike],
    patient: npt.ArrayLike,
    *,
    samples: int = 2000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile interval of any statistic by resampling patients.

    Args:
        statistic: called with the resampled arrays; NaN where it does not exist.
        arrays: one value a case each, shape (n, ...).
        patient: name of each case's patient, shape (n,).
        samples: bootstrap samples.
        confidence: of the interval.
        seed: of the draws.
    """
    columns = [np.asarray(array) for array in arrays]
    weights = patient_weights(patient, samples, seed).astype(int)
    cases = np.arange(weights.shape[1])
    replicates = np.array(
        [
            statistic(*(c[index] for c in columns))
            for index in (np.repeat(cases, w) for w in weights)
        ]
    )
    return percentile_interval(float(statistic(*columns)), replicates, confidence)
