"""Local regression of an outcome on predicted probabilities, as R's `loess` computes it.

Cleveland & Devlin, J Am Stat Assoc 1988;83:596: local parabolas with tricube weights, without
robustness steps.
"""

import numpy as np

from radpipe.types import Matrix, Vector

RIDGE = 1e-9
"""Share of the local weight added to the slope and the curvature: decides where few distinct
predictions leave them open, and is far below what can be seen elsewhere."""

CELL = 0.2
"""R fits directly only where cells of this share of a neighbourhood meet, and blends between."""


def loess_weighted(
    x: Vector, y: Vector, at: Vector, weights: Matrix, *, span: float = 0.75
) -> Matrix:
    """The curve at any points, for each row of case weights.

    Value and slope are fitted at some vertices and joined by cubics (R's `surface =
    "interpolate"`), to 1e-9 of R. Vertices and neighbourhoods are those of the cases themselves,
    their weights enter the fit only; so all bootstrap samples come from a few matrix products.
    Nothing holds the curve inside [0, 1].

    Args:
        x: predictor, shape (n,).
        y: outcome, shape (n,).
        at: points at which the curve is wanted, shape (m,), inside the range of x; outside it the
            end of the curve is continued as a line.
        weights: weights of the cases, shape (B, n).
        span: share of the cases in a neighbourhood.

    Returns:
        Fitted values, shape (B, m); NaN where no case of a neighbourhood has weight.
    """
    knots = _vertices(x, span)
    value, slope = _local_fit(x, y, knots, weights, span)
    right = np.clip(np.searchsorted(knots, at), 1, knots.size - 1)
    left = right - 1
    width = knots[right] - knots[left]
    inside = np.clip(at, knots[0], knots[-1])
    h = (inside - knots[left]) / width
    blended = (
        (1 - h) ** 2 * (1 + 2 * h) * value[:, left]
        + h**2 * (3 - 2 * h) * value[:, right]
        + h * (1 - h) ** 2 * width * slope[:, left]
        - h**2 * (1 - h) * width * slope[:, right]
    )
    end = np.where(at > inside, slope[:, -1:], slope[:, :1])
    return np.asarray(blended + (at - inside) * end)


def _vertices(x: Vector, span: float) -> Vector:
    """Ends of the cells: the range, a little wider, halved at medians while a cell is full."""
    ordered = np.sort(x)
    most = int(np.floor(x.size * span * CELL))
    spread = float(ordered[-1] - ordered[0])
    margin = 0.005 * max(spread, float(np.abs(ordered[[0, -1]]).max()) * 1e-3 + 1e-30)
    ends = (float(ordered[0]) - margin, float(ordered[-1]) + margin)
    cells, cuts = [(0, x.size - 1, *ends)], set(ends)
    while cells:
        first, last, low, high = cells.pop()
        if last - first + 1 <= most:
            continue
        middle = _untied(ordered, first, last)
        cut = float(ordered[middle])
        if cut in (low, high) or middle >= last:
            continue
        cuts.add(cut)
        cells += [(first, middle, low, cut), (middle + 1, last, cut, high)]
    return np.array(sorted(cuts))


def _untied(ordered: Vector, first: int, last: int) -> int:
    """The position nearest to the middle after which the values change, the later of equals."""
    middle = (first + last) // 2
    changes = first + np.flatnonzero(ordered[first:last] != ordered[first + 1 : last + 1])
    if not changes.size:
        return last
    distance = np.abs(changes - middle)
    return int(changes[distance == distance.min()].max())


def _local_fit(
    x: Vector, y: Vector, at: Vector, weights: Matrix, span: float
) -> tuple[Matrix, Matrix]:
    """Value and slope of the local parabola at each vertex, both of shape (B, vertices)."""
    offset, kernel, width = _kernel(x, at, span)
    powers = [kernel * offset**k for k in range(5)]
    s0, s1, s2, s3, s4 = (weights @ power for power in powers)
    t0, t1, t2 = ((weights * y) @ power for power in powers[:3])
    d2, d4 = s2 + RIDGE * s0, s4 + RIDGE * s0
    # Cramer's rule; of the parabola only value and slope are wanted.
    minor0, minor1, minor2 = d2 * d4 - s3 * s3, s1 * d4 - s2 * s3, s1 * s3 - d2 * s2
    determinant = s0 * minor0 - s1 * minor1 + s2 * minor2
    value = t0 * minor0 - t1 * minor1 + t2 * minor2
    slope = -t0 * minor1 + t1 * (s0 * d4 - s2 * s2) - t2 * (s0 * s3 - s1 * s2)
    empty = np.full(s0.shape, np.nan)
    return (
        np.divide(value, determinant, out=empty.copy(), where=s0 > 0),
        np.divide(slope, determinant * width, out=empty, where=s0 > 0),
    )


def _kernel(x: Vector, at: Vector, span: float) -> tuple[Matrix, Matrix, Vector]:
    """Scaled offsets and tricube weights of all cases around each point (n, m), and the widths."""
    distance = np.abs(x[:, None] - at)
    nearest = max(3, int(np.floor(span * x.size + 1e-5)))
    width = np.sort(distance, axis=0)[min(nearest, x.size) - 1]
    # Ties: a neighbourhood of one distinct value is fitted by its mean.
    width = np.where(width > 0, width, 1.0)
    scaled = distance / width
    # As in R: cases next to the point have weight 1, those at the very edge none.
    tricube = np.where(scaled < 0.001, 1.0, (1 - np.minimum(scaled, 1.0) ** 3) ** 3)
    return (x[:, None] - at) / width, np.where(scaled < 0.999, tricube, 0.0), width
