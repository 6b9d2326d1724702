"""What IBSI measures: the digital phantom, and the configurations of its CT phantom."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.features.ibsi.measurement import Processing
from radpipe.io.images import image_like, read_image

CT_PHANTOM = Path("ibsi", "data_sets", "ibsi_1_ct_radiomics_phantom", "nifti")
"""Where the CT phantom lies in a folder of test data; https://github.com/theibsi/data_sets."""

DIGITAL_SPACING_MM = 2.0

# Slices of 4 x 5 voxels (y, x); 0 is outside the region. Source: the IBSI reference manual,
# section 5.1, CC BY 4.0, design by Alex Zwanenburg.
DIGITAL_LEVELS = (
    ((1, 4, 4, 1, 1), (1, 4, 6, 1, 1), (4, 1, 6, 4, 1), (4, 4, 6, 4, 1)),
    ((1, 4, 4, 1, 1), (1, 1, 6, 1, 1), (0, 1, 3, 1, 1), (4, 4, 6, 1, 1)),
    ((1, 4, 4, 0, 0), (1, 1, 1, 1, 1), (1, 1, 0, 1, 1), (1, 1, 6, 1, 1)),
    ((1, 4, 4, 0, 0), (1, 1, 1, 1, 1), (1, 1, 1, 1, 1), (1, 1, 6, 1, 1)),
)

# The intensities of the voxels outside, which local intensity sees, as (z, y, x) and value.
DIGITAL_OUTSIDE = {
    (1, 2, 0): 1,
    (2, 0, 3): 1,
    (2, 0, 4): 1,
    (2, 2, 2): 9,
    (3, 0, 3): 1,
    (3, 0, 4): 1,
}

DIGITAL = Processing(bin_width=1.0, limits=(1.0, None), ivh_scale="discrete")
"""The phantom's intensities are its levels."""

CONFIGURATIONS = {
    "A": Processing(dimension="2D", limits=(-500.0, 400.0), bin_width=25.0),
    "B": Processing(
        dimension="2D",
        spacing_mm=(None, 2.0, 2.0),
        rounding=True,
        limits=(-500.0, 400.0),
        bin_count=32,
    ),
    "C": Processing(
        spacing_mm=(2.0, 2.0, 2.0),
        rounding=True,
        limits=(-1000.0, 400.0),
        bin_width=25.0,
        ivh_scale="continuous",
        ivh_step=2.5,
    ),
    "D": Processing(spacing_mm=(2.0, 2.0, 2.0), rounding=True, outliers_sd=3.0, bin_count=32),
}
"""IBSI reference manual, section 5.2; interpolation is linear in all of them."""


def digital_phantom() -> tuple[sitk.Image, sitk.Image]:
    """Image (float64) and mask (uint8) of the digital phantom, 5 x 4 x 4 voxels of 2 mm."""
    levels = np.array(DIGITAL_LEVELS)
    intensities = levels.astype(np.float64)
    for voxel, value in DIGITAL_OUTSIDE.items():
        intensities[voxel] = value
    image = sitk.GetImageFromArray(intensities)
    image.SetSpacing((DIGITAL_SPACING_MM,) * 3)
    return image, image_like((levels > 0).astype(np.uint8), image)


def ct_phantom(data: Path) -> tuple[sitk.Image, sitk.Image]:
    """Image, rounded to HU as IBSI asks, and mask of the CT phantom.

    Args:
        data: the folder of test data.

    Raises:
        CaseError: the files are not there.
    """
    image = read_image(data / CT_PHANTOM / "image" / "phantom.nii.gz", case="IBSI CT phantom")
    mask = read_image(data / CT_PHANTOM / "mask" / "mask.nii.gz", case="IBSI CT phantom")
    rounded = np.rint(sitk.GetArrayFromImage(image).astype(np.float64))
    return image_like(rounded, image), sitk.Cast(mask > 0, sitk.sitkUInt8)
