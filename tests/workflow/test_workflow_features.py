"""Everything that features can do, switched on for the tiny cohort, by the real Snakemake."""

from pathlib import Path
from typing import Any

import pytest
from conftest import StudyRun, jobs_of

from radpipe.io.tables import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def features_config(cohort: Path) -> dict[str, Any]:
    """A study that measures features in every way and models none of them."""
    return {
        "study": "features",
        "seed": 3,
        "cases": str(cohort / "cases.tsv"),
        "images": {
            "modalities": ["T1w", "FLAIR"],
            "fused": [{"name": "both", "of": ["FLAIR", "T1w"], "weights": [0.7, 0.3]}],
        },
        "registration": {"enabled": False},
        "features": {
            "handcrafted": {
                "image_types": ["original", "log"],
                "log_sigma_mm": [2.0],
                "regions": ["whole", "core", "rim", "ring", "largest", "each_label"],
                "rim_mm": 2.0,
                "preset": {"T1w": "t1", "FLAIR": "flair", "both": "fused"},
            },
            "stability": {
                "perturbations": ["rotation", "translation", "noise", "volume", "contour"],
                "repeats": 2,
            },
        },
        "evaluation": {"controls": {"noise_filled": True, "image_types": "all"}},
        "report": {"overlays": 0},
    }


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_cohort: Path) -> StudyRun:
    run = StudyRun(tmp_path_factory.mktemp("features"), features_config(tiny_cohort))
    run.run()
    return run


def test_every_region_of_every_case_has_its_columns(study: StudyRun) -> None:
    cases = read_table(study.results / "cohort/cases.tsv")
    features = read_table(study.results / "tables/features.parquet")
    assert features["case"].tolist() == cases["case"].tolist()
    dictionary = read_table(study.results / "tables/feature_dictionary.tsv")
    assert dictionary["column"].tolist() == list(features.columns[1:])
    assert set(dictionary["region"]) == {
        *("whole", "core", "rim", "ring", "largest", "label_lesion"),
    }


def test_controls_have_every_variant_and_image(study: StudyRun) -> None:
    controls = read_table(study.results / "tables/controls.parquet")
    assert set(controls["variant"]) == {"shuffled", "noise", "displaced"}
    assert any("log_sigma" in column for column in controls)


def test_what_was_set_and_what_collapses_is_said(study: StudyRun) -> None:
    settings = read_table(study.results / "tables/feature_settings.tsv")
    assert set(settings["modality"]) == {"T1w", "FLAIR", "both"}
    assert settings["reason"].str.len().min() > 5
    warnings = read_table(study.results / "tables/feature_warnings.tsv")
    assert list(warnings.columns[:2]) == ["case", "modality"]
    report = (study.folder / "reports/features/report.html").read_text()
    assert "Settings of the handcrafted features" in report
    assert "the voxel-wise mean of <code>FLAIR</code> and <code>T1w</code>, weighted 0.7" in report
    quality = read_table(study.results / "tables/quality.tsv")
    assert set(quality.loc[quality["stage"] == "fused", "modality"]) == {"both"}
    assert ("Settings that collapse" in report) == (len(warnings) > 0)


def test_every_feature_is_ranked_by_its_stability(study: StudyRun) -> None:
    stability = read_table(study.results / "tables/stability.tsv")
    features = read_table(study.results / "tables/features.parquet")
    assert stability["feature"].tolist() == list(features.columns[1:])
    measured = read_table(study.results / "tables/measurements.parquet")
    assert (measured.groupby("case").size() == 3).all()
    assert "Stability of features" in (study.folder / "reports/features/report.html").read_text()


def test_more_repeats_measure_again_and_extract_nothing(study: StudyRun) -> None:
    study.config["features"]["stability"]["repeats"] = 3
    jobs = jobs_of(study.run())
    cases = read_table(study.results / "cohort/cases.tsv")
    assert jobs.pop("perturb_features") == len(cases)
    assert jobs.pop("measure_stability") == 1
    assert set(jobs) <= {"draw_figures", "render_report", "record_provenance"}
    assert "Nothing to be done" in study.run("--dry-run")
