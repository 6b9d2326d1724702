"""From the numbers that a network or a fusion gives to probabilities that are true of new cases.

What is learned here is learned on inner out-of-fold numbers of the training part: those of the
cases that a network was trained on are too sure of themselves.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize_scalar
from scipy.special import expit

from radpipe.evaluation.performance_survival import curve_names, curve_times
from radpipe.evaluation.thresholds import choose_threshold
from radpipe.modelling.cards import FitSettings
from radpipe.modelling.losses import class_log_loss
from radpipe.modelling.predictors.base import Kind, Target, softmax
from radpipe.modelling.predictors.survival import LARGEST_RISK, cox_loss, hazard_steps
from radpipe.modelling.recalibration import PRIOR_SD, SLOPE_BOUNDS, fit_platt
from radpipe.types import Matrix, Vector


@dataclass(frozen=True)
class Link:
    """The recalibration of an outcome of one kind.

    Attributes:
        kind: of the outcome.
        slope: of log odds (binary), log probabilities (multiclass: the inverse of the temperature
            of Guo et al. 2017) or log risks (survival).
        intercept: binary.
        times: survival: distinct times of events, ascending, shape (m,).
        cumulative: survival: cumulative hazard at these times of a case of risk 0.
    """

    kind: Kind
    slope: float = 1.0
    intercept: float = 0.0
    times: Vector = field(default_factory=lambda: np.zeros(0))
    cumulative: Vector = field(default_factory=lambda: np.zeros(0))

    def outputs(self, values: Matrix) -> Matrix:
        """Probabilities, values or risks, (n, columns), as `predictors.base.outputs_of`."""
        if self.kind == "binary":
            return np.asarray(expit(self.intercept + self.slope * values), dtype=float)
        if self.kind == "multiclass":
            return softmax(self.slope * values)
        return self.slope * values

    def scores(self, values: Matrix, index: pd.Index, card: Mapping[str, Any]) -> pd.DataFrame:
        """The columns of `fitting.predict_scores`, by case; `card` tells classes and horizon."""
        outputs = self.outputs(values)
        table = pd.DataFrame(outputs, columns=output_columns(self.kind, card), index=index)
        if self.kind != "survival":
            return table
        risk, horizon = outputs[:, 0], float(card["horizon"])
        return table.assign(**event_columns(lambda at: self.event_probability(risk, at), horizon))

    def event_probability(self, risk: Vector, horizon: float) -> Vector:
        """Probability of an event up to `horizon`; past the last event that of the last event."""
        known = np.searchsorted(self.times, horizon, side="right")
        hazard = float(self.cumulative[known - 1]) if known else 0.0
        return np.asarray(1 - np.exp(-hazard * np.exp(_bounded(risk))))

    def constants(self) -> dict[str, Any]:
        """As JSON; `Link(kind, **constants)` with arrays for lists is the link again."""
        constants: dict[str, Any] = {"slope": self.slope, "intercept": self.intercept}
        if self.kind == "survival":
            constants |= {"times": self.times.tolist(), "cumulative": self.cumulative.tolist()}
        return constants


def restore_link(kind: Kind, constants: Mapping[str, Any]) -> Link:
    """A link from its constants."""
    arrays: dict[str, Any] = {
        k: np.asarray(v, float) if isinstance(v, list) else v for k, v in constants.items()
    }
    return Link(kind, **arrays)


def output_columns(kind: Kind, card: Mapping[str, Any]) -> list[str]:
    """Names of the columns of an output: `y_prob`, `y_prob_<class>` each, `y_pred` or `risk`."""
    if kind == "multiclass":
        return [f"y_prob_{name}" for name in card["classes"]]
    return [{"binary": "y_prob", "regression": "y_pred"}.get(kind, "risk")]


def operating_threshold(
    y: Target, outputs: Matrix, risk: Callable[[], Matrix], settings: FitSettings
) -> float:
    """Where a score is called high, of the training part alone.

    Args:
        y: outcomes, shape (n,).
        outputs: what the inner folds predict, shape (n, columns).
        risk: gives the risks whose median is taken (survival).
        settings: kind of outcome and threshold rule.

    Returns:
        Of the probability (binary), of the risk (survival), else NaN.
    """
    if settings.kind == "binary":
        rule = settings.threshold
        return float(choose_threshold(y, outputs[:, 0], rule.rule, rule.value))
    return float(np.median(risk())) if settings.kind == "survival" else float("nan")


def event_columns(chance: Callable[[float], Vector], horizon: float) -> dict[str, Vector]:
    """`event_prob` by the horizon, then `event_prob_<time>` by times up to it (`curve_times`).

    Args:
        chance: from a time to the probability of an event up to it, shape (n,).
        horizon: in the unit of the follow-up.
    """
    times = curve_times(horizon)
    curve = {name: chance(float(at)) for name, at in zip(curve_names(times), times, strict=True)}
    return {"event_prob": chance(horizon), **curve}


def fit_link(kind: Kind, y: Target, values: Matrix) -> Link:
    """Recalibrate out-of-fold numbers; the order of the cases is kept.

    Binary: Platt scaling. Multiclass: one temperature. Survival: one slope of the log risk, then
    Breslow's baseline hazard. All slopes have the prior of `recalibration.fit_platt`. A number is
    taken as it is.

    Args:
        kind: of the outcome.
        y: outcomes, shape (n,).
        values: log odds (n, 1), log probabilities (n, K), numbers (n, 1), or log risks (n, 1).
    """
    if kind == "binary":
        platt = fit_platt(y, values[:, 0])
        return Link(kind, platt.slope, platt.intercept)
    if kind == "multiclass":
        return Link(kind, _slope(lambda s: len(y) * class_log_loss(y, softmax(s * values))))
    if kind == "regression":
        return Link(kind)
    slope = _slope(lambda s: cox_loss(y, _bounded(s * values[:, 0])))
    times, steps = hazard_steps(y, _bounded(slope * values[:, 0]))
    return Link(kind, slope, 0.0, times, np.cumsum(steps))


def _slope(loss: Callable[[float], float]) -> float:
    """The slope of the smallest loss, a prior included."""
    found = minimize_scalar(
        lambda s: loss(s) + 0.5 * ((s - 1) / PRIOR_SD) ** 2, bounds=SLOPE_BOUNDS, method="bounded"
    )
    return float(found.x)


def _bounded(risk: Vector) -> Vector:
    return np.asarray(np.clip(risk, -LARGEST_RISK, LARGEST_RISK))
