"""Whether predicted probabilities mean what they say.

Slope and intercepts are those of logistic models with the logit of the prediction as predictor; 0
and 1 have no logit, predictions are brought to [1e-6, 1 - 1e-6] there and for the log loss.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit

from radpipe.evaluation.checks import check_probabilities
from radpipe.evaluation.intervals import wilson
from radpipe.evaluation.loess import loess_weighted
from radpipe.types import Matrix, Vector

FLOOR = 1e-6
"""Probabilities nearer to 0 or 1 are brought to this distance where a logarithm is taken."""

STEPS = 50
"""Newton steps at most; a fit that has not settled by then is undefined."""


@dataclass(frozen=True)
class CurveErrors:
    """Distance of the calibration curve from the diagonal over the cases.

    `ici` is the mean (Austin & Steyerberg, Stat Med 2019;38:4051), `e50` and `e90` the median and
    the 90th percentile, `emax` the largest.
    """

    ici: float
    e50: float
    e90: float
    emax: float


def brier(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean squared error of the probabilities."""
    return _single(weighted_brier, y, p)


def ipa(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Scaled Brier score, the index of prediction accuracy: 1 - Brier / Brier of the prevalence."""
    return _single(weighted_ipa, y, p)


def log_loss(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Mean negative log-likelihood."""
    return _single(weighted_log_loss, y, p)


def calibration_slope(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Slope of the outcome's log-odds on those predicted: 1 is right, below 1 is overfitted.

    NaN if a class is absent, the predictions are constant or they separate the classes.
    """
    outcome, probability = check_probabilities(y, p)
    return float(weighted_slope(outcome, probability, np.ones((1, outcome.size)))[1][0])


def intercept_joint(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """The intercept fitted together with the slope; see `intercept_in_large`."""
    outcome, probability = check_probabilities(y, p)
    return float(weighted_slope(outcome, probability, np.ones((1, outcome.size)))[0][0])


def intercept_in_large(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Calibration in the large: the intercept with the slope held at 1; 0 is right.

    Positive where the predictions are too low on the whole; NaN if a class is absent.
    """
    return _single(weighted_intercept, y, p)


def ici(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Integrated calibration index: mean distance of the loess curve from the diagonal."""
    return _single(weighted_ici, y, p)


def curve_errors(y: npt.ArrayLike, p: npt.ArrayLike) -> CurveErrors:
    """ICI, E50, E90 and Emax of R's loess curve (span 0.75, degree 2), which may leave [0, 1]."""
    outcome, probability = check_probabilities(y, p)
    weights = np.ones((1, outcome.size))
    distance = np.abs(_fitted(outcome, probability, weights)[0] - probability)
    e50, e90 = np.quantile(distance, [0.5, 0.9])
    return CurveErrors(float(distance.mean()), float(e50), float(e90), float(distance.max()))


def loess_curve(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    at: npt.ArrayLike,
    *,
    weights: Matrix | None = None,
) -> Matrix:
    """Observed proportion at given probabilities, clipped to [0, 1].

    Args:
        y: outcome, shape (n,).
        p: predicted probabilities, shape (n,).
        at: probabilities at which the curve is wanted, shape (m,).
        weights: case weights, shape (B, n), such as `patient_weights`; default: one row of ones.

    Returns:
        Shape (B, m).
    """
    outcome, probability = check_probabilities(y, p)
    rows = np.ones((1, outcome.size)) if weights is None else weights
    fitted = loess_weighted(probability, outcome, np.asarray(at, dtype=float), rows)
    return np.clip(fitted, 0, 1)


def calibration_bins(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    *,
    repeats: int = 1,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Observed proportion in groups of equal size by prediction, with Wilson intervals.

    About ten cases a group, at least two and at most ten groups; equal predictions stay together.

    Args:
        y: outcome, shape (n,).
        p: predicted probabilities, shape (n,).
        repeats: how often each case stands in the arrays; the interval counts it once.
        confidence: of the intervals.

    Returns:
        `predicted, observed, ci_low, ci_high, n`.
    """
    outcome, probability = check_probabilities(y, p)
    index = prediction_groups(probability, usual_groups(outcome.size / repeats))
    rows = []
    for group in np.unique(index):
        inside = index == group
        n, events = inside.sum() / repeats, outcome[inside].sum() / repeats
        low, high = wilson(events, n, confidence)
        mean = float(probability[inside].mean())
        rows.append((mean, events / n, low, high, int(np.ceil(n))))
    return pd.DataFrame(rows, columns=["predicted", "observed", "ci_low", "ci_high", "n"])


def usual_groups(cases: float) -> int:
    """About ten cases a group, at least two and at most ten groups."""
    return int(np.clip(cases // 10, 2, 10))


def prediction_groups(p: npt.NDArray[np.floating], groups: int) -> npt.NDArray[np.intp]:
    """The group of each prediction, of its shape: of equal size, equal predictions together."""
    edges = np.unique(np.quantile(p, np.arange(1, groups) / groups))
    return np.searchsorted(edges, p, side="left")


def weighted_brier(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Brier score of each row of case weights (B, n), shape (B,)."""
    return weights @ (y - p) ** 2 / weights.sum(axis=1)


def weighted_ipa(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Scaled Brier score of each row of weights; NaN where a class has no weight."""
    prevalence = weights @ y / weights.sum(axis=1)
    null = prevalence * (1 - prevalence)
    worse = np.divide(
        weighted_brier(y, p, weights), null, out=np.full(null.shape, np.nan), where=null > 0
    )
    return 1 - worse


def weighted_log_loss(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Log loss of each row of weights."""
    safe = np.clip(p, FLOOR, 1 - FLOOR)
    return weights @ -(y * np.log(safe) + (1 - y) * np.log1p(-safe)) / weights.sum(axis=1)


def weighted_ici(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Integrated calibration index of each row of weights; NaN where a class has no weight."""
    distance = np.abs(_fitted(y, p, weights) - p)
    used = np.where(weights > 0, distance, 0.0)
    index = (used * weights).sum(axis=1) / weights.sum(axis=1)
    return np.where(_mixed(y, weights), index, np.nan)


def weighted_intercept(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Calibration in the large of each row of weights; NaN where a class has no weight."""
    offset = logit(np.clip(p, FLOOR, 1 - FLOOR))
    intercept = np.full(len(weights), np.nan)
    mixed = _mixed(y, weights)
    rows, step = weights[mixed], np.full(int(mixed.sum()), np.inf)
    current = np.zeros(len(rows))
    for _ in range(STEPS):
        fitted = expit(offset + current[:, None])
        step = (rows * (y - fitted)).sum(axis=1) / (rows * fitted * (1 - fitted)).sum(axis=1)
        # Far from the solution the curvature vanishes; a bounded step finds back.
        current += np.clip(step, -2, 2)
        if np.abs(step).max(initial=0) < 1e-12:
            break
    intercept[mixed] = np.where(np.abs(step) < 1e-8, current, np.nan)
    return intercept


def weighted_slope(y: Vector, p: Vector, weights: Matrix) -> tuple[Vector, Vector]:
    """Joint intercept and slope of each row of weights, by Newton steps on all rows at once.

    NaN where a class has no weight, or the weighted predictions are constant or separate the
    classes: there the likelihood has no maximum.
    """
    predictor = logit(np.clip(p, FLOOR, 1 - FLOOR))
    intercept, slope = np.full(len(weights), np.nan), np.full(len(weights), np.nan)
    fit = _overlapping(y, predictor, weights)
    centre, scale = predictor.mean(), predictor.std() or 1.0
    a, b, settled = _newton((predictor - centre) / scale, y, weights[fit])
    intercept[fit] = np.where(settled, a - b * centre / scale, np.nan)
    slope[fit] = np.where(settled, b / scale, np.nan)
    return intercept, slope


def _newton(x: Vector, y: Vector, weights: Matrix) -> tuple[Vector, Vector, npt.NDArray[np.bool_]]:
    """Intercept, slope and convergence of weighted logistic regressions of one predictor."""
    prevalence = weights @ y / weights.sum(axis=1)
    a, b = logit(prevalence), np.zeros(len(weights))
    settled = np.zeros(len(weights), dtype=bool)
    for _ in range(STEPS):
        rows = np.flatnonzero(~settled)
        if not rows.size:
            break
        w = weights[rows]
        fitted = expit(a[rows, None] + b[rows, None] * x)
        residual, curvature = w * (y - fitted), w * fitted * (1 - fitted)
        h0, h1, h2 = curvature.sum(axis=1), curvature @ x, curvature @ x**2
        g0, g1 = residual.sum(axis=1), residual @ x
        determinant = np.maximum(h0 * h2 - h1**2, 1e-300)
        step_a, step_b = (h2 * g0 - h1 * g1) / determinant, (h0 * g1 - h1 * g0) / determinant
        largest = np.maximum(np.abs(step_a), np.abs(step_b))
        damping = np.minimum(1.0, 2.0 / np.maximum(largest, 1e-300))
        a[rows] += damping * step_a
        b[rows] += damping * step_b
        settled[rows] = largest < 1e-10
    return a, b, settled


def _overlapping(y: Vector, x: Vector, weights: Matrix) -> npt.NDArray[np.bool_]:
    """Rows of weights in which the predictor's ranges in the two classes overlap."""
    present = weights > 0
    positive, negative = present & (y == 1), present & (y == 0)
    low_1 = np.where(positive, x, np.inf).min(axis=1)
    high_1 = np.where(positive, x, -np.inf).max(axis=1)
    low_0 = np.where(negative, x, np.inf).min(axis=1)
    high_0 = np.where(negative, x, -np.inf).max(axis=1)
    return (high_0 > low_1) & (high_1 > low_0) & _mixed(y, weights)


def _mixed(y: Vector, weights: Matrix) -> npt.NDArray[np.bool_]:
    """Rows of weights in which both classes have weight."""
    events = weights @ y
    return (events > 0) & (events < weights.sum(axis=1))


def _fitted(y: Vector, p: Vector, weights: Matrix) -> Matrix:
    """The loess curve at each case's own prediction, shape (B, n)."""
    return loess_weighted(p, y, p, weights)


def _single(
    statistic: Callable[[Vector, Vector, Matrix], Vector], y: npt.ArrayLike, p: npt.ArrayLike
) -> float:
    outcome, probability = check_probabilities(y, p)
    return float(statistic(outcome, probability, np.ones((1, outcome.size)))[0])
