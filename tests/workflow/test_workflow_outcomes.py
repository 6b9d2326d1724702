"""Studies of every kind of outcome, from the demo's columns and from public tables."""

import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from conftest import ROOT, StudyRun
from lifelines import CoxPHFitter
from lifelines.utils import concordance_index

from radpipe.config import load_study
from radpipe.io.tables import read_table
from radpipe.phantoms.cohort import CohortSpec, make_cohort

PUBLIC = {"veteran": (137, 128), "gbsg2": (686, 299), "whas500": (500, 215)}
"""Cases and events of the public studies, as published."""


def outcomes_of_the_guide() -> list[dict[str, Any]]:
    text = (ROOT / "docs/outcomes.md").read_text()
    return [
        yaml.safe_load(block)["outcome"] for block in re.findall(r"(?s)```yaml\n(.*?)```", text)
    ]


def test_the_guide_has_an_outcome_of_each_kind() -> None:
    kinds = [outcome["kind"] for outcome in outcomes_of_the_guide()]
    assert kinds == ["binary", "multiclass", "regression", "survival"]


@pytest.mark.parametrize("outcome", outcomes_of_the_guide(), ids=lambda outcome: outcome["kind"])
def test_the_demo_takes_each_kind_of_outcome_and_changes_nothing_else(
    outcome: dict[str, Any],
) -> None:
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    study = load_study({**demo, "outcome": outcome})
    assert study.outcome is not None
    assert study.outcome.kind == outcome["kind"]
    assert [m.name for m in study.models] == [m["name"] for m in demo["models"]]


@pytest.mark.workflow
@pytest.mark.slow
def test_a_dry_run_of_the_demo_of_each_kind_plans_its_report(tmp_path: Path) -> None:
    make_cohort(tmp_path / "demo", CohortSpec.tiny(seed=5, development=24, external=4))
    demo = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    for outcome in outcomes_of_the_guide():
        config = {**demo, "study": outcome["kind"], "outcome": outcome, "splits": {"folds": 2}}
        planned = StudyRun(tmp_path, config).run("--dry-run")
        assert "render_report" in planned
        assert ("decide" in planned) == (outcome["kind"] in ("binary", "survival"))


@pytest.mark.parametrize("name", PUBLIC)
def test_a_public_study_has_its_known_numbers(
    name: str, test_data: Path, load_tool: Callable[[str], ModuleType]
) -> None:
    sheet, features = load_tool("make_survival_sheet").study_tables(
        test_data / "stats/scikit-survival", name
    )
    assert (len(sheet), int(sheet["event"].sum())) == PUBLIC[name]
    study = load_study(ROOT / f"config/{name}.yaml")
    assert study.outcome is not None
    assert {*study.outcome.columns, *study.features.clinical} <= set(sheet)
    assert not set(features) & {*study.outcome.columns, "los"}
    assert features["case"].tolist() == sheet["case"].tolist()
    # Neither the outcome nor another name of it is left among the inputs.
    numbers = features.drop(columns="case").corrwith(sheet["days"]).abs()
    assert numbers.max() < 0.6


@pytest.fixture(scope="module")
def veteran(
    tmp_path_factory: pytest.TempPathFactory,
    test_data: Path,
    load_tool: Callable[[str], ModuleType],
) -> StudyRun:
    """The study of `config/veteran.yaml` with its Cox models alone, run to the report."""
    folder = tmp_path_factory.mktemp("veteran")
    tables = load_tool("make_survival_sheet").study_tables(
        test_data / "stats/scikit-survival", "veteran"
    )
    config = yaml.safe_load((ROOT / "config/veteran.yaml").read_text())
    for name, table in zip(("cases.tsv", "features.tsv"), tables, strict=True):
        table.to_csv(folder / name, sep="\t", index=False)
    config |= {
        "cases": "cases.tsv",
        "models": [m for m in config["models"] if m["name"] == "cox"],
        "splits": {"folds": 3, "inner_folds": 2},
    }
    config["features"]["table"] = "features.tsv"
    config["evaluation"] |= {"bootstrap": 200, "controls": {"permutations": 2}}
    run = StudyRun(folder, config)
    run.run()
    return run


def lifelines_c(run: StudyRun) -> tuple[float, float]:
    """C of an unpenalised Cox model by lifelines: on its own rows, and in the folds of the run."""
    sheet = pd.read_csv(run.folder / "cases.tsv", sep="\t")
    features = pd.read_csv(run.folder / "features.tsv", sep="\t")
    inputs = pd.get_dummies(sheet.drop(columns="patient").set_index("case"), drop_first=True)
    table = inputs.join(features.set_index("case")).astype(float)
    splits = read_table(run.results / "cohort/splits.tsv")
    risk = pd.Series(np.nan, index=table.index)
    for fold, rows in splits[splits["fold"] != "final"].groupby("fold"):
        train, test = (rows.loc[rows["part"] == part, "case"] for part in ("train", "test"))
        assert set(train) | set(test) == set(table.index), fold
        model = CoxPHFitter().fit(table.loc[train], "days", "event")
        risk[test] = model.predict_log_partial_hazard(table.loc[test])
    own = CoxPHFitter().fit(table, "days", "event").concordance_index_
    return own, concordance_index(table["days"], -risk, table["event"])


@pytest.mark.workflow
@pytest.mark.slow
def test_veteran_finds_what_an_independent_cox_model_finds(veteran: StudyRun) -> None:
    own, out_of_fold = lifelines_c(veteran)
    assert own == pytest.approx(0.736, abs=0.001)
    table = read_table(veteran.results / "tables/performance.tsv").set_index(["model", "metric"])
    cox = table.loc[("cox", "c_index")]
    # The penalty may help a little where 128 events carry eight coefficients, and hardly hurt.
    assert float(cox["estimate"]) == pytest.approx(out_of_fold, abs=0.03)
    assert 0.66 < float(cox["estimate"]) < own
    assert cox["ci_low"] < cox["estimate"] < cox["ci_high"]
    assert float(table.loc[("clinical", "c_index"), "estimate"]) < float(cox["estimate"])


@pytest.mark.workflow
@pytest.mark.slow
def test_veteran_is_dominated_by_the_karnofsky_score(veteran: StudyRun) -> None:
    shap = read_table(veteran.results / "tables/explanations/cox.tsv")
    assert shap.groupby("feature")["shap"].agg(lambda s: s.abs().mean()).idxmax() == (
        "karnofsky_score"
    )
    assert set(shap["scale"]) == {"risk"}
    own = shap[shap["feature"] == "karnofsky_score"]
    assert np.corrcoef(own["value"].astype(float), own["shap"])[0, 1] < -0.9


@pytest.mark.workflow
@pytest.mark.slow
def test_a_survival_report_speaks_of_survival(veteran: StudyRun) -> None:
    report = (veteran.folder / "reports/veteran/report.html").read_text()
    assert (veteran.folder / "reports/veteran/report.pdf").stat().st_size > 10_000
    words = re.sub(r"<[^>]+>", " ", re.sub(r"(?s)<(script|style|svg).*?</\1>", " ", report))
    assert "Kaplan" in words
    assert "Harrell" in words
    for word in ("Sensitivity", "Specificity", "Youden"):
        assert word not in words
