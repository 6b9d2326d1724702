"""Handcrafted features of regions: pyradiomics' seven classes on filtered images.

The values are those of pyradiomics' own extractor on the whole scan. Only voxels that a filter
needs are filtered; each filtered image serves all regions and all discretisations and is let go
before the next is made; a region that cannot be measured gives missing values with a reason.
"""

import logging
import math
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from radiomics.shape import RadiomicsShape

from radpipe.config import Handcrafted
from radpipe.errors import CaseError
from radpipe.features.boxes import Box, bounding_box
from radpipe.features.dictionary import (
    LBP_2D,
    LBP_3D,
    MASK,
    ORIGINAL,
    SHAPE,
    WHOLE,
    ColumnName,
    bins_suffixes,
    feature_columns,
    image_types,
    in_region,
)
from radpipe.features.discretisation import Bins, bins_of
from radpipe.features.filters import filtered_images
from radpipe.features.ibsi.processing import exclude_outliers, resegment, round_intensities
from radpipe.features.textures import LevelImage, Values, intensity_features, level_features
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

# pyradiomics logs each step and each undefined feature; what matters is said by the status.
logging.getLogger("radiomics").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class CaseFeatures:
    """The features of one region, a value (or NaN) a column, and `ok` or why some are missing."""

    values: dict[str, float]
    status: str


@dataclass(frozen=True)
class _Region:
    """The voxels measured: their box in the scan, and the mask inside that box."""

    box: Box
    voxels: Mask


@dataclass(frozen=True)
class _Modality:
    """One image with what is measured in it.

    Attributes:
        name: the modality.
        image: the whole image, rounded if so set.
        settings: image types and discretisations.
        box: the box around all regions.
        regions: those of which the intensities can be measured, by name.
    """

    name: str
    image: sitk.Image
    settings: Handcrafted
    box: Box
    regions: dict[str, _Region]


@dataclass
class _Found:
    """What is known of one region so far: values by column, and faults in the order met."""

    values: dict[str, float]
    faults: list[str]

    def features(self) -> CaseFeatures:
        """The result, in which undefined features do not go unmentioned."""
        undefined = sum(math.isnan(value) for value in self.values.values())
        faults = list(self.faults)
        if undefined and not faults:
            faults.append(f"{undefined} features are undefined in this region")
        return CaseFeatures(self.values, "; ".join(faults) or OK)


def extract_features(
    images: Mapping[str, sitk.Image], mask: sitk.Image, settings: Handcrafted
) -> CaseFeatures:
    """Measure the region `mask > 0` in every modality.

    Args:
        images: modality to prepared image, all on the grid of the mask.
        mask: integer labels; all labels together are one region.
        settings: image types, discretisation, neighbourhoods, re-segmentation.

    Returns:
        Values of exactly `feature_columns(images, settings)`, in that order. An empty, tiny or
        one-dimensional region gives NaN throughout; an image type that is flat, not finite or too
        finely binned inside the region gives NaN in its own columns. The status names each.

    Raises:
        CaseError: an image is not on the grid of the mask.
        ConfigError: neither a bin width nor a bin number is set for a modality.
    """
    return measure_regions(images, {WHOLE: mask}, settings)[WHOLE]


def measure_regions(
    images: Mapping[str, sitk.Image],
    regions: Mapping[str, sitk.Image],
    settings: Handcrafted,
) -> dict[str, CaseFeatures]:
    """Measure several regions of a case, each filtered image being made once for all of them.

    Args:
        images: modality to prepared image.
        regions: name and mask of each region, of which `mask > 0` is measured; they may overlap.
            The names `whole` and `` stand in no column.
        settings: image types, discretisation, neighbourhoods, re-segmentation.

    Returns:
        By region what `extract_features` returns: values of exactly
        `feature_columns(images, settings, region)`, and a status.

    Raises:
        CaseError: an image is not on the grid of a mask.
        ConfigError: neither a bin width nor a bin number is set for a modality.
    """
    found, usable = {}, {}
    for name, mask in regions.items():
        _check_grids(images, mask)
        columns = feature_columns(images, settings, name)
        found[name] = _Found(dict.fromkeys(columns, math.nan), [])
        voxels = labels_of(mask) > 0
        problem = _region_problem(voxels)
        if problem:
            found[name].faults.append(problem)
            continue
        box = bounding_box(voxels)
        usable[name] = _Region(box, voxels[box.slices])
        found[name].values |= _shape_features(usable[name], mask, name)
    if usable:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            # A division by zero inside pyradiomics ends as NaN, which the status reports.
            warnings.simplefilter("ignore")
            for modality, image in images.items():
                _measure_modality(_prepared(modality, image, settings, usable, found), found)
    return {name: each.features() for name, each in found.items()}


def _check_grids(images: Mapping[str, sitk.Image], mask: sitk.Image) -> None:
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


def _shape_features(region: _Region, mask: sitk.Image, name: str) -> dict[str, float]:
    cropped = region.box.crop(mask) > 0
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        values = RadiomicsShape(cropped, cropped).execute()
    return {
        str(ColumnName(in_region(MASK, name), ORIGINAL, SHAPE, feature)): _number(value)
        for feature, value in values.items()
    }


def _prepared(
    modality: str,
    image: sitk.Image,
    settings: Handcrafted,
    regions: Mapping[str, _Region],
    found: Mapping[str, _Found],
) -> _Modality:
    """The image rounded and its regions re-segmented, as set; lost regions are noted in `found`."""
    if settings.rounding.get(modality):
        image = round_intensities(image)
    kept = {}
    for name, region in regions.items():
        voxels = _resegmented(modality, image, settings, region)
        problem = _region_problem(voxels)
        if problem:
            found[name].faults.append(f"after re-segmentation of {modality}: {problem}")
            continue
        left = bounding_box(voxels)
        kept[name] = _Region(left.moved(region.box.start), voxels[left.slices])
    box = _union(region.box for region in kept.values())
    return _Modality(modality, image, settings, box, kept)


def _resegmented(modality: str, image: sitk.Image, settings: Handcrafted, region: _Region) -> Mask:
    """The voxels of a region that count for its intensities."""
    if modality not in settings.resegmentation and modality not in settings.outliers_sd:
        return region.voxels
    values = sitk.GetArrayFromImage(region.box.crop(image))
    return intensity_mask(values, region.voxels, modality, settings)


def intensity_mask(values: Volume, voxels: Mask, modality: str, settings: Handcrafted) -> Mask:
    """The voxels of a region within the limits of intensity; IBSI intersects range and outliers.

    Args:
        values: intensities around the region (z, y, x), rounded if so set.
        voxels: the region, of the same shape.
        modality: of the image.
        settings: `resegmentation` and `outliers_sd`.
    """
    limits, sigma = settings.resegmentation.get(modality), settings.outliers_sd.get(modality)
    kept = voxels
    if sigma is not None:
        kept = kept & exclude_outliers(values, voxels, sigma)
    return kept if limits is None else resegment(values, kept, *limits)


def _measure_modality(modality: _Modality, found: Mapping[str, _Found]) -> None:
    """Add the values of every image type that can be measured, and the faults of the others."""
    if not modality.regions:
        return
    original = sitk.GetArrayFromImage(modality.box.crop(modality.image))
    scale = float(np.abs(original[np.isfinite(original)]).max(initial=0))
    missing = dict.fromkeys(image_types(modality.settings))
    union = np.zeros(modality.box.shape, dtype=bool)
    for region in modality.regions.values():
        union[region.box.within(modality.box).slices] |= region.voxels
    images = filtered_images(modality.image, modality.box, modality.settings, union)
    for image_type, values in images:
        del missing[image_type]
        for name, region in modality.regions.items():
            inside = values[region.box.within(modality.box).slices]
            own_scale = 1.0 if image_type.startswith((LBP_2D, LBP_3D)) else scale
            _measure_image((modality, image_type, name), inside, own_scale, found[name])
    for name in modality.regions:
        found[name].faults += [f"scan too small for {modality.name} {kind}" for kind in missing]


def _measure_image(
    place: tuple[_Modality, str, str], values: Volume, scale: float, found: _Found
) -> None:
    """Add the features of one region in one image type, for every discretisation.

    Args:
        place: modality, image type and name of the region.
        values: the image type in the region's box (z, y, x).
        scale: the size of intensities, against which a region is flat.
        found: of the region; added to.
    """
    modality, image_type, name = place
    settings = modality.settings
    mask = modality.regions[name].voxels
    inside = values[mask]
    problem = _flatness(inside, scale)
    if problem:
        found.faults.append(f"{problem} in {modality.name} {image_type}")
        return
    column = in_region(modality.name, name)
    voxel_mm3 = math.prod(modality.image.GetSpacing())
    found.values |= _columns(column, image_type, intensity_features(inside, voxel_mm3))
    suffixes = bins_suffixes(modality.name, settings)
    for bins, suffix in zip(bins_of(modality.name, settings), suffixes, strict=True):
        if too_fine := _too_many_bins(inside, bins):
            found.faults.append(f"{too_fine} in {modality.name} {image_type}{suffix}")
            continue
        levels = level_image((modality.name, image_type), values, mask, settings, bins)
        measured = level_features(levels, settings.dimension, settings.aggregation)
        found.values |= _columns(column, image_type + suffix, measured)


def _flatness(inside: Volume, scale: float) -> str:
    """Why the voxels of an image type cannot be discretised, or nothing."""
    if not np.isfinite(inside).all():
        return "voxels that are not finite"
    spread = float(inside.max()) - float(inside.min())
    return "flat region" if spread <= RELATIVE_FLATNESS * scale else ""


def _too_many_bins(inside: Volume, bins: Bins) -> str:
    number = bins.number(inside)
    return f"{number:.0f} bins, at most {MAXIMUM_BINS}," if number > MAXIMUM_BINS else ""


def intensity_problem(inside: Volume, scale: float, bins: Bins) -> str:
    """Why the voxels of an image cannot be measured with these bins, or nothing.

    Args:
        inside: intensities of the region, shape (n,).
        scale: the size of intensities, against which a region is flat.
        bins: the discretisation.
    """
    return _flatness(inside, scale) or _too_many_bins(inside, bins)


def level_image(
    place: tuple[str, str], values: Volume, mask: Mask, settings: Handcrafted, bins: Bins
) -> LevelImage:
    """The grey levels of a region.

    Bins of a width start at the lower limit of re-segmentation, where there is one, in the
    unfiltered image (IBSI).

    Args:
        place: modality and image type.
        values: the image type around the region (z, y, x).
        mask: the region, of the same shape.
        settings: `resegmentation`.
        bins: the discretisation.
    """
    modality, image_type = place
    limits = settings.resegmentation.get(modality) if image_type == ORIGINAL else None
    levels = np.zeros(mask.shape, dtype=np.int64)
    levels[mask] = bins.levels(values[mask], limits[0] if limits is not None else None)
    return LevelImage(levels, mask)


def _columns(modality: str, image_type: str, values: Values) -> dict[str, float]:
    return {
        str(ColumnName(modality, image_type, feature_class, feature)): _number(value)
        for (feature_class, feature), value in values.items()
    }


def _union(boxes: Iterable[Box]) -> Box:
    """The smallest box around several; an empty one around none."""
    spans = list(boxes) or [Box((0, 0, 0), (0, 0, 0))]
    starts, stops = zip(*((box.start, box.stop) for box in spans), strict=True)
    z, y, x = (min(axis) for axis in zip(*starts, strict=True))
    last_z, last_y, last_x = (max(axis) for axis in zip(*stops, strict=True))
    return Box((z, y, x), (last_z, last_y, last_x))


def _number(value: object) -> float:
    """A value of pyradiomics (a scalar or a zero-dimensional array); infinity is undefined."""
    number = float(np.asarray(value).real)
    return number if math.isfinite(number) else math.nan
