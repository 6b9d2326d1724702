"""Every image is opened: each way in which a file can be bad gets one sentence."""

import gzip
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.io.cases import read_case_sheet
from radpipe.io.checks import check_cases
from radpipe.io.volumes import check_same_grid


def checked(cohort, **changes):
    study = cohort.study(**changes)
    return check_cases(read_case_sheet(study), study)


def reason(cohort, case, **changes):
    """The reason for which exactly this case is set aside; it stops the run where that is asked."""
    usable, exclusions = checked(cohort, **changes)
    assert [e.case for e in exclusions] == [case]
    assert case not in set(usable["case"])
    assert len(usable) == len(cohort.table) - 1
    with pytest.raises(CaseError, match=f"^case '{case}'"):
        checked(cohort, on_bad_case="stop", **changes)
    return exclusions[0].reason


def test_sound_cohort_loses_nobody(cohort):
    usable, exclusions = checked(cohort)
    assert exclusions == []
    assert list(usable["case"]) == list(cohort.table["case"])
    assert {"patient", "site", "cohort"} <= set(usable.columns)


def test_threads_do_not_change_the_answer(cohort):
    (cohort.folder / "c3.nii.gz").unlink()
    study = cohort.study()
    sheet = read_case_sheet(study)
    one, two = (check_cases(sheet, study, threads=n) for n in (1, 2))
    assert one[1] == two[1]
    assert one[0].equals(two[0])


def test_missing_file(cohort):
    (cohort.folder / "c3.nii.gz").unlink()
    assert reason(cohort, "c3") == "file c3.nii.gz: the image file does not exist"


@pytest.mark.parametrize("kept", [0.5, 0.99])
def test_truncated_gzip(cohort, kept):
    file = cohort.folder / "c3.nii.gz"
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * kept)])
    assert "file c3.nii.gz: the image cannot be read; found a truncated or damaged gzip" in reason(
        cohort, "c3"
    )


def test_damaged_gzip(cohort):
    file = cohort.folder / "c3.nii.gz"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 0xFF
    file.write_bytes(bytes(data))
    assert "found a truncated or damaged gzip stream" in reason(cohort, "c3")


@pytest.mark.parametrize("zipped", [True, False])
def test_fewer_voxels_than_the_header_says(cohort, zipped):
    data = gzip.decompress((cohort.folder / "c3.nii.gz").read_bytes())
    short = data[: len(data) - 100]
    name = "short.nii.gz" if zipped else "short.nii"
    (cohort.folder / name).write_bytes(gzip.compress(short) if zipped else short)
    cohort.set("c3", image_T1w=name)
    found = reason(cohort, "c3")
    assert f"found a truncated file of {len(short)} bytes, expected {len(data)} bytes" in found


def test_text_that_calls_itself_nifti(cohort):
    (cohort.folder / "c3.nii.gz").write_bytes(gzip.compress(b"no image at all" * 100))
    assert "file c3.nii.gz: the image cannot be read; found no NIfTI header" in reason(cohort, "c3")


def test_unknown_format(cohort):
    (cohort.folder / "c3.xyz").write_text("no image")
    cohort.set("c3", image_T1w="c3.xyz")
    assert "file c3.xyz: the image cannot be read; found " in reason(cohort, "c3")


def test_four_dimensions(cohort):
    image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
    sitk.WriteImage(sitk.JoinSeries([image, image]), str(cohort.folder / "c3.nii.gz"))
    found = reason(cohort, "c3")
    assert "not a 3-D volume; found 4-D, 10 x 9 x 8 x 2 voxels, expected 3-D" in found


def test_colours(cohort):
    image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
    sitk.WriteImage(sitk.Compose([image, image, image]), str(cohort.folder / "c3.nrrd"))
    cohort.set("c3", image_T1w="c3.nrrd")
    assert "found 3-D, 10 x 9 x 8 voxels, 3 values each" in reason(cohort, "c3")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_number(cohort, write, value):
    image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
    values = sitk.GetArrayFromImage(image)
    values[0, 0, :2] = value
    write(values, cohort.folder / "c3.nii.gz", image)
    found = reason(cohort, "c3")
    assert "found 2 of 720 voxels NaN or infinite, expected finite values" in found


def test_constant_image(cohort, write):
    write(np.full((8, 9, 10), 7, dtype=np.int16), cohort.folder / "c3.nii.gz")
    assert "the image is constant; found the value 7 in every voxel" in reason(cohort, "c3")


class TestMasks:
    def spoil(self, cohort, write, values, **grid):
        image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
        write(values, cohort.folder / "c3_mask.nii.gz", image)
        if grid:
            mask = sitk.ReadImage(str(cohort.folder / "c3_mask.nii.gz"))
            for name, value in grid.items():
                getattr(mask, f"Set{name}")(value)
            sitk.WriteImage(mask, str(cohort.folder / "c3_mask.nii.gz"))
        return reason(cohort, "c3")

    def box(self):
        values = np.zeros((8, 9, 10), dtype=np.uint8)
        values[2:5, 2:5, 2:5] = 1
        return values

    @pytest.mark.parametrize(
        ("grid", "found"),
        [
            ({"Spacing": (2.0, 2.0, 2.5)}, r"spacing \(2, 2, 2.5\), expected \(2, 2, 3\)"),
            ({"Origin": (-5.0, 4.0, 8.0)}, r"origin \(-5, 4, 8\), expected \(-5, 4, 7\)"),
            (
                {"Direction": (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)},
                r"direction \(-1, 0, 0, 0, -1, 0, 0, 0, 1\), expected \(1,",
            ),
        ],
    )
    def test_other_grid(self, cohort, write, grid, found):
        with pytest.raises(CaseError, match=f"on another grid than its image; found {found}"):
            raise CaseError(self.spoil(cohort, write, self.box(), **grid))

    def test_other_size(self, cohort, write):
        write(self.box()[:-1], cohort.folder / "c3_mask.nii.gz")
        found = reason(cohort, "c3")
        assert "file c3_mask.nii.gz: the mask is on another grid than its image" in found
        assert "found size (10, 9, 7), expected (10, 9, 8)" in found

    def test_rounding_of_the_header_is_no_other_grid(self, cohort):
        image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
        mask = sitk.Image(image.GetSize(), sitk.sitkUInt8)
        mask.CopyInformation(image)
        mask.SetOrigin([o + 1e-5 for o in image.GetOrigin()])
        check_same_grid(mask, image, file="mask")

    def test_empty(self, cohort, write):
        found = self.spoil(cohort, write, np.zeros((8, 9, 10), dtype=np.uint8))
        assert "file c3_mask.nii.gz: the mask is empty; found 0 labelled voxels" in found

    def test_one_voxel(self, cohort, write):
        values = np.zeros((8, 9, 10), dtype=np.uint8)
        values[3, 3, 3] = 1
        found = self.spoil(cohort, write, values)
        assert "the mask is a single voxel; found 1 labelled voxels, expected at least 2" in found

    def test_unknown_label(self, cohort, write):
        found = self.spoil(cohort, write, self.box() * 255)
        assert "unknown labels; found values 255, expected 0 and 1 (lesion)" in found

    def test_fractional_label(self, cohort, write):
        found = self.spoil(cohort, write, self.box() * np.float32(0.5))
        assert "the mask is not a label map; found values 0.5" in found

    def test_not_a_number(self, cohort, write):
        values = self.box().astype(np.float32)
        values[0, 0, 0] = np.nan
        assert "the mask has voxels that are not finite" in self.spoil(cohort, write, values)

    def test_whole_numbers_kept_as_floats_are_labels(self, cohort, write):
        image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
        write(self.box().astype(np.float32), cohort.folder / "c3_mask.nii.gz", image)
        assert checked(cohort)[1] == []

    def test_smaller_than_a_voxel_of_the_prepared_grid(self, cohort, write):
        # Two voxels of 2 x 2 x 3 mm are 24 mm3, one of 3 mm is 27.
        values = np.zeros((8, 9, 10), dtype=np.uint8)
        values[3, 3, 3:5] = 1
        image = sitk.ReadImage(str(cohort.folder / "c3.nii.gz"))
        write(values, cohort.folder / "c3_mask.nii.gz", image)
        assert checked(cohort)[1] == []
        found = reason(cohort, "c3", resampling={"spacing_mm": [3, 3, 3]})
        assert "found 24 mm3, expected at least 27 mm3" in found


class TestCopies:
    def copy(self, cohort, source, target):
        data = (cohort.folder / f"{source}.nii.gz").read_bytes()
        (cohort.folder / f"{target}.nii.gz").write_bytes(data)

    def test_copy_of_another_patient(self, cohort):
        self.copy(cohort, "c2", "c5")
        found = reason(cohort, "c5")
        assert "file c5.nii.gz: the image of T1w is a copy of an image of another patient" in found
        assert "found the voxels of case 'c2', patient 'c2'" in found

    def test_another_header_does_not_hide_a_copy(self, cohort):
        image = sitk.ReadImage(str(cohort.folder / "c2.nii.gz"))
        mask = sitk.ReadImage(str(cohort.folder / "c5_mask.nii.gz"))
        for volume, name in ((image, "c5.nii.gz"), (mask, "c5_mask.nii.gz")):
            volume.SetOrigin((0, 0, 0))
            sitk.WriteImage(volume, str(cohort.folder / name))
        assert "is a copy" in reason(cohort, "c5")

    def test_copy_in_the_external_cohort(self, cohort):
        self.copy(cohort, "c2", "c8")
        cohort.set("c8", cohort="hospital")
        assert "is a copy" in reason(cohort, "c8")

    def test_the_same_patient_may_have_an_image_twice(self, cohort):
        self.copy(cohort, "c2", "c4")
        cohort.set("c2", patient="p")
        cohort.set("c4", patient="p")
        assert checked(cohort)[1] == []

    def test_copy_of_an_unusable_case_is_the_one_that_stays(self, cohort):
        self.copy(cohort, "c2", "c5")
        (cohort.folder / "c2_mask.nii.gz").unlink()
        assert "does not exist" in reason(cohort, "c2")


def test_cohort_is_judged_again_after_exclusions(cohort):
    for case in ("c2", "c4", "c6", "c8"):
        (cohort.folder / f"{case}.nii.gz").unlink()
    with pytest.raises(CaseError, match="fewer patients with grade '1' than folds; found 1"):
        checked(cohort)
    (cohort.folder / "c10.nii.gz").unlink()
    with pytest.raises(CaseError, match="one class only; found '0' in all 5"):
        checked(cohort)


def test_no_case_is_left(cohort):
    for file in Path(cohort.folder).glob("c*.nii.gz"):
        file.unlink()
    with pytest.raises(CaseError, match="no usable development case is left"):
        checked(cohort)


def test_reasons_name_no_folder_of_the_machine(cohort):
    (cohort.folder / "c3.nii.gz").unlink()
    _, exclusions = checked(cohort)
    assert str(cohort.folder) not in exclusions[0].reason


class TestAMissingModality:
    @pytest.fixture
    def without_flair(self, cohort):
        """Case c1 has no FLAIR; the others have a second image."""
        for number, case in enumerate(cohort.table["case"]):
            image = sitk.ReadImage(str(cohort.folder / f"{case}.nii.gz")) * (1.5 + number)
            sitk.WriteImage(image, str(cohort.folder / f"{case}_flair.nii.gz"))
            cohort.set(case, image_FLAIR="" if case == "c1" else f"{case}_flair.nii.gz")
        return cohort

    def test_excludes_the_case_as_a_rule(self, without_flair):
        study = without_flair.study(images={"modalities": ["T1w", "FLAIR"]})
        _, exclusions = check_cases(read_case_sheet(study), study)
        assert [e.case for e in exclusions] == ["c1"]
        assert "image_FLAIR" in exclusions[0].reason

    def test_may_be_left_blank(self, without_flair):
        study = without_flair.study(images={"modalities": ["T1w", "FLAIR"], "missing": "zero"})
        sheet = read_case_sheet(study)
        _, exclusions = check_cases(sheet, study)
        assert exclusions == []
        assert sheet.missing("c1") == ["FLAIR"]
        assert sheet.missing("c2") == []

    def test_must_not_be_the_reference(self, without_flair):
        images = {"modalities": ["T1w", "FLAIR"], "reference": "FLAIR", "missing": "zero"}
        study = without_flair.study(images=images)
        _, exclusions = check_cases(read_case_sheet(study), study)
        assert [e.case for e in exclusions] == ["c1"]
