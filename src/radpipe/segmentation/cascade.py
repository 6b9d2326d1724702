"""Coarse to fine: a first segmenter finds the region, the second draws inside a box around it."""

from itertools import product

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from radpipe.io import images

Box = tuple[slice, slice, slice]
"""Voxels of a grid, axes (z, y, x)."""


def region_box(coarse: sitk.Image, grid: sitk.Image, margin_mm: float) -> Box | None:
    """The box around a coarse mask, on a grid that may be another than the mask's.

    Args:
        coarse: labels; every one of them belongs to the region.
        grid: the grid the box is wanted on.
        margin_mm: added on all sides.

    Returns:
        A box inside the grid that holds one voxel at least; none if the mask is empty or lies
        outside: then there is nothing to go by, and the whole image is to be looked at.
    """
    labels = images.labels_of(coarse) > 0
    if not labels.any():
        return None
    ends = []
    for axis, spacing_mm in enumerate(images.spacing_zyx(coarse)):
        found = np.flatnonzero(labels.any(axis=tuple(a for a in range(3) if a != axis)))
        # Half a voxel more: the box is around voxels, not their centres.
        reach = 0.5 + margin_mm / spacing_mm
        ends.append((found[0] - reach, found[-1] + reach))
    corners = np.array(
        [
            grid.TransformPhysicalPointToContinuousIndex(
                coarse.TransformContinuousIndexToPhysicalPoint([float(i) for i in corner[::-1]])
            )[::-1]
            for corner in product(*ends)
        ]
    )
    # Rounded: a corner on the border of two voxels must not add one.
    corners = np.round(corners + 0.5, 4)
    first = np.maximum(np.floor(corners.min(axis=0)), 0).astype(int)
    last = np.minimum(np.ceil(corners.max(axis=0)), grid.GetSize()[::-1]).astype(int)
    if (first >= last).any():
        return None
    z, y, x = (slice(int(a), int(b)) for a, b in zip(first, last, strict=True))
    return z, y, x


def with_context(box: Box, patch: tuple[int, int, int], size: tuple[int, ...]) -> Box:
    """The box, made as large as a patch where the image has room: padding is for want of image."""
    grown = []
    for side, least, n in zip(box, patch, size, strict=True):
        lacking = max(0, min(least, n) - (side.stop - side.start))
        start = min(max(0, side.start - lacking // 2), n - (side.stop - side.start) - lacking)
        grown.append(slice(start, start + side.stop - side.start + lacking))
    z, y, x = grown
    return z, y, x


def background_around(values: Tensor, drawn: Box, box: Box, size: tuple[int, ...]) -> Tensor:
    """A whole volume of probabilities from those in a box: certain background outside.

    Args:
        values: `(K, …)` of the voxels `drawn`; channel 0 is the background.
        drawn: where `values` lie in the volume.
        box: the part of `drawn` that counts.
        size: of the volume, z y x.
    """
    whole = torch.zeros((len(values), *size), dtype=values.dtype)
    whole[0] = 1
    inner = tuple(
        slice(b.start - d.start, b.stop - d.start) for b, d in zip(box, drawn, strict=True)
    )
    whole[(slice(None), *box)] = values[(slice(None), *inner)]
    return whole
