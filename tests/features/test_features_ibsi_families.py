"""The families that pyradiomics lacks as columns of a study."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.errors import ConfigError
from radpipe.features.certificate import reference_values
from radpipe.features.dictionary import definitions
from radpipe.features.ibsi.families import (
    family_columns,
    family_definitions,
    ibsi_features,
    study_processing,
)
from radpipe.features.ibsi.measurement import prepare
from radpipe.features.ibsi.phantoms import digital_phantom

FAMILIES = ("statistics", "histogram", "ivh", "local_intensity", "gldzm", "ngldm", "morphology")
DIGITAL = study_processing(limits=(1.0, None), bin_width=1.0, rounding=True)


def test_values_are_the_consensus_of_the_digital_phantom() -> None:
    found = ibsi_features(*digital_phantom(), DIGITAL, FAMILIES)
    table = reference_values()
    wanted = table[(table["configuration"] == "digital") & table["aggregation"].isin(["", "3D"])]
    compared = 0
    for row in wanted.dropna(subset=["value"]).itertuples():
        if (column := f"{row.family}__{row.feature}") in found:
            allowed = max(float(row.tolerance), 0.005 * abs(float(row.value)))
            assert found[column] == pytest.approx(float(row.value), abs=allowed), column
            compared += 1
    assert compared == len(found) - 5, "five have no consensus value"


def test_columns_are_those_of_the_table_in_the_order_asked_for() -> None:
    columns = family_columns(["ivh", "gldzm"])
    assert columns[0] == "ivh__VolumeAtIntensity10"
    assert columns[7] == "gldzm__SmallDistanceEmphasis"
    assert list(ibsi_features(*digital_phantom(), DIGITAL, ["ivh", "gldzm"])) == columns
    assert ibsi_features(*digital_phantom(), DIGITAL, []) == {}


def test_no_family_repeats_a_feature_of_pyradiomics() -> None:
    offered = {d.ibsi_code for d in definitions()}
    repeated = {d.feature for d in family_definitions() if d.ibsi_code in offered}
    # pyradiomics' kurtosis is not the excess, and IBSI's is that.
    assert repeated == {"ExcessKurtosis"}


MISPRINTS = {
    "ih_p10": ("1PR8", "GPMT"),  # printed: the code of the minimum, one line above
    "ih_p90": ("GPMT", "OZ0C"),
    **dict.fromkeys(("szm_sze_2D", "szm_sze_2_5D", "szm_sze_3D"), ("9SAK", "5QRC")),  # the family's
}
"""Tags whose code in the table of IBSI is another feature's: the code there, and that of DICOM
(context groups 7478 and 7476) and MIRP, which is ours."""


def test_codes_are_those_that_ibsi_published(test_data: Path) -> None:
    published = pd.read_csv(test_data / "ibsi" / "ibsi1_reference_values_phantom_A-D.csv")
    theirs = published.dropna(subset="ibsi_code").groupby("tag")["ibsi_code"].first()
    ours = reference_values().groupby("tag")["ibsi_code"].first()
    assert ours.loc[list(MISPRINTS)].tolist() == [code for _, code in MISPRINTS.values()]
    both = sorted(set(theirs.index) & set(ours.index))
    assert len(both) > 400
    different = [
        (tag, theirs[tag], ours[tag])
        for tag in both
        if (theirs[tag], ours[tag]) != MISPRINTS.get(tag, (ours[tag], ours[tag]))
    ]
    assert different == []


def test_codes_are_those_of_the_reference() -> None:
    table = reference_values()
    codes = {(r.family, r.feature): r.ibsi_code for r in table.itertuples()}
    for d in family_definitions():
        assert codes[d.feature_class, d.feature] == d.ibsi_code
        assert d.unit
        assert d.description


def test_an_unknown_family_is_named() -> None:
    with pytest.raises(ConfigError, match=r"not a family of IBSI; found glcm.*ngldm"):
        family_columns(["glcm"])


def test_scale_of_the_volume_histogram_follows_the_units() -> None:
    assert study_processing(rounding=True, bin_width=25.0).ivh_scale == "discrete"
    continuous = study_processing(bin_width=25.0)
    assert (continuous.ivh_scale, continuous.ivh_step) == ("continuous", 2.5)
    assert study_processing(bin_count=32).ivh_scale == "arbitrary"


def test_resegmentation_leaves_the_shape_and_changes_the_intensities() -> None:
    image, mask = digital_phantom()
    whole = ibsi_features(image, mask, DIGITAL, FAMILIES)
    limited = study_processing(limits=(1.0, 4.0), bin_width=1.0, rounding=True)
    part = ibsi_features(image, mask, limited, FAMILIES)
    assert part["morphology__Compactness1"] == whole["morphology__Compactness1"]
    assert part["histogram__Maximum"] == 4
    assert whole["histogram__Maximum"] == 6
    assert part["gldzm__ZonePercentage"] != whole["gldzm__ZonePercentage"]


def test_levels_of_an_arbitrary_scale_span_the_histogram() -> None:
    image, mask = digital_phantom()
    found = ibsi_features(image, mask, study_processing(bin_count=6), ["ivh"])
    # Levels 1, 400, 600 and 1000 of 1,000 bins; seven of 74 voxels are brightest.
    assert found["ivh__VolumeAtIntensity90"] == pytest.approx(7 / 74)
    assert 600 < found["ivh__IntensityAtVolume10"] <= 1000


def test_values_do_not_depend_on_what_surrounds_the_region() -> None:
    image, mask = digital_phantom()
    padded = [sitk.ConstantPad(each, (3, 4, 5), (2, 1, 6), 0) for each in (image, mask)]
    families = [family for family in FAMILIES if family != "local_intensity"]
    whole = ibsi_features(*padded, DIGITAL, families)
    # Transforms of another length round differently.
    assert whole == pytest.approx(ibsi_features(image, mask, DIGITAL, families), rel=1e-9)


def test_a_tiny_region_has_finite_or_missing_values_and_never_fails() -> None:
    image = sitk.GetImageFromArray(np.arange(27.0).reshape(3, 3, 3))
    voxels = np.zeros((3, 3, 3), dtype=np.uint8)
    voxels[1, 1, 1] = 1
    mask = sitk.GetImageFromArray(voxels)
    found = ibsi_features(image, mask, study_processing(bin_count=4), FAMILIES)
    assert found["morphology__MoranI"] != found["morphology__MoranI"]
    assert found["gldzm__ZonePercentage"] == 1
    assert not any(math.isinf(value) for value in found.values())


def test_same_input_gives_the_same_bits() -> None:
    image, mask = digital_phantom()
    first = ibsi_features(image, mask, DIGITAL, FAMILIES)
    assert first == ibsi_features(image, mask, DIGITAL, FAMILIES)
    assert prepare(image, mask, DIGITAL).levels.dtype == np.int64
