"""Survival at a horizon: AUC(t), Brier(t) and its integral, by inverse censoring weights.

A case whose event came by the horizon weighs 1 / G(T-), one followed beyond it 1 / G(t), one
censored before 0; G is the Kaplan-Meier curve of the censoring in the same cases. All are refused
past the last event (guardrail G22).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.evaluation.survival_checks import (
    check_event_probabilities,
    check_finite,
    check_horizon,
    check_survival,
)
from radpipe.evaluation.survival_curves import censoring_curve, kaplan_meier
from radpipe.types import Matrix, Vector


@dataclass(frozen=True)
class HorizonWeights:
    """What is known of each case at a horizon, and how much it counts.

    Attributes:
        had: whether the event came by the horizon, shape (n,).
        free: whether the case was followed beyond it, shape (n,).
        weight: 1 / G, 0 for cases censored before, shape (n,).
    """

    had: npt.NDArray[np.bool_]
    free: npt.NDArray[np.bool_]
    weight: Vector


def horizon_weights(time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> HorizonWeights:
    """Inverse probabilities of being uncensored at the horizon.

    Graf et al., Stat Med 1999;18:2529; Gerds & Schumacher, Biom J 2006;48:1029.

    Raises:
        RadpipeError: see `check_survival`; there is no event or the horizon lies past the last one.
    """
    t, e = check_survival(time, event)
    check_horizon(horizon, t, e, what="a weight by inverse censoring")
    curve = censoring_curve(t, e)
    had, free = (t <= horizon) & (e == 1), t > horizon
    weight = np.zeros(t.size)
    weight[had] = 1 / curve.before(t[had])
    if free.any():
        weight[free] = 1 / float(curve.at(horizon))
    return HorizonWeights(had, free, weight)


def auc_at(risk: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> float:
    """Cumulative/dynamic AUC: had the event by the horizon against free of it; ties count 1/2.

    Blanche, Dartigues & Jacqmin-Gadda, Stat Med 2013;32:5381, as riskRegression's `Score`. NaN if
    nobody is free of the event at the horizon.

    Args:
        risk: higher means an earlier event, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        horizon: the time, in the unit of `time`.

    Raises:
        RadpipeError: see `horizon_weights` and `check_finite`.
    """
    known = horizon_weights(time, event, horizon)
    score = check_finite(risk, known.weight.size, "risk")
    cases, controls = known.weight[known.had], known.weight[known.free]
    if not cases.size or not controls.size:
        return float("nan")
    a, b = score[known.had][:, None], score[known.free][None, :]
    right = cases @ ((a > b) + 0.5 * (a == b)) @ controls
    return float(right / (cases.sum() * controls.sum()))


def brier_at(p: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> float:
    """Mean squared error of the probability of the event by the horizon.

    Args:
        p: predicted probabilities of the event by the horizon, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        horizon: the time, in the unit of `time`.

    Raises:
        RadpipeError: see `horizon_weights` and `check_event_probabilities`.
    """
    known = horizon_weights(time, event, horizon)
    probability = check_event_probabilities(p, known.weight.size)
    return float(np.mean(known.weight * (known.had - probability) ** 2))


def brier_null(time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> float:
    """Brier(t) of the Kaplan-Meier estimate of the same cases, given to everybody."""
    t, e = check_survival(time, event)
    share = 1 - float(kaplan_meier(t, e).at(horizon))
    return brier_at(np.full(t.size, share), t, e, horizon)


def ipa_at(p: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, horizon: float) -> float:
    """Index of prediction accuracy: 1 - Brier(t) / that of the Kaplan-Meier estimate."""
    return 1 - brier_at(p, time, event, horizon) / brier_null(time, event, horizon)


def integrated_brier(
    p: Matrix,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    times: Sequence[float] | Vector,
    *,
    rule: Literal["step", "trapezoid"] = "step",
) -> float:
    """Brier(t) averaged over 0 to the last of `times`; at time 0 it is 0.

    `step` is the rule of riskRegression and pec: each value holds until the next time, so that a
    coarse grid gives too little; `trapezoid` joins the values by lines.

    Args:
        p: probabilities of the event by each of `times`, shape (n, times).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        times: ascending times above 0, shape (times,).
        rule: how the values are joined.

    Raises:
        RadpipeError: the times are not ascending or do not fit `p`; see `brier_at`.
    """
    grid, probability = np.asarray(times, dtype=float), np.asarray(p, dtype=float)
    ascending = grid.ndim == 1 and grid.size > 0 and (np.diff(grid, prepend=0.0) > 0).all()
    if not ascending or probability.shape[1:] != grid.shape:
        raise RadpipeError(
            "the integrated Brier score needs ascending times above 0, a column each",
            found=f"{grid.size} times and probabilities of shape {probability.shape}",
        )
    scores = np.array(
        [brier_at(column, time, event, at) for column, at in zip(probability.T, grid, strict=True)]
    )
    before = np.concatenate([[0.0], scores[:-1]])
    height = before if rule == "step" else (before + scores) / 2
    return float(height @ np.diff(grid, prepend=0.0) / grid[-1])
