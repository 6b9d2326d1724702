"""Back from the grid of a network to that of the prepared images, and on to the original one."""

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor

from radpipe.imaging.resampling import resample_mask
from radpipe.imaging.threads import single_thread
from radpipe.io import images
from radpipe.segmentation.cascade import Box, region_box

SAME = 1e-6
"""Grids that differ by less than this share of a voxel are one."""


def same_grid(one: sitk.Image, other: sitk.Image) -> bool:
    """Whether two images have the same voxels in the world."""
    step = min(one.GetSpacing())
    return (
        one.GetSize() == other.GetSize()
        and np.allclose(one.GetSpacing(), other.GetSpacing(), rtol=0, atol=SAME * step)
        and np.allclose(one.GetOrigin(), other.GetOrigin(), rtol=0, atol=SAME * step)
        and np.allclose(one.GetDirection(), other.GetDirection(), rtol=0, atol=SAME)
    )


def restore_probabilities(values: Tensor, grid: sitk.Image, wanted: sitk.Image) -> Tensor:
    """Volumes `(K, z, y, x)` on another grid by linear interpolation, one after the other.

    Probabilities that sum to one still do, as all are interpolated with the same weights; voxels
    beyond the outermost centres of `grid` take the nearest value.

    Args:
        values: half precision, on `grid`.
        grid: the grid they are on.
        wanted: the grid they are wanted on.
    """
    if same_grid(grid, wanted):
        return values
    restored = torch.empty((len(values), *wanted.GetSize()[::-1]), dtype=values.dtype)
    for channel, volume in zip(restored, values, strict=True):
        image = images.image_like(volume.float().numpy(), grid)
        with single_thread():
            moved = sitk.Resample(
                image, wanted, sitk.Transform(), sitk.sitkLinear, 0.0, sitk.sitkFloat32, True
            )
        channel.copy_(torch.from_numpy(sitk.GetArrayViewFromImage(moved).copy()))
    return restored


def restore_mask(mask: sitk.Image, native: sitk.Image) -> sitk.Image:
    """A mask on the original grid of an image, with exactly its origin, spacing and direction.

    Each label is interpolated linearly; a voxel belongs to the region if at least half of it does,
    and then to the label with the largest share. On its own grid a mask stays as it is.

    Args:
        mask: labels, on the grid of the prepared images.
        native: the image as it was imported; its values are not looked at.

    Returns:
        uint8 labels on the grid of `native`.
    """
    labels = images.labels_of(mask)
    if same_grid(mask, native):
        return images.image_like(labels, native)
    restored = np.zeros(native.GetSize()[::-1], np.uint8)
    # A label reaches one voxel of the mask beyond itself: little of a large image.
    box = region_box(mask, native, margin_mm=max(mask.GetSpacing()))
    if box is not None:
        found = {str(value): int(value) for value in np.unique(labels) if value}
        with single_thread():
            moved = resample_mask(mask, _part(native, box), found)
        restored[box] = images.labels_of(moved)
    return images.image_like(restored, native)


def _part(image: sitk.Image, box: Box) -> sitk.Image:
    """An empty image of a part of a grid."""
    part = sitk.Image([side.stop - side.start for side in reversed(box)], sitk.sitkUInt8)
    part.SetSpacing(image.GetSpacing())
    part.SetDirection(image.GetDirection())
    part.SetOrigin(image.TransformIndexToPhysicalPoint([side.start for side in reversed(box)]))
    return part
