"""The neighbourhood grey tone difference matrix (NGTDM), distance 1."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from radpipe.features.ibsi.neighbours import Neighbourhood, PaddedLevels
from radpipe.types import Labels, Vector

COARSEST = 1e6
"""The coarseness of a region without any difference, as IBSI sets it."""


@dataclass(frozen=True)
class ToneDifferences:
    """Row k is grey level k + 1.

    Attributes:
        number: voxels of the level that have a neighbour in the region, shape (levels,).
        difference: sum of their distances to the mean of their neighbours, shape (levels,).
    """

    number: Vector
    difference: Vector

    @classmethod
    def merged(cls, parts: Iterable["ToneDifferences"]) -> "ToneDifferences":
        """The sum of matrices of the same number of levels."""
        parts = list(parts)
        return cls(
            np.sum([part.number for part in parts], axis=0),
            np.sum([part.difference for part in parts], axis=0),
        )


def tone_differences(levels: Labels, neighbourhood: Neighbourhood, count: int) -> ToneDifferences:
    """How far voxels of each level are from the mean level around them.

    Args:
        levels: levels (z, y, x), 0 outside the region.
        neighbourhood: 8 neighbours in the slice or 26 in the volume.
        count: the largest level.
    """
    padded = PaddedLevels(levels)
    own = padded.flat[padded.inside]
    total, present = np.zeros(own.size), np.zeros(own.size)
    for neighbour in padded.neighbours(neighbourhood):
        total += neighbour
        present += neighbour > 0
    valid = present > 0
    level = own[valid] - 1
    difference = np.abs(own[valid] - total[valid] / present[valid])
    return ToneDifferences(
        np.bincount(level, minlength=count).astype(np.float64),
        np.bincount(level, weights=difference, minlength=count).astype(np.float64),
    )


def tone_features(matrix: ToneDifferences) -> dict[str, float]:
    """The five features of IBSI; all are NaN if no voxel has a neighbour in the region."""
    names = ("Coarseness", "Contrast", "Busyness", "Complexity", "Strength")
    total = matrix.number.sum()
    if total == 0:
        return dict.fromkeys(names, float("nan"))
    present = matrix.number > 0
    level = np.flatnonzero(present) + 1.0
    p, s = matrix.number[present] / total, matrix.difference[present]
    apart = np.abs(level[:, None] - level)
    weighted = p * s
    shares = p[:, None] + p
    unevenness = float(np.abs((level * p)[:, None] - level * p).sum())
    spread = float((np.outer(p, p) * apart**2).sum())
    values = (
        1 / weighted.sum() if weighted.sum() else COARSEST,
        spread / (level.size * (level.size - 1)) * s.sum() / total if level.size > 1 else 0.0,
        weighted.sum() / unevenness if unevenness else 0.0,
        (apart * (weighted[:, None] + weighted) / shares).sum() / total,
        (shares * apart**2).sum() / s.sum() if s.sum() else 0.0,
    )
    return dict(zip(names, (float(value) for value in values), strict=True))
