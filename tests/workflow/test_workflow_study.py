"""A whole study, every stage on, by the real Snakemake: finished, repeatable, cheap to rerun."""

from pathlib import Path

import pytest
from conftest import (
    RESULTS,
    StudyRun,
    apply_to_external,
    jobs_of,
    scores_of,
    whole_config,
)

from radpipe.io.tables import read_table

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def study(tiny_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """The whole tiny study, run once."""
    run = StudyRun(tmp_path_factory.mktemp("study"), whole_config(tiny_cohort))
    run.run()
    return run


def test_both_reports_are_there(study: StudyRun) -> None:
    reports = study.folder / "reports/tiny"
    html = (reports / "report.html").read_text()
    assert html.rstrip().endswith("</html>")
    assert (reports / "report.pdf").read_bytes().startswith(b"%PDF")


def test_report_needs_no_network(study: StudyRun) -> None:
    html = (study.folder / "reports/tiny/report.html").read_text()
    for tag in ('src="http', "url(http", '<link rel="stylesheet"', "@import"):
        assert tag not in html


def test_bad_cases_are_set_aside_with_a_reason(study: StudyRun) -> None:
    exclusions = read_table(study.results / "cohort/exclusions.tsv")
    assert len(exclusions) >= 4
    assert exclusions["reason"].str.len().min() > 10
    used = read_table(study.results / "cohort/cases.tsv")
    assert not set(used["case"]) & set(exclusions["case"])


def test_every_development_case_is_predicted_once_out_of_fold(study: StudyRun) -> None:
    cases = read_table(study.results / "cohort/cases.tsv")
    predictions = read_table(study.results / "tables/predictions.tsv")
    for model, rows in predictions.groupby("model"):
        assert sorted(rows["case"]) == sorted(cases["case"]), model
        assert rows["y_prob"].between(0, 1).all()
        assert set(rows.loc[rows["cohort"] != "development", "fold"]) == {"final"}


def test_masks_come_from_weights_that_never_saw_the_patient(study: StudyRun) -> None:
    manifest = read_table(study.results / "masks/unet/manifest.tsv").set_index("case")
    splits = read_table(study.results / "cohort/splits.tsv")
    tested = splits[splits["part"] == "test"]
    for case, row in manifest.iterrows():
        assert ((tested["case"] == case) & (tested["fold"] == row["fold"])).any()


def test_nothing_is_left_to_do(study: StudyRun) -> None:
    assert "Nothing to be done" in study.run("--dry-run")


@pytest.mark.parametrize("model", ["fusion", pytest.param("cnn", marks=pytest.mark.slow)])
def test_a_bundle_scores_raw_images_as_the_workflow_did(
    study: StudyRun, tiny_cohort: Path, tmp_path: Path, model: str
) -> None:
    """Guardrail G03: equal to the digit, all together and each case by itself."""
    expected = study.results / "models" / model / "external.tsv"
    together, _ = apply_to_external(study, tiny_cohort, model, tmp_path / "together")
    assert scores_of(together) == scores_of(expected)
    looks = read_table(study.results / "models" / model / "looks.tsv")
    assert list(looks["bundle_sha256"]) == list(read_table(expected)["bundle_sha256"].unique())
    case = read_table(expected)["case"].iloc[-1]
    alone, _ = apply_to_external(study, tiny_cohort, model, tmp_path / "alone", [case])
    assert scores_of(alone) == [row for row in scores_of(expected) if case in row]


@pytest.mark.slow
def test_two_clean_runs_with_networks_give_the_same_bytes(
    study: StudyRun, tiny_cohort: Path, tmp_path: Path
) -> None:
    """The second run is killed once on its way, so that it also shows that a kill loses nothing."""
    second = StudyRun(tmp_path, whole_config(tiny_cohort))
    second.run_with_a_kill(within_s=30)
    for name in RESULTS:
        assert second.table(name) == study.table(name), name


def test_jobs_are_counted_as_snakemake_names_them() -> None:
    output = "Finished jobid: 3 (Rule: evaluate)\nFinished jobid: 4 (Rule: evaluate)"
    assert jobs_of(output) == {"evaluate": 2}
