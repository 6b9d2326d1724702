"""The filtered images of a region: every image type, one at a time, in the region's box.

Filtering a whole scan to measure a small region wastes nearly all the work. Each filter here sees
the region's box with a margin beyond which voxels no longer change the values inside the box.
"""

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from radpipe.config import Handcrafted
from radpipe.features import image_filters
from radpipe.features.boxes import Box
from radpipe.features.dictionary import LBP_2D, LBP_3D, ORIGINAL, POINT_WISE_NAMES, log_name
from radpipe.types import Mask, Volume


def filtered_images(
    image: sitk.Image, box: Box, settings: Handcrafted, voxels: Mask | None = None
) -> Iterator[tuple[str, Volume]]:
    """Every image type of `image` inside `box`, one at a time, in the order of the columns.

    Args:
        image: the whole image, of a floating type.
        box: what is wanted of it.
        settings: which image types, and the parameters of the filters.
        voxels: the region in the box (z, y, x), for `lbp3d`, which sees only these; default: all.

    Yields:
        Name in the column and values (z, y, x). A LoG image for which the scan is too small
        (pyradiomics wants 4 voxels and sigma + 1 voxel an axis) is left out.
    """
    plain = sitk.GetArrayFromImage(box.crop(image))
    asked = settings.image_types
    if "original" in asked:
        yield ORIGINAL, plain
    if "log" in asked:
        for sigma in settings.log_sigma_mm:
            if image_filters.log_fits(image, sigma):
                yield log_name(sigma), image_filters.laplacian_of_gaussian(image, box, sigma)
    if "wavelet" in asked:
        axes = (2, 1, 0) if settings.dimension == "3d" else (2, 1)
        for band, values in image_filters.wavelet_bands(image, box, settings.wavelet, axes):
            yield f"wavelet_{band}", values
    yield from _point_wise(image, plain, settings)
    if "gradient" in asked:
        per_mm = settings.gradient_per_mm
        yield "gradient", image_filters.gradient_magnitude(image, box, per_mm=per_mm)
    yield from _local_patterns(image, box, settings, voxels)


def _local_patterns(
    image: sitk.Image, box: Box, settings: Handcrafted, voxels: Mask | None
) -> Iterator[tuple[str, Volume]]:
    """Local binary patterns, in the slice and in 3-D."""
    if "lbp2d" in settings.image_types:
        codes = image_filters.local_binary_pattern_2d(
            image, box, radius=settings.lbp2d_radius, samples=settings.lbp2d_samples
        )
        yield LBP_2D, codes
    if "lbp3d" in settings.image_types:
        # Brings scipy's statistics, a second that every case would pay.
        from radpipe.features.spherical_patterns import local_binary_pattern_3d

        region = np.ones(box.shape, dtype=bool) if voxels is None else voxels
        for part, values in local_binary_pattern_3d(image, box, region):
            yield f"{LBP_3D}_{part}", values


def _point_wise(
    image: sitk.Image, plain: Volume, settings: Handcrafted
) -> Iterator[tuple[str, Volume]]:
    """Filters of single voxels, which the largest intensity of the whole image scales."""
    asked = [name for name in POINT_WISE_NAMES if name in settings.image_types]
    if not asked:
        return
    maximum = image_filters.largest_magnitude(image)
    intensities = plain.astype(np.float64)
    for name in asked:
        yield POINT_WISE_NAMES[name], image_filters.POINT_WISE[name](intensities, maximum)
