"""The performance of every model in every cohort, each number with its interval."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation import calibration, discrimination
from radpipe.evaluation.checks import check_predictions, repeat_of
from radpipe.evaluation.cohorts import Judged, judged, resamples
from radpipe.evaluation.comparison import nadeau_bengio
from radpipe.evaluation.intervals import percentile_interval, wilson
from radpipe.evaluation.procedure_intervals import (
    auc_procedure_interval,
    slope_procedure_interval,
)
from radpipe.evaluation.thresholds import (
    OPERATING_METRICS,
    PROPORTIONS,
    operating_metrics,
    weighted_counts,
)
from radpipe.types import DEVELOPMENT, Interval, Matrix, Vector

COLUMNS = ["model", "cohort", "metric", "estimate", "ci_low", "ci_high", "method", "n"]
"""The columns of `performance.tsv`."""

PROBABILITY_METRICS: dict[str, Callable[[Vector, Vector, Matrix], Vector]] = {
    "average_precision": discrimination.weighted_average_precision,
    "brier": calibration.weighted_brier,
    "scaled_brier": calibration.weighted_ipa,
    "log_loss": calibration.weighted_log_loss,
    "calibration_slope": lambda y, p, weights: calibration.weighted_slope(y, p, weights)[1],
    "calibration_intercept": calibration.weighted_intercept,
    "ici": calibration.weighted_ici,
}
"""Metrics of probabilities; the calibration intercept is that in the large (slope held at 1)."""

UNDEFINED = {
    "calibration_slope": "undefined: predictions constant or separating the classes",
    "ppv": "undefined: no case called positive",
    "npv": "undefined: no case called negative",
}
"""Why a metric does not exist though both classes are there."""


def performance_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Every metric of every model in every cohort that has outcomes.

    A metric of a repeated cross-validation is computed in each repeat and averaged. Out of fold the
    AUC and the calibration slope have the intervals of `procedure_intervals`, which hold for the
    procedure and not for the fitted models alone. Elsewhere the AUC has DeLong's interval
    (Obuchowski's where patients repeat), proportions have Wilson's where no patient repeats; other
    intervals resample patients, with the same samples for all models of a cohort. An undefined
    metric keeps its row, without numbers, and the method says why.

    Args:
        predictions: the rows of `predictions.tsv`.
        settings: `confidence` and `bootstrap` are used.
        seed: of the bootstrap.

    Returns:
        `model, cohort, metric, estimate, ci_low, ci_high, method, n`; n counts cases.

    Raises:
        RadpipeError: see `check_predictions`.
    """
    rows: list[tuple[object, ...]] = []
    for part in judged(check_predictions(predictions)):
        weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
        for metric, found in _metrics(part, weights, settings.confidence):
            rows.append(
                (
                    part.model,
                    part.cohort,
                    metric,
                    found.estimate,
                    found.low,
                    found.high,
                    found.method,
                    part.n,
                )
            )
    return pd.DataFrame(rows, columns=COLUMNS)


def operating_points(predictions: pd.DataFrame) -> pd.DataFrame:
    """Confusion counts at the stored thresholds, one row a model, cohort and repeat.

    Returns:
        `model, cohort, repeat, threshold_low, threshold_high` (each fold has its own threshold),
        `tp, fp, tn, fn, n` and the metrics of `OPERATING_METRICS`.
    """
    rows = []
    for part in judged(check_predictions(predictions)):
        for p, threshold, fold in zip(part.p, part.threshold, part.fold, strict=True):
            counts = weighted_counts(part.y, p >= threshold, np.ones((1, part.n)))
            rows.append(
                {
                    "model": part.model,
                    "cohort": part.cohort,
                    "repeat": repeat_of(str(fold[0])),
                    "threshold_low": threshold.min(),
                    "threshold_high": threshold.max(),
                    **{k: int(c[0]) for k, c in zip(("tp", "fp", "tn", "fn"), counts, strict=True)},
                    "n": part.n,
                    **{k: float(v[0]) for k, v in operating_metrics(*counts).items()},
                }
            )
    return pd.DataFrame(rows)


def _metrics(part: Judged, weights: Matrix, confidence: float) -> Iterator[tuple[str, Interval]]:
    yield "auc", _auc(part, confidence)
    if part.cohort == DEVELOPMENT:
        yield from _fold_auc(part, confidence)
    once = np.ones((1, part.n))
    for metric, statistic in PROBABILITY_METRICS.items():
        estimate, replicates = (
            np.mean([statistic(part.y, p, w) for p in part.p], axis=0) for w in (once, weights)
        )
        found = _bootstrapped(part, metric, float(estimate[0]), replicates, confidence)
        if metric == "calibration_slope" and part.cross_validated and np.isfinite(found.estimate):
            found = slope_procedure_interval(part.y, part.p, part.fold, part.patient, confidence)
        yield metric, found
    yield from _operating(part, once, weights, confidence)


def _auc(part: Judged, confidence: float) -> Interval:
    if not part.two_classes:
        return _undefined("undefined: one class")
    if not part.poolable:
        return _undefined("refused: pooled leave-one-out predictions are biased")
    if part.cross_validated:
        found = auc_procedure_interval(part.y, part.p, part.fold, part.patient, confidence)
        if np.isfinite(found.low):
            return found
    if part.clustered:
        covariance = discrimination.clustered_covariance(part.placed, part.y, part.patient)
        name = part.method("obuchowski")
    else:
        covariance = discrimination.delong_covariance(part.placed)
        name = part.method("delong")
    found = discrimination.wald_auc_interval(part.placed, covariance, confidence, name)
    separated = found.estimate in (0.0, 1.0) and np.isfinite(found.low)
    return _separated(part, found.estimate, confidence) if separated else found


def _separated(part: Judged, estimate: float, confidence: float) -> Interval:
    """The AUC of separated classes: its variance is 0, but a few cases prove little.

    The exact limit of a proportion of which all of n are right, with n the patients of the smaller
    class, stands in for DeLong's interval of no width.
    """
    patients = min(np.unique(part.patient[part.y == label]).size for label in (0, 1))
    limit = ((1 - confidence) / 2) ** (1 / patients)
    low, high = (limit, 1.0) if estimate == 1 else (0.0, 1 - limit)
    method = part.method("clopper_pearson") + " of the smaller class, classes separated"
    return Interval(estimate, low, high, method)


def _fold_auc(part: Judged, confidence: float) -> Iterator[tuple[str, Interval]]:
    """The mean of the AUCs inside folds, and their spread over folds and over repeats."""
    values, sizes = [], []
    for p, folds in zip(part.p, part.fold, strict=True):
        for fold in np.unique(folds):
            inside = folds == fold
            if 0 < part.y[inside].sum() < inside.sum():
                values.append(discrimination.auc(part.y[inside], p[inside]))
                sizes.append(int(inside.sum()))
    if len(values) < 2:
        yield "auc_fold_mean", _undefined("undefined: fewer than two folds with both classes")
        return
    test = float(np.mean(sizes))
    mean = nadeau_bengio(values, part.n - test, test, confidence)
    spread = float(np.std(values, ddof=1))
    note = f"nadeau_bengio over {len(values)} folds with both classes"
    yield "auc_fold_mean", Interval(mean.difference, max(0.0, mean.low), min(1.0, mean.high), note)
    yield "auc_fold_sd", Interval(spread, np.nan, np.nan, f"sd over {len(values)} folds")
    if part.repeats > 1 and part.two_classes and part.poolable:
        repeats = [discrimination.auc(part.y, p) for p in part.p]
        note = f"sd over {len(repeats)} repeats"
        yield "auc_repeat_sd", Interval(float(np.std(repeats, ddof=1)), np.nan, np.nan, note)


def _operating(
    part: Judged, once: Matrix, weights: Matrix, confidence: float
) -> Iterator[tuple[str, Interval]]:
    """Metrics at the threshold that the training part of each fold chose."""
    called = part.p >= part.threshold
    found = [operating_metrics(*weighted_counts(part.y, c, once)) for c in called]
    drawn = [operating_metrics(*weighted_counts(part.y, c, weights)) for c in called]
    for metric in OPERATING_METRICS:
        estimate = float(np.mean([repeat[metric][0] for repeat in found]))
        # No resample can leave a proportion of 0 or 1, so that a bootstrap would claim certainty.
        extreme = estimate in (0.0, 1.0)
        simple = len(called) == 1 and not part.clustered
        if metric in PROPORTIONS and np.isfinite(estimate) and (simple or extreme):
            among = _denominator(metric, part.y, called[0])
            patients = np.unique(part.patient[among]).size
            limits = wilson(estimate * patients, patients, confidence)
            yield metric, Interval(estimate, *limits, part.method("wilson"))
        else:
            replicates = np.mean([repeat[metric] for repeat in drawn], axis=0)
            yield metric, _bootstrapped(part, metric, estimate, replicates, confidence)


def _denominator(metric: str, y: Vector, called: np.ndarray) -> np.ndarray:
    """Which cases a proportion is taken among."""
    among = {
        "sensitivity": y == 1,
        "specificity": y == 0,
        "ppv": called,
        "npv": ~called,
        "accuracy": np.ones(y.size, dtype=bool),
    }
    return among[metric]


def _bootstrapped(
    part: Judged, metric: str, estimate: float, replicates: Vector, confidence: float
) -> Interval:
    if not np.isfinite(estimate):
        reason = UNDEFINED.get(metric, "undefined") if part.two_classes else "undefined: one class"
        return _undefined(reason)
    method = part.method("patient_bootstrap")
    return percentile_interval(estimate, replicates, confidence, method)


def _undefined(reason: str) -> Interval:
    return Interval(np.nan, np.nan, np.nan, reason)
