"""Statistics of survival with case weights: all resamples of a bootstrap at once.

Weights have the shape (B, n), such as `patient_weights`; a weight is how often a case is there.
Each function gives one value a row and, with weights of 1, that of its unweighted namesake. The
distribution of the censoring is estimated anew in every row.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.evaluation.discrimination import weighted_auc
from radpipe.types import Matrix, Vector

NEWTON_STEPS = 40
SETTLED = 1e-9
"""Newton step of the calibration slope below which a row has settled."""

FARTHEST = 50.0
"""A slope beyond this is none: the predictions separate the events."""


@dataclass(frozen=True)
class WeightedCurves:
    """Kaplan-Meier curves of events and of censoring, one of each a row of weights.

    Attributes:
        time: distinct times, ascending, shape (m,).
        survival: free of the event beyond each time, shape (B, m).
        uncensored: not censored up to and at each time, shape (B, m).
        index: place of each case's follow-up in `time`, shape (n,).
    """

    time: Vector
    survival: Matrix
    uncensored: Matrix
    index: npt.NDArray[np.intp]

    def uncensored_before(self) -> Matrix:
        """G(t-) of each case, shape (B, n)."""
        ones = np.ones((len(self.uncensored), 1))
        return np.hstack([ones, self.uncensored])[:, self.index]

    def at(self, curves: Matrix, horizon: float) -> Vector:
        """The value of curves (B, m) at a time, shape (B,)."""
        place = int(np.searchsorted(self.time, horizon, side="right"))
        return curves[:, place - 1] if place else np.ones(len(curves))


def weighted_curves(time: Vector, event: Vector, weights: Matrix) -> WeightedCurves:
    """Both curves; events come before censoring at the same time."""
    times, index = np.unique(time, return_inverse=True)
    order = np.argsort(index, kind="stable")
    first = np.searchsorted(index[order], np.arange(times.size))
    here = np.add.reduceat(weights[:, order], first, axis=1)
    died = np.add.reduceat(weights[:, order] * event[order], first, axis=1)
    risk = np.cumsum(here[:, ::-1], axis=1)[:, ::-1]
    return WeightedCurves(
        times, _product(died, risk), _product(here - died, risk - died), np.asarray(index)
    )


def weighted_concordance(
    risk: Vector, time: Vector, event: Vector, weights: Matrix, *, pairs: Matrix | None = None
) -> Vector:
    """C over pairs in which the earlier follow-up ends with an event.

    Args:
        risk: higher means an earlier event, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        weights: case weights, shape (B, n).
        pairs: weight of the pairs of each case as the earlier one, shape (B, n); default: 1, which
            is Harrell's C.
    """
    first = np.flatnonzero(event == 1)
    if not first.size:
        return np.full(len(weights), np.nan)
    own = time[first, None]
    later = (time > own) | ((time == own) & (event == 0))
    right = later * ((risk[first, None] > risk) + 0.5 * (risk[first, None] == risk))
    earlier = weights[:, first] * (1.0 if pairs is None else pairs[:, first])
    wins = ((earlier @ right) * weights).sum(axis=1)
    total = ((earlier @ later.astype(float)) * weights).sum(axis=1)
    return _ratio(wins, total)


def weighted_uno(
    risk: Vector, time: Vector, event: Vector, weights: Matrix, horizon: float
) -> Vector:
    """Uno's C of events up to the horizon."""
    before = weighted_curves(time, event, weights).uncensored_before()
    pairs = _inverse(before) ** 2 * (time <= horizon)
    return weighted_concordance(risk, time, event, weights, pairs=pairs)


def weighted_auc_at(
    risk: Vector, time: Vector, event: Vector, weights: Matrix, horizon: float
) -> Vector:
    """Cumulative/dynamic AUC at the horizon."""
    had, free = (time <= horizon) & (event == 1), time > horizon
    before = weighted_curves(time, event, weights).uncensored_before()
    counted = weights * np.where(had, _inverse(before), 1.0)
    known = had | free
    return weighted_auc(had[known].astype(float), risk[known], counted[:, known])


def weighted_brier_at(
    p: Vector, time: Vector, event: Vector, weights: Matrix, horizon: float
) -> Vector:
    """Brier score of the probability of the event by the horizon."""
    curves = weighted_curves(time, event, weights)
    had, free = (time <= horizon) & (event == 1), time > horizon
    counted = np.where(had, _inverse(curves.uncensored_before()), 0.0)
    beyond = _inverse(curves.at(curves.uncensored, horizon))
    counted = np.where(free, beyond[:, None], counted)
    score = ((weights * counted) @ (had - p) ** 2) / weights.sum(axis=1)
    # Where a sample has nobody beyond the horizon and censored cases before, G is 0 there.
    lost = (weights * free).sum(axis=1) > 0
    return np.where(lost & (beyond == 0), np.nan, score)


def weighted_integrated_brier(
    p: Matrix, time: Vector, event: Vector, weights: Matrix, times: Vector
) -> Vector:
    """Brier(t) averaged over 0 to the last of `times` by the trapezoid rule, 0 at 0."""
    scores = np.stack(
        [
            weighted_brier_at(column, time, event, weights, float(at))
            for column, at in zip(p.T, times, strict=True)
        ],
        axis=1,
    )
    before = np.hstack([np.zeros((len(scores), 1)), scores[:, :-1]])
    return (before + scores) / 2 @ np.diff(times, prepend=0.0) / times[-1]


def weighted_in_large(
    p: Vector, time: Vector, event: Vector, weights: Matrix, horizon: float
) -> Vector:
    """Observed share of events by the horizon (Kaplan-Meier) over the mean prediction."""
    curves = weighted_curves(time, event, weights)
    observed = 1 - curves.at(curves.survival, horizon)
    return _ratio(observed, weights @ p / weights.sum(axis=1))


def weighted_slope(predictor: Vector, time: Vector, event: Vector, weights: Matrix) -> Vector:
    """Coefficient of one column in a Cox model with Efron's ties.

    A case that is drawn twice counts twice, and is not tied with itself: tied are the cases whose
    events share a time in the cohort. NaN where a row has no finite maximum.
    """
    order = np.lexsort((event, -time))
    t, e, x = time[order], event[order], predictor[order]
    drawn = weights[:, order]
    events = np.flatnonzero(e == 1)
    if not events.size or np.ptp(x) == 0:
        return np.full(len(weights), np.nan)
    x = (x - x.mean()) / x.std()
    _, tie, counts = np.unique(t[events], return_inverse=True, return_counts=True)
    place = np.arange(events.size) - np.searchsorted(-t[events], -t[events], side="left")
    sample = _EventSets(
        x,
        drawn,
        events,
        np.searchsorted(-t, -t[events], side="right") - 1,
        tie,
        place / counts[tie],
    )
    slope = np.zeros(len(weights))
    active = np.ones(len(weights), dtype=bool)
    for _ in range(NEWTON_STEPS):
        gradient, information = sample.derivatives(slope)
        step = np.clip(_ratio(gradient, information), -2.0, 2.0)
        slope = np.where(active, slope + step, slope)
        active &= ~(np.abs(step) <= SETTLED)
        if not (active & np.isfinite(slope)).any():
            break
    slope[active | ~(np.abs(slope) < FARTHEST)] = np.nan
    return slope / predictor.std()


@dataclass(frozen=True)
class _EventSets:
    """One column in descending time, with the events and who is at risk at each."""

    x: Vector
    weights: Matrix
    events: npt.NDArray[np.intp]
    last: npt.NDArray[np.intp]
    tie: npt.NDArray[np.intp]
    fraction: Vector

    def derivatives(self, slope: Vector) -> tuple[Vector, Vector]:
        """Gradient and information of the weighted partial likelihood, shape (B,)."""
        eta = slope[:, None] * self.x
        hazard = self.weights * np.exp(eta - eta.max(axis=1, keepdims=True))
        moments = []
        for power in range(3):
            part = hazard * self.x**power
            tied = self._over_ties(part[:, self.events])
            moments.append(np.cumsum(part, axis=1)[:, self.last] - self.fraction * tied)
        own = self.weights[:, self.events]
        # Efron: each of the tied events counts with their mean weight.
        mean = self._over_ties(own) / np.bincount(self.tie)[self.tie]
        first, second = _ratio(moments[1], moments[0]), _ratio(moments[2], moments[0])
        first, second = np.nan_to_num(first), np.nan_to_num(second)
        gradient = (own * self.x[self.events]).sum(axis=1) - (mean * first).sum(axis=1)
        return gradient, (mean * (second - first**2)).sum(axis=1)

    def _over_ties(self, values: Matrix) -> Matrix:
        """The sum over tied events at each event, shape (B, events)."""
        # Events stand in descending time, so that tied ones are neighbours.
        start = np.flatnonzero(np.diff(self.tie, prepend=-1))
        sums = np.add.reduceat(values, start, axis=1)
        return np.repeat(sums, np.diff(np.append(start, self.tie.size)), axis=1)


def _product(gone: Matrix, risk: Matrix) -> Matrix:
    """Product-limit curves; where none is at risk nothing happens."""
    share = np.divide(gone, risk, out=np.zeros_like(gone), where=risk > 0)
    return np.cumprod(1 - share, axis=1)


def _inverse(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    """1 / values, 0 where a value is 0: such cases have no weight in the sample."""
    return np.divide(1.0, values, out=np.zeros_like(values), where=values > 0)


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
