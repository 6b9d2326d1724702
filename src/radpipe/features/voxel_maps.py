"""Voxel-wise feature maps: the feature of a small neighbourhood, at every voxel of a region.

pyradiomics builds the matrices of all voxels at once, which takes gigabytes for a region of usual
size. Here voxels are taken in batches that fit a given memory; the grey levels are made once from
the whole region, so that the map does not depend on the batches.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from radiomics import firstorder, glcm, gldm, glrlm, glszm, ngtdm
from radiomics.base import RadiomicsFeaturesBase

from radpipe.config import Handcrafted
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.boxes import bounding_box, triple
from radpipe.features.dictionary import SHAPE, ColumnName, definitions, image_types
from radpipe.features.discretisation import Bins, bins_of
from radpipe.features.filters import filtered_images
from radpipe.io.images import image_like, labels_of
from radpipe.logs import progress

CLASSES: dict[str, type[RadiomicsFeaturesBase]] = {
    "firstorder": firstorder.RadiomicsFirstOrder,
    "glcm": glcm.RadiomicsGLCM,
    "glrlm": glrlm.RadiomicsGLRLM,
    "glszm": glszm.RadiomicsGLSZM,
    "gldm": gldm.RadiomicsGLDM,
    "ngtdm": ngtdm.RadiomicsNGTDM,
}

COPIES = 8
"""Arrays of the size of a batch's matrices that pyradiomics holds while it computes, about."""


def feature_map(
    image: sitk.Image,
    mask: sitk.Image,
    feature: str,
    settings: Handcrafted,
    *,
    radius: int = 1,
    memory_mb: float = 500.0,
) -> sitk.Image:
    """A map of one feature: at each voxel of `mask > 0` its value in the neighbourhood.

    The neighbourhood is a cube of `2 radius + 1` voxels (a square in the slice unless
    `settings.dimension` is `3d`) without the voxels outside the region, as pyradiomics'
    voxel-based extraction has it (`maskedKernel`). `2d` and `2.5d` are the same here; rounding and
    re-segmentation are not applied.

    Args:
        image: prepared image of the modality in the name of the feature.
        mask: integer labels on its grid; all labels together are one region.
        feature: name of a feature column but shape, such as `CT__original__glcm__JointEntropy`.
        settings: filters, discretisation and neighbourhoods.
        radius: of the neighbourhood, voxels.
        memory_mb: bound of what a batch of voxels takes.

    Returns:
        Values as float32 on the grid of the image; NaN where undefined and outside the region.

    Raises:
        RadpipeError: the name is not that of a feature of an image type, or the region is empty.
        ConfigError: the image type or the bins are not among the settings.
    """
    name = _checked(feature, settings)
    region = labels_of(mask) > 0
    if not region.any():
        raise RadpipeError("no region to map: the mask is empty", found="0 voxels")
    box = bounding_box(region).grown((radius,) * 3, triple(region.shape))
    voxels = region[box.slices]
    only = settings.model_copy(update={"image_types": [_setting_of(name.filtered)]})
    for image_type, values in filtered_images(image, box, only, voxels):
        if image_type == name.filtered:
            found = np.full(region.shape, np.nan, dtype=np.float32)
            found[box.slices][voxels] = _mapped(
                (values, voxels), name, settings, radius=radius, memory_mb=memory_mb
            )
            return image_like(found, image)
    raise RadpipeError(f"the scan is too small for {name.filtered}", found=image.GetSize())


def _checked(feature: str, settings: Handcrafted) -> ColumnName:
    name = ColumnName.parse(feature)
    offered = {(d.feature_class, d.feature) for d in definitions() if d.feature_class != SHAPE}
    if (name.feature_class, name.feature) not in offered:
        raise RadpipeError("not a feature that has a map", found=feature)
    if name.filtered not in image_types(settings):
        raise ConfigError(
            "an image type that the settings do not make",
            found=name.filtered,
            expected=f"one of {', '.join(image_types(settings))}",
        )
    return name


def _setting_of(image_type: str) -> str:
    """The name in the settings of an image type."""
    for start, setting in (("log_sigma", "log"), ("wavelet", "wavelet"), ("lbp_3D", "lbp3d")):
        if image_type.startswith(start):
            return setting
    return {"lbp_2D": "lbp2d", "squareroot": "square_root"}.get(image_type, image_type)


def _bins(name: ColumnName, settings: Handcrafted) -> Bins:
    offered = bins_of(name.modality.partition(".")[0], settings)
    for bins in offered:
        if name.bins in ("", str(bins)):
            return bins
    raise ConfigError(
        "bins that the settings do not make", found=name.bins, expected=[str(b) for b in offered]
    )


def _mapped(
    place: tuple[npt.NDArray[Any], npt.NDArray[np.bool_]],
    name: ColumnName,
    settings: Handcrafted,
    *,
    radius: int,
    memory_mb: float,
) -> npt.NDArray[Any]:
    """The value at each voxel of the region, shape (n,), batch by batch."""
    values, voxels = place
    bins = _bins(name, settings)
    binning = {"binWidth": bins.width} if bins.width else {"binCount": bins.count}
    image, mask = sitk.GetImageFromArray(values), sitk.GetImageFromArray(voxels.astype(np.uint8))
    texture = CLASSES[name.feature_class](
        image,
        mask,
        voxelBased=True,
        kernelRadius=radius,
        force2D=settings.dimension != "3d",
        weightingNorm="no_weighting" if settings.aggregation == "merged" else None,
        **binning,
    )
    places = np.argwhere(voxels).T
    size = _batch_size(texture, radius, memory_mb)
    found = np.full(places.shape[1], np.nan)
    batches = _batches(places.shape[1], size)
    with np.errstate(all="ignore"):
        for part in progress(batches, f"mapping {name}"):
            texture._initCalculation(places[:, part])
            found[part] = np.asarray(getattr(texture, f"get{name.feature}FeatureValue")()).real
    return found


def _batch_size(texture: RadiomicsFeaturesBase, radius: int, memory_mb: float) -> int:
    """How many voxels a batch may have: the largest matrix is levels x levels x 13 directions."""
    levels = len(texture.coefficients["grayLevels"])
    kernel = (2 * radius + 1) ** 3
    highest = int(texture.coefficients["grayLevels"][-1])
    entries = max(13 * highest * highest, 13 * highest * kernel, 27 * levels)
    return max(1, int(memory_mb * 2**20 / (8 * COPIES * entries)))


def _batches(count: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]
