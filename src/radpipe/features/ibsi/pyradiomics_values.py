"""What radpipe's extraction, whose features are pyradiomics', makes of an IBSI image."""

import math
import warnings

import numpy as np
from radiomics.shape import RadiomicsShape

from radpipe.features.dictionary import definitions
from radpipe.features.ibsi.measurement import Prepared
from radpipe.features.textures import LevelImage, Values, intensity_features, level_features

CodedValues = dict[tuple[str, str, str], float]
"""Values by family, aggregation and IBSI code."""

EXCESS = {"IPH6": -3.0}
"""pyradiomics' kurtosis is the fourth standardised moment, IBSI's is what exceeds 3."""

FAMILIES = {
    "shape": "morphology",
    "firstorder": "statistics",
    "glcm": "glcm",
    "glrlm": "glrlm",
    "glszm": "glszm",
    "gldm": "ngldm",
    "ngtdm": "ngtdm",
}
"""IBSI's family of each class of pyradiomics."""

DIRECTED = ("glcm", "glrlm")
"""Classes whose matrices have directions, to be averaged or merged."""

OF_HISTOGRAM = ("TLU2", "BJ5W")
"""First-order features of pyradiomics that IBSI takes from the histogram of grey levels."""


def pyradiomics_values(prepared: Prepared) -> CodedValues:
    """The features of the extraction that IBSI defines, in each aggregation of the dimension.

    The image, the mask and the grey levels are those of IBSI.
    """
    box = prepared.box
    region = box.crop(prepared.mask)
    levels = LevelImage(prepared.levels, prepared.levels > 0)
    inside = prepared.intensities[prepared.intensity_region]
    dimensions = ("3d",) if prepared.processing.dimension == "3D" else ("2.5d", "2d")
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        # What is undefined ends as NaN, and the certificate compares it with its reference.
        warnings.simplefilter("ignore")
        shape = {
            ("shape", k): float(v) for k, v in RadiomicsShape(region, region).execute().items()
        }
        values = _coded({**shape, **intensity_features(inside, math.prod(prepared.spacing_mm))}, {})
        for dimension in dimensions:
            for way in ("averaged", "merged"):
                where = dict.fromkeys(FAMILIES, dimension.upper())
                where |= {name: f"{dimension.upper()} {way}" for name in DIRECTED}
                values |= _coded(level_features(levels, dimension, way), where)
    return values


def _coded(features: Values, aggregations: dict[str, str]) -> CodedValues:
    """Values of the extraction under IBSI's codes; first order has no aggregation."""
    codes = {(d.feature_class, d.feature): d.ibsi_code for d in definitions()}
    values: CodedValues = {}
    for (name, feature), value in features.items():
        code = codes[name, feature]
        family = "histogram" if code in OF_HISTOGRAM else FAMILIES[name]
        aggregation = "" if name in ("shape", "firstorder") else aggregations[name]
        if code:
            values[family, aggregation, code] = value + EXCESS.get(code, 0.0)
    return values
