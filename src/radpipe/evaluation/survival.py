"""Discrimination of survival: Harrell's C with its error and paired difference, and Uno's C.

Of two cases the one known to have the event first should have the higher risk. A pair can be judged
if the shorter follow-up ends with an event; pairs of two events at one time are left out, equal
risks count one half.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from radpipe.errors import RadpipeError
from radpipe.evaluation.comparison import Difference
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.survival_checks import check_finite, check_horizon, check_survival
from radpipe.evaluation.survival_curves import censoring_curve
from radpipe.types import Interval, Matrix, Vector


@dataclass(frozen=True)
class Concordance:
    """Pairs of cases and what the risks say of them; weighted sums for Uno's C.

    Attributes:
        concordant: pairs in which the earlier event has the higher risk.
        discordant: pairs in which it has the lower risk.
        tied_risk: pairs of equal risks.
        influence: derivative of C by the weight of each case, shape (n,).
    """

    concordant: float
    discordant: float
    tied_risk: float
    influence: Vector

    @property
    def pairs(self) -> float:
        """Pairs that can be judged."""
        return self.concordant + self.discordant + self.tied_risk

    @property
    def c(self) -> float:
        """The share of pairs in the right order; NaN where there are none."""
        return (self.concordant + self.tied_risk / 2) / self.pairs if self.pairs else float("nan")

    @property
    def se(self) -> float:
        """Standard error by the infinitesimal jackknife; weights count as fixed."""
        return float(np.sqrt(self.influence @ self.influence)) if self.pairs else float("nan")


def concordance(
    risk: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, *, horizon: float | None = None
) -> Concordance:
    """Pairs of Harrell's C. Harrell et al., JAMA 1982;247:2543.

    Args:
        risk: higher means an earlier event, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        horizon: events after it make no pair; default: all count.

    Raises:
        RadpipeError: see `check_survival` and `check_finite`.
    """
    t, e = check_survival(time, event)
    score = check_finite(risk, t.size, "risk")
    weight = e * (t <= (np.inf if horizon is None else horizon))
    return _pairs(score, t, e, weight)


def harrell_c(
    risk: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, *, confidence: float = 0.95
) -> Interval:
    """Harrell's C with a Wald interval, clipped to [0, 1]; NaN without a pair."""
    return _wald(concordance(risk, time, event), confidence, "infinitesimal_jackknife")


def harrell_difference(
    risk_a: npt.ArrayLike,
    risk_b: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    confidence: float = 0.95,
) -> Difference:
    """C of the first less C of the second risk on the same cases, tested by the normal."""
    a, b = concordance(risk_a, time, event), concordance(risk_b, time, event)
    difference = a.c - b.c
    influence = a.influence - b.influence
    error = float(np.sqrt(influence @ influence))
    half = normal_quantile(confidence) * error
    same = error == 0
    z = 0.0 if same else difference / error
    p = 1.0 if same else float(2 * norm.sf(abs(z)))
    note = "infinitesimal_jackknife_paired"
    return Difference(difference, difference - half, difference + half, z, p, note)


def uno_concordance(
    risk: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, *, horizon: float | None = None
) -> Concordance:
    """Pairs weighted by 1 / G(t-)**2, so that C does not depend on the censoring.

    G is the Kaplan-Meier curve of the censoring in the same cases, just before the event as in R's
    `concordance(timewt = "n/G2")`; scikit-survival takes it at the event, which is the same unless
    events and censoring share a time. Uno et al., Stat Med 2011;30:1105.

    Args:
        risk: higher means an earlier event, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        horizon: events after it make no pair; default: the last event.

    Raises:
        RadpipeError: no event, or the horizon lies past the last one (guardrail G22).
    """
    t, e = check_survival(time, event)
    score = check_finite(risk, t.size, "risk")
    last = float(t[e == 1].max()) if e.any() else 0.0
    tau = last if horizon is None else horizon
    check_horizon(tau, t, e, what="Uno's C")
    weight = e * (t <= tau)
    weight[weight > 0] = 1 / censoring_curve(t, e).before(t[weight > 0]) ** 2
    return _pairs(score, t, e, weight)


def uno_c(
    risk: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    *,
    horizon: float | None = None,
    confidence: float = 0.95,
) -> Interval:
    """Uno's C with a Wald interval that takes the weights as known, clipped to [0, 1]."""
    found = uno_concordance(risk, time, event, horizon=horizon)
    return _wald(found, confidence, "infinitesimal_jackknife (weights fixed)")


def _pairs(score: Vector, t: Vector, e: Vector, weight: Vector) -> Concordance:
    """Sums over pairs (i, j) in which event i comes first, each weighing weight[i]."""
    first = np.flatnonzero(weight > 0)
    later = (t[None, :] > t[first, None]) | ((t[None, :] == t[first, None]) & (e[None, :] == 0))
    own = weight[first, None]
    higher = later & (score[first, None] > score[None, :])
    tied = later & (score[first, None] == score[None, :])
    right: Matrix = (higher + 0.5 * tied) * own
    judged: Matrix = later * own
    total = float(judged.sum())
    if not total:
        return Concordance(0.0, 0.0, 0.0, np.full(t.size, np.nan))
    c = float(right.sum()) / total
    excess = right - c * judged
    influence = excess.sum(axis=0)
    influence[first] += excess.sum(axis=1)
    concordant, equal = float((higher * own).sum()), float((tied * own).sum())
    return Concordance(concordant, total - concordant - equal, equal, influence / total)


def _wald(found: Concordance, confidence: float, method: str) -> Interval:
    half = normal_quantile(confidence) * found.se
    low, high = max(0.0, found.c - half), min(1.0, found.c + half)
    if not found.pairs:
        raise RadpipeError("there is no pair of cases to judge", expected="an event before the end")
    return Interval(found.c, low, high, method)
