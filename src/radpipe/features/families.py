"""IBSI's families that pyradiomics lacks, as further columns of the regions of a case."""

import math
import warnings
from collections.abc import Mapping

import numpy as np
import SimpleITK as sitk

from radpipe.config import Handcrafted
from radpipe.features.boxes import bounding_box, triple
from radpipe.features.dictionary import ORIGINAL, SEPARATOR, in_region
from radpipe.features.discretisation import bins_of
from radpipe.features.handcrafted import CaseFeatures
from radpipe.features.ibsi.families import family_columns, ibsi_features, study_processing
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
    region and modality that could not be measured before has no values of families either.

    Args:
        found: by region, as of `features.handcrafted.measure_regions`.
        images: modality to prepared image.
        regions: masks by name.
        settings: which families, and how intensities are treated.

    Returns:
        The same with columns `<modality>__original__<family>__<feature>` at the end.
    """
    return {
        name: CaseFeatures(
            features.values | _families(name, features, images, regions[name], settings),
            features.status,
        )
        for name, features in found.items()
    }


def _families(
    region: str,
    features: CaseFeatures,
    images: Mapping[str, sitk.Image],
    mask: sitk.Image,
    settings: Handcrafted,
) -> dict[str, float]:
    values: dict[str, float] = {}
    for modality, image in images.items() if settings.families else ():
        prefix = f"{in_region(modality, region)}{SEPARATOR}"
        columns = family_columns(settings.families)
        own = dict.fromkeys(columns, math.nan)
        known = [v for c, v in features.values.items() if c.startswith(prefix)]
        if not np.isnan(known).all():
            own |= _measured(modality, image, mask, settings)
        values |= {f"{prefix}{ORIGINAL}{SEPARATOR}{c}": own[c] for c in columns}
    return values


def _measured(
    modality: str, image: sitk.Image, mask: sitk.Image, settings: Handcrafted
) -> dict[str, float]:
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
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # A division by zero ends as NaN, which is what an undefined feature is.
        warnings.simplefilter("ignore")
        return ibsi_features(box.crop(image), box.crop(mask), processing, settings.families)
