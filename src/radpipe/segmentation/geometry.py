"""Voxels, patches and levels of a planned network: arithmetic on sizes and spacings, z y x.

The rules for anisotropic images are those of nnU-Net (Isensee et al., Nature Methods 18, 2021).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from radpipe.types import SpacingZYX

Size = tuple[int, int, int]

ANISOTROPIC = 3.0
"""Coarsest through finest spacing from which images count as anisotropic."""

SMALLEST_LEVEL = 4
"""Voxels along each axis that the coarsest level keeps at least."""


KEPT = 0.75
"""Share of a size that rounding down must keep; else it is rounded up."""


@dataclass(frozen=True)
class Levels:
    """How a network goes from fine to coarse.

    Attributes:
        strides: of each level below the first, z y x.
        kernels: of each level, z y x.
    """

    strides: tuple[Size, ...]
    kernels: tuple[Size, ...]

    @property
    def multiple(self) -> Size:
        """What a patch must be a multiple of."""
        return _size(np.prod(np.array([(1, 1, 1), *self.strides]), axis=0))

    def axes(self, dims: int) -> tuple[list[list[int]], list[list[int]]]:
        """Strides and kernels along the last `dims` axes."""
        return [list(s[-dims:]) for s in self.strides], [list(k[-dims:]) for k in self.kernels]


def target_spacing(
    median_mm: SpacingZYX, finest_mm: SpacingZYX, size: Sequence[float]
) -> SpacingZYX:
    """The voxel size images are brought to before a network sees them.

    The median; of strongly anisotropic images the 10th percentile along the coarse axis, where
    that axis has far fewer voxels too: so that finely cut cases do not lose what they have, and yet
    it never becomes finer than the other axes.

    Args:
        median_mm: median spacing.
        finest_mm: 10th percentile of the spacing along each axis.
        size: median size in voxels.
    """
    spacing = list(median_mm)
    coarse = int(np.argmax(spacing))
    others = [k for k in range(3) if k != coarse]
    thick = spacing[coarse] > ANISOTROPIC * max(spacing[k] for k in others)
    few = ANISOTROPIC * size[coarse] < min(size[k] for k in others)
    if thick and few:
        spacing[coarse] = max(finest_mm[coarse], *(spacing[k] for k in others))
    return (spacing[0], spacing[1], spacing[2])


def levels(
    patch: Sequence[int], spacing_mm: SpacingZYX, depth: tuple[int, int], *, flat: bool
) -> Levels:
    """Halve the axes level by level while they have voxels enough, the finest spacing first.

    An axis is halved once its voxels are at most twice the finest ones of those that still can be;
    a kernel spans an axis from the level on at which its voxels are less than twice the finest.

    Args:
        patch: voxels that the network sees.
        spacing_mm: of these voxels.
        depth: levels at least and at most, the first included; where no axis can be halved any
            more, levels of the same size are added.
        flat: keep z as it is, for networks of single slices.
    """
    size, spacing = np.array(patch, float), np.array(spacing_mm, float)
    if flat:
        spacing[0] = np.inf
    strides: list[Size] = []
    wide = spacing < 2 * spacing.min() * (1 - 1e-9)
    kernels = [_size(np.where(wide, 3, 1))]
    while len(kernels) < depth[1]:
        can = size / 2 >= SMALLEST_LEVEL
        can[0] &= not flat
        if not can.any() and len(kernels) >= depth[0]:
            break
        finest = spacing[can].min() if can.any() else 0.0
        halved = can & (spacing < 2 * finest * (1 - 1e-9))
        step = np.where(halved, 2, 1)
        size, spacing = np.ceil(size / step), spacing * step
        strides.append(_size(step))
        wide |= spacing < 2 * spacing.min() * (1 - 1e-9)
        kernels.append(_size(np.where(wide, 3, 1)))
    return Levels(tuple(strides), tuple(kernels))


def patch_size(
    size: Sequence[float],
    largest: Sequence[int],
    spacing_mm: SpacingZYX,
    *,
    voxels: float,
    multiple: Sequence[int],
) -> Size:
    """The largest patch of at most `voxels`, of the shape of the median image.

    A cube in mm is cut to the image, and grown along the axes that are left until the voxels are
    used up. Sizes are rounded down where little is lost: a patch a little smaller than the image
    is never twice the same, one that holds all of it always is.

    Args:
        size: median size of the images, voxels.
        largest: largest size along each axis: no patch reaches beyond it, rounded up.
        spacing_mm: of these voxels.
        voxels: bound of the patch; a patch of one `multiple` an axis is made in any case.
        multiple: each axis of the patch is a multiple of it.
    """
    step = np.array(multiple)
    limit = np.minimum(np.ceil(np.array(size)), largest)
    side = _side(limit, np.array(spacing_mm), max(voxels, prod(multiple)))
    ideal = np.minimum(side / np.array(spacing_mm), limit)
    below, above = np.floor(ideal / step + 1e-9) * step, np.ceil(ideal / step - 1e-9) * step
    patch = np.where(below >= KEPT * ideal, below, above).astype(int)
    # Rounding up may leave the bound: then the axes that gained the most give way.
    while prod(patch.tolist()) > voxels and (patch > step).any():
        gained = int(np.argmax(np.where(patch > step, patch / ideal, 0.0)))
        patch[gained] -= step[gained]
    return _size(patch)


def _side(limit: np.ndarray, spacing: np.ndarray, voxels: float) -> float:
    """Edge in mm of the cube that, cut to the image, has so many voxels (bisection)."""
    low, high = 0.0, float(np.max(limit * spacing))
    for _ in range(60):
        middle = (low + high) / 2
        if float(np.prod(np.minimum(middle / spacing, limit))) <= voxels:
            low = middle
        else:
            high = middle
    return high


def resampled(size: Sequence[float], spacing_mm: Sequence[float], to_mm: Sequence[float]) -> Size:
    """Voxels of an image after a change of spacing, one at least along each axis."""
    exact = np.array(size) * np.array(spacing_mm) / np.array(to_mm)
    return _size(np.maximum(1, np.ceil(exact - 1e-6)))


def _size(values: np.ndarray) -> Size:
    z, y, x = (int(v) for v in values)
    return (z, y, x)
