"""From a scan to the image that IBSI measures: grid, rounding, re-segmentation, grey levels.

The order of IBSI is: resample image and mask, round the intensities of CT, keep the mask as the
morphological one, re-segment a copy as the intensity mask, discretise inside that copy.
"""

import math
from typing import Literal

import numpy as np
import SimpleITK as sitk

from radpipe.errors import RadpipeError
from radpipe.io.images import image_like, spacing_zyx
from radpipe.types import Labels, Mask, SpacingZYX, Vector, Volume

Interpolation = Literal["linear", "cubic"]

INTERPOLATORS = {"linear": sitk.sitkLinear, "cubic": sitk.sitkBSpline3}

GRID_ROUNDING = 1e-4
"""Part of a voxel by which a grid may be too small: spacings of float32 headers are inexact."""

MASK_ROUNDING = 1e-6
"""A partial volume of 0.4999999 is one of 0.5 that was rounded, as IBSI warns."""


def resample_ibsi(
    image: sitk.Image, spacing_mm: SpacingZYX, interpolation: Interpolation = "cubic"
) -> sitk.Image:
    """The image on IBSI's grid of a new spacing, as float64.

    The grid has ceil(n * spacing / new) voxels an axis and the centre of the old grid; beyond the
    outermost old voxels the nearest intensity is taken.

    Args:
        image: 3-D, any pixel type.
        spacing_mm: new voxel size, axes (z, y, x); the old one along an axis leaves it as it is.
        interpolation: trilinear, or cubic B-spline.

    Raises:
        RadpipeError: the spacing is not positive.
    """
    if min(spacing_mm) <= 0:
        raise RadpipeError("a voxel size must be positive", found=spacing_mm, expected="mm > 0")
    resampler = _resampler(image, spacing_mm)
    resampler.SetInterpolator(INTERPOLATORS[interpolation])
    return resampler.Execute(sitk.Cast(image, sitk.sitkFloat64))


def resample_mask_ibsi(mask: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """The region `mask > 0` on the grid of another image: trilinear, partial volume >= 0.5.

    Args:
        mask: integer labels; all labels together are one region.
        grid: an image made by `resample_ibsi` from an image on the grid of the mask.

    Returns:
        0 and 1 as uint8.
    """
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(grid)
    resampler.SetInterpolator(sitk.sitkLinear)
    resampler.UseNearestNeighborExtrapolatorOn()
    share = sitk.GetArrayFromImage(resampler.Execute(sitk.Cast(mask > 0, sitk.sitkFloat64)))
    return image_like((share >= 0.5 - MASK_ROUNDING).astype(np.uint8), grid)


def round_intensities(image: sitk.Image) -> sitk.Image:
    """Intensities to the nearest integer: Hounsfield units are whole numbers again."""
    return image_like(np.rint(sitk.GetArrayFromImage(image)), image)


def resegment(image: Volume, mask: Mask, low: float | None, high: float | None) -> Mask:
    """The voxels of the region with an intensity of at least `low` and at most `high`.

    Args:
        image: intensities (z, y, x).
        mask: the region (z, y, x).
        low: None for no lower bound.
        high: None for no upper bound.
    """
    kept = mask.copy()
    if low is not None:
        kept &= image >= low
    if high is not None:
        kept &= image <= high
    return kept


def exclude_outliers(image: Volume, mask: Mask, sigma: float = 3.0) -> Mask:
    """The voxels of the region within `sigma` standard deviations (divided by n) of its mean."""
    inside = image[mask].astype(np.float64)
    if inside.size == 0:
        return mask.copy()
    mean, spread = float(inside.mean()), sigma * float(inside.std())
    return resegment(image, mask, mean - spread, mean + spread)


def discretise_fixed_size(values: Vector, width: float, origin: float | None = None) -> Labels:
    """Grey levels of bins of one width: floor((value - origin) / width) + 1.

    Args:
        values: intensities of the region.
        width: bin size, in units of the intensity.
        origin: lower edge of the first bin, the lower bound of re-segmentation where there is one;
            None for the smallest value. Level 1 is then the same intensity in every case, which
            pyradiomics' own binning does not give: it starts at the smallest value of each region.

    Returns:
        Levels from 1, of the shape of `values`.

    Raises:
        RadpipeError: the width is not positive, or a value lies below the origin.
    """
    if width <= 0:
        raise RadpipeError("a bin width must be positive", found=width)
    lowest = float(values.min())
    start = lowest if origin is None else origin
    if lowest < start:
        raise RadpipeError(
            "an intensity lies below the origin of the bins", found=lowest, expected=f">= {start}"
        )
    return np.floor((values - start) / width).astype(np.int64) + 1


def discretise_fixed_number(values: Vector, count: int) -> Labels:
    """Grey levels of `count` bins from the smallest to the largest value, which is in the last.

    A region of one intensity has one level, 1.
    """
    low, high = float(values.min()), float(values.max())
    if low == high:
        return np.ones(values.shape, dtype=np.int64)
    levels = np.floor(count * (values - low) / (high - low)).astype(np.int64) + 1
    return np.minimum(levels, count)


def _resampler(image: sitk.Image, spacing_mm: SpacingZYX) -> sitk.ResampleImageFilter:
    """A resampler onto the grid of the new spacing that has the centre of the old one."""
    old = spacing_zyx(image)
    sizes = image.GetSize()[::-1]
    size = [
        math.ceil(n * a / b - GRID_ROUNDING) for n, a, b in zip(sizes, old, spacing_mm, strict=True)
    ]
    # Index of the new first voxel on the old grid, from which ITK gives its place in space.
    first = [
        ((n - 1) * a - (m - 1) * b) / 2 / a
        for n, m, a, b in zip(sizes, size, old, spacing_mm, strict=True)
    ]
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(size[::-1])
    resampler.SetOutputSpacing(spacing_mm[::-1])
    resampler.SetOutputDirection(image.GetDirection())
    resampler.SetOutputOrigin(image.TransformContinuousIndexToPhysicalPoint(first[::-1]))
    resampler.UseNearestNeighborExtrapolatorOn()
    return resampler
