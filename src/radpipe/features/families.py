"""IBSI's families that pyradiomics lacks, as further columns of the regions of a case."""

import math
import warnings
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from radpipe.config import Handcrafted
from radpipe.features.boxes import bounding_box, triple
from radpipe.features.dictionary import (
    FIRST_ORDER,
    ORIGINAL,
    SEPARATOR,
    bins_suffixes,
    in_region,
)
from radpipe.features.discretisation import bins_of
from radpipe.features.handcrafted import OK, CaseFeatures, intensity_problem
from radpipe.features.ibsi.families import family_columns, ibsi_features, study_processing
from radpipe.features.ibsi.measurement import prepare
from radpipe.io.images import labels_of, spacing_zyx

MARGIN_MM = 7.0
"""Kept around a region: local intensity looks at a sphere of 1 cm3, whose radius is 6.2 mm."""


def with_families(
    found: Mapping[str, CaseFeatures],
    images: Mapping[str, sitk.Image],
    regions: Mapping[str, sitk.Image],
    settings: Handcrafted,
) -> dict[str, CaseFeatures]:
    """Add the families that the settings ask for to what was measured in each region.

    They are measured in the unfiltered images, with the first discretisation of the modality. A
    region and modality whose unfiltered image cannot be measured has no values of families either.

    Args:
        found: by region, as of `features.handcrafted.measure_regions`.
        images: modality to prepared image.
        regions: masks by name.
        settings: which families, and how intensities are treated.

    Returns:
        The same with columns `<modality>__original__<family>__<feature>` at the end, and why any
        of them is missing where the status did not say so yet.
    """
    if not settings.families:
        return dict(found)
    return {
        name: _with_families(name, features, images, regions[name], settings)
        for name, features in found.items()
    }


def _with_families(
    region: str,
    features: CaseFeatures,
    images: Mapping[str, sitk.Image],
    mask: sitk.Image,
    settings: Handcrafted,
) -> CaseFeatures:
    values, faults = dict(features.values), list[str]()
    for modality, image in images.items():
        prefix = f"{in_region(modality, region)}{SEPARATOR}{ORIGINAL}"
        columns = family_columns(settings.families)
        own = dict.fromkeys(columns, math.nan)
        if not _is_missing(prefix, modality, features, settings):
            fault, measured = _measured(modality, image, mask, settings)
            faults += [fault] if fault else []
            own |= measured
        values |= {f"{prefix}{SEPARATOR}{c}": own[c] for c in columns}
    if not faults:
        return CaseFeatures(values, features.status)
    told = [] if features.status == OK else [features.status]
    return CaseFeatures(values, "; ".join([*told, *faults]))


def _is_missing(prefix: str, modality: str, features: CaseFeatures, settings: Handcrafted) -> bool:
    """Whether the status says already why there is nothing to measure."""
    own = prefix.removesuffix(ORIGINAL)
    if all(math.isnan(v) for c, v in features.values.items() if c.startswith(own)):
        return True
    levels = f"{prefix}{bins_suffixes(modality, settings)[0]}"
    entropy = features.values.get(f"{levels}{SEPARATOR}{FIRST_ORDER}{SEPARATOR}Entropy", 0.0)
    return math.isnan(entropy)


def _measured(
    modality: str, image: sitk.Image, mask: sitk.Image, settings: Handcrafted
) -> tuple[str, dict[str, float]]:
    """What is wrong, if anything, and the values that there are."""
    labels = labels_of(mask)
    margin = triple(math.ceil(MARGIN_MM / step) for step in spacing_zyx(mask))
    box = bounding_box(labels > 0).grown(margin, triple(labels.shape))
    bins = bins_of(modality, settings)[0]
    processing = study_processing(
        limits=settings.resegmentation.get(modality) or (None, None),
        outliers_sd=settings.outliers_sd.get(modality),
        rounding=settings.rounding.get(modality, False),
        bin_width=bins.width,
        bin_count=bins.count,
    )
    near, outline = box.crop(image), box.crop(mask)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A division by zero ends as NaN, which is what an undefined feature is.
        warnings.simplefilter("ignore")
        prepared = prepare(near, outline, processing)
        inside = prepared.intensities[prepared.intensity_region]
        problem = intensity_problem(inside, float(np.abs(inside).max()), bins)
        if problem:
            return f"{problem} in {modality} {ORIGINAL}", {}
        values = ibsi_features(near, outline, processing, settings.families)
    finite = {c: v if math.isfinite(v) else math.nan for c, v in values.items()}
    undefined = sum(map(math.isnan, finite.values()))
    fault = f"{undefined} features of the families are undefined in {modality}"
    return fault if undefined else "", finite
