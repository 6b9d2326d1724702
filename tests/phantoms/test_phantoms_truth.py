from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.errors import RadpipeError
from radpipe.io.images import array_of, image_like, read_image, write_image
from radpipe.io.tables import read_table, write_table
from radpipe.phantoms.truth import (
    Found,
    field_correlation,
    score_truth,
    target_registration_error,
)

CASES = ["dev001", "dev002", "dev003"]


@pytest.fixture
def cases(tiny_cohort) -> pd.DataFrame:
    sheet = read_table(tiny_cohort / "cases.tsv")
    return sheet[~sheet["case"].str.startswith("bad")]


def _value(table: pd.DataFrame, measure: str) -> float:
    return float(table.loc[table["measure"] == measure, "value"].iloc[0])


def _met(table: pd.DataFrame, measure: str) -> bool:
    return bool(table.loc[table["measure"] == measure, "met"].iloc[0])


def _moved_transforms(tiny_cohort: Path, folder: Path, shifts_mm: list[float]) -> dict:
    """The true transforms, each followed by a shift along x."""
    files = {}
    for case, shift in zip(CASES, shifts_mm, strict=True):
        true = sitk.ReadTransform(str(tiny_cohort / f"truth/transforms/{case}/FLAIR.tfm"))
        both = sitk.CompositeTransform([sitk.TranslationTransform(3, (shift, 0.0, 0.0)), true])
        files[case, "FLAIR"] = folder / f"{case}.tfm"
        sitk.WriteTransform(both, str(files[case, "FLAIR"]))
    return files


def test_error_of_a_shift_is_its_length():
    points = np.array([[0.0, 0.0, 0.0], [10.0, -20.0, 30.0]])
    estimated = sitk.TranslationTransform(3, (3.0, 4.0, 0.0))
    found = target_registration_error(estimated, sitk.Transform(3, sitk.sitkIdentity), points)
    np.testing.assert_allclose(found, [5.0, 5.0])


def test_error_of_a_rotation_grows_with_the_distance_from_its_centre():
    quarter = sitk.Euler3DTransform()
    quarter.SetRotation(0.0, 0.0, np.pi / 2)
    points = np.array([[0.0, 0.0, 7.0], [1.0, 0.0, 0.0], [2.0, 0.0, 0.0]])
    found = target_registration_error(quarter, sitk.Transform(3, sitk.sitkIdentity), points)
    np.testing.assert_allclose(found, [0.0, np.sqrt(2), 2 * np.sqrt(2)], atol=1e-12)


def test_registration_is_judged_in_voxels(tiny_cohort, tmp_path, cases):
    # Voxels of 5 mm: the median must be below 5 mm, the worst case below 10 mm.
    files = _moved_transforms(tiny_cohort, tmp_path, [1.0, 4.0, 11.0])
    table, details = score_truth(cases, truth=tiny_cohort / "truth", found=Found(transforms=files))
    measure = "target_registration_error_mm_FLAIR"
    assert _value(table, f"{measure}_median") == pytest.approx(4.0, abs=1e-6)
    assert _value(table, f"{measure}_max") == pytest.approx(11.0, abs=1e-6)
    assert _met(table, f"{measure}_median")
    assert not _met(table, f"{measure}_max")
    assert list(table["goal"]) == ["< 5", "< 10"]
    assert details["value"].tolist() == pytest.approx([1.0, 4.0, 11.0])


def test_dividing_by_the_true_field_correlates_perfectly(tiny_cohort):
    image = read_image(tiny_cohort / "images/dev001/T1w.nii.gz")
    bias = read_image(tiny_cohort / "truth/bias/dev001/T1w.nii.gz")
    corrected = image_like(array_of(image) / array_of(bias), image)
    assert field_correlation(image, corrected, bias) == pytest.approx(1.0, abs=1e-4)
    upside_down = image_like(array_of(image) * array_of(bias), image)
    assert field_correlation(image, upside_down, bias) == pytest.approx(-1.0, abs=1e-4)


def test_no_correction_knows_nothing_of_the_field(tiny_cohort):
    image = read_image(tiny_cohort / "images/dev001/T1w.nii.gz")
    bias = read_image(tiny_cohort / "truth/bias/dev001/T1w.nii.gz")
    assert field_correlation(image, image, bias) == 0.0


def test_fields_are_judged_by_their_mean_over_all_images(tiny_cohort, tmp_path, cases):
    imported, corrected = {}, {}
    for case, good in zip(CASES, (True, True, False), strict=True):
        path = tiny_cohort / "images" / case / "T1w.nii.gz"
        bias = array_of(read_image(tiny_cohort / f"truth/bias/{case}/T1w.nii.gz"))
        image = read_image(path)
        imported[case, "T1w"] = path
        corrected[case, "T1w"] = tmp_path / f"{case}.nii.gz"
        values = array_of(image) / (bias if good else 1.0)
        write_image(image_like(values, image), corrected[case, "T1w"])
    found = Found(imported=imported, corrected=corrected)
    table, _ = score_truth(cases, truth=tiny_cohort / "truth", found=found)
    assert _value(table, "field_correlation_mean") == pytest.approx(2 / 3, abs=1e-3)
    assert _value(table, "field_correlation_T1w_min") == 0.0
    assert not _met(table, "field_correlation_mean")


def test_dice_counts_development_cases_out_of_fold_only(tiny_cohort, tmp_path, cases):
    rows = [
        ("dev001", "r1f1", "unet", "lesion", 0.9),
        ("dev002", "r1f2", "unet", "lesion", 0.8),
        ("dev001", "final", "unet", "lesion", 0.1),
        ("ext001", "final", "unet", "lesion", 0.2),
    ]
    path = tmp_path / "segmentation.tsv"
    write_table(pd.DataFrame(rows, columns=["case", "fold", "segmenter", "label", "dice"]), path)
    table, details = score_truth(cases, truth=tiny_cohort / "truth", found=Found(segmentation=path))
    assert _value(table, "dice_unet_mean") == pytest.approx(0.85)
    assert _value(table, "dice_unet_min") == pytest.approx(0.8)
    assert _met(table, "dice_unet_mean")
    assert details["case"].tolist() == ["dev001", "dev002"]


def test_auc_stands_beside_the_ceiling_without_a_verdict(tiny_cohort, tmp_path, cases):
    rows = [("volume", "external", "auc", 0.7), ("volume", "external", "brier", 0.2)]
    path = tmp_path / "performance.tsv"
    write_table(pd.DataFrame(rows, columns=["model", "cohort", "metric", "estimate"]), path)
    table, _ = score_truth(cases, truth=tiny_cohort / "truth", found=Found(performance=path))
    assert table["measure"].tolist() == ["auc_volume_external"]
    assert table["goal"].iloc[0].startswith("ceiling ")
    assert table["met"].isna().all()


def test_the_truth_of_another_cohort_is_refused(tiny_cohort):
    cases = pd.DataFrame({"case": ["patient7"], "cohort": ["development"]})
    with pytest.raises(RadpipeError, match=r"another cohort.*no truth for case 'patient7'"):
        score_truth(cases, truth=tiny_cohort / "truth", found=Found())


def test_a_study_that_made_nothing_has_nothing_to_judge(tiny_cohort, cases):
    table, details = score_truth(cases, truth=tiny_cohort / "truth", found=Found())
    assert table.empty
    assert details.empty
