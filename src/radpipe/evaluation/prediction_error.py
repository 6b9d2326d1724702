"""The Brier score and what is derived from it, with intervals, for a model fixed before.

Intervals are normal, from the influence of each case (riskRegression's `Score`, without censoring);
every case is a patient of its own.
"""

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from radpipe.errors import RadpipeError
from radpipe.evaluation.checks import both_classes, check_probabilities
from radpipe.evaluation.comparison import Difference
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import Interval, Vector


def brier_interval(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Brier score with its interval."""
    outcome, probability = check_probabilities(y, p)
    return _normal((outcome - probability) ** 2, confidence)


def brier_difference(
    y: npt.ArrayLike, p_a: npt.ArrayLike, p_b: npt.ArrayLike, confidence: float = 0.95
) -> Difference:
    """Brier score of the first minus that of the second on the same cases; below 0: first better.

    Equal predictions give z = 0 and p = 1.
    """
    outcome, first = check_probabilities(y, p_a)
    _, second = check_probabilities(y, p_b)
    influence = (outcome - first) ** 2 - (outcome - second) ** 2
    found, error = _normal(influence, confidence), _error(influence)
    z = found.estimate / error if error else 0.0
    p = float(2 * norm.sf(abs(z)))
    return Difference(found.estimate, found.low, found.high, z, p, "brier_paired")


def ipa_interval(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Index of prediction accuracy, 1 - Brier / Brier of the prevalence, with its interval.

    By the delta method: the prevalence is estimated from the same cases, which counts.

    Raises:
        RadpipeError: a class is absent.
    """
    outcome, probability = check_probabilities(y, p)
    if not both_classes(outcome):
        raise RadpipeError("the scaled Brier score needs both classes", found="one class")
    prevalence = float(outcome.mean())
    null = prevalence * (1 - prevalence)
    squared = (outcome - probability) ** 2
    score = float(squared.mean())
    null_influence = (1 - 2 * prevalence) * (outcome - prevalence)
    influence = -(squared - score) / null + score / null**2 * null_influence
    return _normal(influence + 1 - score / null, confidence)


def _normal(influence: Vector, confidence: float) -> Interval:
    estimate = float(influence.mean())
    half = normal_quantile(confidence) * _error(influence)
    return Interval(estimate, estimate - half, estimate + half, "influence")


def _error(influence: Vector) -> float:
    if influence.size < 2:
        return np.nan
    return float(influence.std(ddof=1) / np.sqrt(influence.size))
