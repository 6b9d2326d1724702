"""The families that pyradiomics lacks, as further columns of a study."""

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import SimpleITK as sitk

from radpipe.errors import ConfigError
from radpipe.features.dictionary import SEPARATOR, Definition
from radpipe.features.ibsi.counts import count_features
from radpipe.features.ibsi.dependence import DEPENDENCE_FEATURES, dependences
from radpipe.features.ibsi.local_intensity import local_intensity
from radpipe.features.ibsi.measurement import (
    Prepared,
    Processing,
    intensity_volume_features,
    prepare,
)
from radpipe.features.ibsi.morphology import morphology
from radpipe.features.ibsi.statistics import histogram_statistics, intensity_statistics
from radpipe.features.ibsi.textures import Features
from radpipe.features.ibsi.zones import (
    DISTANCE_ZONE_FEATURES,
    border_distances,
    zone_distances,
    zones,
)

IVH_BINS_A_BIN = 10
"""Bins of the intensity-volume histogram in one of the texture: 2.5 HU for 25 HU, as IBSI's
configuration C has it."""


@cache
def family_definitions() -> tuple[Definition, ...]:
    """The features of IBSI-1 that pyradiomics 3.0.1 does not offer, by family.

    Source of the codes: the IBSI reference manual (arXiv:1612.07003), CC BY 4.0. The percentiles
    of the histogram are GPMT and OZ0C in DICOM too (context group 7478); the manual's pages and the
    table of reference values print 1PR8, that of the minimum, and GPMT.
    """
    table = files("radpipe.features").joinpath("data", "ibsi_features.csv")
    with table.open(encoding="utf-8") as stream:
        return tuple(Definition(**row) for row in csv.DictReader(stream))


def family_columns(families: Sequence[str]) -> list[str]:
    """Names `<family>__<feature>` of what `ibsi_features` gives, in its order.

    Raises:
        ConfigError: a family is not known.
    """
    known = dict.fromkeys(definition.feature_class for definition in family_definitions())
    if unknown := [family for family in families if family not in known]:
        raise ConfigError("not a family of IBSI", found=unknown[0], expected=", ".join(known))
    return [
        f"{definition.feature_class}{SEPARATOR}{definition.feature}"
        for family in families
        for definition in family_definitions()
        if definition.feature_class == family
    ]


def ibsi_features(
    image: sitk.Image, mask: sitk.Image, processing: Processing, families: Sequence[str]
) -> dict[str, float]:
    """Measure the named families in the region `mask > 0`, in the volume.

    Args:
        image: intensities, 3-D, with 6 mm around the region for `local_intensity`.
        mask: integer labels on the grid of the image; all labels together are one region, the
            morphological one, of which re-segmentation takes the intensity mask.
        processing: re-segmentation and grey levels; `study_processing` makes it.
        families: of `statistics`, `histogram`, `ivh`, `local_intensity`, `gldzm`, `ngldm` and
            `morphology`.

    Returns:
        A value for each of `family_columns(families)`, NaN where it is undefined.

    Raises:
        RadpipeError: the mask is empty, or re-segmentation leaves no voxel.
        ConfigError: a family is not known.
    """
    columns = family_columns(families)
    prepared = prepare(image, mask, processing)
    found = {
        f"{family}{SEPARATOR}{feature}": value
        for family in families
        for feature, value in _family(family, prepared).items()
    }
    return {column: found[column] for column in columns}


def study_processing(
    *,
    limits: tuple[float | None, float | None] = (None, None),
    outliers_sd: float | None = None,
    rounding: bool = False,
    bin_width: float | None = None,
    bin_count: int | None = None,
) -> Processing:
    """What a study says about one modality, in the words of IBSI.

    Resampling is not repeated: the images of a study are prepared. The scale of the
    intensity-volume histogram follows the units: whole numbers where intensities are rounded, a
    tenth of the bin width where there is one, and 1,000 bins otherwise.

    Args:
        limits: of re-segmentation.
        outliers_sd: of re-segmentation.
        rounding: whether intensities are whole numbers.
        bin_width: fixed bin size; it wins over a bin number.
        bin_count: fixed bin number.
    """
    continuous = bin_width is not None and not rounding
    return Processing(
        rounding=rounding,
        limits=limits,
        outliers_sd=outliers_sd,
        bin_width=bin_width,
        bin_count=bin_count,
        ivh_scale="discrete" if rounding else "continuous" if continuous else "arbitrary",
        ivh_step=bin_width / IVH_BINS_A_BIN if bin_width is not None and continuous else 1.0,
    )


def _family(family: str, prepared: Prepared) -> Features:
    """All features of one family, those that pyradiomics offers too among them."""
    box, inside = prepared.box.slices, prepared.intensity_region
    image, region, spacing = prepared.intensities, prepared.region, prepared.spacing_mm
    levels = prepared.levels
    if family == "statistics":
        return intensity_statistics(image[inside])
    if family == "histogram":
        return histogram_statistics(levels[levels > 0])
    if family == "ivh":
        return intensity_volume_features(prepared)
    if family == "local_intensity":
        return local_intensity(image, inside, spacing)
    if family == "morphology":
        return morphology(image[box], region[box], inside[box], spacing)
    if family == "ngldm":
        return count_features(dependences(levels, "volume"), DEPENDENCE_FEATURES)
    distances = border_distances(region[box], "volume")
    counts = zone_distances(levels, zones(levels, "volume"), distances)
    return count_features(counts, DISTANCE_ZONE_FEATURES)
