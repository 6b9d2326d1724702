"""Curves and comparisons of the models of a study, as tidy tables."""

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation.calibration import calibration_bins
from radpipe.evaluation.checks import check_predictions
from radpipe.evaluation.cohorts import Judged, judged, resamples
from radpipe.evaluation.comparison import Difference, difference_of_aucs
from radpipe.evaluation.discrimination import (
    Placements,
    clustered_covariance,
    delong_covariance,
    roc_curve,
)
from radpipe.evaluation.tables_curves import (
    CALIBRATION_COLUMNS,
    SMOOTH_FROM,
    calibration_curve,
    decision_rows,
    decision_thresholds,
    proportion_fit,
)
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

ROC_COLUMNS = [
    "model",
    "cohort",
    "threshold",
    "false_positive_rate",
    "true_positive_rate",
    "precision",
]


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """Points of each ROC and precision-recall curve, with the columns of `ROC_COLUMNS`.

    Predictions of several repeats are pooled. Cohorts of one class have no curve, and leave-one-out
    predictions are not pooled to one. The precision is missing where no case is called positive.
    """
    parts = [p for p in judged(check_predictions(predictions)) if p.two_classes and p.poolable]
    curves = []
    for part in parts:
        curve = roc_curve(np.tile(part.y, part.repeats), part.p.ravel())
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
        outcome, confidence = np.tile(part.y, part.repeats), settings.confidence
        bins = calibration_bins(
            outcome, part.p.ravel(), repeats=part.repeats, confidence=confidence
        )
        kind = "loess" if part.n >= SMOOTH_FROM else "logistic"
        fit, once = proportion_fit(kind, part.y), np.ones((1, part.n))
        weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
        curve = calibration_curve(part.p, fit, once, weights, confidence)
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
    found = (
        (part, [net_benefit(part.y, p, thresholds) for p in part.p])
        for part in judged(check_predictions(predictions))
    )
    return decision_rows(found, thresholds)


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
            rows.append(comparison_row(a.model, b.model, a.n, found))
        tables.append(adjusted(rows, cohort, "auc", named))
    return joined(tables, COMPARISON_COLUMNS)


def _test(a: Judged, b: Judged, confidence: float) -> Difference:
    if not (a.n and a.two_classes):
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
