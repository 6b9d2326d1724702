"""The case sheet: what its text alone can tell."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radpipe.config import Outcome
from radpipe.errors import CaseError
from radpipe.io.cases import needs_mask, read_case_sheet, row_faults
from radpipe.io.outcomes import outcome_values


def test_sheet_names_files_relative_to_itself(cohort, tmp_path):
    sheet = read_case_sheet(cohort.study())
    assert sheet.cases == [f"c{i}" for i in range(1, 11)]
    assert sheet.image("c2", "T1w") == tmp_path / "c2.nii.gz"
    assert sheet.mask("c2") == tmp_path / "c2_mask.nii.gz"
    assert sheet.files("c2") == [tmp_path / "c2.nii.gz", tmp_path / "c2_mask.nii.gz"]


def test_patient_cohort_and_site_have_defaults(cohort):
    cohort.set("c1", patient="p9")
    table = read_case_sheet(cohort.study()).table
    assert list(table["patient"][:3]) == ["p9", "c2", "c3"]
    assert set(table["cohort"]) == {"development"}
    assert set(table["site"]) == {""}


def test_sites_are_those_of_the_development_cohort(cohort):
    assert read_case_sheet(cohort.study()).sites == []
    for case, site in (("c1", "B"), ("c2", "A"), ("c3", "B"), ("c4", "far")):
        cohort.set(case, site=site)
    cohort.set("c4", cohort="external")
    assert read_case_sheet(cohort.study()).sites == ["A", "B"]


def test_cells_stay_text(cohort):
    cohort.table["case"] = [f"00{i}" for i in range(1, 11)]
    assert read_case_sheet(cohort.study()).cases[0] == "001"


def test_mask_is_not_asked_for_where_nothing_uses_it(cohort):
    cohort.table = cohort.table.drop(columns="mask")
    study = cohort.study(features={}, models=[])
    sheet = read_case_sheet(study)
    assert sheet.mask("c1") is None
    assert sheet.files("c1") == [sheet.root / "c1.nii.gz"]


def test_mask_of_the_reference_modality_is_found(cohort):
    cohort.table = cohort.table.rename(columns={"mask": "mask_T1w"})
    assert read_case_sheet(cohort.study()).mask("c1") is not None


def test_external_cases_need_a_mask_only_if_masks_are_drawn(cohort):
    drawn = cohort.study()
    segmented = cohort.study(
        segmentation={"mask_source": "net", "segmenters": [{"name": "net"}]},
    )
    assert needs_mask(drawn, "development")
    assert needs_mask(drawn, "external")
    assert needs_mask(segmented, "development")
    assert not needs_mask(segmented, "external")


class TestFaultsOfTheSheet:
    def test_missing_file(self, cohort):
        study = cohort.study()
        cohort.sheet.unlink()
        with pytest.raises(CaseError, match=r"file .*cases.tsv: the case sheet does not exist"):
            read_case_sheet(study)

    def test_commas(self, cohort):
        study = cohort.study()
        cohort.table.to_csv(cohort.sheet, index=False)
        with pytest.raises(CaseError, match="not tab-separated; found case,image_T1w"):
            read_case_sheet(study)

    def test_binary_file(self, cohort):
        study = cohort.study()
        cohort.sheet.write_bytes(b"\xff\xfe\x00\x01case")
        with pytest.raises(CaseError, match=r"cannot be read; found .*expected a tab-separated"):
            read_case_sheet(study)

    def test_no_cases(self, cohort):
        study = cohort.study()
        cohort.sheet.write_text("case\tmask\n")
        with pytest.raises(CaseError, match="has no cases; found 1 line"):
            read_case_sheet(study)

    def test_ragged_row(self, cohort):
        study = cohort.study()
        with cohort.sheet.open("a") as stream:
            stream.write("c99\tx.nii.gz\n")
        with pytest.raises(CaseError, match=r"row 12 .* found 2 cells, expected 5"):
            read_case_sheet(study)

    @pytest.mark.parametrize(
        ("column", "typo"), [("image_T1w", "image_T1"), ("grade", "Grade"), ("age", "age_y")]
    )
    def test_missing_column_names_the_nearest(self, cohort, column, typo):
        cohort.table = cohort.table.rename(columns={column: typo})
        with pytest.raises(CaseError, match=f"'{column}' is missing.*did you mean '{typo}'"):
            read_case_sheet(cohort.study())

    def test_missing_mask_column(self, cohort):
        cohort.table = cohort.table.drop(columns="mask")
        with pytest.raises(CaseError, match="column 'mask' is missing in the case sheet"):
            read_case_sheet(cohort.study())

    def test_column_twice(self, cohort):
        cohort.table.insert(0, "case", cohort.table["case"], allow_duplicates=True)
        with pytest.raises(CaseError, match="column 'case' is there twice"):
            read_case_sheet(cohort.study())

    @pytest.mark.parametrize("twin", ["c1", "C1"])
    def test_duplicate_case(self, cohort, twin):
        cohort.table.loc[3, "case"] = twin
        with pytest.raises(CaseError, match=f"case '{twin}'.*more than once.*rows 2, 5"):
            read_case_sheet(cohort.study())

    @pytest.mark.parametrize("name", ["a/b", "a\\b", "..", "../x", ".hidden", "-x", "a b", "é"])
    def test_case_id_that_cannot_name_a_folder(self, cohort, name):
        cohort.table.loc[3, "case"] = name
        with pytest.raises(CaseError, match=r"cannot name a folder; found '.*' in row 5"):
            read_case_sheet(cohort.study())

    def test_case_without_id(self, cohort):
        cohort.table.loc[3, "case"] = ""
        with pytest.raises(CaseError, match="a case has no id; found an empty cell in row 5"):
            read_case_sheet(cohort.study())

    def test_patient_in_two_cohorts(self, cohort):
        cohort.set("c1", patient="p", cohort="development")
        cohort.set("c2", patient="p", cohort="other")
        with pytest.raises(CaseError, match=r"patient 'p' is in two cohorts.*development, other"):
            read_case_sheet(cohort.study())

    def test_one_class_only(self, cohort):
        cohort.table["grade"] = "0"
        with pytest.raises(CaseError, match="one class only; found '0' in all 10 development"):
            read_case_sheet(cohort.study())

    def test_three_values_of_a_binary_outcome(self, cohort):
        cohort.set("c1", grade="2")
        with pytest.raises(CaseError, match="'grade' has 3 values; found '0', '1', '2'"):
            read_case_sheet(cohort.study())

    def test_positive_value_that_never_occurs(self, cohort):
        cohort.table["grade"] = ["low", "high"] * 5
        with pytest.raises(CaseError, match=r"found 'high', 'low'.* two values, one of them '1'"):
            read_case_sheet(cohort.study())

    def test_fewer_patients_than_folds(self, cohort):
        with pytest.raises(CaseError, match=r"fewer patients than folds; found 10.*at least 11"):
            read_case_sheet(cohort.study(splits={"folds": 11}))

    def test_fewer_patients_of_a_class_than_folds(self, cohort):
        match = "fewer patients with grade '0' than folds; found 5.*at least 6"
        with pytest.raises(CaseError, match=match):
            read_case_sheet(cohort.study(splits={"folds": 6, "inner_folds": 2}))

    def test_cases_of_one_patient_count_once(self, cohort):
        for case in ("c1", "c3", "c5", "c7", "c9"):
            cohort.set(case, patient="p")
        with pytest.raises(CaseError, match="grade '0' than folds; found 1 in"):
            read_case_sheet(cohort.study())

    def test_too_few_for_the_inner_folds(self, cohort):
        # Five of a class in two folds leave two in a training part.
        with pytest.raises(CaseError, match="than inner folds; found 2 of 5, expected at least 3"):
            read_case_sheet(cohort.study(splits={"folds": 2, "inner_folds": 3}))


class TestFaultsOfARow:
    @pytest.mark.parametrize(
        ("column", "cell", "match"),
        [
            ("image_T1w", "", "found an empty cell, expected a value in column 'image_T1w'"),
            ("mask", "", "found an empty cell, expected a value in column 'mask'"),
            ("grade", "n/a", "found an empty cell, expected a value in column 'grade'"),
            ("grade", "high", "found non-numeric 'high' in column 'grade', expected '0' or '1'"),
        ],
    )
    def test_fault_stops_or_waits_for_the_check(self, cohort, column, cell, match):
        cohort.set("c3", **{column: cell})
        with pytest.raises(CaseError, match=f"^case 'c3': file cases.tsv.*{match}"):
            read_case_sheet(cohort.study(on_bad_case="stop"))
        study = cohort.study(on_bad_case="exclude")
        (fault,) = row_faults(read_case_sheet(study), study)
        assert fault.case == "c3"
        assert match in fault.reason

    def test_number_of_other_faults_is_told(self, cohort):
        cohort.set("c3", mask="")
        cohort.set("c4", mask="")
        with pytest.raises(CaseError, match="and 1 more case cannot be used"):
            read_case_sheet(cohort.study(on_bad_case="stop"))

    def test_external_case_needs_no_outcome(self, cohort):
        cohort.set("c8", cohort="hospital", grade="")
        study = cohort.study(on_bad_case="stop")
        assert "c8" in read_case_sheet(study).cases

    def test_external_outcome_is_one_of_the_two(self, cohort):
        cohort.set("c8", cohort="hospital", grade="3")
        with pytest.raises(CaseError, match=r"case 'c8'.*found unknown value '3'"):
            read_case_sheet(cohort.study(on_bad_case="stop"))

    def test_image_that_is_not_named(self, cohort):
        cohort.set("c3", image_T1w="")
        sheet = read_case_sheet(cohort.study())
        with pytest.raises(CaseError, match=r"case 'c3', file .*: no image of T1w is named"):
            sheet.image("c3", "T1w")

    def test_unknown_case(self, cohort):
        with pytest.raises(CaseError, match=r"case 'x', file .*not in the case sheet"):
            read_case_sheet(cohort.study()).image("x", "T1w")


@pytest.mark.parametrize(
    ("column", "positive"),
    [
        (["1", "0", ""], 1),
        (["1.0", "0", ""], "1"),
        ([1, 0, np.nan], 1),
        ([1.0, 0.0, None], "1.0"),
        (["high", "low", ""], "high"),
    ],
)
def test_outcome_values_do_not_depend_on_the_spelling(column, positive):
    table = pd.DataFrame({"y": column})
    values = outcome_values(table, Outcome(column="y", positive=positive))
    np.testing.assert_array_equal(values, [1.0, 0.0, np.nan])


def test_sheet_with_byte_order_mark_and_blank_lines(cohort):
    study = cohort.study()
    text = Path(study.cases).read_text()
    Path(study.cases).write_text("\ufeff" + text + "\n\n", encoding="utf-8")
    assert len(read_case_sheet(study).cases) == 10
