"""Cox's proportional hazards model: partial likelihood with Efron's or Breslow's ties, ridge.

Small enough to be checked against R, and the part that a penalised predictor can rest on.
"""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Callable
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import numpy.typing as npt
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.stats import chi2

from radpipe.errors import FitError
from radpipe.evaluation.cox_likelihood import (
    Derivatives,
    Stratum,
    Ties,
    derivatives,
    prepare,
)
from radpipe.evaluation.survival_checks import check_survival
from radpipe.types import Matrix, Vector

STEPS = 60
"""Newton steps at most; a fit that has not settled by then has no finite maximum."""

TOLERANCE = 1e-14
"""Newton decrement, relative to the log-likelihood, at which a fit has settled."""

FURTHEST = 300.0
"""A step that brings linear predictors further apart than this is halved: exp must not vanish."""

DEPENDENT = 1e-6
"""A column with less than this share of its own beside the others cannot be told from them."""

FLAT = 1e-9
"""Information below this share of that at zero: the likelihood grows without end."""


@dataclass(frozen=True)
class Baseline:
    """The hazard of one stratum for a row at the means of the training columns.

    Attributes:
        time: distinct times of events, ascending, shape (m,).
        cumulative_hazard: at these times, shape (m,).
    """

    time: Vector
    cumulative_hazard: Vector

    def at(self, times: npt.ArrayLike) -> Vector:
        """Cumulative hazard at any times: a step function, 0 before the first event."""
        steps = np.concatenate([[0.0], self.cumulative_hazard])
        return np.asarray(steps[np.searchsorted(self.time, times, side="right")])


@dataclass(frozen=True)
class CoxFit:
    """A fitted model.

    Attributes:
        coef: log hazard ratios, shape (p,).
        se: their standard errors (with a penalty: the curvature of the penalised likelihood).
        covariance: inverse information, shape (p, p).
        loglik: log partial likelihood at `coef`, the penalty not counted.
        loglik_null: the same at zero.
        centre: column means of the training rows; `linear_predictor` is relative to them.
        baseline: one a stratum, by the name of the stratum (`""` without strata).
        ties: how tied events are handled.
        n: rows.
        events: events.
    """

    coef: Vector
    se: Vector
    covariance: Matrix
    loglik: float
    loglik_null: float
    centre: Vector
    baseline: dict[str, Baseline]
    ties: Ties
    n: int
    events: int

    def linear_predictor(self, X: npt.ArrayLike) -> Vector:
        """Log hazard relative to a row of training means, shape (n,).

        A row is what it is among any others: no matrix product, which may round it otherwise.
        """
        rows = np.ascontiguousarray(X, dtype=float) - self.centre
        return np.asarray((rows * self.coef).sum(axis=1))

    def survival(self, X: npt.ArrayLike, times: npt.ArrayLike, *, stratum: str = "") -> Matrix:
        """Probability to be free of the event beyond each time, shape (n, times)."""
        hazard = self.baseline[stratum].at(np.atleast_1d(np.asarray(times, dtype=float)))
        return np.exp(-np.exp(self.linear_predictor(X))[:, None] * hazard)


@dataclass(frozen=True)
class ProportionalHazards:
    """Score tests against hazards whose ratio changes in time: of each column, and of all."""

    chi2: Vector
    p: Vector
    global_chi2: float
    global_p: float


def cox_fit(
    X: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    ties: Ties = "efron",
    penalty: float = 0.0,
    strata: npt.ArrayLike | None = None,
) -> CoxFit:
    """Maximise the partial likelihood less penalty / 2 times the sum of squared coefficients.

    Cox, J R Stat Soc B 1972;34:187; Efron, J Am Stat Assoc 1977;72:557. Defaults as R's `coxph`.

    Args:
        X: columns, shape (n, p); a penalty means the same for all only if they are scaled.
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        ties: handling of events at one time.
        penalty: ridge; 0: none.
        strata: names of groups with hazards of their own, shape (n,).

    Raises:
        FitError: a value is missing, there is no event, columns are constant or depend on each
            other, or the likelihood has no maximum (a column separates events); a penalty mends
            the last two.
    """
    rows, centre, sets = prepare(X, time, event, ties, strata)
    coef: Vector = np.zeros(rows.shape[1])
    null = derivatives(coef, sets)
    coef, value = _newton(coef, sets, penalty)
    ridge = penalty * np.eye(coef.size)
    covariance = _solve(value.information + ridge, np.eye(coef.size))
    return CoxFit(
        coef,
        np.sqrt(np.diag(covariance)),
        covariance,
        value.loglik,
        null.loglik,
        centre,
        {s.name: Baseline(*s.baseline(coef)) for s in sets},
        ties,
        len(rows),
        sum(s.events.size for s in sets),
    )


def proportional_hazards_test(
    X: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    fit: CoxFit,
    *,
    strata: npt.ArrayLike | None = None,
) -> ProportionalHazards:
    """Is each log hazard ratio constant over 1 - S(t), the Kaplan-Meier time scale?

    The score test of an added interaction with time, as `cox.zph` of survival >= 3; for fits
    without a penalty. Grambsch & Therneau, Biometrika 1994;81:515.
    """
    rows, _, sets = prepare(X, time, event, fit.ties, strata)
    scale = _kaplan_meier_scale(*check_survival(time, event))
    p = rows.shape[1]
    score, information = np.zeros(2 * p), np.zeros((2 * p, 2 * p))
    for part in sets:
        mean, spread = part.moments(fit.coef)
        g = scale(part.time[part.events])
        score += np.concatenate([w @ (part.rows[part.events] - mean) for w in (g**0, g)])
        powers = [np.einsum("e,eij->ij", g**k, spread) for k in range(3)]
        information += np.block([[powers[0], powers[1]], [powers[1], powers[2]]])
    each = np.array([_score_test(score, information, [j]) for j in range(p)])
    total = _score_test(score, information, list(range(p)))
    return ProportionalHazards(each, chi2.sf(each, 1), total, float(chi2.sf(total, p)))


def _newton(coef: Vector, sets: list[Stratum], penalty: float) -> tuple[Vector, Derivatives]:
    """Newton's method with halved steps where the likelihood would fall."""
    value = derivatives(coef, sets)
    first = np.diag(value.information)
    for _ in range(STEPS):
        gradient = value.gradient - penalty * coef
        step = _solve(value.information + penalty * np.eye(coef.size), gradient)
        if gradient @ step <= TOLERANCE * (abs(value.loglik) + 1):
            return coef + step, derivatives(coef + step, sets)
        coef, value = _halved(coef, step, value, sets, penalty)
        if not penalty and (np.diag(value.information) < FLAT * first).any():
            break
    raise FitError(
        "the Cox model has no finite coefficients",
        found=f"a largest coefficient of {np.abs(coef).max():.3g} after {STEPS} steps at most",
        expected="columns that do not separate the events",
        hint="use a penalty, or fewer columns",
    )


def _halved(
    coef: Vector, step: Vector, value: Derivatives, sets: list[Stratum], penalty: float
) -> tuple[Vector, Derivatives]:
    before = value.loglik - penalty / 2 * coef @ coef
    reach = max(float(np.ptp(part.rows @ step)) for part in sets)
    first = max(0, int(np.ceil(np.log2(max(reach, 1e-300) / FURTHEST))))
    for halving in range(first, first + 30):
        trial = coef + step / 2**halving
        found = derivatives(trial, sets)
        # Rounding may take the last digit of a likelihood that no longer grows.
        if found.loglik - penalty / 2 * trial @ trial >= before - 1e-12 * abs(before):
            break
    return trial, found


def _solve(information: Matrix, of: Matrix) -> Matrix:
    """The inverse of the information times `of`; singular where columns say the same."""
    scale = np.sqrt(np.diag(information))
    if not (np.isfinite(information).all() and (scale > 0).all()):
        _refuse_singular("a constant column")
    try:
        factor = cho_factor(information / np.outer(scale, scale))
    except LinAlgError:
        _refuse_singular("columns that depend on each other")
    # The diagonal of the factor tells what each column has beside those before it.
    if np.diag(factor[0]).min() < DEPENDENT:
        _refuse_singular("columns that depend on each other")
    inner = cho_solve(factor, (of.T / scale).T)
    return np.asarray((inner.T / scale).T)


def _refuse_singular(found: str) -> NoReturn:
    raise FitError("the Cox model cannot tell its columns apart", found=found, hint="use a penalty")


def _score_test(score: Vector, information: Matrix, tested: list[int]) -> float:
    p = score.size // 2
    kept = [*range(p), *(p + j for j in tested)]
    u = score[kept]
    return float(u @ np.linalg.solve(information[np.ix_(kept, kept)], u))


def _kaplan_meier_scale(time: Vector, event: Vector) -> Callable[[Vector], Vector]:
    """1 - S(t-), with S the Kaplan-Meier curve of all rows."""
    times, counts = np.unique(time[event == 1], return_counts=True)
    at_risk = time.size - np.searchsorted(np.sort(time), times, side="left")
    survival = np.concatenate([[1.0], np.cumprod(1 - counts / at_risk)])

    def scale(at: Vector) -> Vector:
        return np.asarray(1 - survival[np.searchsorted(times, at, side="left")])

    return scale
