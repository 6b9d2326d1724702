"""Operating points: choosing a threshold, and what happens at it."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.errors import FitError
from radpipe.evaluation.checks import both_classes, check_outcome, check_scores
from radpipe.evaluation.discrimination import roc_curve
from radpipe.evaluation.intervals import normal_quantile, wilson
from radpipe.types import Interval, Matrix, Vector

__all__ = [
    "OperatingPoint",
    "choose_threshold",
    "closest_topleft_thresholds",
    "operating_point",
    "specificity_at",
    "wilson",
    "youden_thresholds",
]

PROPORTIONS = ("sensitivity", "specificity", "ppv", "npv", "accuracy")
"""Metrics that are a count over a count and so have a Wilson interval."""

OPERATING_METRICS = (*PROPORTIONS, "balanced_accuracy", "f1", "mcc")
"""Metrics of an operating point."""


@dataclass(frozen=True)
class OperatingPoint:
    """Counts at a threshold; a case is called positive if its score is at least the threshold."""

    tp: int
    fp: int
    tn: int
    fn: int

    @property
    def metrics(self) -> dict[str, float]:
        """Every metric of `OPERATING_METRICS`; NaN where its denominator is 0 (MCC: 0)."""
        counts = (np.array([float(c)]) for c in (self.tp, self.fp, self.tn, self.fn))
        return {name: float(value[0]) for name, value in operating_metrics(*counts).items()}

    def intervals(self, confidence: float = 0.95) -> dict[str, Interval]:
        """The proportions with Wilson's interval, conditional on the threshold."""
        found = {
            "sensitivity": (self.tp, self.tp + self.fn),
            "specificity": (self.tn, self.tn + self.fp),
            "ppv": (self.tp, self.tp + self.fp),
            "npv": (self.tn, self.tn + self.fn),
            "accuracy": (self.tp + self.tn, self.tp + self.fp + self.tn + self.fn),
        }
        return {
            name: Interval(k / n if n else np.nan, *wilson(k, n, confidence), "wilson")
            for name, (k, n) in found.items()
        }

    def ratios(self, confidence: float = 0.95) -> dict[str, Interval]:
        """Likelihood ratios and diagnostic odds ratio with normal intervals of their logarithm.

        Simel et al., J Clin Epidemiol 1991;44:763. NaN where a count that they divide by is 0.
        """
        events, others = self.tp + self.fn, self.fp + self.tn
        pairs = {
            "lr_positive": ((self.tp, events), (self.fp, others)),
            "lr_negative": ((self.fn, events), (self.tn, others)),
        }
        found = {
            name: _log_interval(
                (a / n) / (b / m), 1 / a - 1 / n + 1 / b - 1 / m, confidence, "simel"
            )
            if a and b
            else _NO_RATIO
            for name, ((a, n), (b, m)) in pairs.items()
        }
        cells = (self.tp, self.fp, self.tn, self.fn)
        odds = _NO_RATIO
        if all(cells):
            spread = sum(1 / cell for cell in cells)
            odds = _log_interval(
                self.tp * self.tn / (self.fp * self.fn), spread, confidence, "woolf"
            )
        return found | {"diagnostic_odds_ratio": odds}


_NO_RATIO = Interval(np.nan, np.nan, np.nan, "undefined: a count is 0")


def _log_interval(estimate: float, variance: float, confidence: float, method: str) -> Interval:
    """Normal interval of the logarithm, whose variance is given."""
    factor = float(np.exp(normal_quantile(confidence) * np.sqrt(variance)))
    return Interval(estimate, estimate / factor, estimate * factor, method)


def operating_point(
    y: npt.ArrayLike, p: npt.ArrayLike, threshold: float | npt.ArrayLike
) -> OperatingPoint:
    """Counts at a threshold: one number, or one a case where folds have their own, shape (n,)."""
    outcome, score = check_scores(y, p)
    called = score >= np.asarray(threshold, dtype=float)
    weights = np.ones((1, outcome.size))
    tp, fp, tn, fn = (int(c[0]) for c in weighted_counts(outcome, called, weights))
    return OperatingPoint(tp, fp, tn, fn)


def weighted_counts(
    y: Vector, called: npt.NDArray[np.bool_], weights: Matrix
) -> tuple[Vector, Vector, Vector, Vector]:
    """True and false positives, true and false negatives of each row of weights (B, n)."""
    positive = y == 1
    parts = (positive & called, ~positive & called, ~positive & ~called, positive & ~called)
    tp, fp, tn, fn = (weights @ part.astype(float) for part in parts)
    return tp, fp, tn, fn


def operating_metrics(tp: Vector, fp: Vector, tn: Vector, fn: Vector) -> dict[str, Vector]:
    """Metrics of counts, each of shape (B,); NaN where a denominator is 0.

    The Matthews correlation is 0 where nothing or everything is called positive, its limit for a
    classifier that ignores the case.
    """
    sensitivity, specificity = _share(tp, tp + fn), _share(tn, tn + fp)
    spread = np.sqrt((tp + fp) * (tp + fn) * (tn + fp) * (tn + fn))
    mcc = np.divide(tp * tn - fp * fn, spread, out=np.zeros_like(tp), where=spread > 0)
    return {
        "sensitivity": sensitivity,
        "specificity": specificity,
        "ppv": _share(tp, tp + fp),
        "npv": _share(tn, tn + fn),
        "accuracy": _share(tp + tn, tp + fp + tn + fn),
        "balanced_accuracy": (sensitivity + specificity) / 2,
        "f1": _share(2 * tp, 2 * tp + fp + fn),
        "mcc": np.where((tp + fn) * (tn + fp) > 0, mcc, np.nan),
    }


def choose_threshold(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    rule: Literal["youden", "sensitivity"] = "youden",
    value: float = 0.9,
) -> float:
    """Choose the operating point on training predictions.

    Candidates are the mid-points between neighbouring scores, and the smallest score (all cases
    positive). `youden` takes the largest sensitivity + specificity, of equals the lowest threshold;
    `sensitivity` takes the highest threshold that still reaches the sensitivity `value`.

    Raises:
        FitError: a class is absent, or the rule is unknown.
    """
    outcome, score = check_scores(y, p)
    if rule == "youden":
        return float(youden_thresholds(outcome, score).min())
    if rule != "sensitivity":
        raise FitError("unknown rule for the threshold", found=rule, expected="youden, sensitivity")
    thresholds, sensitivity, _ = _candidates(outcome, score)
    return float(thresholds[sensitivity >= value - 1e-12].max())


def youden_thresholds(y: npt.ArrayLike, p: npt.ArrayLike) -> Vector:
    """All thresholds that reach the largest sensitivity + specificity, ascending."""
    thresholds, sensitivity, specificity = _candidates(*check_scores(y, p))
    index = sensitivity + specificity
    return np.sort(thresholds[index >= index.max() - 1e-12])


def closest_topleft_thresholds(y: npt.ArrayLike, p: npt.ArrayLike) -> Vector:
    """All thresholds whose point of the ROC curve is nearest to sensitivity = specificity = 1."""
    thresholds, sensitivity, specificity = _candidates(*check_scores(y, p))
    distance = (1 - sensitivity) ** 2 + (1 - specificity) ** 2
    return np.sort(thresholds[distance <= distance.min() + 1e-12])


def specificity_at(y: npt.ArrayLike, p: npt.ArrayLike, sensitivity: float) -> float:
    """Specificity where the ROC curve reaches a sensitivity, linear between its points.

    The largest where several points have that very sensitivity; as pROC's `coords`. Conditional on
    the data: to judge it, bootstrap the choice.

    Raises:
        FitError: the sensitivity is outside (0, 1].
    """
    if not 0 < sensitivity <= 1:
        raise FitError("no such sensitivity", found=sensitivity, expected="in (0, 1]")
    curve = roc_curve(y, p)
    true, false = (curve[c].to_numpy() for c in ("true_positive_rate", "false_positive_rate"))
    reached = int(np.flatnonzero(true >= sensitivity - 1e-12)[0])
    if true[reached] <= sensitivity + 1e-12:
        return float(1 - false[reached])
    share = (sensitivity - true[reached - 1]) / (true[reached] - true[reached - 1])
    return float(1 - (false[reached - 1] + share * (false[reached] - false[reached - 1])))


def _candidates(y: Vector, p: Vector) -> tuple[Vector, Vector, Vector]:
    if not both_classes(check_outcome(y)):
        raise FitError("a threshold cannot be chosen", found="one class", expected="two classes")
    curve = roc_curve(y, p).iloc[1:]
    thresholds = np.maximum(curve["threshold"].to_numpy(), p.min())
    sensitivity = curve["true_positive_rate"].to_numpy()
    return thresholds, sensitivity, 1 - curve["false_positive_rate"].to_numpy()


def _share(part: Vector, whole: Vector) -> Vector:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=whole > 0)
