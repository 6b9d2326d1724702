"""Kaplan-Meier curves with intervals, their median and restricted mean, and the log-rank test."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.survival_checks import check_survival
from radpipe.types import Interval, Matrix, Vector

IntervalKind = Literal["log", "log-log"]

EQUAL = 1e-9
"""A curve this near to one half lies on it: 1 - 1/2 need not be 0.5 after many products."""


@dataclass(frozen=True)
class KaplanMeier:
    """The product-limit estimate at the distinct times of follow-up.

    Attributes:
        time: distinct times, ascending, shape (m,).
        n_risk: cases at risk just before, shape (m,).
        n_event: events at, shape (m,).
        n_censor: cases censored at (after the events there), shape (m,).
        survival: probability to be free of the event beyond, shape (m,).
        variance_log: Greenwood's variance of log survival, shape (m,); infinite where it is 0.
    """

    time: Vector
    n_risk: Vector
    n_event: Vector
    n_censor: Vector
    survival: Vector
    variance_log: Vector

    def at(self, times: npt.ArrayLike) -> Vector:
        """Survival beyond each time: a right-continuous step function, 1 before the first."""
        return _step(self.time, self.survival, times, 1.0, "right")

    def before(self, times: npt.ArrayLike) -> Vector:
        """Survival up to each time, S(t-)."""
        return _step(self.time, self.survival, times, 1.0, "left")

    def standard_error(self, times: npt.ArrayLike) -> Vector:
        """Greenwood's standard error of survival at each time."""
        variance = _step(self.time, self.variance_log, times, 0.0, "right")
        return np.asarray(self.at(times) * np.sqrt(variance))

    def limits(
        self, times: npt.ArrayLike, *, kind: IntervalKind = "log", confidence: float = 0.95
    ) -> tuple[Vector, Vector]:
        """Pointwise limits of survival, on the log scale (R's default) or on that of log(-log).

        NaN where survival is 0, and without width where it is 1.
        """
        s = self.at(times)
        error = np.sqrt(_step(self.time, self.variance_log, times, 0.0, "right"))
        z = normal_quantile(confidence)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            if kind == "log":
                low, high = s * np.exp(-z * error), np.minimum(1.0, s * np.exp(z * error))
            else:
                width = z * error / np.abs(np.log(s))
                low, high = s ** np.exp(width), s ** np.exp(-width)
        gone, whole = s == 0, s == 1
        low, high = (np.where(gone, np.nan, np.where(whole, 1.0, limit)) for limit in (low, high))
        return low, high


@dataclass(frozen=True)
class LogRank:
    """The log-rank test: statistic, degrees of freedom, p, observed and expected events a group."""

    chi2: float
    df: int
    p: float
    observed: Vector
    expected: Vector


def kaplan_meier(time: npt.ArrayLike, event: npt.ArrayLike) -> KaplanMeier:
    """Kaplan & Meier, J Am Stat Assoc 1958;53:457.

    Args:
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,). At one time events come before censoring.

    Raises:
        RadpipeError: see `check_survival`.
    """
    t, e = check_survival(time, event)
    times, events, censored, risk = _counts(t, e)
    return _product_limit(times, risk, events, censored)


def censoring_curve(time: npt.ArrayLike, event: npt.ArrayLike) -> KaplanMeier:
    """The curve of the censoring, G: here `n_event` counts censored cases.

    Events come before censoring at the same time, so that they are no more at risk of it.
    """
    t, e = check_survival(time, event)
    times, events, censored, risk = _counts(t, e)
    return _product_limit(times, risk - events, censored, events)


def median_survival(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    kind: IntervalKind = "log",
    confidence: float = 0.95,
) -> Interval:
    """The time at which the curve crosses one half, with the times at which its limits do.

    On a horizontal stretch at one half it is the middle of the stretch, as in R. NaN where the
    curve, or a limit, does not come down to one half. Brookmeyer & Crowley, Biometrics 1982;38:29.
    """
    curve = kaplan_meier(time, event)
    low, high = curve.limits(curve.time, kind=kind, confidence=confidence)
    # Where survival is 0 there is no interval, but the curve and its limits are below one half.
    low, high = (np.where(curve.survival == 0, np.nan, limit) for limit in (low, high))
    return Interval(
        _crossing(curve.time, curve.survival),
        _crossing(curve.time, low),
        _crossing(curve.time, high),
        f"kaplan_meier ({kind})",
    )


def restricted_mean(
    time: npt.ArrayLike, event: npt.ArrayLike, horizon: float, *, confidence: float = 0.95
) -> Interval:
    """Mean time free of the event up to the horizon: the area under the curve.

    Raises:
        RadpipeError: the horizon is not positive or lies past the last follow-up.
    """
    curve = kaplan_meier(time, event)
    if not 0 < horizon <= curve.time[-1]:
        raise RadpipeError(
            "the restricted mean is not defined at this horizon",
            found=f"{horizon:g}",
            expected=f"above 0 and up to the last follow-up, {curve.time[-1]:g}",
        )
    inside = curve.time < horizon
    edges = np.concatenate([[0.0], curve.time[inside], [horizon]])
    areas = np.diff(edges) * np.concatenate([[1.0], curve.survival[inside]])
    left = areas[::-1].cumsum()[::-1][1:]
    events, risk = curve.n_event[inside], curve.n_risk[inside]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(left > 0, left**2 * events / (risk * (risk - events)), 0.0)
    mean, error = float(areas.sum()), float(np.sqrt(terms.sum()))
    half = normal_quantile(confidence) * error
    return Interval(mean, mean - half, mean + half, "greenwood")


def log_rank(
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    group: npt.ArrayLike,
    *,
    strata: npt.ArrayLike | None = None,
    rho: float = 0.0,
) -> LogRank:
    """Do groups differ in survival? Events at time t weigh S(t-)**rho (0: log-rank, 1: Peto).

    Harrington & Fleming, Biometrika 1982;69:553.

    Args:
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        group: names of the groups, shape (n,); the result has them in sorted order.
        strata: names of strata within which the groups are compared, shape (n,).
        rho: weight of early events.

    Raises:
        RadpipeError: see `check_survival`; or there are fewer than two groups.
    """
    t, e = check_survival(time, event)
    names, index = np.unique(np.asarray(group), return_inverse=True)
    if names.size < 2:
        raise RadpipeError("the log-rank test needs two groups", found=f"{names.size}")
    blocks = np.zeros(t.size, dtype=int)
    if strata is not None:
        blocks = np.unique(np.asarray(strata), return_inverse=True)[1]
    observed, expected = np.zeros(names.size), np.zeros(names.size)
    variance = np.zeros((names.size, names.size))
    for block in np.unique(blocks):
        own = blocks == block
        parts = _log_rank_sums(t[own], e[own], index[own], names.size, rho)
        observed, expected, variance = (
            old + new for old, new in zip((observed, expected, variance), parts, strict=True)
        )
    # Groups in which no event can fall say nothing and would make the variance singular.
    used = np.flatnonzero(expected > 0)
    excess, df = (observed - expected)[used][1:], used.size - 1
    spread = variance[np.ix_(used[1:], used[1:])]
    statistic = float(excess @ np.linalg.solve(spread, excess)) if df > 0 else 0.0
    p = float(chi2.sf(statistic, df)) if df > 0 else 1.0
    return LogRank(statistic, df, p, observed, expected)


def _counts(t: Vector, e: Vector) -> tuple[Vector, Vector, Vector, Vector]:
    """Distinct times; events, censored cases and cases at risk at each."""
    times, index = np.unique(t, return_inverse=True)
    events = np.bincount(index, e).astype(float)
    here = np.bincount(index, np.ones(t.size)).astype(float)
    risk: Vector = np.cumsum(here[::-1])[::-1]
    return times, events, here - events, risk


def _product_limit(times: Vector, risk: Vector, gone: Vector, others: Vector) -> KaplanMeier:
    at_risk = np.maximum(risk, 1)  # where none is at risk nothing happens
    survival = np.cumprod((at_risk - gone) / at_risk)
    left = at_risk - gone
    terms = np.divide(gone, at_risk * left, out=np.full(gone.shape, np.inf), where=left > 0)
    variance = np.cumsum(terms)
    return KaplanMeier(times, risk, gone, others, survival, variance)


def _log_rank_sums(
    t: Vector, e: Vector, index: npt.NDArray[np.intp], groups: int, rho: float
) -> tuple[Vector, Vector, Matrix]:
    """Observed and expected events and the variance of their difference, in one stratum."""
    curve = kaplan_meier(t, e)
    times = curve.time[curve.n_event > 0]
    here = np.stack([np.searchsorted(times, t, side="right"), index])
    at_risk = np.zeros((times.size + 1, groups))
    np.add.at(at_risk, (here[0], here[1]), 1.0)
    # A case is at risk at all event times up to its own.
    at_risk = at_risk[::-1].cumsum(axis=0)[::-1][1:]
    events = np.zeros((times.size, groups))
    seen = e == 1
    np.add.at(events, (np.searchsorted(times, t[seen]), index[seen]), 1.0)
    weight = curve.before(times) ** rho
    total, died = at_risk.sum(axis=1), events.sum(axis=1)
    share = at_risk / total[:, None]
    spread = weight**2 * died * np.where(total > 1, (total - died) / np.maximum(total - 1, 1), 0.0)
    variance = np.diag(spread @ share) - (share * spread[:, None]).T @ share
    return weight @ events, (weight * died) @ share, variance


def _step(
    time: Vector, values: Vector, at: npt.ArrayLike, first: float, side: Literal["left", "right"]
) -> Vector:
    steps = np.concatenate([[first], values])
    return np.asarray(steps[np.searchsorted(time, np.asarray(at, dtype=float), side=side)])


def _crossing(time: Vector, values: Vector) -> float:
    """Where a falling step function reaches one half."""
    below = np.flatnonzero(values <= 0.5 + EQUAL)
    if not below.size:
        return float("nan")
    first = below[0]
    lower = np.flatnonzero(values < 0.5 - EQUAL)
    if abs(values[first] - 0.5) <= EQUAL and lower.size:
        return float((time[first] + time[lower[0]]) / 2)
    return float(time[first])
