"""Column names, their dictionary, and the mapping to the IBSI standard."""

import math
from pathlib import Path

import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radpipe.config import Handcrafted
from radpipe.errors import RadpipeError
from radpipe.features.dictionary import (
    VOLUME_COLUMN,
    ColumnName,
    definitions,
    feature_columns,
    feature_dictionary,
    image_types,
    log_name,
    log_sigma_mm,
)
from radpipe.features.handcrafted import extract_features

part = st.text("aZ09", min_size=1, max_size=5)
modality = st.builds(str.__add__, part, st.text("aZ0_", max_size=8))


@given(modality, part, part, part)
def test_a_name_comes_back_from_its_column(m: str, t: str, c: str, f: str) -> None:
    name = ColumnName(m, t, c, f)
    assert ColumnName.parse(str(name)) == name


@given(st.integers(1, 400).map(lambda n: n / 8))
def test_sigma_comes_back_from_its_name(sigma_mm: float) -> None:
    name = log_name(sigma_mm)
    assert log_sigma_mm(name) == sigma_mm
    assert name.replace("_", "").isalnum()


def test_names_of_the_default_image_types() -> None:
    assert image_types(Handcrafted())[:4] == [
        "original",
        "log_sigma_3mm",
        "log_sigma_5mm",
        "wavelet_LLH",
    ]
    assert log_name(2.5) == "log_sigma_2p5mm"


def test_the_columns_are_shape_once_and_texture_per_image() -> None:
    columns = feature_columns(["T1w", "FLAIR"], Handcrafted())
    # 14 of shape; 18 first order and 75 of texture, 11 image types, 2 modalities.
    assert len(columns) == 14 + (18 + 75) * 11 * 2
    assert len(set(columns)) == len(columns)
    assert VOLUME_COLUMN in columns
    assert "FLAIR__log_sigma_3mm__glcm__JointEntropy" in columns


def test_definitions_are_those_of_pyradiomics() -> None:
    import radiomics

    classes = radiomics.getFeatureClasses()
    offered = {
        (name, feature)
        for name in ("shape", "firstorder", "glcm", "glrlm", "glszm", "gldm", "ngtdm")
        for feature, deprecated in classes[name].getFeatureNames().items()
        if not deprecated
    }
    assert {(d.feature_class, d.feature) for d in definitions()} == offered


def test_every_definition_says_what_it_is() -> None:
    for definition in definitions():
        assert definition.unit
        assert definition.description
        assert len(definition.ibsi_code) in (0, 4)
    codes = [d.ibsi_code for d in definitions() if d.ibsi_code]
    assert len(set(codes)) == len(codes)


def test_a_row_of_the_dictionary() -> None:
    row = feature_dictionary(["FLAIR__log_sigma_2p5mm__glszm__SmallAreaEmphasis"]).iloc[0]
    assert row["modality"] == "FLAIR"
    assert row["pyradiomics_name"] == "log-sigma-2-5-mm-3D_glszm_SmallAreaEmphasis"
    assert row["ibsi_code"] == "5QRC"


@pytest.mark.parametrize("column", ["age", "T1w__original__glcm", "T1w__original__glcm__"])
def test_other_columns_are_refused(column: str) -> None:
    with pytest.raises(RadpipeError, match="not the name of a feature column"):
        feature_dictionary([column])


def test_unknown_features_are_refused() -> None:
    with pytest.raises(RadpipeError, match="not a feature of pyradiomics; found T1w__original"):
        feature_dictionary(["T1w__original__glcm__Homogeneity"])


FAMILIES = {
    "shape": "Morphology",
    "firstorder": "Statistics|Intensity histogram",
    "glcm": r"Co-occurrence matrix \(3D, averaged\)",
    "glrlm": r"Run length matrix \(3D, averaged\)",
    "glszm": r"Size zone matrix \(3D\)",
    "gldm": r"Neighbouring grey level dependence matrix \(3D\)",
    "ngtdm": r"Neighbourhood grey tone difference matrix \(3D\)",
}


def test_codes_name_the_quantity_that_is_measured(test_data: Path) -> None:
    """On the IBSI digital phantom each coded feature has the consensus value of its code."""
    phantom = test_data / "ibsi" / "data_sets" / "ibsi_1_digital_phantom" / "nifti"
    image = sitk.ReadImage(str(next(phantom.glob("image/*.nii.gz"))), sitk.sitkFloat32)
    mask = sitk.ReadImage(str(next(phantom.glob("mask/*.nii.gz"))), sitk.sitkUInt8)
    config = Handcrafted(image_types=["original"], bin_width=1.0)
    found = extract_features({"T1w": image}, mask, config)
    reference = pd.read_csv(test_data / "ibsi" / "ibsi1_reference_values_phantom_A-D.csv")
    reference = reference[reference["dataset"] == "dig. phantom"]
    table = feature_dictionary(found.values)
    coded = table[table["ibsi_code"] != ""]
    assert (found.status, len(coded)) == ("ok", 102)
    for row in coded.itertuples():
        # The table of reference values gives small zone emphasis the code of its family.
        code = "9SAK" if row.ibsi_code == "5QRC" else row.ibsi_code
        of_family = reference["family"].str.contains(FAMILIES[row.feature_class])
        consensus = reference[(reference["ibsi_code"] == code) & of_family]["value"].item()
        value = as_in_ibsi(row.feature, found.values[row.column], voxels=74)
        # Consensus values are rounded to three significant digits.
        assert value == pytest.approx(consensus, rel=0.005), row.column


def as_in_ibsi(feature: str, value: float, *, voxels: int) -> float:
    """The value with what the dictionary says to differ from IBSI put right."""
    if feature == "Kurtosis":
        return value - 3
    if feature.endswith("AxisLength"):
        return value * math.sqrt(voxels / (voxels - 1))
    return value
