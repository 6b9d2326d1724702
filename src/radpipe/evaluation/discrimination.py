"""How well a score separates positive from negative cases.

Every AUC here is P(score of a positive > score of a negative) + P(equal) / 2: its direction is
fixed, a score that ranks the wrong way round has an AUC below 0.5.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import rankdata

from radpipe.errors import RadpipeError
from radpipe.evaluation.checks import both_classes, check_scores
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import Interval, Matrix, Vector


@dataclass(frozen=True)
class Placements:
    """Where each case stands among those of the other class, for one or more scores.

    `positive` has shape (scores, n1): the share of negatives below each positive. `negative` has
    shape (scores, n0): the share of positives above each negative. Both average to the AUC.
    Averaging placements over repeats gives those of the mean AUC.
    """

    positive: Matrix
    negative: Matrix

    @property
    def auc(self) -> Vector:
        """AUC of each score, shape (scores,)."""
        return self.positive.mean(axis=1)


def auc(y: npt.ArrayLike, p: npt.ArrayLike) -> float:
    """Area under the ROC curve; ties count one half; NaN if a class is absent."""
    outcome, score = check_scores(y, p)
    return float(weighted_auc(outcome, score, np.ones((1, outcome.size)))[0])


def weighted_auc(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """AUC of each row of case weights (B, n), shape (B,); NaN where a class has no weight."""
    positive, negative = _weight_by_score(y, p, weights)
    below = np.cumsum(negative, axis=1) - negative
    pairs = positive.sum(axis=1) * negative.sum(axis=1)
    wins = (positive * (below + negative / 2)).sum(axis=1)
    return np.divide(wins, pairs, out=np.full(len(wins), np.nan), where=pairs > 0)


def weighted_average_precision(y: Vector, p: Vector, weights: Matrix) -> Vector:
    """Average precision of each row of case weights (B, n), shape (B,).

    The precision at each distinct score, weighted by the recall gained there; NaN where no positive
    has weight.
    """
    positive, negative = (w[:, ::-1] for w in _weight_by_score(y, p, weights))
    found, false = np.cumsum(positive, axis=1), np.cumsum(negative, axis=1)
    called = found + false
    precision = np.divide(found, called, out=np.zeros_like(found), where=called > 0)
    total = found[:, -1]
    area = (positive * precision).sum(axis=1)
    return np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0)


def placements(y: npt.ArrayLike, scores: npt.ArrayLike) -> Placements:
    """Placements of one score (n,) or several (scores, n), by mid-ranks.

    Sun & Xu, IEEE Signal Process Lett 2014;21:1389.

    Raises:
        RadpipeError: a class is absent.
    """
    table = np.atleast_2d(np.asarray(scores, dtype=float))
    for row in table:
        outcome, _ = check_scores(y, row)
    if not both_classes(outcome):
        raise RadpipeError("the AUC needs both classes", found="one", expected="cases of each")
    is_positive = outcome == 1
    n1, n0 = int(is_positive.sum()), int((~is_positive).sum())
    overall = rankdata(table, axis=1)
    above_negatives = overall[:, is_positive] - rankdata(table[:, is_positive], axis=1)
    above_positives = overall[:, ~is_positive] - rankdata(table[:, ~is_positive], axis=1)
    return Placements(above_negatives / n0, 1 - above_positives / n1)


def delong_covariance(placed: Placements) -> Matrix:
    """Covariance of the AUCs of several scores on the same cases, shape (scores, scores).

    NaN if a class has one case. DeLong et al., Biometrics 1988;44:837.
    """
    n1, n0 = placed.positive.shape[1], placed.negative.shape[1]
    if min(n1, n0) < 2:
        return np.full((len(placed.positive),) * 2, np.nan)
    return np.atleast_2d(np.cov(placed.positive)) / n1 + np.atleast_2d(np.cov(placed.negative)) / n0


def clustered_covariance(placed: Placements, y: npt.ArrayLike, patient: npt.ArrayLike) -> Matrix:
    """Covariance of AUCs when patients have several cases, shape (scores, scores).

    NaN if fewer than two patients have a positive or fewer than two a negative case. Obuchowski,
    Biometrics 1997;53:567.
    """
    is_positive = np.asarray(y, dtype=float) == 1
    _, index = np.unique(np.asarray(patient).astype(str), return_inverse=True)
    patients = int(index.max()) + 1
    n1, n0 = placed.positive.shape[1], placed.negative.shape[1]
    with_positive = np.unique(index[is_positive]).size
    with_negative = np.unique(index[~is_positive]).size
    if min(with_positive, with_negative) < 2:
        return np.full((len(placed.positive),) * 2, np.nan)
    centre = placed.auc[:, None]
    up = _sum_by(index[is_positive], placed.positive - centre, patients)
    down = _sum_by(index[~is_positive], placed.negative - centre, patients)
    cross = up @ down.T * patients / (patients - 1)
    return (
        up @ up.T * with_positive / (with_positive - 1) / n1**2
        + down @ down.T * with_negative / (with_negative - 1) / n0**2
        + (cross + cross.T) / (n1 * n0)
    )


def delong_interval(y: npt.ArrayLike, p: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """AUC with DeLong's interval on the AUC scale, clipped to [0, 1]; every case a patient."""
    placed = placements(y, p)
    return wald_auc_interval(placed, delong_covariance(placed), confidence, "delong")


def clustered_auc_interval(
    y: npt.ArrayLike, p: npt.ArrayLike, patient: npt.ArrayLike, confidence: float = 0.95
) -> Interval:
    """AUC with an interval that holds when patients have several cases (Obuchowski 1997)."""
    placed = placements(y, p)
    covariance = clustered_covariance(placed, y, patient)
    return wald_auc_interval(placed, covariance, confidence, "obuchowski_clustered")


def wald_auc_interval(
    placed: Placements, covariance: Matrix, confidence: float, method: str
) -> Interval:
    """Normal interval of the first score's AUC; the method says when the variance is degenerate."""
    estimate, variance = float(placed.auc[0]), float(covariance[0, 0])
    if np.isnan(variance):
        note = f"{method} (no interval: fewer than two in a class)"
        return Interval(estimate, np.nan, np.nan, note)
    if variance <= 0:
        return Interval(estimate, estimate, estimate, f"{method} (degenerate: variance 0)")
    half = normal_quantile(confidence) * np.sqrt(variance)
    return Interval(estimate, max(0.0, estimate - half), min(1.0, estimate + half), method)


def roc_curve(y: npt.ArrayLike, p: npt.ArrayLike) -> pd.DataFrame:
    """The ROC curve from (0, 0) to (1, 1): `threshold, false_positive_rate, true_positive_rate`.

    Thresholds are the mid-points between neighbouring scores, and infinity at the ends; a case is
    positive if its score is at least the threshold.

    Raises:
        RadpipeError: a class is absent.
    """
    outcome, score = check_scores(y, p)
    if not both_classes(outcome):
        raise RadpipeError("the ROC curve needs both classes", found="one", expected="two")
    values = np.unique(score)
    thresholds = np.concatenate(([-np.inf], (values[1:] + values[:-1]) / 2, [np.inf]))[::-1]
    above_1 = _count_at_least(score[outcome == 1], thresholds)
    above_0 = _count_at_least(score[outcome == 0], thresholds)
    return pd.DataFrame(
        {
            "threshold": thresholds,
            "false_positive_rate": above_0 / (outcome == 0).sum(),
            "true_positive_rate": above_1 / (outcome == 1).sum(),
        }
    )


def _count_at_least(score: Vector, thresholds: Vector) -> Vector:
    return score.size - np.searchsorted(np.sort(score), thresholds, side="left").astype(float)


def _weight_by_score(y: Vector, p: Vector, weights: Matrix) -> tuple[Matrix, Matrix]:
    """Weight of positives and of negatives at each distinct score, ascending, shape (B, scores)."""
    order = np.argsort(p, kind="stable")
    ordered = p[order]
    first = np.flatnonzero(np.concatenate(([True], ordered[1:] != ordered[:-1])))
    sorted_weights, outcome = weights[:, order], y[order]
    positive = np.add.reduceat(sorted_weights * outcome, first, axis=1)
    negative = np.add.reduceat(sorted_weights * (1 - outcome), first, axis=1)
    return positive, negative


def _sum_by(index: npt.NDArray[np.intp], values: Matrix, groups: int) -> Matrix:
    """Sum the columns of `values` (scores, n) that share an index, shape (scores, groups)."""
    return np.stack([np.bincount(index, weights=row, minlength=groups) for row in values])
