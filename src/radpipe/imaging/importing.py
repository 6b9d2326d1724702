"""The images of the user as the rest of the study sees them: 3-D, finite, one number type."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from radpipe.io.images import array_of, image_like, labels_of
from radpipe.io.volumes import check_image, check_mask

NEGLIGIBLE = float(np.finfo(np.float32).eps)
"""Share of the largest value below which a voxel is zero: resampled templates have backgrounds of
1e-30, which are no tissue, but are not zero either."""


def import_image(
    image: sitk.Image, *, case: str, file: Path | str
) -> tuple[sitk.Image, dict[str, Any]]:
    """An image as float32 on its own grid, without other header entries, and what it was.

    Returns:
        The image, and its size in voxels, spacing in mm (both x, y, z), range and number type.

    Raises:
        CaseError: the image is not 3-D, not finite or constant.
    """
    check_image(image, case=case, file=file)
    values = array_of(image)
    values = np.where(np.abs(values) <= NEGLIGIBLE * np.abs(values).max(), np.float32(0), values)
    imported = image_like(values, image)
    facts = {
        **_geometry(image),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "pixel_type": image.GetPixelIDTypeAsString(),
    }
    return imported, facts


def blank_image(grid: sitk.Image) -> tuple[sitk.Image, dict[str, Any]]:
    """Zeros on a grid in place of an image that a case does not have, and that it is missing."""
    blank = image_like(np.zeros_like(array_of(grid), dtype=np.float32), grid)
    return blank, {**_geometry(blank), "missing": 1.0}


def is_blank(image: sitk.Image) -> bool:
    """Whether an image stands for one that is missing: no image of a body is zero throughout."""
    return not np.any(sitk.GetArrayViewFromImage(image))


def import_mask(
    mask: sitk.Image, *, case: str, file: Path | str, labels: Mapping[str, int]
) -> tuple[sitk.Image, dict[str, Any]]:
    """A label map as uint8 on its own grid, and the volume of each label in ml.

    Raises:
        CaseError: the mask is not 3-D, has unknown or fractional values, or no region.
    """
    check_mask(mask, labels, case=case, file=file)
    imported = image_like(labels_of(mask), mask)
    facts = {**_geometry(mask), "volume_ml": label_volumes_ml(imported, labels)}
    return imported, facts


def label_volumes_ml(mask: sitk.Image, labels: Mapping[str, int]) -> dict[str, float]:
    """Volume of each label: voxels times voxel size, in ml."""
    values = sitk.GetArrayViewFromImage(mask)
    voxel_ml = float(np.prod(mask.GetSpacing())) / 1000.0
    return {name: int(np.count_nonzero(values == v)) * voxel_ml for name, v in labels.items()}


def _geometry(image: sitk.Image) -> dict[str, Any]:
    return {"size_voxels": list(image.GetSize()), "spacing_mm": list(image.GetSpacing())}
