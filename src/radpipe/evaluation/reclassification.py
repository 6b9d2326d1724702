"""Reclassification by a second model: NRI and IDI with both components.

Neither is a proper measure: a model that is only badly calibrated can show a gain (Hilden & Gerds,
Stat Med 2014;33:3405; Pepe et al., Stat Biosci 2015;7:282). They stand in a report only beside the
AUC, calibration and net benefit of both models.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import norm

from radpipe.errors import RadpipeError
from radpipe.evaluation.checks import both_classes, check_probabilities
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import Vector

WARNING = "NRI and IDI are no proper measures; read them beside AUC, calibration and net benefit"
"""Stands wherever they are printed."""


@dataclass(frozen=True)
class Improvement:
    """A sum of what events and non-events gain, each with its standard error.

    Attributes:
        total: events + non_events.
        se: standard error of the total.
        events: net gain among cases with the outcome.
        se_events: its standard error.
        non_events: net gain among those without.
        se_non_events: its standard error.
        method: what was computed.
    """

    total: float
    se: float
    events: float
    se_events: float
    non_events: float
    se_non_events: float
    method: str

    @property
    def z(self) -> float:
        """Total over its standard error; NaN where that is 0."""
        return self.total / self.se if self.se else np.nan

    @property
    def p(self) -> float:
        """Two-sided p-value of the total."""
        return float(2 * norm.sf(abs(self.z)))

    def interval(self, confidence: float = 0.95) -> tuple[float, float]:
        """Normal interval of the total."""
        half = normal_quantile(confidence) * self.se
        return self.total - half, self.total + half


def continuous_nri(y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike) -> Improvement:
    """NRI without categories: any rise of an event or fall of a non-event counts.

    Variances as in Hmisc's `improveProb` (not under the null). Pencina et al., Stat Med 2011;30:11.

    Args:
        y: outcome, shape (n,).
        old: probabilities of the first model, shape (n,).
        new: probabilities of the second, shape (n,).

    Raises:
        RadpipeError: a class is absent, or a value is no probability.
    """
    outcome, first, second = _checked(y, old, new)
    return _net(outcome, np.sign(second - first), "nri_continuous")


def categorical_nri(
    y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike, cuts: npt.ArrayLike
) -> Improvement:
    """NRI over risk categories [0, cut 1), [cut 1, cut 2) ... [last cut, 1].

    Pencina et al., Stat Med 2008;27:157, with the variances of `continuous_nri`.
    """
    outcome, first, second = _checked(y, old, new)
    edges = np.asarray(cuts, dtype=float)
    if not edges.size or not ((edges > 0) & (edges < 1)).all() or (np.diff(edges) <= 0).any():
        raise RadpipeError("risk categories need ascending cuts in (0, 1)", found=edges.tolist())
    moved = np.digitize(second, edges) - np.digitize(first, edges)
    return _net(outcome, np.sign(moved), f"nri_categories at {edges.tolist()}")


def idi(y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike) -> Improvement:
    """Integrated discrimination improvement: the mean rise of events and fall of non-events."""
    outcome, first, second = _checked(y, old, new)
    change = second - first
    up, down = change[outcome == 1], -change[outcome == 0]
    errors = [float(np.sqrt(part.var(ddof=1) / part.size)) for part in (up, down)]
    return _sum((float(up.mean()), float(down.mean())), (errors[0], errors[1]), "idi")


def _net(y: Vector, direction: Vector, method: str) -> Improvement:
    """Net share of events that rise and of non-events that fall; `direction` in -1, 0, 1."""
    shares, errors = [], []
    for moved in (direction[y == 1], -direction[y == 0]):
        n, net = moved.size, float(moved.sum())
        shares.append(net / n)
        errors.append(float(np.sqrt(np.abs(moved).sum() / n**2 - net**2 / n**3)))
    return _sum((shares[0], shares[1]), (errors[0], errors[1]), method)


def _sum(parts: tuple[float, float], errors: tuple[float, float], method: str) -> Improvement:
    return Improvement(
        sum(parts), float(np.hypot(*errors)), parts[0], errors[0], parts[1], errors[1], method
    )


def _checked(
    y: npt.ArrayLike, old: npt.ArrayLike, new: npt.ArrayLike
) -> tuple[Vector, Vector, Vector]:
    outcome, first = check_probabilities(y, old)
    _, second = check_probabilities(y, new)
    if not both_classes(outcome):
        raise RadpipeError("reclassification needs both classes", found="one class")
    return outcome, first, second
