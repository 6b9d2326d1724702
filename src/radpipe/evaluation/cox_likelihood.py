"""The partial likelihood of Cox's model: its value, gradient and information."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.errors import FitError
from radpipe.evaluation.survival_checks import check_survival
from radpipe.types import Matrix, Vector

Ties = Literal["efron", "breslow"]


@dataclass(frozen=True)
class Derivatives:
    """Log partial likelihood, its gradient (p,) and its negative Hessian (p, p)."""

    loglik: float
    gradient: Vector
    information: Matrix


@dataclass(frozen=True)
class Stratum:
    """Rows of one stratum in descending time, and where each event's risk set ends.

    Attributes:
        name: of the stratum.
        rows: centred columns, shape (n, p).
        time: shape (n,).
        events: rows that are events, shape (e,).
        risk: number of rows at risk at each event, shape (e,).
        tie: index of the group of tied events of each event, shape (e,).
        fraction: share of its tied events that Efron takes as gone, shape (e,).
    """

    name: str
    rows: Matrix
    time: Vector
    events: npt.NDArray[np.intp]
    risk: npt.NDArray[np.intp]
    tie: npt.NDArray[np.intp]
    fraction: Vector

    def sums(self, coef: Vector) -> tuple[Vector, Vector, float]:
        """Hazard of each row and sum over those at risk, both over exp(shift); the shift."""
        eta = self.rows @ coef
        shift = float(eta.max())
        hazard = np.exp(eta - shift)
        own = np.bincount(self.tie, hazard[self.events])[self.tie]
        at_risk = np.cumsum(hazard)[self.risk - 1] - self.fraction * own
        return hazard, at_risk, shift

    def mean(self, hazard: Vector, at_risk: Vector) -> Matrix:
        """Mean of the columns over those at risk at each event, shape (e, p)."""
        weighted = self.rows * hazard[:, None]
        tied = np.zeros((self.tie.max() + 1, self.rows.shape[1]))
        np.add.at(tied, self.tie, weighted[self.events])
        total = np.cumsum(weighted, axis=0)[self.risk - 1]
        return np.asarray((total - self.fraction[:, None] * tied[self.tie]) / at_risk[:, None])

    def derivatives(self, coef: Vector) -> Derivatives:
        """Of the partial likelihood at `coef`."""
        hazard, at_risk, shift = self.sums(coef)
        mean = self.mean(hazard, at_risk)
        eta = self.rows[self.events] @ coef
        loglik = float(eta.sum() - np.log(at_risk).sum() - shift * eta.size)
        # Each row counts in the risk sets of all events up to its time, an event in those of its
        # own ties by the share that is not yet taken as gone.
        share = np.bincount(self.risk - 1, 1 / at_risk, minlength=len(hazard))
        weight = np.cumsum(share[::-1])[::-1]
        gone = np.bincount(self.tie, self.fraction / at_risk)[self.tie]
        np.subtract.at(weight, self.events, gone)
        second = self.rows.T @ (self.rows * (weight * hazard)[:, None])
        gradient = (self.rows[self.events] - mean).sum(axis=0)
        return Derivatives(loglik, gradient, second - mean.T @ mean)

    def moments(self, coef: Vector) -> tuple[Matrix, npt.NDArray[np.float64]]:
        """Mean (e, p) and covariance (e, p, p) of the columns over those at risk."""
        hazard, at_risk, _ = self.sums(coef)
        mean = self.mean(hazard, at_risk)
        squares = np.einsum("i,ij,ik->ijk", hazard, self.rows, self.rows)
        tied = np.zeros((self.tie.max() + 1, *squares.shape[1:]))
        np.add.at(tied, self.tie, squares[self.events])
        second = np.cumsum(squares, axis=0)[self.risk - 1]
        second = second - self.fraction[:, None, None] * tied[self.tie]
        outer = np.einsum("ej,ek->ejk", mean, mean)
        return mean, second / at_risk[:, None, None] - outer

    def baseline(self, coef: Vector) -> tuple[Vector, Vector]:
        """Distinct times of events, and the cumulative hazard of a row of zeros at them."""
        _, at_risk, shift = self.sums(coef)
        increments = np.bincount(self.tie, np.exp(-shift) / at_risk)
        return np.unique(self.time[self.events]), np.cumsum(increments)


def prepare(
    X: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    ties: Ties,
    strata: npt.ArrayLike | None,
) -> tuple[Matrix, Vector, list[Stratum]]:
    """Centred rows, the column means, and the strata that have events."""
    t, e = check_survival(time, event)
    rows = np.asarray(X, dtype=float)
    if rows.ndim != 2 or len(rows) != t.size:
        raise FitError(
            "the columns do not fit the outcome", found=rows.shape, expected=f"({t.size}, p)"
        )
    if not np.isfinite(rows).all():
        raise FitError("a value of the columns is missing or infinite", expected="numbers")
    if not e.any():
        raise FitError("there is no event", found=f"{t.size} censored rows")
    centre = rows.mean(axis=0)
    names = np.zeros(t.size, dtype=str) if strata is None else np.asarray(strata).astype(str)
    sets = [
        _stratum(str(name), (rows - centre)[own], t[own], e[own], ties)
        for name in np.unique(names)
        if e[own := names == name].any()
    ]
    return rows - centre, centre, sets


def _stratum(name: str, rows: Matrix, time: Vector, event: Vector, ties: Ties) -> Stratum:
    order = np.lexsort((event, -time))
    t, e = time[order], event[order]
    events = np.flatnonzero(e == 1)
    # Ascending index of tied events, so that sums over them are in the order of time.
    _, tie, counts = np.unique(t[events], return_inverse=True, return_counts=True)
    place = np.arange(events.size) - np.searchsorted(-t[events], -t[events], side="left")
    fraction = place / counts[tie] if ties == "efron" else np.zeros(events.size)
    risk = np.searchsorted(-t, -t[events], side="right")
    return Stratum(name, rows[order], t, events, risk, tie, fraction)


def derivatives(coef: Vector, sets: list[Stratum]) -> Derivatives:
    """Of the partial likelihood at `coef`, all strata together."""
    parts = [part.derivatives(coef) for part in sets]
    return Derivatives(
        sum(part.loglik for part in parts),
        np.sum([part.gradient for part in parts], axis=0),
        np.sum([part.information for part in parts], axis=0),
    )
