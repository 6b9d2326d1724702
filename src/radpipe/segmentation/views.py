"""How a network looks at a volume: whole, or slice by slice across one axis or all three.

Training and drawing both ask here, so that a network sees the same thing in both.
"""

from collections.abc import Sequence
from typing import Literal

View = Literal["3d", "2.5d", "2d"]

PLANES: dict[View, tuple[int, ...]] = {"3d": (), "2d": (0,), "2.5d": (0, 1, 2)}


def planes(view: View) -> tuple[int, ...]:
    """The axes of `(z, y, x)` that slices are cut across; none: the network sees volumes."""
    return PLANES[view]


def window(patch: Sequence[int], axis: int | None) -> tuple[int, int, int]:
    """The size in a volume, z y x, of what a network sees at once.

    Args:
        patch: size of a patch, z y x; slices have the last two of it.
        axis: the axis that a slice lies across, one voxel thick there; None: a volume.
    """
    if axis is None:
        depth, height, width = patch
        return (depth, height, width)
    size = list(patch[-2:])
    size.insert(axis, 1)
    return (size[0], size[1], size[2])
