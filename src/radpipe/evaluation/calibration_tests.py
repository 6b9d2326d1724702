"""Tests and intervals of calibration, beside the estimates of `calibration`.

A test says whether predictions are off, not by how much; report slope, intercept and curve first.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import chi2, norm
from statsmodels.nonparametric.smoothers_lowess import lowess

from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import (
    FLOOR,
    calibration_slope,
    intercept_in_large,
    intercept_joint,
)
from radpipe.evaluation.checks import check_probabilities
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import Interval, Vector


@dataclass(frozen=True)
class HosmerLemeshow:
    """Chi-square of observed against expected counts in groups by prediction.

    `groups` has `n, observed, expected` (of events), a row a group.
    """

    chi2: float
    df: int
    p: float
    groups: pd.DataFrame


def hosmer_lemeshow(
    y: npt.ArrayLike, p: npt.ArrayLike, *, groups: int = 10, fitted_here: bool = False
) -> HosmerLemeshow:
    """Hosmer and Lemeshow's test.

    Groups are cut at the quantiles (type 7, equal ones once) of the predictions and closed on the
    right, as in R's `hoslem.test`. Predictions for cases the model has not seen have one degree of
    freedom a group; R's default, two fewer, is right only where the model was fitted to these very
    cases.

    Args:
        y: outcome, shape (n,).
        p: predicted probabilities, shape (n,).
        groups: wanted; ties can make fewer.
        fitted_here: whether the model was fitted to these cases.

    Raises:
        RadpipeError: fewer than three groups are left.
    """
    outcome, probability = check_probabilities(y, p)
    edges = np.unique(np.quantile(probability, np.linspace(0, 1, groups + 1)))
    count = edges.size - 1
    if count < 3:
        raise RadpipeError("too few distinct predictions to group", found=count, expected=3)
    index = np.searchsorted(edges[1:-1], probability, side="left")
    n = np.bincount(index, minlength=count).astype(float)
    observed = np.bincount(index, outcome, minlength=count)
    expected = np.bincount(index, probability, minlength=count)
    statistic = float(
        ((observed - expected) ** 2 / expected + (observed - expected) ** 2 / (n - expected)).sum()
    )
    freedom = count - 2 if fitted_here else count
    table = pd.DataFrame({"n": n.astype(int), "observed": observed, "expected": expected})
    return HosmerLemeshow(statistic, freedom, float(chi2.sf(statistic, freedom)), table)


def spiegelhalter(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[float, float]:
    """Spiegelhalter's z of the Brier score and its two-sided p-value.

    Spiegelhalter, Stat Med 1986;5:421; NaN where all predictions are 0, 0.5 or 1.
    """
    outcome, probability = check_probabilities(y, p)
    slack = 1 - 2 * probability
    variance = float((slack**2 * probability * (1 - probability)).sum())
    if variance == 0:
        return np.nan, np.nan
    z = float(((outcome - probability) * slack).sum() / np.sqrt(variance))
    return z, float(2 * norm.sf(abs(z)))


def unreliability_test(y: npt.ArrayLike, p: npt.ArrayLike) -> tuple[float, float]:
    """Likelihood-ratio test of intercept 0 and slope 1 together: chi-square (2 df), p-value.

    val.prob's `U`, whose chi-square is n U + 2. NaN where the slope does not exist.
    """
    outcome, probability = check_probabilities(y, p)
    x = logit(np.clip(probability, FLOOR, 1 - FLOOR))
    slope = calibration_slope(outcome, probability)
    if not np.isfinite(slope):
        return np.nan, np.nan
    fitted = intercept_joint(outcome, probability) + slope * x
    statistic = 2 * (_likelihood(outcome, fitted) - _likelihood(outcome, x))
    return statistic, float(chi2.sf(statistic, 2))


def slope_interval(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Calibration slope with Wald's interval, for a model fixed before; NaN where none exists.

    The curvature is that at the estimate; R's `glm` takes it one step earlier, 1e-6 away.
    """
    outcome, probability = check_probabilities(y, p)
    slope = calibration_slope(outcome, probability)
    if not np.isfinite(slope):
        return _wald(slope, np.nan, confidence)
    x = logit(np.clip(probability, FLOOR, 1 - FLOOR))
    h = _curvature(intercept_joint(outcome, probability) + slope * x)
    h0, h1, h2 = h.sum(), h @ x, h @ x**2
    return _wald(slope, h0 / (h0 * h2 - h1**2), confidence)


def intercept_interval(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Calibration in the large with Wald's interval."""
    outcome, probability = check_probabilities(y, p)
    intercept = intercept_in_large(outcome, probability)
    x = logit(np.clip(probability, FLOOR, 1 - FLOOR))
    return _wald(intercept, 1 / _curvature(intercept + x).sum(), confidence)


def observed_over_expected(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Observed events over those expected; NaN if none is expected."""
    outcome, probability = check_probabilities(y, p)
    expected = float(probability.sum())
    return float(outcome.sum()) / expected if expected else np.nan


@dataclass(frozen=True)
class LowessErrors:
    """Distance of the lowess curve from the diagonal: mean, 90th percentile, largest."""

    eavg: float
    e90: float
    emax: float


def lowess_errors(y: npt.ArrayLike, p: npt.ArrayLike) -> LowessErrors:
    """Eavg, E90 and Emax as rms `val.prob` gives them.

    From lowess (local lines over two thirds of the cases, no robustness steps), where
    `calibration.curve_errors` has loess (local parabolas over three quarters).
    """
    outcome, probability = check_probabilities(y, p)
    near = 0.01 * float(np.ptp(probability))
    curve = lowess(outcome, probability, frac=2 / 3, it=0, delta=near, return_sorted=False)
    distance = np.abs(curve - probability)
    return LowessErrors(
        float(distance.mean()), float(np.quantile(distance, 0.9)), float(distance.max())
    )


def _likelihood(y: Vector, x: Vector) -> float:
    """Log-likelihood of the outcome under log-odds x."""
    return float((y * x - np.logaddexp(0, x)).sum())


def _curvature(x: Vector) -> Vector:
    return np.asarray(expit(x) * expit(-x))


def _wald(estimate: float, variance: float, confidence: float) -> Interval:
    if not np.isfinite(estimate):
        return Interval(np.nan, np.nan, np.nan, "undefined")
    half = normal_quantile(confidence) * float(np.sqrt(variance))
    return Interval(estimate, estimate - half, estimate + half, "wald")
