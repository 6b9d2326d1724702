"""The variance of a cross-validated calibration slope over cohorts; words as `procedure_variance`.

A slope depends on the scale of the models. A cohort with a chance excess of signal makes models
that are as much too steep as its test cases forgive: the roles of a patient cancel. For K folds of
models that are fitted to scale, the slope is

    A (V - p) / (V + p / (K - 1)),

V the size of the fitted signal, a chi square in units of its noise with the variance 4 V - 2 p,
p the parameters behind it (Copas, J R Stat Soc B 1983;45:311; van Houwelingen & le Cessie, Stat Med
1990;9:1303), and A >= 1 what a penalty took from the scale. The usual variance is 1 / V in the same
units, F = p / V and k = K / (K - 1 + F). Two estimates of the variance follow.

From the roles: were all directions treated alike, it would be usual x 4 F² (1 - F / 2) k² and c
would be (1 - F) (2 F - 1) + F (K - 1) / K. It is scaled by 1 + c over what that should be.

From the scores: an excess e of the signal moves V by (2 - q) e, where q says how fast the
information of a case, risk x (1 - risk), falls as scores grow (from 0 for small scores to 2 for
certain ones), and as information falls a penalty takes more, by d q e, d = 1 - 1 / A. The variance
of e is 1 / W, W the information of the scores, x / W is what the choice of cases adds to that of V,
and r is the variance that the choice of folds leaves to the mean over repeats:

    (A / W) ((F (2 - q) + (1 - F) d q)² (1 - F / 2) + F² x) k² + r.

Neither is believed alone: c is measured with much error, and penalties that treat directions
unequally make F and A tell too little, the less the nearer F is to 1. The variance is the first by
1 - g and the second by g = (1 - F²) / 2. This weight and the power of A, in theory between 0 and 2,
are settled by simulation.

The part of V is skewed to the left, as V is not and its root is nearly normal: its lower limit is
that of a score interval of the root of V (the variance as it would be at the limit), p being what F
and slope say together, its upper limit halfway between that of the root and a symmetric one. What
penalties add is symmetric. Limits are mixed as both parts are.

All this holds for models whose scale is fitted. Where c is far above what it should be, as of
models that hardly learn from the cohort, t + g does not cancel: variance = usual x (1 + c)²
(1 - F / 2).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from radpipe.evaluation.calibration import FLOOR
from radpipe.evaluation.procedure_variance import Inflation, inflation
from radpipe.types import Matrix, Vector

ROLES_POWER = 1.25
"""Power of the variance in what c says beside F; this and its weight 1 - F² are from simulation."""

ROLES_BOUNDS = (0.25, 1.5)
"""That scaling of the variance is not believed outside: few repeats measure c with an error."""

CHANCE_ROLES = 1.1
"""c over what it should be, as a multiple of the root of F, that is no error of ten repeats."""

MOST_SHRUNK = 3.0
"""Largest A that is believed: F near 1 leaves nothing to tell it from."""

NEAR_ONE = 0.98
"""F from which the interval is symmetric: slope and F do not tell p there."""


@dataclass(frozen=True)
class Scores:
    """What the linear predictors of the cases say about the slope, as means over repeats.

    Attributes:
        noise: 1 / W, the variance of a relative excess of the signal.
        falling: q, the rate at which information falls as scores grow.
        cases: x, the variance of the information over cases, in units of its mean.
        folding: r, the variance of the estimate due to the choice of folds.
    """

    noise: float
    falling: float
    cases: float
    folding: float


@dataclass(frozen=True)
class SlopeInflation(Inflation):
    """How the variance of a pooled calibration slope becomes that of the procedure.

    Attributes:
        slope: mean over the repeats.
        scores: what the linear predictors say.
    """

    slope: float
    scores: Scores

    @property
    def variance(self) -> float:
        """Variance of the slope over cohorts."""
        if self.repeats == 1 or self.training >= 1:
            return super().variance
        if self._unscaled:
            return self.conditional * (1 - self.training / 2) * (1 + min(self.roles, 1.0)) ** 2
        believed = (1 - self.training**2) / 2
        return self._from_roles + believed * (self._from_scores - self._from_roles)

    def half_widths(self, quantile: float) -> tuple[float, float]:
        """As of `Inflation`; longer below where the slope tells how large the signal is."""
        half = quantile * float(np.sqrt(self.variance))
        symmetric = self.repeats == 1 or self.training >= NEAR_ONE or self._unscaled
        if symmetric or self.slope <= 0:
            return half, half
        below, above = self._on_the_root(quantile)
        above = (above + max(above, half)) / 2
        of_signal, of_penalty = self._moves
        moved = of_signal + of_penalty
        share = of_signal / moved if moved > 0 else 1.0
        return share * below + (1 - share) * half, share * above + (1 - share) * half

    @property
    def _held_out(self) -> float:
        return self.folds / (self.folds - 1 + self.training)

    @property
    def _alike(self) -> float:
        """Variance of models that are fitted to scale, all directions alike."""
        share = self.training
        return self.conditional * (1 - share / 2) * (2 * share * self._held_out) ** 2

    @property
    def _from_roles(self) -> float:
        share = self.training
        found = (1 + min(max(self.roles, -1.0), 1.0)) / (1 + self._expected_roles)
        # c tells the more of the first-order terms, the more there is of them.
        factor = float(np.clip(1 + (1 - share**2) * (found - 1), *ROLES_BOUNDS))
        return self._alike * factor**ROLES_POWER

    @property
    def _from_scores(self) -> float:
        share = self.training
        moves = sum(self._moves) ** 2 * (1 - share / 2) + share**2 * self.scores.cases
        return self.scores.noise * self._shrunk * moves * self._held_out**2 + self.scores.folding

    @property
    def _moves(self) -> tuple[float, float]:
        """By how much an excess of signal moves the slope: through V, and through the penalty."""
        share, falling = self.training, float(np.clip(self.scores.falling, 0, 2))
        return share * (2 - falling), (1 - share) * (1 - 1 / self._shrunk) * falling

    @property
    def _shrunk(self) -> float:
        """A, what a penalty took from the scale."""
        whole = self.slope * (1 + self.training / (self.folds - 1)) / (1 - self.training)
        return min(max(whole, 1.0), MOST_SHRUNK)

    @property
    def _expected_roles(self) -> float:
        """The c of models that are fitted to scale, all directions alike."""
        share = self.training
        return (1 - share) * (2 * share - 1) + share * (self.folds - 1) / self.folds

    @property
    def _unscaled(self) -> bool:
        """Whether the models' scale hardly depends on the cohort."""
        share, excess = self.training, self.roles - self._expected_roles
        return share < 1 and excess > CHANCE_ROLES * float(np.sqrt(share))

    def _on_the_root(self, quantile: float) -> tuple[float, float]:
        """Half widths of a slope whose signal has a normal root."""
        root = float(np.sqrt(self.training))
        noise = max(self.slope / float(np.sqrt(self.conditional)) / (1 / root - root), 1.0)
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
        unit = float(np.sqrt(self.conditional * self.variance / self._alike))
        unit *= (signal**2 + rest) / signal
        return unit * (slope(signal) - slope(low)), unit * (slope(high) - slope(signal))


def slope_inflation(
    influence: Matrix,
    fold: npt.NDArray[np.generic],
    patient: npt.ArrayLike,
    p: Matrix,
    slopes: Vector,
) -> SlopeInflation:
    """The parts of the variance of a calibration slope.

    Args:
        influence: of each case on the slope of each repeat, shape (repeats, n).
        fold: the fold that held the case out, shape (repeats, n).
        patient: name of each case's patient, shape (n,).
        p: out-of-fold predictions, shape (repeats, n).
        slopes: of the repeats, shape (repeats,).

    Raises:
        RadpipeError: see `inflation`.
    """
    found = inflation(influence, fold, patient)
    predictor = logit(np.clip(p, FLOOR, 1 - FLOOR))
    expected = expit(predictor)
    weight = expected * (1 - expected)
    total = weight.sum(axis=1, keepdims=True)
    centred = predictor - (weight * predictor).sum(axis=1, keepdims=True) / total
    information = weight * centred**2
    each = np.maximum(information.sum(axis=1), np.finfo(float).tiny)
    falling = (weight * (2 * expected - 1) * centred**3).sum(axis=1) / each
    spread = information.shape[1] * information.var(axis=1) / each
    # Cases of one patient tell less than as many patients; degrees of freedom as in `inflation`.
    alone = float((np.mean(influence, axis=0) ** 2).sum())
    together = found.conditional / alone if alone > 0 else 1.0
    folding = float(np.var(slopes, ddof=1)) / len(slopes) if len(slopes) > 1 else 0.0
    scores = Scores(
        float(np.mean(1 / each)) * together, float(falling.mean()), float(spread.mean()), folding
    )
    return SlopeInflation(**vars(found), slope=float(np.mean(slopes)), scores=scores)
