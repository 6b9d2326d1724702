"""What matrices of grey level by size have in common: their features and how they are merged.

Runs, zones of a size, zones at a distance and dependences are all counted by grey level and by an
integer `size` from 1, and IBSI defines the same features for each of them.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from radpipe.types import Labels, Vector


@dataclass(frozen=True)
class Counts:
    """Elements (runs, zones, voxels) by grey level and size; only what was found is listed.

    Attributes:
        level: grey level of each entry, from 1, shape (n,).
        size: size of each entry, from 1, shape (n,).
        number: how many elements have that level and size, shape (n,).
        voxels: voxels that could have been elements of their own, the denominator of percentages.
    """

    level: Labels
    size: Labels
    number: Labels
    voxels: int

    @classmethod
    def of(cls, level: Labels, size: Labels, voxels: int) -> "Counts":
        """Count elements, given the level and the size of each."""
        return cls._counted(level, size, np.ones(len(level), dtype=np.int64), voxels)

    @classmethod
    def merged(cls, parts: Iterable["Counts"]) -> "Counts":
        """All elements of several matrices in one; voxels are counted as often as they were."""
        parts = list(parts)
        return cls._counted(
            np.concatenate([part.level for part in parts]),
            np.concatenate([part.size for part in parts]),
            np.concatenate([part.number for part in parts]),
            sum(part.voxels for part in parts),
        )

    @classmethod
    def _counted(cls, level: Labels, size: Labels, number: Labels, voxels: int) -> "Counts":
        width = int(size.max(initial=0)) + 1
        keys, place = np.unique(level.astype(np.int64) * width + size, return_inverse=True)
        total = np.bincount(place, weights=number).astype(np.int64)
        return cls(keys // width, keys % width, total, voxels)


FEATURES = (
    "Small",
    "Large",
    "LowLevel",
    "HighLevel",
    "SmallLowLevel",
    "SmallHighLevel",
    "LargeLowLevel",
    "LargeHighLevel",
    "LevelNonUniformity",
    "LevelNonUniformityNormalised",
    "SizeNonUniformity",
    "SizeNonUniformityNormalised",
    "Percentage",
    "LevelVariance",
    "SizeVariance",
    "Entropy",
    "Energy",
)
"""The features of any matrix of grey level by size; `Energy` is defined for dependences alone."""


def count_features(counts: Counts, names: tuple[str, ...]) -> dict[str, float]:
    """The features of a matrix, in the order of `FEATURES`, under the names of its family.

    Args:
        counts: the matrix; without elements every feature is NaN.
        names: a name for each of the first features of `FEATURES`.
    """
    total = int(counts.number.sum())
    if total == 0:
        return dict.fromkeys(names, float("nan"))
    level, size = counts.level.astype(np.float64), counts.size.astype(np.float64)
    p = counts.number / total
    by_level = np.bincount(counts.level, weights=counts.number)
    by_size = np.bincount(np.unique(counts.size, return_inverse=True)[1], weights=counts.number)
    values = (
        *_emphases(p, level, size),
        float((by_level**2).sum()) / total,
        float((by_level**2).sum()) / total**2,
        float((by_size**2).sum()) / total,
        float((by_size**2).sum()) / total**2,
        total / counts.voxels,
        _variance(p, level),
        _variance(p, size),
        float(-(p * np.log2(p)).sum()),
        float((p**2).sum()),
    )
    return dict(zip(names, values[: len(names)], strict=True))


def _emphases(p: Vector, level: Vector, size: Vector) -> tuple[float, ...]:
    """Mean weight of small and large sizes, of low and high levels, and of both."""
    low, high, small, large = level**-2, level**2, size**-2, size**2
    weights = (small, large, low, high, small * low, small * high, large * low, large * high)
    return tuple(float(p @ weight) for weight in weights)


def _variance(p: Vector, values: Vector) -> float:
    return float(p @ (values - p @ values) ** 2)
