"""Boxes of voxels: where a region lies in its scan."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from radpipe.types import Mask

Triple = tuple[int, int, int]


@dataclass(frozen=True)
class Box:
    """The voxels `start <= index < stop`, both (z, y, x)."""

    start: Triple
    stop: Triple

    @property
    def shape(self) -> Triple:
        """Voxels an axis (z, y, x)."""
        return triple(b - a for a, b in zip(self.start, self.stop, strict=True))

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of an array (z, y, x)."""
        z, y, x = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    def crop(self, image: sitk.Image) -> sitk.Image:
        """The part of `image` inside the box."""
        # SimpleITK slices in the order x, y, z.
        return image[
            tuple(slice(a, b) for a, b in zip(self.start[::-1], self.stop[::-1], strict=True))
        ]

    def within(self, outer: "Box") -> "Box":
        """The same voxels, counted from the corner of `outer`."""
        return self.moved(triple(-o for o in outer.start))

    def moved(self, by: Triple) -> "Box":
        """The box moved by some voxels (z, y, x)."""
        return Box(
            triple(a + d for a, d in zip(self.start, by, strict=True)),
            triple(b + d for b, d in zip(self.stop, by, strict=True)),
        )

    def grown(self, margin: Triple, shape: Triple) -> "Box":
        """The box with a margin (z, y, x) on every side, cut at the border of an image."""
        spans = list(zip(self.start, self.stop, margin, shape, strict=True))
        return Box(
            triple(max(first - by, 0) for first, _, by, _ in spans),
            triple(min(last + by, size) for _, last, by, size in spans),
        )


def bounding_box(region: Mask) -> Box:
    """The smallest box around the voxels of a non-empty region (z, y, x)."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        inside = np.flatnonzero(region.any(axis=others))
        spans.append((int(inside[0]), int(inside[-1]) + 1))
    return Box(triple(a for a, _ in spans), triple(b for _, b in spans))


def triple(values: Iterable[int]) -> Triple:
    """Three numbers (z, y, x)."""
    z, y, x = values
    return (z, y, x)
