"""Handcrafted features of a region: pyradiomics' seven classes on filtered images.

The values are those of pyradiomics' own extractor on the whole scan; only voxels that a filter
needs are filtered, the region's shape is measured once, and a region that cannot be measured gives
missing values with a reason.
"""

import logging
import math
import warnings
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from radiomics import firstorder, glcm, gldm, glrlm, glszm, ngtdm
from radiomics.base import RadiomicsFeaturesBase
from radiomics.shape import RadiomicsShape

from radpipe.config import Handcrafted
from radpipe.errors import CaseError, ConfigError
from radpipe.features.dictionary import (
    MASK,
    ORIGINAL,
    SHAPE,
    ColumnName,
    feature_columns,
    image_types,
)
from radpipe.features.filters import Box, bounding_box, filtered_images
from radpipe.io.images import labels_of
from radpipe.types import Mask, Volume

OK = "ok"
"""The status of a region of which every feature was computed."""

MINIMUM_VOXELS = 8
"""A smaller region (less than 2 x 2 x 2 voxels) has no texture to speak of."""

MAXIMUM_BINS = 1000
"""With more grey levels the co-occurrence matrices take gigabytes: the bin width is wrong."""

RELATIVE_FLATNESS = 1e-6
"""A range below this share of the largest intensity is rounding (float32 holds seven digits)."""

TEXTURE_CLASSES: dict[str, type[RadiomicsFeaturesBase]] = {
    "firstorder": firstorder.RadiomicsFirstOrder,
    "glcm": glcm.RadiomicsGLCM,
    "glrlm": glrlm.RadiomicsGLRLM,
    "glszm": glszm.RadiomicsGLSZM,
    "gldm": gldm.RadiomicsGLDM,
    "ngtdm": ngtdm.RadiomicsNGTDM,
}

# pyradiomics logs each step and each undefined feature; what matters is said by the status.
logging.getLogger("radiomics").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class CaseFeatures:
    """The features of one region, a value (or NaN) a column, and `ok` or why some are missing."""

    values: dict[str, float]
    status: str


@dataclass(frozen=True)
class Region:
    """The voxels measured: their box in the scan, and the mask inside that box."""

    box: Box
    voxels: Mask
    mask: sitk.Image


def extract_features(
    images: dict[str, sitk.Image], mask: sitk.Image, settings: Handcrafted
) -> CaseFeatures:
    """Measure the region `mask > 0` in every modality.

    Args:
        images: modality to prepared image, all on the grid of the mask.
        mask: integer labels; all labels together are one region.
        settings: image types and discretisation.

    Returns:
        Values of exactly `feature_columns(images, settings)`, in that order. An empty, tiny or
        one-dimensional region gives NaN throughout; an image type that is flat, not finite or too
        finely binned inside the region gives NaN in its own columns. The status names each.

    Raises:
        CaseError: an image is not on the grid of the mask.
        ConfigError: neither a bin width nor a bin number is set for a modality.
    """
    _check_grids(images, mask)
    binnings = {modality: binning(modality, settings) for modality in images}
    values = dict.fromkeys(feature_columns(images, settings), math.nan)
    voxels = labels_of(mask) > 0
    problem = _region_problem(voxels)
    if problem:
        return CaseFeatures(values, problem)
    region = _region(voxels, mask)
    problems: list[str] = []
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A division by zero inside pyradiomics ends as NaN, which the status reports.
        warnings.simplefilter("ignore")
        values.update(_shape_features(region))
        for modality, image in images.items():
            found, faults = _modality_features(modality, image, region, settings, binnings)
            values.update(found)
            problems += faults
    undefined = sum(math.isnan(value) for value in values.values())
    if undefined and not problems:
        problems.append(f"{undefined} features are undefined in this region")
    return CaseFeatures(values, "; ".join(problems) or OK)


def binning(modality: str, settings: Handcrafted) -> dict[str, float | int]:
    """The discretisation in pyradiomics' words: a bin width wins over a bin number.

    The same width or number holds for every image type of the modality.

    Raises:
        ConfigError: neither is set for this modality.
    """
    width = settings.bin_width
    if isinstance(width, dict):
        width = width.get(modality)
    if width is not None:
        return {"binWidth": width}
    if settings.bin_count is None:
        raise ConfigError(
            f"features.handcrafted has no bin_width for {modality} and no bin_count",
            hint="set bin_count, or a bin_width for every modality",
        )
    return {"binCount": settings.bin_count}


def _check_grids(images: dict[str, sitk.Image], mask: sitk.Image) -> None:
    for modality, image in images.items():
        same_size = image.GetSize() == mask.GetSize()
        if not same_size or not image.IsSameImageGeometryAs(mask, 1e-4, 1e-4):
            raise CaseError(
                f"the mask is not on the grid of {modality}",
                found=f"{mask.GetSize()} voxels, origin {mask.GetOrigin()}",
                expected=f"{image.GetSize()} voxels, origin {image.GetOrigin()}",
            )


def _region_problem(voxels: Mask) -> str:
    """Why a region cannot be measured, or nothing."""
    count = int(voxels.sum())
    if count == 0:
        return "no region: the mask is empty"
    if count < MINIMUM_VOXELS:
        plural = "" if count == 1 else "s"
        return f"region of {count} voxel{plural}, at least {MINIMUM_VOXELS} needed"
    if sum(extent > 1 for extent in bounding_box(voxels).shape) < 2:
        return f"region is a line of {count} voxels, two dimensions needed"
    return ""


def _region(voxels: Mask, mask: sitk.Image) -> Region:
    box = bounding_box(voxels)
    return Region(box, voxels[box.slices], box.crop(mask) > 0)


def _shape_features(region: Region) -> dict[str, float]:
    shape = RadiomicsShape(region.mask, region.mask)
    return {
        str(ColumnName(MASK, ORIGINAL, SHAPE, feature)): _number(value)
        for feature, value in shape.execute().items()
    }


def _modality_features(
    modality: str,
    image: sitk.Image,
    region: Region,
    settings: Handcrafted,
    binnings: dict[str, dict[str, float | int]],
) -> tuple[dict[str, float], list[str]]:
    """Values of every image type that can be measured, and what is wrong with the others."""
    values: dict[str, float] = {}
    faults = []
    missing = set(image_types(settings))
    scale = float(np.abs(sitk.GetArrayFromImage(region.box.crop(image))).max())
    for image_type, filtered in filtered_images(image, region.box, settings):
        missing.discard(image_type)
        inside = sitk.GetArrayFromImage(filtered)[region.voxels]
        problem = _intensity_problem(inside, scale, binnings[modality])
        if problem:
            faults.append(f"{problem} in {modality} {image_type}")
            continue
        for name, texture_class in TEXTURE_CLASSES.items():
            texture = texture_class(filtered, region.mask, **binnings[modality])
            for feature, value in texture.execute().items():
                column = str(ColumnName(modality, image_type, name, feature))
                values[column] = _number(value)
    faults += [f"scan too small for {modality} {name}" for name in sorted(missing)]
    return values, faults


def _intensity_problem(inside: Volume, scale: float, binning: dict[str, float | int]) -> str:
    """Why the voxels of an image type cannot be discretised, or nothing."""
    if not np.isfinite(inside).all():
        return "voxels that are not finite"
    spread = float(inside.max()) - float(inside.min())
    if spread <= RELATIVE_FLATNESS * scale:
        return "flat region"
    bins = spread / binning["binWidth"] if "binWidth" in binning else binning["binCount"]
    if bins > MAXIMUM_BINS:
        return f"{bins:.0f} bins, at most {MAXIMUM_BINS},"
    return ""


def _number(value: object) -> float:
    """A value of pyradiomics (a scalar or a zero-dimensional array); infinity is undefined."""
    number = float(np.asarray(value).real)
    return number if math.isfinite(number) else math.nan
