"""Column names, their dictionary, and the mapping to the IBSI standard."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st

from radpipe.config import Handcrafted
from radpipe.errors import ConfigError, RadpipeError
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
from radpipe.features.discretisation import Bins, bins_of
from radpipe.features.handcrafted import extract_features
from radpipe.features.ibsi.families import family_definitions, study_processing

LBP_2D_SETTINGS = "rim_mm 3; radius 1 voxels, 8 samples; bin_count 8; 2.5D merged (ZW7Z)"
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


def test_every_image_type_has_columns_named_as_in_pyradiomics() -> None:
    kinds = ["square", "square_root", "logarithm", "exponential", "gradient", "lbp2d", "lbp3d"]
    columns = feature_columns(["T1w"], Handcrafted(image_types=kinds))
    names = {ColumnName.parse(c).pyradiomics_name for c in columns if "__glcm__MCC" in c}
    assert names == {
        f"{theirs}_glcm_MCC"
        for theirs in (
            *("square", "squareroot", "logarithm", "exponential", "gradient", "lbp-2D"),
            *("lbp-3D-m1", "lbp-3D-m2", "lbp-3D-k"),
        )
    }


def test_a_region_stands_beside_the_modality() -> None:
    columns = feature_columns(["CT"], Handcrafted(image_types=["original"]), "rim")
    assert columns[0] == "mask.rim__original__shape__Elongation"
    row = feature_dictionary(["CT.rim__original__glcm__Contrast"]).iloc[0]
    assert (row["modality"], row["region"]) == ("CT", "rim")
    row = feature_dictionary(["CT__original__glcm__Contrast"]).iloc[0]
    assert (row["modality"], row["region"]) == ("CT", "whole")


@given(st.floats(1e-6, 1e6))
def test_bins_come_back_from_the_image_type(width: float) -> None:
    bins = Bins(width, None)
    name = ColumnName("CT", f"log_sigma_2p5mm_{bins}", "glcm", "Contrast")
    assert (name.bins, name.filtered) == (str(bins), "log_sigma_2p5mm")
    assert ColumnName("CT", "log_sigma_2p5mm", "glcm", "Contrast").bins == ""


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
        assert bool(definition.ibsi_code) == bool(definition.ibsi_name)
    codes = [d.ibsi_code for d in definitions() if d.ibsi_code]
    assert len(set(codes)) == len(codes)


def test_a_row_of_the_dictionary() -> None:
    row = feature_dictionary(["FLAIR__log_sigma_2p5mm__glszm__SmallAreaEmphasis"]).iloc[0]
    assert row["modality"] == "FLAIR"
    assert row["pyradiomics_name"] == "log-sigma-2-5-mm-3D_glszm_SmallAreaEmphasis"
    assert row["ibsi_code"] == "5QRC"
    assert row["ibsi_name"] == "Small zone emphasis"
    assert row["settings"] == "sigma 2.5 mm"


@pytest.mark.parametrize(
    ("column", "settings"),
    [
        ("mask__original__shape__Flatness", ""),
        ("CT__original__firstorder__Mean", ""),
        ("CT__wavelet_LLL__firstorder__Mean", "coif1"),
        ("CT__original_bw0p5__firstorder__Entropy", "bin_width 0.5"),
        ("CT__original_bc8__glcm__Contrast", "bin_count 8; 2.5D merged (ZW7Z)"),
        ("CT__gradient_bc8__gldm__DependenceEntropy", "per mm; bin_count 8; 2.5D (62GR)"),
        ("CT.rim__lbp_2D_bc8__glrlm__RunEntropy", LBP_2D_SETTINGS),
    ],
)
def test_settings_of_a_column(column: str, settings: str) -> None:
    config = Handcrafted(
        bin_width={"CT": 0.5}, bin_count=[8], dimension="2.5d", aggregation="merged"
    )
    assert feature_dictionary([column], config).iloc[0]["settings"] == settings


PRESET = Handcrafted(
    preset={"CT": "ct", "T1w": "t1", "PET": "pet_suv"},
    regions=["whole", "rim", "ring"],
    rim_mm=2.5,
    ring_values={"CT": (-200, None)},
    families=["morphology", "ivh", "histogram", "gldzm"],
)
CT = "rounded; resegmentation [-1000, 400]"


@pytest.mark.parametrize(
    ("column", "settings"),
    [
        ("mask__original__shape__Flatness", ""),
        ("mask.rim__original__shape__Flatness", "rim_mm 2.5"),
        ("CT__original__firstorder__Mean", CT),
        ("CT.ring__log_sigma_3mm__firstorder__Mean", f"ring_mm 5, CT in [-200, null]; {{}}; {CT}"),
        ("T1w__original__firstorder__Mean", "outliers_sd 3"),
        ("PET__original__glszm__ZoneEntropy", "{}; bin_width 0.25; 3D (KOBO)"),
        ("CT__original__morphology__Asphericity", ""),
        ("CT__original__morphology__MoranI", CT),
        ("CT__original__histogram__Mode", f"{CT}; bin_width 25"),
        ("CT__original__gldzm__ZonePercentage", f"{CT}; bin_width 25; 3D (KOBO)"),
        ("CT__original__ivh__AreaUnderCurve", f"{CT}; steps of 1"),
        ("T1w__original__ivh__AreaUnderCurve", "outliers_sd 3; 1000 steps"),
        ("PET__original__ivh__AreaUnderCurve", "{}; steps of 0.025"),
    ],
)
def test_settings_tell_regions_intensities_and_families(column: str, settings: str) -> None:
    found = feature_dictionary([column], PRESET, family_definitions()).iloc[0]["settings"]
    between = "sigma 3 mm" if "log" in column else "resegmentation [0, null]"
    assert found == settings.format(between)


@pytest.mark.parametrize("modality", ["CT", "T1w", "PET"])
def test_the_steps_of_a_volume_histogram_are_those_it_is_made_with(modality: str) -> None:
    bins = bins_of(modality, PRESET)[0]
    used = study_processing(
        rounding=PRESET.rounding[modality], bin_width=bins.width, bin_count=bins.count
    )
    column = f"{modality}__original__ivh__AreaUnderCurve"
    said = feature_dictionary([column], PRESET, family_definitions()).iloc[0]["settings"]
    steps = "1000 steps" if used.ivh_scale == "arbitrary" else f"steps of {used.ivh_step:g}"
    assert said.split("; ")[-1] == steps


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


class TestBins:
    def test_a_width_wins_over_a_number_and_a_list_of_numbers_stands_beside_it(self) -> None:
        def names(modality: str, **keys: object) -> list[str]:
            return [str(bins) for bins in bins_of(modality, Handcrafted(**keys))]

        assert names("CT", bin_width=25) == ["bw25"]
        assert names("CT", bin_width={"CT": [10, 25]}) == ["bw10", "bw25"]
        assert names("T1w", bin_width={"CT": [10, 25]}) == ["bc32"]
        assert names("CT", bin_width=25, bin_count=[16, 32]) == ["bw25", "bc16", "bc32"]

    def test_neither_is_refused(self) -> None:
        with pytest.raises(ConfigError, match="no bin_width for CT and no bin_count"):
            bins_of("CT", Handcrafted(bin_width={"PET": 1.0}, bin_count=None))

    @pytest.mark.parametrize("bins", [[], [8, 8]])
    def test_a_list_must_name_each_once(self, bins: list[int]) -> None:
        with pytest.raises(ValueError, match="empty or names one twice"):
            Handcrafted(bin_count=bins)

    def test_levels_by_hand(self) -> None:
        values = np.array([-3.0, 0.0, 4.0, 5.0, 9.0])
        assert Bins(5.0, None).levels(values).tolist() == [1, 2, 2, 3, 3]
        assert Bins(5.0, None).levels(values, origin=-10.0).tolist() == [2, 3, 3, 4, 4]
        assert Bins(None, 3).levels(values).tolist() == [1, 1, 2, 3, 3]
