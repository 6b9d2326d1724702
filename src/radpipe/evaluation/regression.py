"""Predictions of a number: error, explained variance, correlation, agreement.

The `weighted_*` functions take case weights of shape (B, n), such as `patient_weights`, and give
one value a row; the others are for one set of cases and give the usual intervals.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import Interval, Matrix, Vector


@dataclass(frozen=True)
class BlandAltman:
    """Mean and spread of prediction less truth, and the limits that hold 95 % of differences.

    Attributes:
        bias: mean difference, with its t interval.
        sd: of the differences.
        low: bias - 1.96 sd, with its interval.
        high: bias + 1.96 sd, with its interval.
    """

    bias: Interval
    sd: float
    low: Interval
    high: Interval


def check_numbers(y: npt.ArrayLike, predicted: npt.ArrayLike) -> tuple[Vector, Vector]:
    """Truth and prediction as float, both of shape (n,), every value finite.

    Raises:
        RadpipeError: lengths differ, no case, or a value is missing or infinite.
    """
    truth, values = np.asarray(y, dtype=float), np.asarray(predicted, dtype=float)
    if truth.ndim != 1 or truth.size == 0 or truth.shape != values.shape:
        raise RadpipeError(
            "truth and prediction are not two vectors of one length",
            found=f"shapes {truth.shape} and {values.shape}",
            expected="(n,) twice with n > 0",
        )
    for what, column in (("a true value", truth), ("a prediction", values)):
        if not np.isfinite(column).all():
            raise RadpipeError(
                f"{what} is not a finite number",
                found=f"{int((~np.isfinite(column)).sum())} of {column.size} missing or infinite",
                expected="a number for every case",
            )
    return truth, values


def weighted_mse(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Mean squared error."""
    return _mean((predicted - y) ** 2, weights)


def weighted_rmse(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Root of the mean squared error, in the unit of the outcome."""
    return np.sqrt(weighted_mse(y, predicted, weights))


def weighted_mae(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Mean absolute error, in the unit of the outcome."""
    return _mean(np.abs(predicted - y), weights)


def weighted_bias(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Mean of prediction less truth, in the unit of the outcome."""
    return _mean(predicted - y, weights)


def weighted_r2(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """1 - squared error over that of the mean; below 0 the mean would predict better."""
    return 1 - _ratio(weighted_mse(y, predicted, weights), _variance(y, weights))


def weighted_explained_variance(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """As R2, but a constant bias costs nothing."""
    return 1 - _ratio(_variance(predicted - y, weights), _variance(y, weights))


def weighted_pearson(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Pearson's correlation; NaN where truth or prediction is constant."""
    spread = np.sqrt(_variance(y, weights) * _variance(predicted, weights))
    return np.clip(_ratio(_covariance(y, predicted, weights), spread), -1, 1)


def weighted_spearman(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Pearson's correlation of the ranks (of each sample of its own), ties at their mean rank."""
    a, b = _ranks(y, weights), _ranks(predicted, weights)
    total = weights.sum(axis=1)
    means = [(weights * r).sum(axis=1, keepdims=True) / total[:, None] for r in (a, b)]
    a, b = a - means[0], b - means[1]
    product, aa, bb = ((weights * x).sum(axis=1) for x in (a * b, a * a, b * b))
    return np.clip(_ratio(product, np.sqrt(aa * bb)), -1, 1)


def weighted_concordance(y: Vector, predicted: Vector, weights: Matrix) -> Vector:
    """Lin's concordance correlation with denominators n. Lin, Biometrics 1989;45:255."""
    shift = _mean(predicted, weights) - _mean(y, weights)
    spread = _variance(y, weights) + _variance(predicted, weights) + shift**2
    return _ratio(2 * _covariance(y, predicted, weights), spread)


METRICS: dict[str, Callable[[Vector, Vector, Matrix], Vector]] = {
    "mse": weighted_mse,
    "rmse": weighted_rmse,
    "mae": weighted_mae,
    "bias": weighted_bias,
    "r2": weighted_r2,
    "explained_variance": weighted_explained_variance,
    "pearson": weighted_pearson,
    "spearman": weighted_spearman,
    "concordance": weighted_concordance,
}
"""Every metric of a prediction of a number."""


def regression_metrics(y: npt.ArrayLike, predicted: npt.ArrayLike) -> dict[str, float]:
    """All of `METRICS` of one set of cases.

    Args:
        y: the truth, shape (n,).
        predicted: the prediction, shape (n,).

    Raises:
        RadpipeError: see `check_numbers`.
    """
    truth, values = check_numbers(y, predicted)
    once = np.ones((1, truth.size))
    return {name: float(metric(truth, values, once)[0]) for name, metric in METRICS.items()}


def pearson(y: npt.ArrayLike, predicted: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Pearson's correlation with Fisher's z interval (NaN limits below four cases)."""
    truth, values = check_numbers(y, predicted)
    r = float(weighted_pearson(truth, values, np.ones((1, truth.size)))[0])
    return _fisher(r, 1 / (truth.size - 3) if truth.size > 3 else np.nan, confidence, "fisher_z")


def spearman(y: npt.ArrayLike, predicted: npt.ArrayLike, *, confidence: float = 0.95) -> Interval:
    """Spearman's correlation; variance of z as in Bonett & Wright, Psychometrika 2000;65:23."""
    truth, values = check_numbers(y, predicted)
    rho = float(weighted_spearman(truth, values, np.ones((1, truth.size)))[0])
    variance = (1 + rho**2 / 2) / (truth.size - 3) if truth.size > 3 else np.nan
    return _fisher(rho, variance, confidence, "fisher_z (Bonett & Wright)")


def concordance(
    y: npt.ArrayLike, predicted: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Lin's concordance with its z interval, as epiR's `epi.ccc`. Lin, Biometrics 2000;56:324."""
    truth, values = check_numbers(y, predicted)
    once = np.ones((1, truth.size))
    c = float(weighted_concordance(truth, values, once)[0])
    r = float(weighted_pearson(truth, values, once)[0])
    spread = float(np.sqrt(_variance(truth, once) * _variance(values, once))[0])
    if truth.size < 3 or not 0 < abs(c) < 1 or r == 0:
        return Interval(c, np.nan, np.nan, "lin_z (undefined)")
    u2 = (float(weighted_bias(truth, values, once)[0])) ** 2 / spread
    inside = (1 - r**2) * c**2 / ((1 - c**2) * r**2)
    inside += 2 * c**3 * (1 - c) * u2 / (r * (1 - c**2) ** 2)
    inside -= c**4 * u2**2 / (2 * r**2 * (1 - c**2) ** 2)
    return _fisher(c, inside / (truth.size - 2), confidence, "lin_z")


def bland_altman(
    y: npt.ArrayLike, predicted: npt.ArrayLike, *, confidence: float = 0.95
) -> BlandAltman:
    """Bias and limits of agreement of prediction less truth. Bland & Altman, Lancet 1986;1:307.

    The limits' interval takes their variance as (1/n + 1.96**2 / (2 (n - 1))) sd**2 (Bland &
    Altman, Stat Methods Med Res 1999;8:135).

    Raises:
        RadpipeError: see `check_numbers`; or there is one case only.
    """
    truth, values = check_numbers(y, predicted)
    n, difference = truth.size, values - truth
    if n < 2:
        raise RadpipeError("limits of agreement need two cases", found=f"{n}")
    bias, sd = float(difference.mean()), float(difference.std(ddof=1))
    z, quantile = normal_quantile(0.95), float(student.ppf(0.5 + confidence / 2, n - 1))
    around_bias = quantile * sd / np.sqrt(n)
    around_limit = quantile * sd * np.sqrt(1 / n + z**2 / (2 * (n - 1)))

    def interval(at: float, half: float) -> Interval:
        return Interval(at, float(at - half), float(at + half), "student_t")

    return BlandAltman(
        interval(bias, around_bias),
        sd,
        interval(bias - z * sd, around_limit),
        interval(bias + z * sd, around_limit),
    )


def _fisher(r: float, variance: float, confidence: float, method: str) -> Interval:
    if not abs(r) < 1:
        return Interval(r, r, r, method) if abs(r) == 1 else Interval(r, np.nan, np.nan, method)
    half = normal_quantile(confidence) * np.sqrt(variance)
    low, high = np.tanh(np.arctanh(r) + np.array([-half, half]))
    return Interval(r, float(low), float(high), method)


def _mean(values: Vector, weights: Matrix) -> Vector:
    return np.asarray(weights @ values / weights.sum(axis=1))


def _variance(values: Vector, weights: Matrix) -> Vector:
    return _covariance(values, values, weights)


def _covariance(a: Vector, b: Vector, weights: Matrix) -> Vector:
    """With denominators n; exactly 0 where a sample is constant."""
    # About the mean of all cases, so that large numbers lose no digits.
    a, b = a - a.mean(), b - b.mean()
    found = _mean(a * b, weights) - _mean(a, weights) * _mean(b, weights)
    level = np.sqrt(_mean(a * a, weights) * _mean(b * b, weights))
    return np.where(np.abs(found) > 1e-12 * level, found, 0.0)


def _ratio(above: Vector, below: Vector) -> Vector:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)


def _ranks(values: Vector, weights: Matrix) -> Matrix:
    """Mean rank of each case in each sample, shape (B, n)."""
    _, index = np.unique(values, return_inverse=True)
    counts = np.zeros((len(weights), index.max() + 1))
    np.add.at(counts.T, index, weights.T)
    below = np.cumsum(counts, axis=1) - counts
    return np.asarray((below + (counts + 1) / 2)[:, index])
