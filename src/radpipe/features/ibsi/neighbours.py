"""Neighbouring voxels of a region, in the plane of a slice or in the volume."""

from collections.abc import Iterator
from itertools import product
from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.types import Labels

Neighbourhood = Literal["plane", "volume"]
"""The 8 neighbours of a voxel in its slice, or the 26 around it."""

Direction = tuple[int, int, int]
"""A step from a voxel to a neighbour, (z, y, x)."""


def directions(neighbourhood: Neighbourhood) -> list[Direction]:
    """One of each pair of opposite steps of length 1: 4 in the plane, 13 in the volume."""
    steps = product((-1, 0, 1) if neighbourhood == "volume" else (0,), (-1, 0, 1), (-1, 0, 1))
    return [step for step in steps if step > (0, 0, 0)]


class PaddedLevels:
    """Grey levels with a rim of background, so that every step from the region stays inside.

    Attributes:
        flat: levels with the rim, shape (n,).
        inside: indices in `flat` of the voxels of the region, rising.
    """

    def __init__(self, levels: Labels) -> None:
        padded = np.pad(levels, 1)
        self._strides = (padded.shape[1] * padded.shape[2], padded.shape[2], 1)
        self.flat: npt.NDArray[np.integer] = padded.ravel()
        self.inside: npt.NDArray[np.intp] = np.flatnonzero(self.flat)

    def offset(self, direction: Direction) -> int:
        """What a step adds to an index of `flat`."""
        return sum(d * stride for d, stride in zip(direction, self._strides, strict=True))

    def neighbours(self, neighbourhood: Neighbourhood) -> Iterator[Labels]:
        """For each step the levels of that neighbour of each voxel of the region, 0 outside."""
        for direction in directions(neighbourhood):
            offset = self.offset(direction)
            yield self.flat[self.inside + offset]
            yield self.flat[self.inside - offset]
