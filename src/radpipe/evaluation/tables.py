"""Curves and comparisons of the models of a study, as tidy tables."""

import numpy as np
import pandas as pd
from scipy.special import expit, logit

from radpipe.config import Evaluation
from radpipe.evaluation.calibration import FLOOR, calibration_bins, loess_curve, weighted_slope
from radpipe.evaluation.checks import check_predictions
from radpipe.evaluation.cohorts import Judged, judged, resamples
from radpipe.evaluation.comparison import Difference, difference_of_aucs
from radpipe.evaluation.discrimination import (
    Placements,
    clustered_covariance,
    delong_covariance,
    roc_curve,
)
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.tables_shared import (
    COMPARISON_COLUMNS,
    adjusted,
    common_cases,
    comparison_row,
    joined,
    pairs_of,
    untested,
)
from radpipe.evaluation.utility import net_benefit
from radpipe.types import Matrix, Vector

ROC_COLUMNS = [
    "model",
    "cohort",
    "threshold",
    "false_positive_rate",
    "true_positive_rate",
    "precision",
]
CALIBRATION_COLUMNS = [
    "model",
    "cohort",
    "predicted",
    "observed",
    "ci_low",
    "ci_high",
    "n",
    "kind",
]
DECISION_COLUMNS = ["model", "cohort", "threshold", "net_benefit"]
CURVE_POINTS = 50
"""Points of a calibration curve."""

SMOOTH_FROM = 100
"""Cases from which on a calibration curve is smoothed; with fewer, loess follows single cases."""

DECISION_STEP = 0.01
"""Distance of the threshold probabilities of a decision curve."""


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Points of each ROC and precision-recall curve, with the columns of `ROC_COLUMNS`.

    Predictions of several repeats are pooled. Cohorts of one class have no curve, and leave-one-out
    predictions are not pooled to one. The precision is missing where no case is called positive.
    """
    parts = [p for p in judged(check_predictions(predictions)) if p.two_classes and p.poolable]
    curves = []
    for part in parts:
        curve = roc_curve(np.tile(part.y, len(part.p)), part.p.ravel())
        found = part.y.mean() * curve["true_positive_rate"]
        called = found + (1 - part.y.mean()) * curve["false_positive_rate"]
        precision = found / called.where(called > 0)
        curves.append(curve.assign(model=part.model, cohort=part.cohort, precision=precision))
    return joined(curves, ROC_COLUMNS)


def calibration_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Observed against predicted: groups (`bin`) and a curve with intervals.

    The curve is smooth (`loess`), with fewer than `SMOOTH_FROM` cases the `logistic` calibration
    line: logit(observed) = intercept + slope x logit(predicted), both fitted. It is the mean over
    repeats with a pointwise interval by resampling patients; it is left out where all predictions
    are equal, the line also where they separate the classes.

    Returns:
        `model, cohort, predicted, observed, ci_low, ci_high, n, kind`.
    """
    tables = []
    for part in judged(check_predictions(predictions)):
        if not part.two_classes:
            continue
        outcome, repeats = np.tile(part.y, len(part.p)), len(part.p)
        bins = calibration_bins(
            outcome, part.p.ravel(), repeats=repeats, confidence=settings.confidence
        )
        kind = "loess" if part.y.size >= SMOOTH_FROM else "logistic"
        curve = _curve(part, settings, seed, kind)
        for table, name in ((bins, "bin"), (curve, kind)):
            tables.append(table.assign(model=part.model, cohort=part.cohort, kind=name))
    return joined(tables, CALIBRATION_COLUMNS)


def decision_table(predictions: pd.DataFrame, settings: Evaluation) -> pd.DataFrame:
    """Net benefit of each model, of treating all and of treating none, over `decision_range`.

    Returns:
        `model, cohort, threshold, net_benefit`, with the models `treat_all` and `treat_none` once a
        cohort; the mean over repeats.
    """
    thresholds = decision_thresholds(settings)
    tables, references = [], {}
    for part in judged(check_predictions(predictions)):
        curves = [net_benefit(part.y, p, thresholds) for p in part.p]
        benefit = np.mean([curve["net_benefit"] for curve in curves], axis=0)
        rows = pd.DataFrame({"threshold": thresholds, "net_benefit": benefit})
        tables.append(rows.assign(model=part.model, cohort=part.cohort))
        for name in ("treat_all", "treat_none"):
            line = pd.DataFrame({"threshold": thresholds, "net_benefit": curves[0][name]})
            references[part.cohort, name] = line.assign(model=name, cohort=part.cohort)
    return joined([*tables, *references.values()], DECISION_COLUMNS)


def decision_thresholds(settings: Evaluation) -> Vector:
    """The threshold probabilities of a decision curve: `decision_range` in steps."""
    low, high = settings.decision_range
    return np.round(np.arange(low, high + DECISION_STEP / 2, DECISION_STEP), 10)


def comparison_table(
    predictions: pd.DataFrame, settings: Evaluation, *, primary: str | None = None
) -> pd.DataFrame:
    """All pairs of models in each cohort, tested on the cases both predicted.

    The difference of the AUCs is tested by DeLong's paired test, by Obuchowski's where patients
    repeat. In pairs of the primary model it is `model_a`; the other pairs are by order of the
    table, the later model first. Holm's adjustment is over all pairs of a cohort.

    Args:
        predictions: the rows of `predictions.tsv`.
        settings: `confidence`, and `primary` unless it is given here.
        primary: the model named before; default: that of the settings, else the last one.

    Returns:
        `model_a, model_b, cohort, metric, difference, ci_low, ci_high, z, p, p_holm, method, n,
        primary`.
    """
    parts = list(judged(check_predictions(predictions)))
    tables = []
    for cohort, named, pairs in pairs_of(parts, primary or settings.primary):
        rows = []
        for first, second in pairs:
            a, b = common_cases(first, second)
            found = _test(a, b, settings.confidence)
            rows.append(comparison_row(a.model, b.model, a.case.size, found))
        tables.append(adjusted(rows, cohort, "auc", named))
    return joined(tables, COMPARISON_COLUMNS)


def _test(a: Judged, b: Judged, confidence: float) -> Difference:
    if not (a.y.size and a.two_classes):
        return untested("undefined: one class")
    if not (a.poolable and b.poolable):
        return untested("refused: pooled leave-one-out predictions are biased")
    placed = Placements(
        np.vstack([a.placed.positive, b.placed.positive]),
        np.vstack([a.placed.negative, b.placed.negative]),
    )
    if a.clustered:
        covariance = clustered_covariance(placed, a.y, a.patient)
        return difference_of_aucs(placed, covariance, confidence, a.method("obuchowski_paired"))
    covariance = delong_covariance(placed)
    return difference_of_aucs(placed, covariance, confidence, a.method("delong_paired"))


def _curve(part: Judged, settings: Evaluation, seed: int, kind: str) -> pd.DataFrame:
    """The calibration curve of one model in one cohort."""
    low, high = float(part.p.min()), float(part.p.max())
    at = np.linspace(low, high, CURVE_POINTS) if high > low else np.empty(0)
    weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
    draw = loess_curve if kind == "loess" else _calibration_line
    once = np.ones((1, part.y.size))
    observed = np.mean([draw(part.y, p, at, weights=once)[0] for p in part.p], axis=0)
    drawn = np.mean([draw(part.y, p, at, weights=weights) for p in part.p], axis=0)
    limits = [percentile_interval(np.nan, column, settings.confidence) for column in drawn.T]
    return pd.DataFrame(
        {
            "predicted": at,
            "observed": observed,
            "ci_low": [limit.low for limit in limits],
            "ci_high": [limit.high for limit in limits],
            "n": part.y.size,
        }
    ).dropna(subset="observed")


def _calibration_line(y: Vector, p: Vector, at: Vector, *, weights: Matrix) -> Matrix:
    """The logistic recalibration of `p` at the probabilities `at`, one row a row of weights."""
    intercept, slope = weighted_slope(y, p, weights)
    predictor = logit(np.clip(at, FLOOR, 1 - FLOOR))
    return np.asarray(expit(intercept[:, None] + slope[:, None] * predictor))
