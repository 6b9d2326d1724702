"""What the calibration and decision tables of every kind of outcome share."""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from radpipe.config import Evaluation
from radpipe.evaluation.calibration import FLOOR, loess_curve, weighted_slope
from radpipe.evaluation.cohorts import Predicted
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.tables_shared import joined
from radpipe.types import Matrix, Vector

CALIBRATION_COLUMNS = [
    *["model", "cohort", "predicted", "observed"],
    *["ci_low", "ci_high", "n", "kind"],
]
DECISION_COLUMNS = ["model", "cohort", "threshold", "net_benefit"]
CURVE_POINTS = 50
"""Points of a calibration curve."""

SMOOTH_FROM = 100
"""Cases from which on a calibration curve is smoothed; with fewer, loess follows single cases."""

DECISION_STEP = 0.01
"""Distance of the threshold probabilities of a decision curve."""

Fit = Callable[[Vector, Vector, Matrix], Matrix]
"""A curve over predictions (n,), at some points (m,), for rows of case weights (B, n): (B, m)."""


def calibration_curve(
    predictions: Matrix, fit: Fit, once: Matrix, weights: Matrix, confidence: float
) -> pd.DataFrame:
    """Observed against predicted: the mean curve over repeats with a pointwise interval.

    Args:
        predictions: shape (repeats, n).
        fit: the curve of one repeat.
        once: case weights of the estimate, shape (1, n).
        weights: those of the resamples, shape (B, n).
        confidence: of the interval.

    Returns:
        `predicted, observed, ci_low, ci_high, n` at `CURVE_POINTS` points; no rows where all
        predictions are equal or the curve does not exist.
    """
    low, high = float(predictions.min()), float(predictions.max())
    at = np.linspace(low, high, CURVE_POINTS) if high > low else np.empty(0)
    observed = np.mean([fit(p, at, once)[0] for p in predictions], axis=0)
    drawn = np.mean([fit(p, at, weights) for p in predictions], axis=0)
    limits = [percentile_interval(np.nan, column, confidence) for column in drawn.T]
    return pd.DataFrame(
        {
            "predicted": at,
            "observed": observed,
            "ci_low": [limit.low for limit in limits],
            "ci_high": [limit.high for limit in limits],
            "n": predictions.shape[1],
        }
    ).dropna(subset="observed")


def proportion_fit(kind: str, y: Vector) -> Fit:
    """How often an outcome of 0 and 1 is seen at a predicted probability.

    Args:
        kind: `loess`, or `logistic`: the line logit(observed) = intercept + slope x
            logit(predicted).
        y: outcome, shape (n,).
    """

    def smooth(p: Vector, at: Vector, weights: Matrix) -> Matrix:
        return loess_curve(y, p, at, weights=weights)

    def line(p: Vector, at: Vector, weights: Matrix) -> Matrix:
        intercept, slope = weighted_slope(y, p, weights)
        predictor = logit(np.clip(at, FLOOR, 1 - FLOOR))
        return np.asarray(expit(intercept[:, None] + slope[:, None] * predictor))

    return smooth if kind == "loess" else line


def decision_thresholds(settings: Evaluation) -> Vector:
    """The threshold probabilities of a decision curve: `decision_range` in steps."""
    low, high = settings.decision_range
    return np.round(np.arange(low, high + DECISION_STEP / 2, DECISION_STEP), 10)


def decision_rows(
    judged: Iterable[tuple[Predicted, Sequence[pd.DataFrame]]], thresholds: Vector
) -> pd.DataFrame:
    """The mean net benefit of each model, and once a cohort that of treating all and none.

    Args:
        judged: predictions, and of each repeat `net_benefit, treat_all, treat_none`.
        thresholds: of those rows.

    Returns:
        The columns of `DECISION_COLUMNS`.
    """
    tables, references = [], {}
    for part, curves in judged:
        benefit = np.mean([curve["net_benefit"] for curve in curves], axis=0)
        rows = pd.DataFrame({"threshold": thresholds, "net_benefit": benefit})
        tables.append(rows.assign(model=part.model, cohort=part.cohort))
        for name in ("treat_all", "treat_none"):
            line = pd.DataFrame({"threshold": thresholds, "net_benefit": curves[0][name]})
            references[part.cohort, name] = line.assign(model=name, cohort=part.cohort)
    return joined([*tables, *references.values()], DECISION_COLUMNS)
