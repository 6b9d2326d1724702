"""The measured coverage that reports print is that of the benchmark's page, and of its tables."""

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from radpipe.evaluation.procedure_intervals import measured_coverage
from radpipe.reporting.kinds import KINDS
from radpipe.reporting.sections.judgement import out_of_fold_note

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def page() -> Iterator[ModuleType]:
    """The module that writes the page; benchmarks are no package."""
    folder = str(ROOT / "benchmarks")
    sys.path.insert(0, folder)
    from coverage_parts import page

    yield page
    sys.path.remove(folder)


def setting(metric: str, n: int, coverage: float, method: str = "influence, 10 repeats") -> dict:
    place = {"kind": "binary", "n": n, "features": 10, "strength": 1.0, "check": None}
    found = {"metric": metric, "method": method, "coverage": coverage, "cohorts": 500}
    return place | found | {"truth": 0.7, "mean": 0.7, "sd": 0.05, "width": 0.2, "missing": 0.0}


def test_the_page_and_the_figures_of_the_reports_agree(page: ModuleType) -> None:
    text = (ROOT / "docs" / "benchmarks" / "coverage.md").read_text(encoding="utf-8")
    figures = measured_coverage()
    titles = [line for line in text.splitlines() if line.startswith("## ")]
    assert [f"## {page.METRICS[metric]}" for metric in figures.index] == titles[: len(figures)]
    sentences = [page.verdict_sentence(row) for row in figures.itertuples()]
    assert sentences == [line for line in text.splitlines() if line.startswith("Printed method")]


def test_the_figures_are_of_the_printed_method_with_most_repeats(page: ModuleType) -> None:
    table = pd.DataFrame(
        [
            setting("auc", 50, 0.90),
            setting("auc", 100, 0.94),
            setting("auc", 300, 0.98),
            setting("auc", 300, 0.10, "influence, 5 repeats"),
            setting("auc", 300, 0.20, "conditional, 10 repeats"),
        ]
    )
    (found,) = page.measured(table).to_dict("records")
    assert np.isnan(found.pop("others_low"))
    assert found == {
        **{"metric": "auc", "settings": 3, "cohorts": 500, "repeats": 10},
        **{"patients_low": 50, "patients_high": 300, "within": 1, "others": 0},
        **{"coverage_low": 0.90, "coverage_high": 0.98, "coverage_mean": pytest.approx(0.94)},
    }
    # Two standard errors of 500 cohorts are 0.0195: 0.90 is too far from 0.93, 0.98 is not.
    text = page.coverage_page(table)
    assert "coverage 0.900 to 0.980 over 3 settings, mean 0.940; 1 of 3 within" in text
    assert "Failed settings: 50 patients, 10 features, signal moderate: 0.900." in text
    near = "Outside by no more than the error: 300 patients, 10 features, signal moderate: 0.980."
    assert near in text


def test_settings_that_check_other_kinds_have_a_section_and_do_not_count(page: ModuleType) -> None:
    other = setting("auc", 100, 0.80) | {"check": "20 % events"}
    table = pd.DataFrame([setting("auc", 50, 0.95), other])
    (found,) = page.measured(table).to_dict("records")
    assert (found["settings"], found["coverage_low"]) == (1, 0.95)
    assert (found["others"], found["others_low"]) == (1, 0.80)
    text = page.coverage_page(table)
    before, after = text.split("## Other kinds of cohorts and models")
    assert "0.800" not in before
    assert "| 20 % events | 100 | 10 | moderate | 0.700 | 0.700 | 0.800 (0.20) |" in after
    assert (
        "Failed settings: 20 % events, 100 patients, 10 features, signal moderate: 0.800" in after
    )


@pytest.mark.parametrize("kind", ["binary", "survival"])
def test_a_report_prints_lowest_and_highest_coverage(kind: str) -> None:
    note = out_of_fold_note(KINDS[kind], repeats=10)
    metrics = {"binary": ["auc", "calibration_slope"], "survival": ["c_index"]}[kind]
    for row in measured_coverage().loc[metrics].itertuples():
        assert f" in {100 * row.coverage_low:.1f} to {100 * row.coverage_high:.1f} %" in note
        assert f"of {row.patients_low} to {row.patients_high} patients" in note
        assert f" {100 * row.others_low:.1f} % (" in note
