"""The whole of IBSI-1 for one image and one region: processing, then every family of features."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import SimpleITK as sitk

from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.boxes import Box, bounding_box
from radpipe.features.ibsi.local_intensity import local_intensity
from radpipe.features.ibsi.morphology import morphology
from radpipe.features.ibsi.processing import (
    Interpolation,
    discretise_fixed_number,
    discretise_fixed_size,
    exclude_outliers,
    resample_ibsi,
    resample_mask_ibsi,
    resegment,
    round_intensities,
)
from radpipe.features.ibsi.statistics import histogram_statistics, intensity_statistics
from radpipe.features.ibsi.textures import Dimension, Features, texture_features
from radpipe.features.ibsi.volume_histogram import IntensityGrid, volume_histogram
from radpipe.io.images import labels_of, spacing_zyx
from radpipe.types import Labels, Mask, SpacingZYX, Volume

IvhScale = Literal["discrete", "continuous", "arbitrary"]
"""Of the intensity-volume histogram: whole calibrated units (HU), calibrated units in bins of
`ivh_step`, or `IVH_LEVELS` bins of units without a meaning."""

IVH_LEVELS = 1000

FeatureValues = dict[tuple[str, str], Features]
"""Features by family and aggregation; the aggregation is empty where a family has but one."""


@dataclass(frozen=True)
class Processing:
    """How IBSI asks to treat an image before it is measured.

    Attributes:
        dimension: resampling and texture in slices or in the volume.
        spacing_mm: new voxel size (z, y, x), None along an axis that stays; None: no resampling.
        interpolation: of the image; the mask is always trilinear.
        rounding: intensities to whole numbers after resampling.
        limits: range of re-segmentation; None: no limit on that side.
        outliers_sd: re-segmentation by distance to the mean in standard deviations.
        bin_width: fixed bin size from the lower limit, or from the smallest intensity.
        bin_count: fixed bin number, if no bin width.
        ivh_scale: what the intensities of the intensity-volume histogram are.
        ivh_step: bin size of a continuous scale.
    """

    dimension: Dimension = "3D"
    spacing_mm: tuple[float | None, float, float] | None = None
    interpolation: Interpolation = "linear"
    rounding: bool = False
    limits: tuple[float | None, float | None] = (None, None)
    outliers_sd: float | None = None
    bin_width: float | None = None
    bin_count: int | None = None
    ivh_scale: IvhScale = "discrete"
    ivh_step: float = 1.0


@dataclass(frozen=True)
class Prepared:
    """An image as IBSI measures it.

    Attributes:
        image: intensities, resampled and rounded.
        mask: the morphological mask on the same grid, 0 and 1.
        processing: how they were made.
    """

    image: sitk.Image
    mask: sitk.Image
    processing: Processing

    @cached_property
    def intensities(self) -> Volume:
        """Axes (z, y, x), float64."""
        return sitk.GetArrayFromImage(self.image).astype(np.float64)

    @cached_property
    def region(self) -> Mask:
        """The morphological mask (z, y, x)."""
        return labels_of(self.mask) > 0

    @cached_property
    def intensity_region(self) -> Mask:
        """The mask after re-segmentation (z, y, x)."""
        kept = resegment(self.intensities, self.region, *self.processing.limits)
        if self.processing.outliers_sd is not None:
            # Of the whole region: IBSI intersects the masks of both ways of re-segmentation.
            kept &= exclude_outliers(self.intensities, self.region, self.processing.outliers_sd)
        if not kept.any():
            raise RadpipeError(
                "re-segmentation leaves no voxel",
                found=f"{int(self.region.sum())} voxels, none within {self.processing.limits}",
            )
        return kept

    @property
    def spacing_mm(self) -> SpacingZYX:
        """Voxel size."""
        return spacing_zyx(self.image)

    @cached_property
    def box(self) -> Box:
        """The box around the morphological mask, outside which only local intensity looks."""
        return bounding_box(self.region)

    @cached_property
    def levels(self) -> Labels:
        """Grey levels from 1 inside the box, 0 outside the intensity mask (z, y, x)."""
        inside = self.intensity_region[self.box.slices]
        values = self.intensities[self.box.slices][inside]
        levels = np.zeros(inside.shape, dtype=np.int64)
        if self.processing.bin_width is not None:
            low = self.processing.limits[0]
            levels[inside] = discretise_fixed_size(values, self.processing.bin_width, low)
        elif self.processing.bin_count is not None:
            levels[inside] = discretise_fixed_number(values, self.processing.bin_count)
        else:
            raise ConfigError("neither a bin width nor a bin number is given")
        return levels


def prepare(image: sitk.Image, mask: sitk.Image, processing: Processing) -> Prepared:
    """Resample and round an image and resample its mask, as far as the processing says so.

    Args:
        image: intensities, 3-D.
        mask: integer labels on the grid of the image; all labels together are one region.
        processing: what is to be done.

    Raises:
        RadpipeError: no voxel of the mask is left.
    """
    grid, region = sitk.Cast(image, sitk.sitkFloat64), sitk.Cast(mask > 0, sitk.sitkUInt8)
    if processing.spacing_mm is not None:
        wanted = zip(processing.spacing_mm, spacing_zyx(image), strict=True)
        z, y, x = (old if new is None else new for new, old in wanted)
        grid = resample_ibsi(grid, (z, y, x), processing.interpolation)
        region = resample_mask_ibsi(region, grid)
    if processing.rounding:
        grid = round_intensities(grid)
    if not sitk.GetArrayViewFromImage(region).any():
        raise RadpipeError("no region: the mask is empty on the grid of IBSI")
    return Prepared(grid, region, processing)


def measure(prepared: Prepared) -> FeatureValues:
    """Every feature of IBSI-1, texture in the aggregations of the dimension."""
    box, image = prepared.box.slices, prepared.intensities
    inside, region = prepared.intensity_region, prepared.region
    levels = prepared.levels
    return {
        ("morphology", ""): morphology(image[box], region[box], inside[box], prepared.spacing_mm),
        ("local_intensity", ""): local_intensity(image, inside, prepared.spacing_mm),
        ("statistics", ""): intensity_statistics(image[inside]),
        ("histogram", ""): histogram_statistics(levels[levels > 0]),
        ("ivh", ""): intensity_volume_features(prepared),
        **texture_features(levels, region[box], prepared.processing.dimension),
    }


def intensity_volume_features(prepared: Prepared) -> Features:
    """The intensity-volume histogram on the scale that the processing names."""
    values = prepared.intensities[prepared.intensity_region]
    processing = prepared.processing
    if processing.ivh_scale == "arbitrary":
        levels = discretise_fixed_number(values, IVH_LEVELS)
        return volume_histogram(levels.astype(np.float64), IntensityGrid(1.0, 1.0, IVH_LEVELS))
    low, high = processing.limits
    first = float(values.min()) if low is None else low
    last = float(values.max()) if high is None else high
    step = processing.ivh_step
    if processing.ivh_scale == "discrete":
        count = round((last - first) / step) + 1
        return volume_histogram(values, IntensityGrid(first, step, count))
    # A continuous scale is read at the centres of its bins; the last one holds the upper limit.
    levels = discretise_fixed_size(values, step, first)
    count = max(int(np.ceil((last - first) / step)), int(levels.max()))
    centres = first + (levels - 0.5) * step
    return volume_histogram(centres, IntensityGrid(first + step / 2, step, count))
