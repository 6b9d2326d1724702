"""Names of the feature columns and what each of them means.

A column is `<modality>__<image_type>__<class>__<feature>`. Shape does not depend on intensities, so
it stands once, under the modality name `mask`.
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import NamedTuple

import pandas as pd

from radpipe.config import Handcrafted
from radpipe.errors import RadpipeError

SEPARATOR = "__"
MASK = "mask"
"""Stands in place of the modality in the columns of shape."""

ORIGINAL = "original"
SHAPE = "shape"
WAVELETS = ("LLH", "LHL", "LHH", "HLL", "HLH", "HHL", "HHH", "LLL")
"""Sub-bands of one level of the stationary transform, axes z, y, x; L low-pass, H high-pass."""

VOLUME_COLUMN = "mask__original__shape__MeshVolume"
"""The volume of the region in mm^3: the trivial baseline of every radiomics model."""

DICTIONARY_COLUMNS = (
    "column",
    "modality",
    "image_type",
    "feature_class",
    "feature",
    "pyradiomics_name",
    "ibsi_code",
    "unit",
    "description",
)


class Definition(NamedTuple):
    """A feature of pyradiomics: its IBSI code is empty where IBSI defines none."""

    feature_class: str
    feature: str
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
    def pyradiomics_name(self) -> str:
        """The key in the result of pyradiomics' own extractor."""
        return f"{_pyradiomics_image_type(self.image_type)}_{self.feature_class}_{self.feature}"


@cache
def definitions() -> tuple[Definition, ...]:
    """Every feature that pyradiomics 3.0.1 offers and has not deprecated, shape first.

    Source of the codes: Zwanenburg et al., the IBSI reference manual (arXiv:1612.07003),
    CC BY 4.0. Units are those of the unfiltered image; `level` is a discretised grey level.
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
        names += [f"wavelet_{band}" for band in WAVELETS]
    return names


def log_name(sigma_mm: float) -> str:
    """Name of a LoG image; `p` stands for the decimal point: `log_sigma_2p5mm`."""
    return f"log_sigma_{sigma_mm:g}mm".replace(".", "p")


def log_sigma_mm(image_type: str) -> float:
    """The sigma in the name of a LoG image."""
    return float(image_type.removeprefix("log_sigma_").removesuffix("mm").replace("p", "."))


def feature_columns(modalities: Iterable[str], settings: Handcrafted) -> list[str]:
    """The columns of every case of a study, whatever its region is like: shape first."""
    shape = [d.feature for d in definitions() if d.feature_class == SHAPE]
    columns = [str(ColumnName(MASK, ORIGINAL, SHAPE, feature)) for feature in shape]
    for modality in modalities:
        for image_type in image_types(settings):
            columns += image_columns(modality, image_type)
    return columns


def image_columns(modality: str, image_type: str) -> list[str]:
    """The columns of one image type of one modality, without shape."""
    return [
        str(ColumnName(modality, image_type, d.feature_class, d.feature))
        for d in definitions()
        if d.feature_class != SHAPE
    ]


def feature_dictionary(columns: Iterable[str]) -> pd.DataFrame:
    """What each feature column means, one row a column.

    The unit of a filtered image's intensity features is that of the filter's response.

    Raises:
        RadpipeError: a column is not the name of a known feature.
    """
    known = {(d.feature_class, d.feature): d for d in definitions()}
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
            (
                column,
                name.modality,
                name.image_type,
                name.feature_class,
                name.feature,
                name.pyradiomics_name,
                definition.ibsi_code,
                definition.unit,
                definition.description,
            )
        )
    return pd.DataFrame(rows, columns=list(DICTIONARY_COLUMNS))


def _pyradiomics_image_type(image_type: str) -> str:
    if image_type.startswith("log_sigma_"):
        sigma = str(log_sigma_mm(image_type)).replace(".", "-")
        return f"log-sigma-{sigma}-mm-3D"
    return image_type.replace("_", "-")
