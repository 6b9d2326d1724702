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
variance = usual x (1 + (F + C) / 2), both as shares.

The calibration slope depends on it, as 1 - p / V does on V: V the size of the fitted signal, a chi
square in units of its noise, p the parameters behind it (Copas, J R Stat Soc B 1983;45:311; van
Houwelingen & le Cessie, Stat Med 1990;9:1303). A cohort with a chance excess of signal makes models
that are as much too steep as their test cases forgive. With K folds the slope is proportional to
(V - p) / (V + p / (K - 1)), its usual variance is 1 / V in the same units, F = p / V, and V has the
variance 4 V - 2 p of a non-central chi square, so that

    variance = usual x 4 F² (1 - F / 2) (K / (K - 1 + F))²

and c = (1 - F) (2 F - 1) + F (K - 1) / K. Penalties and selection that treat directions unequally
make c differ from that; the variance is then scaled by (1 + c) over what it should be. The slope is
skewed to the left, as V is not and its root is nearly normal: the lower limit is that of a score
interval of the root of V (the variance as it would be at the limit), p being what F and slope say
together. The upper limit lies halfway between that of the root and a symmetric one. All this holds
for models whose scale is fitted. Where c is far above what it should be, as of models that hardly
learn from the cohort, t + g does not cancel: variance = usual x (1 + c)² (1 - F / 2).

F above 1 says that the models of this cohort fell apart more than chance alone makes them: its
estimate lies in the long tail below chance, and the training part, not the usual variance, is the
measure of that tail.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Matrix, Vector

TAIL = 10
"""Where F > 1 the variance is at least 1 - TAIL / n of the training part; set by simulation."""

ROLES_POWER = 1.25
"""Power of the slope's variance in what c says beside F; its weight 1 - F² and this are set so."""

ROLES_BOUNDS = (0.25, 1.5)
"""That scaling of the variance is not believed outside: few repeats measure c with an error."""

CHANCE_ROLES = 1.1
"""c over what it should be, as a multiple of the root of F, that is no error of ten repeats."""

NEAR_ONE = 0.98
"""F from which the slope's interval is symmetric: slope and F do not tell p there."""


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
        cancelling: whether the metric depends on the scale of a model, as a calibration slope.
    """

    conditional: float
    training: float
    roles: float
    repeats: int
    folds: float
    patients: int
    cancelling: bool = False

    @property
    def variance(self) -> float:
        """Variance of the estimate over cohorts."""
        if self.repeats == 1:
            return 2 * self.conditional
        share = self.training
        if share >= 1:
            return self.conditional * max(2.0, (1 - TAIL / self.patients) * share)
        if not self.cancelling:
            both = float(np.clip(self.roles * self.folds / (self.folds - 1), 0, share))
            return self.conditional * (1 + (share + both) / 2)
        first = (1 - share / 2) * self.conditional
        if self._unscaled:
            return first * (1 + min(self.roles, 1.0)) ** 2
        held_out = self.folds / (self.folds - 1 + share)
        return first * (2 * share * held_out) ** 2 * self._unequal

    def half_widths(self, estimate: float, quantile: float) -> tuple[float, float]:
        """Distance of the lower and of the upper limit from the estimate.

        Args:
            estimate: mean over the repeats.
            quantile: of the standard distribution, such as 1.96.
        """
        half = quantile * float(np.sqrt(self.variance))
        symmetric = self.repeats == 1 or not self.cancelling or self._unscaled
        if symmetric or self.training >= NEAR_ONE or estimate <= 0:
            return half, half
        below, above = self._on_the_root(estimate, quantile)
        return below, (above + max(above, half)) / 2

    @property
    def _expected_roles(self) -> float:
        """The c of a slope whose models are fitted to scale, all directions alike."""
        share = self.training
        return (1 - share) * (2 * share - 1) + share * (self.folds - 1) / self.folds

    @property
    def _unscaled(self) -> bool:
        """Whether the models' scale hardly depends on the cohort."""
        share, excess = self.training, self.roles - self._expected_roles
        return share < 1 and excess > CHANCE_ROLES * float(np.sqrt(share))

    @property
    def _unequal(self) -> float:
        """What c says about the variance of a slope beside F, as a factor."""
        share = self.training
        found = (1 + min(max(self.roles, -1.0), 1.0)) / (1 + self._expected_roles)
        # c tells the more of the first-order terms, the more there is of them.
        factor = float(np.clip(1 + (1 - share**2) * (found - 1), *ROLES_BOUNDS))
        return factor**ROLES_POWER

    def _on_the_root(self, estimate: float, quantile: float) -> tuple[float, float]:
        """Half widths of a slope whose signal has a normal root."""
        root = float(np.sqrt(self.training))
        noise = max(estimate / float(np.sqrt(self.conditional)) / (1 / root - root), 1.0)
        signal, p = noise / root, noise**2
        rest = p / (self.folds - 1)

        def slope(x: float) -> float:
            return (x**2 - p) / (x**2 + rest)

        low = signal
        for _ in range(12):
            # Half is the variance of the root without signal.
            spread = max(0.5, 1 - p / (2 * low**2)) if low > 0 else 0.5
            low = max(signal - quantile * float(np.sqrt(spread)), 0.0)
        high = signal + quantile * float(np.sqrt(1 - self.training / 2))
        unit = float(np.sqrt(self.conditional * self._unequal)) * (signal**2 + rest) / signal
        return unit * (slope(signal) - slope(low)), unit * (slope(high) - slope(signal))


def inflation(
    influence: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    *,
    cancelling: bool = False,
) -> Inflation:
    """The parts of the variance, from the influence of the cases in each repeat.

    Args:
        influence: of each case on the estimate of each repeat, shape (repeats, n); a row sums to 0
            and its sum of squares over patients is the variance with the models given.
        fold: the fold that held the case out, shape (repeats, n).
        patient: name of each case's patient, shape (n,).
        cancelling: whether the metric depends on the scale of the model, as a calibration slope.

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
        return Inflation(conditional, 1.0, 1.0, repeats, count, names.size, cancelling)
    moved = float(by_patient.var(axis=0, ddof=1).sum())
    # H weighs a pair by how often it was on both sides, which differs the more the fewer repeats.
    training = (count - 1 + 1 / repeats) * moved / conditional
    roles = _both_roles(by_patient, mean, groups)
    return Inflation(conditional, training, roles, repeats, count, names.size, cancelling)


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
