"""Grids and interpolation: images by B-spline or linearly, masks linearly and then at a half.

Grids keep the centre of the image and have `ceil(n * spacing / new)` voxels, as the IBSI
(Zwanenburg et al., Radiology 2020;295:328) and the teams that validated it do.
"""

import math
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

INTERPOLATORS = {"linear": sitk.sitkLinear, "bspline": sitk.sitkBSpline}
"""SimpleITK's B-spline is cubic."""

HALF = 0.5 - 1e-6
"""Exactly half a voxel counts as inside, whatever the rounding of the weights."""


def target_grid(reference: sitk.Image, spacing_mm: tuple[float, float, float] | None) -> sitk.Image:
    """An empty uint8 image: the field of view of `reference` at another voxel size.

    Args:
        reference: the image whose centre and direction are kept.
        spacing_mm: voxel size x, y, z in mm; None: the grid of the reference as it is.
    """
    size, old = reference.GetSize(), reference.GetSpacing()
    new = old if spacing_mm is None else spacing_mm
    # A spacing read from single precision must not add a voxel: 1.0000001 * n is n.
    new_size = [math.ceil(round(n * s / t, 4)) for n, s, t in zip(size, old, new, strict=True)]
    centre = reference.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in size])
    grid = sitk.Image(new_size, sitk.sitkUInt8)
    grid.SetSpacing(new)
    grid.SetDirection(reference.GetDirection())
    shift = grid.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in new_size])
    grid.SetOrigin([c - s for c, s in zip(centre, shift, strict=True)])
    return grid


def resample_image(
    image: sitk.Image, grid: sitk.Image, transform: sitk.Transform, interpolation: str
) -> sitk.Image:
    """An image on another grid in one interpolation, float32.

    Where an image has a background of zeros (a stripped skull, no count), it is still exactly
    zero afterwards: a cubic spline rings beside an edge, and the ringing would pass for tissue.
    Outside the field of view is zero, or the minimum of an image with negative values (air).

    Args:
        image: the voxels to interpolate.
        grid: the grid wanted.
        transform: maps points of the grid to points of the image.
        interpolation: `linear` or `bspline`.
    """
    image = sitk.Cast(image, sitk.sitkFloat32)
    minimum = float(sitk.GetArrayViewFromImage(image).min())
    outside = min(minimum, 0.0)
    moved = sitk.Resample(
        image, grid, transform, INTERPOLATORS[interpolation], outside, sitk.sitkFloat32
    )
    if minimum < 0:
        return moved
    return sitk.Mask(moved, _at_half(image != 0, grid, transform), 0.0)


def resample_mask(mask: sitk.Image, grid: sitk.Image, labels: Mapping[str, int]) -> sitk.Image:
    """A label map on another grid, uint8: each label interpolated linearly.

    A voxel belongs to the region if at least half of it does, and then to the label with the
    largest share; so two labels that touch leave no gap between them.
    """
    values = sorted(set(labels.values()))
    shares = np.stack([_share(mask == value, grid, sitk.Transform()) for value in values])
    inside = shares.sum(axis=0) >= HALF
    chosen = np.array(values, dtype=np.uint8)[shares.argmax(axis=0)]
    result = sitk.GetImageFromArray(np.where(inside, chosen, 0).astype(np.uint8))
    result.CopyInformation(grid)
    return result


def coverage(image: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> float:
    """Share of the grid's voxels that lie inside the image's field of view."""
    inside = sitk.Image(image.GetSize(), sitk.sitkUInt8) + 1
    inside.CopyInformation(image)
    moved = sitk.Resample(inside, grid, transform, sitk.sitkNearestNeighbor, 0, sitk.sitkUInt8)
    return float(sitk.GetArrayViewFromImage(moved).mean())


def _share(indicator: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> np.ndarray:
    """Share of each grid voxel that an indicator fills, by linear interpolation."""
    floating = sitk.Cast(indicator, sitk.sitkFloat32)
    moved = sitk.Resample(floating, grid, transform, sitk.sitkLinear, 0.0, sitk.sitkFloat32)
    return sitk.GetArrayFromImage(moved)


def _at_half(indicator: sitk.Image, grid: sitk.Image, transform: sitk.Transform) -> sitk.Image:
    inside = sitk.GetImageFromArray((_share(indicator, grid, transform) >= HALF).astype(np.uint8))
    inside.CopyInformation(grid)
    return inside
