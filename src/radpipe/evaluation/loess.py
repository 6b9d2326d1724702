"""Local regression of an outcome on predicted probabilities."""

import numpy as np

from radpipe.types import Matrix, Vector

RIDGE = 1e-6
"""Share of the local weight added to the slope and the curvature: decides where few distinct
predictions leave them open, and is far below what can be seen elsewhere."""


def loess_weighted(
    x: Vector, y: Vector, at: Vector, weights: Matrix, *, span: float = 0.75
) -> Matrix:
    """Local quadratic fit with tricube weights, for each row of case weights.

    Cleveland & Devlin, J Am Stat Assoc 1988;83:596, without robustness steps. As in R, the
    neighbourhood of a point is that of the cases themselves, their weights enter the fit only; so
    the moments of all bootstrap samples come from one matrix product each.

    Args:
        x: predictor, shape (n,).
        y: outcome, shape (n,).
        at: points at which the curve is wanted, shape (m,).
        weights: weights of the cases, shape (B, n).
        span: share of the cases in a neighbourhood.

    Returns:
        Fitted values, shape (B, m); NaN where no case of a neighbourhood has weight.
    """
    offset, kernel = _kernel(x, at, span)
    powers = [kernel * offset**k for k in range(5)]
    s0, s1, s2, s3, s4 = (weights @ power for power in powers)
    t0, t1, t2 = ((weights * y) @ power for power in powers[:3])
    d2, d4 = s2 + RIDGE * s0, s4 + RIDGE * s0
    # Cramer's rule: only the intercept of the local fit is wanted.
    minor0, minor1, minor2 = d2 * d4 - s3 * s3, s1 * d4 - s2 * s3, s1 * s3 - d2 * s2
    determinant = s0 * minor0 - s1 * minor1 + s2 * minor2
    fitted = t0 * minor0 - t1 * minor1 + t2 * minor2
    return np.divide(fitted, determinant, out=np.full(s0.shape, np.nan), where=s0 > 0)


def _kernel(x: Vector, at: Vector, span: float) -> tuple[Matrix, Matrix]:
    """Scaled offsets and tricube weights of all cases around each point, both (n, m)."""
    distance = np.abs(x[:, None] - at)
    nearest = max(3, int(np.floor(span * x.size + 1e-5)))
    width = np.sort(distance, axis=0)[min(nearest, x.size) - 1]
    # Ties: a neighbourhood of one distinct value is fitted by its mean.
    width = np.where(width > 0, width, 1.0)
    scaled = distance / width
    # As in R: cases next to the point have weight 1, those at the very edge none.
    tricube = np.where(scaled < 0.001, 1.0, (1 - np.minimum(scaled, 1.0) ** 3) ** 3)
    return (x[:, None] - at) / width, np.where(scaled < 0.999, tricube, 0.0)
