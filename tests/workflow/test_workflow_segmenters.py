"""Segmenters of every kind in one study, from case sheet to the comparison in the report."""

import json

import pytest
from conftest import StudyRun, jobs_of, rivals_config

from radpipe.io.tables import read_table
from radpipe.segmentation.plan import read_plan

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def rivals(tmp_path_factory, tiny_cohort):
    config = rivals_config(tiny_cohort)
    study = StudyRun(tmp_path_factory.mktemp("rivals"), config)
    return study, jobs_of(study.run())


def test_every_segmenter_draws_every_case_out_of_fold(rivals):
    study, jobs = rivals
    assert jobs["train_segmenter"] == 4, "new cases are drawn by the networks of the folds"
    assert jobs["fit_classical"] == 3
    scores = read_table(study.results / "tables" / "segmentation.tsv")
    cases = read_table(study.results / "cohort" / "cases.tsv")
    for segmenter in study.config["segmentation"]["segmenters"]:
        own = scores[scores["segmenter"] == segmenter["name"]]
        assert sorted(own["case"]) == sorted(cases["case"])


def test_whoever_had_a_hand_in_a_mask_is_named_beside_it(rivals):
    study, _ = rivals
    splits = read_table(study.results / "cohort" / "splits.tsv")
    for name in ("both", "fine"):
        for fold in ("r1f1", "r1f2", "final"):
            saw = json.loads((study.results / f"masks/{name}/training/{fold}.json").read_text())
            part = splits[(splits["fold"] == fold) & (splits["part"] == "test")]
            assert saw["cases"]
            assert not set(saw["cases"]) & set(part["case"])


def test_a_plan_says_why(rivals):
    study, _ = rivals
    plan = read_plan(study.results / "segmenters/planned/r1f1/plan.yaml")
    assert plan.segmenter.network != "auto"
    assert plan.segmenter.steps == 3
    assert plan.reasons["steps"] == "given"


def test_segmenters_and_their_doubts_are_compared(rivals):
    study, _ = rivals
    comparisons = read_table(study.results / "tables" / "segmenter_comparisons.tsv")
    assert {"planned", "both"} <= {*comparisons["segmenter_a"], *comparisons["segmenter_b"]}
    quality = read_table(study.results / "tables" / "uncertainty_quality.tsv")
    assert set(quality["segmenter"]) == {"planned", "fine", "both"}
    assert "semi-automatic" in (study.folder / "reports/rivals/report.html").read_text()


def test_nothing_is_left_to_do(rivals):
    study, _ = rivals
    assert "Nothing to be done" in study.run("-n")
