"""The certificate: every feature of IBSI-1 within the tolerance; and it can fail."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from radpipe import cli
from radpipe.errors import CaseError, RadpipeError
from radpipe.features import certificate as module
from radpipe.features.certificate import (
    CERTIFICATE_COLUMNS,
    DEVIATIONS,
    LEAST_AGREEMENT,
    OUTSIDE,
    PYRADIOMICS,
    RADPIPE,
    Certificate,
    certify,
    make_certificate,
    reference_values,
    unexplained,
    verdict_of,
    write_certificate,
)
from radpipe.features.dictionary import definitions
from radpipe.features.ibsi.measurement import Processing, prepare
from radpipe.features.ibsi.phantoms import CONFIGURATIONS, DIGITAL, ct_phantom, digital_phantom
from radpipe.features.ibsi.sarcomas import (
    COMPARISON_COLUMNS,
    OTHER_TEAMS,
    _with_verdicts,
    agreement_shares,
)


@pytest.fixture(scope="module")
def digital() -> pd.DataFrame:
    return certify()


def outside(values: pd.DataFrame) -> list[str]:
    rows = unexplained(values)
    return [
        f"{row.implementation} {row.configuration} {row.family} {row.aggregation} {row.feature}: "
        f"{row.value} for {row.reference} ± {row.tolerance}"
        for row in rows.itertuples()
    ]


def test_radpipe_is_within_the_tolerance_of_every_value_of_the_digital_phantom(
    digital: pd.DataFrame,
) -> None:
    own = digital[digital["implementation"] == RADPIPE]
    assert outside(own) == []
    assert (own["verdict"] == "within").sum() == 482
    assert sorted(own.loc[own["verdict"] == "no reference", "feature"]) == [
        "AreaDensityEnclosingEllipsoid",
        "AreaDensityOrientedBox",
        "AreaUnderCurve",
        "VolumeDensityEnclosingEllipsoid",
        "VolumeDensityOrientedBox",
    ]


def test_the_extraction_of_a_study_is_within_it_or_the_reason_is_known(
    digital: pd.DataFrame,
) -> None:
    extracted = digital[digital["implementation"] == PYRADIOMICS]
    assert outside(extracted) == []
    listed = {feature for deviation in DEVIATIONS for feature in deviation.features}
    assert set(extracted.loc[extracted["verdict"] == OUTSIDE, "feature"]) == listed


def test_every_feature_of_pyradiomics_that_ibsi_defines_is_certified(
    digital: pd.DataFrame,
) -> None:
    codes = set(digital.loc[digital["implementation"] == PYRADIOMICS, "ibsi_code"])
    assert {d.ibsi_code for d in definitions() if d.ibsi_code} - codes == set()


def test_configurations_of_the_ct_phantom_are_within_the_tolerance(test_data: Path) -> None:
    values = certify(test_data)
    assert outside(values) == []
    counts = values[values["verdict"] == "within"].groupby("configuration").size()
    # Own values and those of the extraction: 406 + 254 in slices, 270 + 141 in the volume.
    assert counts.loc[["A", "B", "C", "D"]].tolist() == [660, 660, 411, 411]


@pytest.mark.slow
def test_features_of_sarcomas_agree_with_nine_teams(test_data: Path) -> None:
    comparison = make_certificate(test_data).comparison
    assert comparison is not None
    shares = agreement_shares(comparison)
    print(f"agreement with nine teams: {shares}")
    assert {name for name, _ in shares} == {RADPIPE, PYRADIOMICS}
    assert {teams for _, teams in shares} == {"nine teams", "eight teams"}
    assert min(shares.values()) >= LEAST_AGREEMENT
    assert comparison["consensus"].sum() > 2000


def test_reference_is_complete() -> None:
    table = reference_values()
    assert table["configuration"].value_counts().to_dict() == {
        **{"digital": 487, "A": 411, "B": 411, "C": 275, "D": 275}
    }
    assert table["ibsi_code"].str.fullmatch("[0-9A-Z]{4}")[table["family"] != "diagnostics"].all()
    key = ["configuration", "family", "aggregation", "feature"]
    assert not table.duplicated(key).any()


@pytest.mark.parametrize(
    ("value", "reference", "tolerance", "expected"),
    [
        (2.154, 2.15, 0.0, "within"),
        (2.1551, 2.15, 0.0, "outside"),
        (0.0397, 0.04, 0.0003, "within"),
        (0.0396, 0.04, 0.0003, "outside"),
        (45990.0, 45985.0, 0.0, "outside"),
        (0.001, 0.0, 0.0, "outside"),
        (1.0, math.nan, math.nan, "no reference"),
        (math.nan, 1.0, 0.1, "outside"),
    ],
)
def test_verdict(value: float, reference: float, tolerance: float, expected: str) -> None:
    assert verdict_of(value, reference, tolerance) == expected


def test_a_wrong_value_fails_the_certificate(
    digital: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Certificate(digital, None).passed
    right = module.measure

    def wrong(prepared: object) -> object:
        values = right(prepared)
        values["morphology", ""]["MoranI"] *= 1.05
        return values

    monkeypatch.setattr(module, "measure", wrong)
    values = certify()
    assert unexplained(values)["feature"].tolist() == ["MoranI"]
    failed = Certificate(values, None)
    assert not failed.passed
    assert "MoranI" in failed.summary()
    assert "no known reason" in failed.summary()
    result = CliRunner().invoke(cli.app, ["certify"], env={"RADPIPE_TEST_DATA": None})
    assert result.exit_code == 1


def test_too_little_agreement_fails_the_certificate(digital: pd.DataFrame) -> None:
    row = dict.fromkeys(COMPARISON_COLUMNS, "") | {"value": 1.0, "median": 2.0, "teams": 3}
    row |= {"implementation": RADPIPE, "consensus": True, "consensus_of_others": True}
    rows = [row | {"agrees": k < 9, "agrees_with_others": True} for k in range(10)]
    comparison = pd.DataFrame(rows)
    assert agreement_shares(comparison) == {
        (RADPIPE, "nine teams"): 0.9,
        (RADPIPE, "eight teams"): 1.0,
    }
    assert not Certificate(digital, comparison).passed
    assert "90.00%" in Certificate(digital, comparison).summary()


def test_consensus_is_that_of_most_teams_with_and_without_pyradiomics() -> None:
    # Of tag 1 three teams of three agree; of tag 2 two of three, of which one used pyradiomics.
    given = {
        **{"oncoray": [10.0, 10.0], "cardiff": [10.05, 20.0], "pyradiomics": [10.0, 10.0]},
        **{"value": [10.0, 10.0], "median": [10.0, 10.0], "teams": 3, "teams_within": [3, 2]},
    }
    table = pd.DataFrame(given).reindex(columns=[*given, *(set(OTHER_TEAMS) - set(given))])
    found = _with_verdicts(table)
    assert found["consensus"].tolist() == [True, True]
    assert found["agrees"].tolist() == [True, True]
    assert found["consensus_of_others"].tolist() == [False, False], "two teams are too few"
    assert found["agrees_with_others"].tolist() == [True, False], "their median is 15"


def test_archive_holds_every_value_and_the_versions(digital: pd.DataFrame, tmp_path: Path) -> None:
    write_certificate(Certificate(digital, None), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ibsi.md", "ibsi.tsv"}
    page = (tmp_path / "ibsi.md").read_text(encoding="utf-8")
    assert "| digital phantom | radpipe | 482 | 0 | 5 |" in page
    assert "divides second moments by n" in page
    assert "pyradiomics 3.0.1" in page
    assert "|  | MeshVolume | RNU0 | 556.333 | 556.333 | 556 | 4 | within |" in page
    values = pd.read_csv(tmp_path / "ibsi.tsv", sep="\t")
    assert list(values.columns) == list(CERTIFICATE_COLUMNS)
    assert len(values) == len(digital)


def test_command_prints_and_archives(tmp_path: Path) -> None:
    arguments = ["certify", "--out", str(tmp_path)]
    result = CliRunner().invoke(cli.app, arguments, env={"RADPIPE_TEST_DATA": None})
    assert result.exit_code == 0, result.output
    assert "| digital phantom | radpipe | 482 | 0 | 5 |" in result.output
    assert (tmp_path / "ibsi.md").is_file()


def test_data_without_the_phantom_is_said(tmp_path: Path) -> None:
    assert set(make_certificate(tmp_path).values["configuration"]) == {"digital"}
    with pytest.raises(CaseError, match="IBSI CT phantom"):
        ct_phantom(tmp_path)


def test_digital_phantom_is_that_of_ibsi(test_data: Path) -> None:
    folder = test_data / "ibsi" / "data_sets" / "ibsi_1_digital_phantom" / "nifti"
    for found, name in zip(digital_phantom(), ("image/phantom", "mask/mask"), strict=True):
        read = module.sitk.ReadImage(str(folder / f"{name}.nii.gz"))
        expected = module.sitk.GetArrayFromImage(read)
        assert (module.sitk.GetArrayFromImage(found) == expected).all()
        assert found.GetSpacing() == read.GetSpacing()


def test_processing_that_leaves_nothing_is_said() -> None:
    image, mask = digital_phantom()
    with pytest.raises(RadpipeError, match="re-segmentation leaves no voxel"):
        _ = prepare(image, mask, Processing(limits=(50.0, None))).intensity_region
    with pytest.raises(RadpipeError, match="the mask is empty"):
        prepare(image, mask * 0, DIGITAL)
    with pytest.raises(RadpipeError, match="neither a bin width nor a bin number"):
        _ = prepare(image, mask, Processing()).levels


def test_configurations_are_those_of_the_manual() -> None:
    sized = {name for name, processing in CONFIGURATIONS.items() if processing.bin_width == 25}
    flat = {name for name, processing in CONFIGURATIONS.items() if processing.dimension == "2D"}
    assert (sized, flat) == ({"A", "C"}, {"A", "B"})
    prepared = prepare(*digital_phantom(), DIGITAL)
    assert np.unique(prepared.levels).tolist() == [0, 1, 3, 4, 6]
