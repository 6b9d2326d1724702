from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.errors import ConfigError
from radpipe.io.files import read_json, sha256
from radpipe.io.images import array_of, labels_of, read_image
from radpipe.io.tables import read_table
from radpipe.phantoms.cohort import CaseKey, CohortSpec, make_cohort
from radpipe.phantoms.outcomes import auc


def _sheet(folder: Path) -> pd.DataFrame:
    return read_table(folder / "cases.tsv")


def _good(folder: Path) -> pd.DataFrame:
    sheet = _sheet(folder)
    return sheet[~sheet["case"].str.startswith("bad")]


def _hashes(folder: Path) -> dict[str, str]:
    return {str(p.relative_to(folder)): sha256(p) for p in sorted(folder.rglob("*")) if p.is_file()}


def test_the_sheet_has_the_promised_columns_and_rows(tiny_cohort):
    sheet = _sheet(tiny_cohort)
    assert list(sheet.columns) == [
        *("case", "patient", "site", "cohort", "image_T1w", "image_FLAIR", "mask"),
        *("age", "sex", "high_grade", "grade", "burden", "time", "event"),
    ]
    good = _good(tiny_cohort)
    assert good["cohort"].value_counts().to_dict() == {"development": 16, "external": 6}
    assert len(sheet) == 22 + 4
    assert set(good["site"]) == {"north", "south"}
    assert set(good["high_grade"]) == {0, 1}
    for column in ("image_T1w", "image_FLAIR", "mask"):
        assert all((tiny_cohort / name).is_file() for name in sheet[column])


def test_a_second_examination_shares_patient_and_outcome_but_not_its_image(tiny_cohort):
    good = _good(tiny_cohort).set_index("case")
    first, second = good.loc["dev009"], good.loc["dev010"]
    assert first["patient"] == second["patient"] == "P-dev009"
    assert first["time"] == second["time"]
    assert sha256(tiny_cohort / first["image_T1w"]) != sha256(tiny_cohort / second["image_T1w"])
    assert good["patient"].nunique() == len(good) - 1


def test_patients_are_counted_without_second_examinations():
    keys = [CaseKey("development", i) for i in range(21)]
    assert [k.patient_index for k in keys[7:12]] == [7, 8, 8, 9, 10]
    assert [k.case for k in keys if k.follow_up] == ["dev010", "dev020"]


def test_images_are_zero_outside_the_brain_and_masks_lie_inside(tiny_cohort):
    for row in _good(tiny_cohort).itertuples():
        image = read_image(tiny_cohort / row.image_T1w)
        mask = read_image(tiny_cohort / row.mask)
        brain = labels_of(read_image(tiny_cohort / "truth" / "brain" / f"{row.case}.nii.gz"))
        assert mask.GetSize() == image.GetSize()
        assert mask.GetOrigin() == pytest.approx(image.GetOrigin())
        np.testing.assert_array_equal(array_of(image) > 0, brain > 0)
        assert not (labels_of(mask)[brain == 0]).any()
        volume_ml = labels_of(mask).sum() * 0.125
        assert 2.5 <= volume_ml <= 42.0


def test_the_true_transform_brings_the_bright_lesion_of_flair_onto_the_mask(tiny_cohort):
    for row in _good(tiny_cohort).iloc[:6].itertuples():
        reference, flair = (read_image(tiny_cohort / p) for p in (row.image_T1w, row.image_FLAIR))
        inside = labels_of(read_image(tiny_cohort / row.mask)) > 0
        brain = (array_of(reference) > 0) & ~inside
        truth = tiny_cohort / "truth"
        bias = read_image(truth / "bias" / row.case / "FLAIR.nii.gz")
        transform = sitk.ReadTransform(str(truth / "transforms" / row.case / "FLAIR.tfm"))
        plain = sitk.Cast(flair, sitk.sitkFloat32) / bias
        aligned = array_of(sitk.Resample(plain, reference, transform, sitk.sitkLinear))
        assert np.median(aligned[inside]) > 1.4 * np.median(aligned[brain])
        found = auc(inside[inside | brain], aligned[inside | brain])
        assert found is not None
        assert found > 0.97


def test_flair_has_its_own_grid_and_the_sites_differ_in_slices(tiny_cohort):
    good = _good(tiny_cohort).set_index("site")
    thick = {
        site: read_image(tiny_cohort / good.loc[site, "image_FLAIR"].iloc[0]).GetSpacing()[2]
        for site in ("north", "south")
    }
    assert thick == pytest.approx({"north": 5.0, "south": 7.0})


def test_the_bias_field_has_mean_log_zero_and_differs_between_modalities(tiny_cohort):
    fields = []
    for modality in ("T1w", "FLAIR"):
        image = array_of(read_image(tiny_cohort / "images" / "dev001" / f"{modality}.nii.gz"))
        path = tiny_cohort / "truth" / "bias" / "dev001" / f"{modality}.nii.gz"
        log_bias = np.log(array_of(read_image(path)))[image > 0]
        assert log_bias.mean() == pytest.approx(0.0, abs=1e-3)
        assert 0.15 < log_bias.std() < 0.30
        fields.append(log_bias)
    assert not np.array_equal(fields[0][:100], fields[1][:100])


def test_the_truth_names_its_seed_and_ceilings(tiny_cohort):
    content = read_json(tiny_cohort / "truth" / "truth.json")
    latent = read_table(tiny_cohort / "truth" / "latent.tsv")
    both = _good(tiny_cohort).merge(latent[["case", "latent"]], on="case")
    for cohort, rows in both.groupby("cohort"):
        expected = auc(rows["high_grade"].to_numpy(), rows["latent"].to_numpy())
        assert content["ceiling_auc"][cohort] == pytest.approx(expected)
    assert content["seed"] == content["spec"]["seed"] == 2026
    assert sorted(content["faults"]) == ["bad001", "bad002", "bad003", "bad004"]


def test_equal_specs_give_equal_bytes_and_other_seeds_do_not(tmp_path):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        make_cohort(tmp_path / name, CohortSpec(3, 0, 6.0, seed))
    first, second, other = (_hashes(tmp_path / name) for name in "abc")
    assert first == second
    assert first["images/dev001/T1w.nii.gz"] != other["images/dev001/T1w.nii.gz"]


def test_the_number_of_cases_does_not_change_a_case(tmp_path):
    make_cohort(tmp_path / "few", CohortSpec(3, 0, 6.0, 5))
    make_cohort(tmp_path / "more", CohortSpec(4, 1, 6.0, 5))
    few, more = (_sheet(tmp_path / name).set_index("case") for name in ("few", "more"))
    pd.testing.assert_frame_equal(few, more.loc[few.index])
    more_files = _hashes(tmp_path / "more")
    same = {k: v for k, v in _hashes(tmp_path / "few").items() if Path(k).parts[0] == "images"}
    assert same.items() <= more_files.items()


def test_a_null_cohort_has_the_same_images_and_other_outcomes(tmp_path):
    for effect in ("signal", "null"):
        make_cohort(tmp_path / effect, CohortSpec(3, 0, 6.0, 5, effect))
    signal, null = (_sheet(tmp_path / e) for e in ("signal", "null"))
    files = [_hashes(tmp_path / e / "images") for e in ("signal", "null")]
    assert files[0] == files[1]
    assert not np.allclose(signal["burden"], null["burden"])
    pd.testing.assert_series_equal(signal["age"], null["age"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"development": 2}, "too few development cases; found 2, expected 3 or more"),
        ({"external": -1}, "too few external cases"),
        ({"spacing_mm": 9.0}, "lesions of 3 ml cannot be drawn; found 9 mm, expected 1 to 6 mm"),
    ],
)
def test_a_cohort_that_cannot_be_is_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        CohortSpec(**changes)
