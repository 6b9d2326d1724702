"""What IBSI checks on the way: sizes and intensities before and after each step of processing."""

import numpy as np
import SimpleITK as sitk

from radpipe.features.boxes import bounding_box
from radpipe.features.ibsi.measurement import FeatureValues, Prepared
from radpipe.features.ibsi.textures import Features
from radpipe.io.images import labels_of, spacing_zyx
from radpipe.types import Mask, Volume


def diagnostics(image: sitk.Image, mask: sitk.Image, prepared: Prepared) -> FeatureValues:
    """The diagnostic features of IBSI, by the step they follow.

    Args:
        image: the scan before any processing.
        mask: its region.
        prepared: both after processing.
    """
    original = sitk.GetArrayFromImage(image).astype(np.float64)
    region = labels_of(mask) > 0
    final = prepared.region, prepared.intensity_region
    return {
        ("diagnostics", "initial image"): _image_features(image),
        ("diagnostics", "interpolated image"): _image_features(prepared.image),
        ("diagnostics", "initial region"): _region_features(original, region, region),
        ("diagnostics", "interpolated region"): _region_features(
            prepared.intensities, prepared.region, prepared.region
        ),
        ("diagnostics", "re-segmented region"): _region_features(prepared.intensities, *final),
    }


def _image_features(image: sitk.Image) -> Features:
    values = sitk.GetArrayViewFromImage(image)
    return {
        **_along_axes("ImageSize", image.GetSize()[::-1]),
        **_along_axes("VoxelSize", spacing_zyx(image)),
        "Mean": float(values.mean(dtype=np.float64)),
        "Minimum": float(values.min()),
        "Maximum": float(values.max()),
    }


def _region_features(image: Volume, mask: Mask, intensity_mask: Mask) -> Features:
    inside = image[intensity_mask]
    return {
        **_along_axes("IntensityMaskSize", intensity_mask.shape),
        **_along_axes("IntensityMaskBox", bounding_box(intensity_mask).shape),
        **_along_axes("MorphologicalMaskBox", bounding_box(mask).shape),
        "IntensityMaskVoxels": float(intensity_mask.sum()),
        "MorphologicalMaskVoxels": float(mask.sum()),
        "Mean": float(inside.mean()),
        "Minimum": float(inside.min()),
        "Maximum": float(inside.max()),
    }


def _along_axes(name: str, zyx: tuple[float, ...]) -> Features:
    return {f"{name}{axis}": float(value) for axis, value in zip("ZYX", zyx, strict=True)}
