"""Names of the feature columns and what each of them means.

A column is `<modality>__<image_type>__<class>__<feature>`. Shape does not depend on intensities, so
it stands once, under the modality name `mask`. A region other than the whole mask is added to the
modality (`CT.rim__original__glcm__Contrast`); where a region is discretised in several ways, the
bins are added to the image type (`original_bw25`), except in first-order features that no bins
change.
"""

import csv
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple, get_args

import pandas as pd

from radpipe.config import Handcrafted
from radpipe.config.handcrafted import Family, Limits
from radpipe.errors import RadpipeError
from radpipe.features.discretisation import BINS_SUFFIX, bins_of

SEPARATOR = "__"
MASK = "mask"
"""Stands in place of the modality in the columns of shape."""

ORIGINAL = "original"
SHAPE = "shape"
FIRST_ORDER = "firstorder"
HISTOGRAM_FEATURES = ("Entropy", "Uniformity")
"""The first-order features that depend on the grey levels."""

WHOLE = "whole"
"""The region of the whole mask, which stands in no column."""

WAVELETS = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")
"""Sub-bands of one level of the stationary transform, axes x, y, z; L low-pass, H high-pass."""

WAVELETS_IN_SLICE = ("LH", "HL", "HH", "LL")
"""The same of a transform in the slice, axes x, y."""

POINT_WISE_NAMES = {
    "square": "square",
    "square_root": "squareroot",
    "logarithm": "logarithm",
    "exponential": "exponential",
}
"""Setting and name in a column (pyradiomics') of the filters of single voxels."""

LBP_2D, LBP_3D = "lbp_2D", "lbp_3D"
LBP_3D_PARTS = ("m1", "m2", "k")

AGGREGATIONS = {
    ("3d", "averaged"): "3D averaged (ITBB)",
    ("3d", "merged"): "3D merged (IAZD)",
    ("2.5d", "averaged"): "2.5D direction-merged (JJUI)",
    ("2.5d", "merged"): "2.5D merged (ZW7Z)",
    ("2d", "averaged"): "2D averaged (BTW3)",
    ("2d", "merged"): "2D slice-merged (SUJT)",
}
"""IBSI's name and code of the aggregation of co-occurrence and run-length matrices."""

SLICE_AGGREGATIONS = {"3d": "3D (KOBO)", "2.5d": "2.5D (62GR)", "2d": "2D averaged (8QNN)"}
"""The same of the matrices that know no directions: zones, dependences, tone differences."""

DIRECTED = ("glcm", "glrlm")

FAMILIES: tuple[str, ...] = get_args(Family)
"""The classes of features that pyradiomics lacks; they are measured in the volume."""

BINNED_FAMILIES = ("histogram", "gldzm", "ngldm")
GEOMETRIC = re.compile(r"Compactness|Spherical|Asphericity|(Volume|Area)Density")
"""Morphological features of a family that no intensity changes."""

VOLUME_COLUMN = "mask__original__shape__MeshVolume"
"""The volume of the region in mm^3: the trivial baseline of every radiomics model."""

DICTIONARY_COLUMNS = (
    "column",
    "modality",
    "region",
    "image_type",
    "feature_class",
    "feature",
    "pyradiomics_name",
    "ibsi_name",
    "ibsi_code",
    "unit",
    "settings",
    "description",
)


class Definition(NamedTuple):
    """A feature of pyradiomics: its IBSI name and code are empty where IBSI has none."""

    feature_class: str
    feature: str
    ibsi_name: str
    ibsi_code: str
    unit: str
    description: str


@dataclass(frozen=True)
class ColumnName:
    """The four parts of the name of a feature column."""

    modality: str
    image_type: str
    feature_class: str
    feature: str

    def __str__(self) -> str:
        return SEPARATOR.join((self.modality, self.image_type, self.feature_class, self.feature))

    @classmethod
    def parse(cls, column: str) -> "ColumnName":
        """Take a name apart from its end, because a modality may hold the separator.

        Raises:
            RadpipeError: the name has fewer than four parts.
        """
        parts = column.rsplit(SEPARATOR, 3)
        if len(parts) != 4 or not all(parts):
            raise RadpipeError(
                "not the name of a feature column",
                found=column,
                expected="<modality>__<image_type>__<class>__<feature>",
            )
        return cls(*parts)

    @property
    def region(self) -> str:
        """The region that is measured."""
        return self.modality.partition(".")[2] or WHOLE

    @property
    def bins(self) -> str:
        """The bins in the image type, such as `bw25`; empty if a region has one discretisation."""
        found = BINS_SUFFIX.search(self.image_type)
        return found[1] if found else ""

    @property
    def filtered(self) -> str:
        """The image type without the bins."""
        return BINS_SUFFIX.sub("", self.image_type)

    @property
    def pyradiomics_name(self) -> str:
        """The key in the result of pyradiomics' own extractor."""
        return f"{_pyradiomics_image_type(self.filtered)}_{self.feature_class}_{self.feature}"


@cache
def definitions() -> tuple[Definition, ...]:
    """Every feature that pyradiomics 3.0.1 offers and has not deprecated, shape first.

    Source of the codes: Zwanenburg et al., the IBSI reference manual (arXiv:1612.07003),
    CC BY 4.0; small zone emphasis is 5QRC there and in DICOM (context group 7476), where IBSI's
    table of reference values repeats the code of the family. Units are those of the unfiltered
    image; `level` is a discretised grey level.
    """
    table = files("radpipe.features").joinpath("data", "pyradiomics_features.csv")
    with table.open(encoding="utf-8") as stream:
        return tuple(Definition(**row) for row in csv.DictReader(stream))


def image_types(settings: Handcrafted) -> list[str]:
    """Names of the image types in the order of the columns, such as `log_sigma_3mm`."""
    names = []
    if "original" in settings.image_types:
        names.append(ORIGINAL)
    if "log" in settings.image_types:
        names += [log_name(sigma) for sigma in settings.log_sigma_mm]
    if "wavelet" in settings.image_types:
        bands = WAVELETS if settings.dimension == "3d" else WAVELETS_IN_SLICE
        names += [f"wavelet_{band}" for band in bands]
    names += [name for key, name in POINT_WISE_NAMES.items() if key in settings.image_types]
    if "gradient" in settings.image_types:
        names.append("gradient")
    if "lbp2d" in settings.image_types:
        names.append(LBP_2D)
    if "lbp3d" in settings.image_types:
        names += [f"{LBP_3D}_{part}" for part in LBP_3D_PARTS]
    return names


def log_name(sigma_mm: float) -> str:
    """Name of a LoG image; `p` stands for the decimal point: `log_sigma_2p5mm`."""
    return f"log_sigma_{sigma_mm:g}mm".replace(".", "p")


def log_sigma_mm(image_type: str) -> float:
    """The sigma in the name of a LoG image."""
    return float(image_type.removeprefix("log_sigma_").removesuffix("mm").replace("p", "."))


def in_region(modality: str, region: str) -> str:
    """The first part of a column: the modality (or `mask`), and the region unless it is whole."""
    return modality if region in ("", WHOLE) else f"{modality}.{region}"


def feature_columns(
    modalities: Iterable[str], settings: Handcrafted, region: str = WHOLE
) -> list[str]:
    """The columns of one region of every case of a study, whatever it is like: shape first."""
    shape = [d.feature for d in definitions() if d.feature_class == SHAPE]
    mask = in_region(MASK, region)
    columns = [str(ColumnName(mask, ORIGINAL, SHAPE, feature)) for feature in shape]
    for modality in modalities:
        suffixes = bins_suffixes(modality, settings)
        for image_type in image_types(settings):
            columns += image_columns(in_region(modality, region), image_type, suffixes)
    return columns


def bins_suffixes(modality: str, settings: Handcrafted) -> list[str]:
    """What each discretisation adds to the image type: nothing if there is only one."""
    bins = bins_of(modality, settings)
    return [f"_{each}" for each in bins] if len(bins) > 1 else [""]


def image_columns(modality: str, image_type: str, suffixes: Iterable[str] = ("",)) -> list[str]:
    """The columns of one image type of one modality, without shape.

    Args:
        modality: with its region.
        image_type: without bins.
        suffixes: what each discretisation adds to the image type.
    """
    measured = [(d.feature_class, d.feature) for d in definitions() if d.feature_class != SHAPE]
    names: dict[str, None] = {}
    for suffix in suffixes:
        for feature_class, feature in measured:
            own = suffix if depends_on_bins(feature_class, feature) else ""
            names[str(ColumnName(modality, image_type + own, feature_class, feature))] = None
    return list(names)


def depends_on_bins(feature_class: str, feature: str) -> bool:
    """Whether the grey levels matter to a feature of an image."""
    return feature_class != FIRST_ORDER or feature in HISTOGRAM_FEATURES


def feature_dictionary(
    columns: Iterable[str],
    settings: Handcrafted | None = None,
    further: Iterable[Definition] = (),
) -> pd.DataFrame:
    """What each feature column means, one row a column.

    The unit of a filtered image's intensity features is that of the filter's response. Settings
    are written as in the config (`bin_width 25; resegmentation [-1000, 400]`).

    Args:
        columns: names of feature columns.
        settings: those of the study; without them `settings` says only what stands in the name.
        further: features that pyradiomics does not have
            (`features.ibsi.families.family_definitions`).

    Raises:
        RadpipeError: a column is not the name of a known feature.
    """
    own = {(d.feature_class, d.feature): d for d in definitions()}
    known = {(d.feature_class, d.feature): d for d in further} | own
    rows = []
    for column in columns:
        name = ColumnName.parse(column)
        definition = known.get((name.feature_class, name.feature))
        if definition is None:
            raise RadpipeError(
                "not a feature of pyradiomics",
                found=column,
                expected=f"one of {len(known)} features of seven classes",
            )
        rows.append(
            {
                "column": column,
                "modality": name.modality.partition(".")[0],
                "region": name.region,
                "image_type": name.image_type,
                "pyradiomics_name": name.pyradiomics_name if definition in own.values() else "",
                "settings": _settings_of(name, settings),
                **definition._asdict(),
            }
        )
    return pd.DataFrame(rows, columns=list(DICTIONARY_COLUMNS))


def _settings_of(name: ColumnName, settings: Handcrafted | None) -> str:
    """What was set for a feature: region, filter, intensities, grey levels, neighbourhood."""
    parts = [_region_setting(name, settings)]
    if name.feature_class != SHAPE:
        parts.append(_filter_settings(name.filtered, settings))
        if settings is not None and not GEOMETRIC.match(name.feature):
            parts += _intensity_settings(name.modality.partition(".")[0], settings)
        parts += _level_settings(name, settings)
    return "; ".join(part for part in parts if part)


def _region_setting(name: ColumnName, settings: Handcrafted | None) -> str:
    if settings is None or name.region not in ("core", "rim", "ring"):
        return ""
    if name.region != "ring":
        return f"rim_mm {settings.rim_mm:g}"
    where = [f"{m} in {_limits(limits)}" for m, limits in settings.ring_values.items()]
    return ", ".join([f"ring_mm {settings.ring_mm:g}", *where])


def _intensity_settings(modality: str, settings: Handcrafted) -> list[str]:
    """Which intensities count, and whether they are whole numbers."""
    parts = ["rounded"] if settings.rounding.get(modality) else []
    limits, sigma = settings.resegmentation.get(modality), settings.outliers_sd.get(modality)
    parts += [] if limits is None else [f"resegmentation {_limits(limits)}"]
    return parts + ([] if sigma is None else [f"outliers_sd {sigma:g}"])


def _limits(limits: Limits) -> str:
    """As in the config."""
    low, high = ("null" if end is None else f"{end:g}" for end in limits)
    return f"[{low}, {high}]"


def _level_settings(name: ColumnName, settings: Handcrafted | None) -> list[str]:
    """The grey levels and the neighbourhood, of features that know any."""
    family = name.feature_class
    if family == "ivh" and settings is not None:
        return [_ivh_setting(name, settings)]
    if family in FAMILIES and family not in BINNED_FAMILIES:
        return []
    if not depends_on_bins(family, name.feature):
        return []
    bins = _bins_setting(name, settings)
    if settings is None or family in (FIRST_ORDER, "histogram"):
        return [bins]
    if family in FAMILIES:
        return [bins, SLICE_AGGREGATIONS["3d"]]
    key = (settings.dimension, settings.aggregation)
    return [bins, AGGREGATIONS[key] if family in DIRECTED else SLICE_AGGREGATIONS[key[0]]]


def _ivh_setting(name: ColumnName, settings: Handcrafted) -> str:
    """The steps of the intensity-volume histogram; see `ibsi.families.study_processing`."""
    modality = name.modality.partition(".")[0]
    if settings.rounding.get(modality):
        return "steps of 1"
    width = bins_of(modality, settings)[0].width
    return "1000 steps" if width is None else f"steps of {width / 10:g}"


def _filter_settings(image_type: str, settings: Handcrafted | None) -> str:
    if image_type.startswith("log_sigma_"):
        return f"sigma {log_sigma_mm(image_type):g} mm"
    if settings is None:
        return ""
    if image_type.startswith("wavelet"):
        return settings.wavelet
    if image_type == "gradient":
        return "per mm" if settings.gradient_per_mm else "per voxel"
    if image_type == LBP_2D:
        return f"radius {settings.lbp2d_radius:g} voxels, {settings.lbp2d_samples} samples"
    return ""


def _bins_setting(name: ColumnName, settings: Handcrafted | None) -> str:
    if settings is None:
        return name.bins
    bins = {str(each): each for each in bins_of(name.modality.partition(".")[0], settings)}
    return (bins[name.bins] if name.bins else next(iter(bins.values()))).setting


def _pyradiomics_image_type(image_type: str) -> str:
    if image_type.startswith("log_sigma_"):
        sigma = str(log_sigma_mm(image_type)).replace(".", "-")
        return f"log-sigma-{sigma}-mm-3D"
    return image_type.replace("_", "-")
