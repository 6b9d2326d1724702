"""The variance of cross-validated performance over cohorts, told from its repeats.

Every patient is a test case once and a training case of all others. Write the influence of patient
i on the estimate as t_i (tested) + g_i (training, on average over whom it helps to test) + the mean
over j of h_ij (training j, tested on i). Then, with H and C the mean of h_ij² and of h_ij h_ji,

    variance = (Var t + 2 Cov(t, g) + Var g) / n + (H + C) / n²

of which the usual interval, with the models given, has (Var t) / n + H / n². Repeats tell the rest
apart without fitting anything again. A prediction that moves from repeat to repeat, as its training
set changes by what was held out, gives H, and so the share F = H / n² over the usual variance. How
the predictions of a fold changed when it was held out, regressed on how well its patients did,
gives c, which holds Cov(t, g) and C (K - 1) / K, over the usual variance, with K folds.

AUC and C index do not depend on the scale of a model: g is negligible and C between 0 and H, its
upper bound. C is measured with much error and taken as the mean of that bound and of what c says:
variance = usual x (1 + (F + C) / 2), both as shares. `slope_variance` has that of a calibration
slope, whose g is not negligible.

F above 1 says that the models of this cohort fell apart more than chance alone makes them: its
estimate lies in the long tail below chance, and the training part, not the usual variance, is the
measure of that tail.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Matrix, Vector

TAIL = 13
"""Where F > 1 the variance is at least 1 - TAIL / n of the training part; set by simulation."""


@dataclass(frozen=True)
class Inflation:
    """How the variance of pooled out-of-fold predictions becomes that of the procedure.

    Attributes:
        conditional: variance with the fitted models given.
        training: share F of it that is due to which cases the models were trained on; without
            signal about 1, and over 1 in cohorts that are below chance.
        roles: covariance c of a patient's influence as test and as training case over the variance
            as test case.
        repeats: of the cross-validation; with one, F and c are unknown and the variance is twice
            the conditional one, the most that it is expected to be.
        folds: K of a repeat.
        patients: n of the cohort.
    """

    conditional: float
    training: float
    roles: float
    repeats: int
    folds: float
    patients: int

    @property
    def variance(self) -> float:
        """Variance of the estimate over cohorts."""
        if self.repeats == 1:
            return 2 * self.conditional
        share = self.training
        if share >= 1:
            return self.conditional * max(2.0, (1 - TAIL / self.patients) * share)
        both = float(np.clip(self.roles * self.folds / (self.folds - 1), 0, share))
        return self.conditional * (1 + (share + both) / 2)

    def half_widths(self, quantile: float) -> tuple[float, float]:
        """Distance of the lower and of the upper limit from the estimate.

        Args:
            quantile: of the standard distribution, such as 1.96.
        """
        half = quantile * float(np.sqrt(self.variance))
        return half, half


def inflation(
    influence: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
) -> Inflation:
    """The parts of the variance, from the influence of the cases in each repeat.

    Args:
        influence: of each case on the estimate of each repeat, shape (repeats, n); a row sums to 0
            and its sum of squares over patients is the variance with the models given.
        fold: the fold that held the case out, shape (repeats, n).
        patient: name of each case's patient, shape (n,).

    Raises:
        RadpipeError: shapes differ, or a repeat has a single fold.
    """
    values, folds = np.asarray(influence, dtype=float), np.asarray(fold)
    names, first, index = np.unique(
        np.asarray(patient).astype(str), return_index=True, return_inverse=True
    )
    if values.shape != folds.shape or values.shape[1] != index.size:
        raise RadpipeError(
            "influences, folds and patients differ in shape",
            found=(values.shape, folds.shape, index.size),
        )
    if min(np.unique(row).size for row in folds) < 2:
        raise RadpipeError("an interval of cross-validation needs folds", found="a single fold")
    by_patient: Matrix = np.zeros((len(values), names.size))
    np.add.at(by_patient.T, index, values.T)
    mean, groups, repeats = by_patient.mean(axis=0), folds[:, first], len(values)
    # Two degrees of freedom are lost, as in the variance of two classes.
    conditional = float((mean**2).sum()) * names.size / max(names.size - 2, 1)
    count = float(np.mean([np.unique(row).size for row in groups]))
    if repeats == 1 or not conditional > 0:
        return Inflation(conditional, 1.0, 1.0, repeats, count, names.size)
    moved = float(by_patient.var(axis=0, ddof=1).sum())
    # H weighs a pair by how often it was on both sides, which differs the more the fewer repeats.
    training = (count - 1 + 1 / repeats) * moved / conditional
    roles = _both_roles(by_patient, mean, groups)
    return Inflation(conditional, training, roles, repeats, count, names.size)


def _both_roles(influence: Matrix, mean: Vector, groups: npt.NDArray[np.generic]) -> float:
    """Covariance of a patient's roles as test and as training case, over the test variance.

    Held out, a fold's patients are missing from the models that judge them: the change of its sum
    against the mean over repeats is minus their influence as training cases, over the other folds.
    """
    repeats = len(influence)
    product = square = 0.0
    for row, folds in zip(influence, groups, strict=True):
        _, member = np.unique(folds, return_inverse=True)
        tested = np.bincount(member, mean)
        # The mean holds the row itself, which shrinks the change by (repeats - 1) / repeats.
        changed = np.bincount(member, row - mean) * repeats / (repeats - 1)
        product -= int(member.max()) * float(tested @ changed)
        square += float(tested @ tested)
    return product / square if square else 1.0
