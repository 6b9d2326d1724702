"""Voxel-wise feature maps: the feature of a small neighbourhood, at every voxel of a region.

pyradiomics builds the matrices of all voxels at once, which takes gigabytes for a region of usual
size. Here voxels are taken in batches that fit a given memory; the grey levels are made once from
the whole region, so that the map does not depend on the batches.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import SimpleITK as sitk
from radiomics import firstorder, glcm, gldm, glrlm, glszm, ngtdm
from radiomics.base import RadiomicsFeaturesBase

from radpipe.config import Handcrafted
from radpipe.config.handcrafted import Maps
from radpipe.errors import RadpipeError
from radpipe.features.boxes import bounding_box, triple
from radpipe.features.dictionary import ColumnName
from radpipe.features.filters import filtered_images
from radpipe.features.handcrafted import OK, intensity_mask, intensity_problem, level_image
from radpipe.features.ibsi.processing import round_intensities
from radpipe.features.map_names import checked_map, map_bins
from radpipe.features.regions import EMPTY, make_regions
from radpipe.features.table import FeatureSettings
from radpipe.features.textures import LevelImage
from radpipe.io.images import image_like, labels_of, write_image
from radpipe.logs import progress
from radpipe.types import Mask, Volume

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


@dataclass(frozen=True)
class CaseMap:
    """One map of a case.

    Attributes:
        feature: name of the feature column that is mapped.
        image: its value at each voxel of the region, float32; NaN elsewhere and where undefined
            (in a NIfTI file too, though ITK reads it as 0).
        status: `ok`, or why there is no value.
    """

    feature: str
    image: sitk.Image
    status: str

    def row(self, case: str) -> dict[str, object]:
        """`case, feature, status, voxels, minimum, mean, maximum`: voxels that have a value."""
        values = sitk.GetArrayFromImage(self.image)
        values = values[np.isfinite(values)].astype(np.float64)
        none = float("nan")
        return {
            "case": case,
            "feature": self.feature,
            "status": self.status,
            "voxels": values.size,
            "minimum": values.min() if values.size else none,
            "mean": values.mean() if values.size else none,
            "maximum": values.max() if values.size else none,
        }


def case_maps(
    images: Mapping[str, sitk.Image], mask: sitk.Image, settings: FeatureSettings, maps: Maps
) -> Iterator[CaseMap]:
    """Make the maps of a case, one at a time.

    Args:
        images: modality to prepared image.
        mask: integer labels on the grid of the images.
        settings: image types, grey levels, regions and labels.
        maps: which features, in which neighbourhood, in how much memory.

    Yields:
        A map of each feature; a region or image that cannot be measured gives NaN throughout and
        the reason.
    """
    regions = make_regions(mask, settings.handcrafted, settings.labels, images)
    for feature in progress(maps.features, "feature map", every_s=0):
        name = checked_map(feature, settings.handcrafted)
        image = images[name.modality.partition(".")[0]]
        status, found = _map(image, regions.masks[name.region], name, settings.handcrafted, maps)
        yield CaseMap(feature, found, regions.reasons.get(name.region, status))


def write_maps(case: str, made: Iterable[CaseMap], paths: Iterable[str | Path]) -> pd.DataFrame:
    """Write the maps of a case as images, one at a time, and tell what they hold.

    Args:
        case: name of the case.
        made: its maps.
        paths: a file for each.

    Returns:
        A row a map; see `CaseMap.row`.
    """
    rows = []
    for each, path in zip(made, paths, strict=True):
        write_image(each.image, path)
        rows.append(each.row(case))
    return pd.DataFrame(rows)


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
    voxel-based extraction has it (`maskedKernel`). `2d` and `2.5d` are the same here. Intensities
    are rounded and the region is re-segmented as set; the grey levels are those of the region.

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
        RadpipeError: the name is not that of a feature of an image type, or the region cannot be
            measured (it is empty, flat, or the scan is too small for the filter).
        ConfigError: the image type or the bins are not among the settings.
    """
    name = checked_map(feature, settings)
    maps = Maps(features=[feature], radius=radius, memory_mb=memory_mb)
    status, found = _map(image, mask, name, settings, maps)
    if status != OK:
        raise RadpipeError(f"no map of {feature}: {status}")
    return found


def _map(
    image: sitk.Image, mask: sitk.Image, name: ColumnName, settings: Handcrafted, maps: Maps
) -> tuple[str, sitk.Image]:
    """A status, and the map of one feature in the region `mask > 0`."""
    region = labels_of(mask) > 0
    values = np.full(region.shape, np.nan, dtype=np.float32)
    status = EMPTY
    if region.any():
        status = _fill(values, image, region, name, settings, maps)
    return status, image_like(values, image)


def _fill(
    found: Volume,
    image: sitk.Image,
    region: Mask,
    name: ColumnName,
    settings: Handcrafted,
    maps: Maps,
) -> str:
    """Write the values of a map into an array of the grid; the reason if there are none."""
    modality = name.modality.partition(".")[0]
    if settings.rounding.get(modality):
        image = round_intensities(image)
    box = bounding_box(region).grown((maps.radius,) * 3, triple(region.shape))
    plain = sitk.GetArrayFromImage(box.crop(image))
    voxels = intensity_mask(plain, region[box.slices], modality, settings)
    if not voxels.any():
        return f"after re-segmentation of {modality}: {EMPTY}"
    only = settings.model_copy(update={"image_types": [_setting_of(name.filtered)]})
    bins = map_bins(name, settings)
    for image_type, values in filtered_images(image, box, only, voxels):
        if image_type != name.filtered:
            continue
        scale = 1.0 if image_type.startswith("lbp") else float(np.abs(plain[voxels]).max())
        problem = intensity_problem(values[voxels], scale, bins)
        if problem:
            return f"{problem} in {modality} {image_type}"
        levels = level_image((modality, image_type), values, voxels, settings, bins)
        found[box.slices][voxels] = _mapped(values, levels, name, settings, maps)
        return OK
    return f"scan too small for {modality} {name.filtered}"


def _setting_of(image_type: str) -> str:
    """The name in the settings of an image type."""
    for start, setting in (("log_sigma", "log"), ("wavelet", "wavelet"), ("lbp_3D", "lbp3d")):
        if image_type.startswith(start):
            return setting
    return {"lbp_2D": "lbp2d", "squareroot": "square_root"}.get(image_type, image_type)


def _mapped(
    values: Volume, levels: LevelImage, name: ColumnName, settings: Handcrafted, maps: Maps
) -> npt.NDArray[Any]:
    """The value at each voxel of the region, shape (n,), batch by batch."""
    region = levels.mask.astype(np.uint8)
    texture = _with_levels(CLASSES[name.feature_class], levels)(
        sitk.GetImageFromArray(values),
        sitk.GetImageFromArray(region),
        voxelBased=True,
        kernelRadius=maps.radius,
        force2D=settings.dimension != "3d",
        weightingNorm="no_weighting" if settings.aggregation == "merged" else None,
    )
    places = np.argwhere(levels.mask).T
    size = _batch_size(texture, maps.radius, maps.memory_mb)
    found = np.full(places.shape[1], np.nan)
    batches = _batches(places.shape[1], size)
    with np.errstate(all="ignore"):
        for part in progress(batches, f"mapping {name}"):
            texture._initCalculation(places[:, part])
            found[part] = np.asarray(getattr(texture, f"get{name.feature}FeatureValue")()).real
    return np.where(np.isfinite(found), found, np.nan)


def _with_levels(
    texture: type[RadiomicsFeaturesBase], levels: LevelImage
) -> type[RadiomicsFeaturesBase]:
    """A class of pyradiomics that takes grey levels as they are, in place of its own bins."""

    class Levelled(texture):
        def _applyBinning(self, matrix: npt.NDArray[Any]) -> npt.NDArray[Any]:  # noqa: N802
            inside = levels.levels[levels.mask]
            present = np.unique(inside)
            self.coefficients |= {"grayLevels": present, "Ng": int(present[-1])}
            # First order has padded its arrays, which leaves the order of the voxels.
            binned = np.zeros(matrix.shape, dtype=np.int64)
            binned[self.maskArray] = inside
            return binned

    return Levelled


def _batch_size(texture: RadiomicsFeaturesBase, radius: int, memory_mb: float) -> int:
    """How many voxels a batch may have: the largest matrix is levels x levels x 13 directions."""
    levels = len(texture.coefficients["grayLevels"])
    kernel = (2 * radius + 1) ** 3
    highest = int(texture.coefficients["grayLevels"][-1])
    entries = max(13 * highest * highest, 13 * highest * kernel, 27 * levels)
    return max(1, int(memory_mb * 2**20 / (8 * COPIES * entries)))


def _batches(count: int, size: int) -> list[slice]:
    return [slice(first, min(first + size, count)) for first in range(0, count, size)]
