"""Empirical Bayes estimates of batch effects: the part of ComBat that looks over all features."""

from typing import Literal

import numpy as np

from radpipe.errors import FitError
from radpipe.types import Matrix, Vector

Prior = Literal["parametric", "nonparametric", "none"]

CONVERGED = 1e-4
"""Largest relative change at which the iteration stops, as in sva."""

ITERATIONS = 1000
"""At most; sva has no limit, and some ten are usual."""


def shrink(
    z: Matrix, mean: Vector, scale: Vector, prior: Prior, mean_only: bool
) -> tuple[Vector, Vector]:
    """Estimates of the location and scale of one batch, each of shape (p,).

    Johnson, Li & Rabinovic, Biostatistics 2007;8:118.

    Args:
        z: standardised features of the rows of the batch, shape (n, p).
        mean: their means, shape (p,).
        scale: their variances, shape (p,).
        prior: whether and how the features inform each other.
        mean_only: whether the scale is left at 1.

    Raises:
        FitError: the iteration does not end.
    """
    # Two features are the least from which a spread over features can be told.
    if prior == "none" or mean.size < 2:
        return mean, scale
    if prior == "nonparametric":
        return _integrate(z, mean, scale)
    centre, spread = float(mean.mean()), float(mean.var(ddof=1))
    if mean_only:
        return _posterior_mean(mean, centre, 1, np.ones_like(mean), spread), np.ones_like(mean)
    m, s2 = float(scale.mean()), float(scale.var(ddof=1))
    if s2 == 0 or spread == 0:
        return mean, scale
    a, b = (2 * s2 + m**2) / s2, (m * s2 + m**3) / s2
    return _iterate(z, mean, scale, (centre, spread), (a, b))


def _posterior_mean(mean: Vector, centre: float, n: int, scale: Vector, spread: float) -> Vector:
    return np.asarray((spread * n * mean + scale * centre) / (spread * n + scale))


def _iterate(
    z: Matrix,
    mean: Vector,
    scale: Vector,
    normal: tuple[float, float],
    inverse_gamma: tuple[float, float],
) -> tuple[Vector, Vector]:
    """Conditional posterior means in turn, with a normal and an inverse gamma prior."""
    n, (a, b) = len(z), inverse_gamma
    gamma, delta = mean, scale
    for _ in range(ITERATIONS):
        new_gamma = _posterior_mean(mean, normal[0], n, delta, normal[1])
        squares = ((z - new_gamma) ** 2).sum(axis=0)
        new_delta = (squares / 2 + b) / (n / 2 + a - 1)
        # The change is over the old value with its sign, as in sva: a criterion of its own would
        # stop at another iteration and give other digits.
        with np.errstate(divide="ignore", invalid="ignore"):
            change = max(
                np.nanmax(np.abs(new_gamma - gamma) / gamma),
                np.nanmax(np.abs(new_delta - delta) / delta),
            )
        gamma, delta = new_gamma, new_delta
        if change <= CONVERGED:
            return gamma, delta
    raise FitError("ComBat does not converge", found=f"{ITERATIONS} iterations")


def _integrate(z: Matrix, mean: Vector, scale: Vector) -> tuple[Vector, Vector]:
    """Each feature's estimates as the mean over those of all other features, by likelihood."""
    n, p = z.shape
    gamma, delta = np.empty(p), np.empty(p)
    for feature in range(p):
        others = np.arange(p) != feature
        g, d = mean[others], scale[others]
        squares = ((z[:, feature, None] - g) ** 2).sum(axis=0)
        log_likelihood = -n / 2 * np.log(2 * np.pi * d) - squares / (2 * d)
        weight = np.exp(log_likelihood - log_likelihood.max())
        gamma[feature], delta[feature] = weight @ g / weight.sum(), weight @ d / weight.sum()
    return gamma, delta
