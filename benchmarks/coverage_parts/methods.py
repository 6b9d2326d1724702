"""The intervals that are compared, each from the cross-validation of one cohort."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from scipy.special import expit, logit

from coverage_parts.cohorts import FOLDS, Fits
from radpipe.evaluation.calibration import weighted_slope
from radpipe.evaluation.comparison import nadeau_bengio
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.procedure_intervals import (
    auc_influence,
    procedure_interval,
    slope_influence,
)
from radpipe.evaluation.procedure_variance import inflation
from radpipe.evaluation.slope_variance import slope_inflation
from radpipe.evaluation.survival import concordance

Row = tuple[str, str, float, float, float]
"""Metric, method, estimate, lower and upper limit."""

Z = normal_quantile(0.95)


def intervals(fits: Fits) -> Iterator[Row]:
    """Every method for every metric of the cohort's outcome; the dear ones where fitted for."""
    n = fits.fold.shape[1]
    patient = np.arange(n)
    for metric, (single, influence) in _metrics(fits).items():
        scale = "identity" if metric == "calibration_slope" else "logit"
        each = np.array([single(np.arange(n), row) for row in fits.score])
        shares = influence(fits.score)
        for repeats in dict.fromkeys((1, 5, len(each))):
            if repeats > len(each):
                continue
            estimate = float(each[:repeats].mean())
            part = slice(repeats)
            found = inflation(shares[part], fits.fold[part], patient)
            usual = {"scale": scale, "freedom": _freedom(fits)}
            for name, training in (("conditional", 0.0), ("doubled", 1.0)):
                plain = replace(found, training=training, roles=training, repeats=2)
                limits = procedure_interval(plain, estimate, **usual)
                yield _row(metric, f"{name}, {repeats} repeats", limits)
            if metric == "calibration_slope":
                usual["freedom"] = np.inf
                given = (shares[part], fits.fold[part], patient, expit(fits.score[part]))
                found = slope_inflation(*given, each[part])
            limits = procedure_interval(found, estimate, **usual)
            yield _row(metric, f"influence, {repeats} repeats", limits)
        if len(fits.inner):
            yield from _resampled(metric, single, fits)
            yield from _nested(metric, single, fits, each, float((shares[0] ** 2).sum()))


def _metrics(fits: Fits) -> dict[str, tuple]:
    """Statistic of some cases and their scores, and the influences of all."""
    if len(fits.outcome) == 2:
        time, event = fits.outcome
        return {
            "c_index": (
                lambda cases, score: concordance(score[cases], time[cases], event[cases]).c,
                lambda rows: np.stack([concordance(row, time, event).influence for row in rows]),
            )
        }
    y = fits.outcome[0]
    return {
        "auc": (lambda cases, score: auc(y[cases], score[cases]), partial(auc_influence, y)),
        "calibration_slope": (
            lambda cases, score: _slope(y[cases], score[cases]),
            lambda rows: slope_influence(y, expit(rows)),
        ),
    }


def _slope(y: np.ndarray, score: np.ndarray) -> float:
    return float(weighted_slope(y, expit(score), np.ones((1, y.size)))[1][0])


def _resampled(metric: str, single, fits: Fits) -> Iterator[Row]:
    """The corrected resampled t interval over folds (Nadeau & Bengio)."""
    if metric == "calibration_slope":
        return
    n = fits.fold.shape[1]
    values = [
        single(np.flatnonzero(folds == k), row)
        for row, folds in zip(fits.score, fits.fold, strict=True)
        for k in range(FOLDS)
    ]
    defined = [value for value in values if np.isfinite(value)]
    found = nadeau_bengio(defined, n * (1 - 1 / FOLDS), n / FOLDS)
    name = f"corrected resampled t, {len(fits.score)} repeats"
    yield metric, name, found.difference, found.low, found.high


def _nested(metric: str, single, fits: Fits, each: np.ndarray, conditional: float) -> Iterator[Row]:
    """Methods that fit again: nested cross-validation (Bates et al.), delete-fold jackknife."""
    squares, deleted = [], []
    for inner, folds, score in zip(fits.inner, fits.fold, fits.score, strict=False):
        without = []
        for k in range(FOLDS):
            held = np.flatnonzero(folds == k)
            rest = np.flatnonzero(folds != k)
            inside = single(rest, inner[k])
            without.append(inside)
            outside = single(held, score)
            # Its variance with the model given, by scaling that of the whole cohort.
            squares.append((inside - outside) ** 2 - conditional * FOLDS)
        deleted.append((FOLDS - 1) / FOLDS * np.nansum((without - np.nanmean(without)) ** 2))
    repeats = len(fits.inner)
    estimate = float(each[:repeats].mean())
    # Between the naive error and sqrt(folds) times it, as its authors advise.
    mse = np.clip(np.nanmean(squares), conditional, FOLDS * conditional)
    for name, variance in (("nested cv", mse), ("delete-fold jackknife", np.mean(deleted))):
        half = Z * np.sqrt(variance)
        if metric == "calibration_slope":
            low, high = estimate - half, estimate + half
        else:
            half /= estimate * (1 - estimate)
            low, high = (float(expit(logit(estimate) + side * half)) for side in (-1, 1))
        yield metric, f"{name}, {repeats} repeats", estimate, low, high


def _freedom(fits: Fits) -> int:
    """Cases of the smaller class less 1; events less 1 of times to an event."""
    events = int(fits.outcome[-1].sum())
    others = fits.fold.shape[1] - events
    return (min(events, others) if len(fits.outcome) == 1 else events) - 1


def _row(metric: str, name: str, found) -> Row:
    return metric, name, found.estimate, found.low, found.high
