"""Boundary IoU: how well two masks agree near their outlines, where large regions differ.

Cheng et al., CVPR 2021:15329, in three dimensions and in mm. The rim of a mask of width d holds its
voxels whose centre lies within d of the centre of a voxel outside it; what lies beyond the grid is
outside. The paper takes d as 2 % of the diagonal of an image, which here would change with the
field of view, so that d is given in mm. A rim is never thinner than the outermost voxels.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import binary_erosion, generate_binary_structure, minimum_filter1d

from radpipe.evaluation.surface import bounding_box, nearest_mm
from radpipe.types import Mask, SpacingZYX, Vector


@dataclass(frozen=True)
class _Rim:
    """Voxels near the outline: number in memory, distance to the outside (0: outermost voxels)."""

    place: npt.NDArray[np.intp]
    depth_mm: Vector


def boundary_iou(
    prediction: Mask, reference: Mask, spacing_mm: SpacingZYX, widths_mm: Sequence[float]
) -> dict[float, float]:
    """Boundary IoU of two masks that both hold at least one voxel, by width of the rim.

    Args:
        prediction: mask, axes (z, y, x).
        reference: mask on the same grid.
        spacing_mm: voxel size (z, y, x).
        widths_mm: widths of the rim.
    """
    rims = [_rim(mask, spacing_mm, max(widths_mm)) for mask in (prediction, reference)]
    found = {}
    for width in widths_mm:
        p, r = (rim.place[rim.depth_mm <= width] for rim in rims)
        common = np.intersect1d(p, r, assume_unique=True).size
        found[width] = common / (p.size + r.size - common)
    return found


def _rim(mask: Mask, spacing_mm: SpacingZYX, width_mm: float) -> _Rim:
    """The voxels of a mask that may lie within `width_mm` of its outside, with their distance."""
    box = bounding_box(mask)
    inside = np.pad(mask[box], 1)
    core = inside.view(np.uint8)
    for axis, step in enumerate(spacing_mm):
        # A voxel deeper than the width along every axis cannot be in the rim.
        reach = max(1, int(width_mm / step))
        core = minimum_filter1d(core, 2 * reach + 1, axis=axis, mode="constant", cval=0)
    face = generate_binary_structure(3, 1)
    outermost = inside & ~binary_erosion(inside, face)
    # The nearest voxel outside always touches the mask with a face.
    outside = ~inside & ~binary_erosion(~inside, face, border_value=1)
    near = np.argwhere(inside & (core == 0))
    spacing = np.asarray(spacing_mm)
    depth = nearest_mm(near * spacing, np.argwhere(outside) * spacing)
    depth[outermost[tuple(near.T)]] = 0.0
    corner = near - 1 + [side.start for side in box]
    return _Rim(np.ravel_multi_index(tuple(corner.T), mask.shape), depth)
