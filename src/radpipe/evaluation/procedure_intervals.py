"""Intervals for a modelling procedure that was judged by repeated cross-validation.

The estimand is the performance of the procedure: the mean, over training sets as large as those of
the folds and drawn from the same population, of what the fitted model achieves in new cases. (For
the calibration slope: the slope over the pooled predictions of such models in new cases.)

The usual intervals of pooled out-of-fold predictions take the fitted models as given: on data
without signal a 95 % interval covers in 84 %. `procedure_variance` says what they miss, and how
repeats of the cross-validation tell it without fitting anything again.

`benchmarks/coverage.py` measures how often the intervals cover; `measured_coverage` has the result.
"""

from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t

from radpipe.evaluation.calibration import FLOOR, weighted_slope
from radpipe.evaluation.discrimination import placements
from radpipe.evaluation.procedure_variance import Inflation, inflation
from radpipe.evaluation.slope_variance import slope_inflation
from radpipe.evaluation.survival import concordance
from radpipe.types import Interval, Matrix, Vector

Scale = Literal["identity", "logit"]

METHOD = "repeated_cv_influence"
"""Names the intervals of this module."""

TOO_FEW = f"{METHOD} (no interval: too few cases)"


@cache
def measured_coverage() -> pd.DataFrame:
    """How often 95 % intervals held the truth in the simulations of `benchmarks/coverage.py`.

    Returns:
        By `metric`: `settings`, at least so many `cohorts` of each, `repeats` of the
        cross-validation, `patients_low` and `patients_high` of a cohort; `coverage_low`,
        `coverage_high` and `coverage_mean` over the settings; settings `within` 0.93 to 0.97;
        `others`, settings of other kinds of cohorts and models, and their lowest, `others_low`.
    """
    table = files("radpipe.evaluation").joinpath("data", "measured_coverage.tsv")
    with table.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", index_col="metric")


def procedure_interval(
    found: Inflation,
    estimate: float,
    confidence: float = 0.95,
    *,
    scale: Scale = "identity",
    freedom: float = np.inf,
) -> Interval:
    """The interval of an estimate that is a mean over the repeats.

    Args:
        found: the parts of its variance.
        estimate: mean over the repeats.
        confidence: of the interval.
        scale: on which it is made.
        freedom: degrees of freedom of the variance; patients of the smaller class less 1.

    Returns:
        No limits where the variance is 0 or undefined, or the logit does not exist.
    """
    method = METHOD if found.repeats > 1 else f"{METHOD} (one repeat: upper bound)"
    if not found.variance > 0 or freedom < 1:
        return Interval(estimate, np.nan, np.nan, TOO_FEW)
    below, above = found.half_widths(float(t.ppf(0.5 + confidence / 2, freedom)))
    if scale == "identity":
        return Interval(estimate, estimate - below, estimate + above, method)
    if not 0 < estimate < 1:
        return Interval(estimate, np.nan, np.nan, f"{METHOD} (no interval: all pairs agree)")
    per_logit = estimate * (1 - estimate)
    low = float(expit(logit(estimate) - below / per_logit))
    high = float(expit(logit(estimate) + above / per_logit))
    return Interval(estimate, low, high, method)


def auc_procedure_interval(
    y: Vector,
    p: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """AUC of the procedure: mean over repeats of the AUC of pooled out-of-fold predictions.

    Args:
        y: outcome, shape (n,).
        p: predictions, shape (repeats, n).
        fold: the fold that held the case out, shape (repeats, n).
        patient: name of each case's patient, shape (n,).
        confidence: of the interval, symmetric on the logit scale.

    Raises:
        RadpipeError: a class is absent; see `inflation`.
    """
    estimate = float(placements(y, p).auc.mean())
    found = inflation(auc_influence(y, p), fold, patient)
    freedom = _freedom(patient, y == 0, y == 1)
    return procedure_interval(found, estimate, confidence, scale="logit", freedom=freedom)


def slope_procedure_interval(
    y: Vector,
    p: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Calibration slope of the procedure: mean over repeats; arguments as `auc_procedure_interval`.

    No limits where the slope of a repeat does not exist.
    """
    slopes = np.array([weighted_slope(y, row, np.ones((1, y.size)))[1][0] for row in p])
    if not np.isfinite(slopes).all():
        return Interval(np.nan, np.nan, np.nan, "undefined: predictions constant or separating")
    found = slope_inflation(slope_influence(y, p), fold, patient, p, slopes)
    if _freedom(patient, y == 0, y == 1) < 1:
        return Interval(found.slope, np.nan, np.nan, TOO_FEW)
    return procedure_interval(found, found.slope, confidence)


def concordance_procedure_interval(
    outcome: tuple[Vector, Vector],
    risk: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    confidence: float = 0.95,
) -> Interval:
    """Harrell's C of the procedure: mean over repeats; NaN without a usable pair.

    Args:
        outcome: time and event, each of shape (n,).
        risk: out-of-fold risks, shape (repeats, n).
        fold: as `auc_procedure_interval`.
        patient: likewise.
        confidence: of the interval, symmetric on the logit scale.
    """
    each = [concordance(row, *outcome) for row in risk]
    estimate = float(np.mean([found.c for found in each]))
    if not np.isfinite(estimate):
        return Interval(np.nan, np.nan, np.nan, "undefined: no usable pair")
    found = inflation(np.stack([found.influence for found in each]), fold, patient)
    freedom = _freedom(patient, np.asarray(outcome[1]) == 1)
    return procedure_interval(found, estimate, confidence, scale="logit", freedom=freedom)


def _freedom(patient: npt.ArrayLike, *groups: npt.NDArray[np.bool_]) -> int:
    """Patients of the smallest of some groups of cases less 1."""
    return min(np.unique(np.asarray(patient)[group]).size for group in groups) - 1


def auc_influence(y: Vector, p: Matrix) -> Matrix:
    """Influence of each case on the AUC of each repeat, shape (repeats, n): DeLong's placements."""
    placed = placements(y, p)
    centre = placed.auc[:, None]
    positive = y == 1
    influence = np.empty(p.shape)
    influence[:, positive] = (placed.positive - centre) / positive.sum()
    influence[:, ~positive] = (placed.negative - centre) / (~positive).sum()
    return influence


def slope_influence(y: Vector, p: Matrix) -> Matrix:
    """Influence of each case on the calibration slope of each repeat, shape (repeats, n).

    NaN where the slope of a repeat does not exist.
    """
    rows = []
    for row in p:
        (intercept,), (slope,) = weighted_slope(y, row, np.ones((1, y.size)))
        x = logit(np.clip(row, FLOOR, 1 - FLOOR))
        fitted = expit(intercept + slope * x)
        h = fitted * (1 - fitted)
        h0, h1, h2 = h.sum(), h @ x, h @ x**2
        rows.append((h0 * x - h1) / (h0 * h2 - h1**2) * (y - fitted))
    return np.stack(rows)
