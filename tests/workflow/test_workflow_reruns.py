"""What is run again when one thing changes: that, and what depends on it."""

import shutil
from pathlib import Path

import pytest
import SimpleITK as sitk
from conftest import RESULTS, StudyRun, jobs_of, tabular_config

from radpipe.io.images import read_image, write_image
from radpipe.io.tables import read_table, write_table

pytestmark = pytest.mark.workflow
PER_CASE = ("import_image", "register_image", "correct_bias", "prepare_image", "extract_features")


@pytest.fixture(scope="module")
def study(tiny_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """A finished study on a cohort of its own, with one case kept back for later."""
    folder = tmp_path_factory.mktemp("reruns")
    cohort = folder / "cohort"
    shutil.copytree(tiny_cohort, cohort)
    sheet = read_table(cohort / "cases.tsv")
    sheet.to_csv(cohort / "all.tsv", sep="\t", index=False)
    write_table(sheet.iloc[1:], cohort / "cases.tsv")
    run = StudyRun(folder, tabular_config(cohort))
    run.run()
    return run


def test_one_config_key_reruns_only_its_rule_and_the_report(study: StudyRun) -> None:
    study.config["evaluation"]["decision_range"] = [0.1, 0.6]
    jobs = jobs_of(study.run())
    assert jobs.pop("decide") == 1
    assert set(jobs) <= {"draw_figures", "render_report", "record_provenance"}


def test_one_new_image_prepares_one_case_again(study: StudyRun) -> None:
    case = read_table(study.results / "cohort/cases.tsv")["case"].iloc[0]
    sheet = read_table(study.folder / "cohort/cases.tsv").set_index("case")
    path = study.folder / "cohort" / sheet.loc[case, "image_FLAIR"]
    write_image(read_image(path) * 2, path)
    jobs = jobs_of(study.run("features"))
    assert {rule: jobs.get(rule) for rule in PER_CASE} == dict.fromkeys(PER_CASE, 1)


def test_one_new_case_prepares_one_case(study: StudyRun) -> None:
    shutil.copy(study.folder / "cohort/all.tsv", study.folder / "cohort/cases.tsv")
    jobs = jobs_of(study.run("features"))
    assert {rule: jobs.get(rule) for rule in PER_CASE} == dict.fromkeys(PER_CASE, 1)


def test_what_depends_on_them_follows_and_nothing_is_left_to_do(study: StudyRun) -> None:
    jobs = jobs_of(study.run())
    assert jobs["split_cohort"] == 1
    assert not set(jobs) & set(PER_CASE)
    assert "Nothing to be done" in study.run("--dry-run")


def test_prepared_images_share_the_grid_of_the_reference(study: StudyRun) -> None:
    case = read_table(study.results / "cohort/cases.tsv")["case"].iloc[0]
    images = [
        sitk.ReadImage(str(study.results / f"prepared/{case}/{m}.nii.gz")) for m in ("T1w", "FLAIR")
    ]
    assert images[0].GetSize() == images[1].GetSize()
    assert images[0].GetOrigin() == pytest.approx(images[1].GetOrigin())


@pytest.mark.slow
def test_a_clean_run_that_was_killed_ends_with_the_same_bytes(
    study: StudyRun, tmp_path: Path
) -> None:
    """Equal to what grew piece by piece above; another slow test does the same with networks."""
    second = StudyRun(tmp_path, study.config)
    second.run_with_a_kill(within_s=15)
    for name in RESULTS:
        assert second.table(name) == study.table(name), name
