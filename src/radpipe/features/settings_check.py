"""Warnings of settings that collapse: what was measured, but hardly means anything.

A texture of three grey levels, of thirty voxels or of a constant image has a number in every column
and says nothing. Nothing is removed here: the table tells a reader where to look.
"""

import math
import re
from collections.abc import Iterator, Sequence

import pandas as pd

from radpipe.config import Handcrafted
from radpipe.features.dictionary import (
    FIRST_ORDER,
    MASK,
    ORIGINAL,
    SHAPE,
    WHOLE,
    ColumnName,
    image_types,
    in_region,
)
from radpipe.features.discretisation import Bins, bins_of
from radpipe.features.region_names import region_names
from radpipe.features.table import ROI, FeatureSettings

WARNING_COLUMNS = ["case", "modality", "image_type", "region", "warning", "found", "expected"]
BINS = (8, 256)
"""Fewer grey levels make textures coarse, more make them noise and the matrices empty."""

VOXELS = 64
"""Below 4 x 4 x 4 voxels there are fewer pairs of neighbours than cells in a small matrix."""

FEW_BINS, MANY_BINS = "few_bins", "many_bins"
FEW_VOXELS, CONSTANT = "few_voxels", "constant"


def feature_warnings(
    table: pd.DataFrame,
    modalities: Sequence[str],
    settings: FeatureSettings,
    spacing_mm: Sequence[float],
) -> pd.DataFrame:
    """What collapses in the regions of one case.

    Bins are counted over the range of the intensities in the region, for each image type and
    discretisation; voxels and constant images as they were measured.

    Args:
        table: the table of the case (`features.table.case_table`).
        modalities: the images of the study.
        settings: which features of which regions.
        spacing_mm: voxel size of the prepared images.

    Returns:
        `case, modality, image_type, region, warning, found, expected`, no row where all is well. A
        region that could not be measured at all stands in `feature_status.tsv` instead.
    """
    row = table[table["variant"] == ROI].iloc[0]
    chosen = settings.handcrafted
    found: list[tuple[str, ...]] = []
    for region in region_names(chosen, settings.labels):
        volume = ColumnName(in_region(MASK, region), ORIGINAL, SHAPE, "VoxelVolume")
        voxels = _number(row, volume) / math.prod(spacing_mm)
        if math.isfinite(voxels) and round(voxels) < VOXELS:
            count = f"{round(voxels)} voxels"
            found.append((MASK, ORIGINAL, region, FEW_VOXELS, count, f"at least {VOXELS}"))
        for modality in modalities:
            for image_type in image_types(chosen):
                ends = tuple(
                    _number(
                        row, ColumnName(in_region(modality, region), image_type, FIRST_ORDER, end)
                    )
                    for end in ("Minimum", "Maximum")
                )
                place = (modality, image_type, region)
                found += [(*place, *w) for w in _bin_warnings(modality, image_type, ends, chosen)]
    found += list(_constant(str(row["status"])))
    case = str(row["case"])
    return pd.DataFrame([(case, *warning) for warning in found], columns=WARNING_COLUMNS)


def _bin_warnings(
    modality: str, image_type: str, ends: tuple[float, ...], settings: Handcrafted
) -> Iterator[tuple[str, str, str]]:
    """Each discretisation whose number of bins is out of range: warning, found, expected."""
    low, high = ends
    if not math.isfinite(low + high):
        return
    limits = settings.resegmentation.get(modality)
    # Bins start at the lower limit, of the unfiltered image only.
    origin = limits[0] if limits and limits[0] is not None and image_type == ORIGINAL else 0.0
    for bins in bins_of(modality, settings):
        number = _bins_between(low - origin, high - origin, bins)
        if not BINS[0] <= number <= BINS[1]:
            warning = FEW_BINS if number < BINS[0] else MANY_BINS
            yield warning, f"{number} bins ({bins.setting})", f"{BINS[0]} to {BINS[1]}"


def _bins_between(low: float, high: float, bins: Bins) -> int:
    if bins.width is None:
        return bins.count or 0
    return math.floor(high / bins.width) - math.floor(low / bins.width) + 1


def _constant(status: str) -> Iterator[tuple[str, str, str, str, str, str]]:
    """What the status calls flat: such an image type has no values at all."""
    for fault in status.split("; "):
        match = re.fullmatch(r"(?:(\w+): )?flat region in (\S+) (\S+)", fault)
        if match:
            region, modality, image_type = match.groups()
            place = (modality, image_type, region or WHOLE)
            yield (*place, CONSTANT, "one intensity", "intensities that vary")


def _number(row: pd.Series, column: ColumnName) -> float:
    return float(row.get(str(column), math.nan))
