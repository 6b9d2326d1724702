"""From a score to a probability, on predictions that a network made of patients it never saw."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit

from radpipe.types import Vector

SLOPE_BOUNDS = (0.05, 10.0)
PRIOR_SD = 1.0
"""Standard deviation of the normal prior of the slope around 1: a few dozen cases say little."""


@dataclass(frozen=True)
class Platt:
    """Logistic recalibration: probability = expit(intercept + slope * logit)."""

    slope: float
    intercept: float

    def probability(self, logit: Vector) -> Vector:
        """Recalibrated probabilities, shape (n,)."""
        return np.asarray(expit(self.intercept + self.slope * logit), dtype=float)


def fit_platt(y: Vector, logit: Vector) -> Platt:
    """Platt scaling (Platt 1999) with a prior that pulls the slope to 1.

    The slope stays positive: a recalibration never turns a ranking round, which a few unlucky
    inner folds would otherwise do.

    Args:
        y: 0 or 1, shape (n,).
        logit: out-of-fold log odds, shape (n,).
    """

    def penalised_loss(parameters: Vector) -> tuple[float, Vector]:
        slope, intercept = parameters
        linear = intercept + slope * logit
        error = expit(linear) - y
        loss = np.logaddexp(0, linear).sum() - (y * linear).sum()
        loss += 0.5 * ((slope - 1) / PRIOR_SD) ** 2
        gradient = np.array([(error * logit).sum() + (slope - 1) / PRIOR_SD**2, error.sum()])
        return float(loss), gradient

    found = minimize(
        penalised_loss,
        np.array([1.0, 0.0]),
        jac=True,
        method="L-BFGS-B",
        bounds=[SLOPE_BOUNDS, (-10.0, 10.0)],
    )
    return Platt(float(found.x[0]), float(found.x[1]))
