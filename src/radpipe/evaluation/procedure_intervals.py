"""Intervals for a modelling procedure that was judged by repeated cross-validation.

The estimand is the performance of the procedure: the mean, over training sets as large as those of
the folds and drawn from the same population, of what the fitted model achieves in new cases. (For
the calibration slope: the slope over the pooled predictions of such models in new cases.)

The usual intervals of pooled out-of-fold predictions take the fitted models as given. They miss
that every patient is a test case once and a training case of all others: on data without signal
both roles add up, the variance is twice as large and a 95 % interval covers in 84 %. Write the
influence of patient i on the estimate as t_i (tested) + g_i (training, on average over whom it
helps to test) + the mean over j of h_ij (training j, tested on i). Then, with H and C the mean of
h_ij² and of h_ij h_ji,

    variance = (Var t + 2 Cov(t, g) + Var g) / n + (H + C) / n²

of which the usual interval has (Var t) / n + H / n². Repeats of the cross-validation tell the rest
apart without fitting anything again: a prediction that moves from repeat to repeat, as its training
set changes by what was held out, gives H, and so the share F = H / n² over the usual variance.

- AUC and C index do not depend on the scale of a model, so that g is negligible. C is at most H,
  and is H where training and testing are symmetric: variance = usual x (1 + F).
- The calibration slope depends on it. A cohort with a chance excess of signal makes models that are
  as much too steep as their test cases forgive: g cancels t, and with signal the slope varies far
  less over cohorts than the usual interval says. c, the covariance of the two roles over the test
  variance, is found by regressing over the folds how predictions of a fold changed when it was held
  out on how well its patients did; it is 1 without signal and nears -1 with much. Second-order
  terms cancel in part as well, which no estimate from repeats shows: variance = usual x k F (1 + c)
  with k = 1.5, set by simulation.

`benchmarks/coverage.py` measures how often the intervals cover; `measured_coverage` has the result.
"""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit, logit
from scipy.stats import t

from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import FLOOR, weighted_slope
from radpipe.evaluation.discrimination import placements
from radpipe.evaluation.survival import concordance
from radpipe.types import Interval, Matrix, Vector

Scale = Literal["identity", "logit"]

METHOD = "repeated_cv_influence"
"""Names the intervals of this module."""

SLOPE_FACTOR = 1.5
"""k of the calibration slope's variance; set by simulation, not by theory."""

LEAST_ROLES = -0.7
"""c of the calibration slope is not believed to be less: few repeats measure it with an error."""


@dataclass(frozen=True)
class Inflation:
    """How the variance of pooled out-of-fold predictions becomes that of the procedure.

    Attributes:
        conditional: variance with the fitted models given.
        training: share F of it that is due to which cases the models were trained on, 0 to 1.
        roles: covariance c of a patient's influence as test and as training case over the variance
            as test case, -1 to 1; None for a metric that does not depend on the scale of a model.
        repeats: of the cross-validation; with one, F and c are unknown and taken as 1, the most
            there can be.
    """

    conditional: float
    training: float
    roles: float | None
    repeats: int

    @property
    def variance(self) -> float:
        """Variance of the estimate over cohorts."""
        if self.repeats == 1:
            return 2 * self.conditional
        if self.roles is None:
            return self.conditional * (1 + self.training)
        return self.conditional * SLOPE_FACTOR * self.training * (1 + self.roles)

    def interval(
        self,
        estimate: float,
        confidence: float = 0.95,
        *,
        scale: Scale = "identity",
        freedom: float = np.inf,
    ) -> Interval:
        """The interval of an estimate that is a mean over the repeats.

        Args:
            estimate: mean over the repeats.
            confidence: of the interval.
            scale: on which it is symmetric.
            freedom: degrees of freedom of the variance; patients of the smaller class less 1.

        Returns:
            No limits where the variance is 0 or undefined, or the logit does not exist.
        """
        method = METHOD if self.repeats > 1 else f"{METHOD} (one repeat: upper bound)"
        if not self.variance > 0 or freedom < 1:
            return Interval(estimate, np.nan, np.nan, f"{METHOD} (no interval: too few cases)")
        half = float(t.ppf(0.5 + confidence / 2, freedom)) * float(np.sqrt(self.variance))
        if scale == "identity":
            return Interval(estimate, estimate - half, estimate + half, method)
        if not 0 < estimate < 1:
            return Interval(estimate, np.nan, np.nan, f"{METHOD} (no interval: all pairs agree)")
        half /= estimate * (1 - estimate)
        low, high = (float(expit(logit(estimate) + side * half)) for side in (-1, 1))
        return Interval(estimate, low, high, method)


@cache
def measured_coverage() -> pd.DataFrame:
    """How often 95 % intervals held the truth in the simulations of `benchmarks/coverage.py`.

    Returns:
        By `metric`: `settings`, at least so many `cohorts` of each, `repeats` of the
        cross-validation, `patients_low` and `patients_high` of a cohort; `coverage_low`,
        `coverage_high` and `coverage_mean` over the settings; settings `within` 0.93 to 0.97.
    """
    table = files("radpipe.evaluation").joinpath("data", "measured_coverage.tsv")
    with table.open(encoding="utf-8") as stream:
        return pd.read_csv(stream, sep="\t", index_col="metric")


def inflation(
    influence: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    *,
    cancelling: bool = False,
) -> Inflation:
    """The parts of the variance, from the influence of the cases in each repeat.

    Args:
        influence: of each case on the estimate of each repeat, shape (repeats, n); a row sums to 0
            and its sum of squares over patients is the variance with the models given.
        fold: the fold that held the case out, shape (repeats, n).
        patient: name of each case's patient, shape (n,).
        cancelling: whether the metric depends on the scale of the model, as a calibration slope.

    Raises:
        RadpipeError: shapes differ, or a repeat has a single fold.
    """
    values, folds = np.asarray(influence, dtype=float), np.asarray(fold)
    names, first, index = np.unique(
        np.asarray(patient).astype(str), return_index=True, return_inverse=True
    )
    if values.shape != folds.shape or values.shape[1] != index.size:
        raise RadpipeError(
            "influences, folds and patients differ in shape",
            found=(values.shape, folds.shape, index.size),
        )
    if min(np.unique(row).size for row in folds) < 2:
        raise RadpipeError("an interval of cross-validation needs folds", found="a single fold")
    by_patient: Matrix = np.zeros((len(values), names.size))
    np.add.at(by_patient.T, index, values.T)
    mean, groups, repeats = by_patient.mean(axis=0), folds[:, first], len(values)
    # Two degrees of freedom are lost, as in the variance of two classes.
    conditional = float((mean**2).sum()) * names.size / max(names.size - 2, 1)
    if repeats == 1 or not conditional > 0:
        return Inflation(conditional, 1.0, 1.0 if cancelling else None, repeats)
    others = float(np.mean([np.unique(row).size for row in groups])) - 1
    moved = float(by_patient.var(axis=0, ddof=1).sum())
    training = min(1.0, others * moved / conditional)
    roles = None
    if cancelling:
        roles = float(np.clip(_both_roles(by_patient, mean, groups), LEAST_ROLES, 1.0))
    return Inflation(conditional, training, roles, repeats)


def _both_roles(influence: Matrix, mean: Vector, groups: npt.NDArray[np.generic]) -> float:
    """Covariance of a patient's roles as test and as training case, over the test variance.

    Held out, a fold's patients are missing from the models that judge them: the change of its sum
    against the mean over repeats is minus their influence as training cases, over the other folds.
    """
    repeats = len(influence)
    product = square = 0.0
    for row, folds in zip(influence, groups, strict=True):
        _, member = np.unique(folds, return_inverse=True)
        tested = np.bincount(member, mean)
        # The mean holds the row itself, which shrinks the change by (repeats - 1) / repeats.
        changed = np.bincount(member, row - mean) * repeats / (repeats - 1)
        product -= int(member.max()) * float(tested @ changed)
        square += float(tested @ tested)
    return product / square if square else 1.0


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
    return found.interval(estimate, confidence, scale="logit", freedom=freedom)


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
    found = inflation(slope_influence(y, p), fold, patient, cancelling=True)
    freedom = _freedom(patient, y == 0, y == 1)
    return found.interval(float(slopes.mean()), confidence, freedom=freedom)


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
    return found.interval(estimate, confidence, scale="logit", freedom=freedom)


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
