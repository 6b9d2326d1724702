"""Studies with images of each kind of outcome: to the report, and back from the bundle."""

import html
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from conftest import StudyRun, apply_to_external, scores_of

from radpipe.evaluation.by_kind import PRIMARY_METRIC
from radpipe.io.tables import read_table
from radpipe.phantoms.cohort import CohortSpec, make_cohort

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

OUTCOMES: dict[str, dict[str, Any]] = {
    "multiclass": {
        "column": "grade",
        "kind": "multiclass",
        "classes": ["low", "intermediate", "high"],
    },
    "regression": {"column": "burden", "kind": "regression"},
    "survival": {"kind": "survival", "time": "time", "event": "event", "horizon": 24},
}
BASELINES = {"volume": "Volume alone", "clinical": "Clinical data alone", "site": "Site alone"}
"""Models that are fitted without being asked for, and how the report speaks of them."""

FOREIGN = {
    "multiclass": ("Harrell", "R² of", "Kaplan", "Bland", "Sensitivity", "net benefit"),
    "regression": ("AUC", "Harrell", "Kaplan", "Brier", "Sensitivity", "classes", "net benefit"),
    "survival": ("R² of", "Hand–Till", "Bland", "Sensitivity", "Youden", "classes"),
}
"""Words of other kinds of outcome that a report must not use."""

SECTIONS = {
    "comparisons": "Comparison of models",
    "repeats": "Spread over seeds",
    "multiverse": "Multiverse",
    "subgroups": "Subgroups",
    "selection_stability": "Stability of the selection",
    "controls": "Negative controls",
    "sample_size": "Sample size",
}
"""Tables that a statistician asks for, and the section of the report that each must fill."""


def config_of(kind: str, cohort: Path) -> dict[str, Any]:
    """Handcrafted, clinical, a search, a short network and a fusion of decisions."""
    ranked = {"method": "anova", "keep": [5]}
    budget = {"trials": 4, "repeats": 1, "members": 2}
    models: list[dict[str, Any]] = [
        {"blocks": ["handcrafted"], "predictor": "elastic_net", "selection": ranked},
        {"blocks": ["clinical", "volume", "handcrafted"], "predictor": "auto", "budget": budget},
        {"blocks": ["images"], "predictor": "cnn3d", "steps": [4], "channels": [4, 8]},
        {"of": ["radiomics", "clinical", "cnn"], "predictor": "mean"},
    ]
    names = ("radiomics", "searched", "cnn", "fusion")
    models[2]["crop"] = [16, 16, 16]
    return {
        "study": kind,
        "seed": 3,
        "cases": str(cohort / "cases.tsv"),
        "outcome": OUTCOMES[kind],
        "images": {"modalities": ["T1w"]},
        "features": {"handcrafted": {"image_types": ["original"]}, "clinical": ["age", "sex"]},
        "splits": {"folds": 2, "inner_folds": 2, "repeats": 2},
        "models": [model | {"name": n} for n, model in zip(names, models, strict=True)],
        "evaluation": {
            "primary": "searched",
            "bootstrap": 200,
            "subgroups": ["site", "sex"],
            "controls": {"permutations": 2},
        },
        "report": {"overlays": 2, "explained_cases": 1},
    }


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cohort whose external cases are of every class."""
    folder = tmp_path_factory.mktemp("kinds")
    make_cohort(folder, CohortSpec.tiny(seed=2026, development=26, external=8))
    return folder


@pytest.fixture(scope="module", params=list(OUTCOMES))
def study(
    request: pytest.FixtureRequest, cohort: Path, tmp_path_factory: pytest.TempPathFactory
) -> StudyRun:
    """One study a kind of outcome, run to its report."""
    run = StudyRun(tmp_path_factory.mktemp(request.param), config_of(request.param, cohort))
    run.run()
    return run


def table(study: StudyRun, name: str) -> pd.DataFrame:
    return read_table(study.results / f"tables/{name}.tsv")


def words_of(study: StudyRun) -> str:
    """What a reader reads of the report, without the glossary of tables and the references."""
    page = (study.folder / f"reports/{study.config['study']}/report.html").read_text()
    page = re.sub(r"(?s)<(script|style|svg|nav).*?</\1>", " ", page)
    text = html.unescape(re.sub(r"<[^>]+>", " ", page))
    return text[: text.rindex("Where every table lies")]


def test_every_case_is_predicted_as_often_as_it_should_be(study: StudyRun) -> None:
    cases = read_table(study.results / "cohort/cases.tsv").set_index("case")["cohort"]
    expected = {case: 2 if cohort == "development" else 1 for case, cohort in cases.items()}
    models = {m["name"] for m in study.config["models"]} | set(BASELINES)
    predictions = table(study, "predictions")
    assert set(predictions["model"]) == models
    for model, rows in predictions.groupby("model"):
        assert rows["case"].value_counts().to_dict() == expected, model


def bounded(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with an interval; one without must say why, and be of a few external cases."""
    without = rows[rows["ci_low"].isna()]
    assert (without["cohort"] != "development").all()
    assert without["method"].str.contains("no interval").all()
    return rows.drop(without.index)


def test_the_primary_metric_has_an_interval(study: StudyRun) -> None:
    metric = PRIMARY_METRIC[study.config["study"]]
    performance = table(study, "performance")
    performance = performance[performance["metric"] == metric]
    assert len(performance) == 2 * 7
    assert performance["estimate"].notna().all()
    known = bounded(performance)
    assert (known["ci_low"] <= known["estimate"]).all()
    assert (known["estimate"] <= known["ci_high"]).all()


def test_the_gain_over_each_baseline_is_tested_and_adjusted(study: StudyRun) -> None:
    pairs = table(study, "comparisons")
    gains = pairs[(pairs["model_a"] == "searched") & pairs["model_b"].isin(BASELINES)]
    assert len(gains) == 6  # three baselines in two cohorts
    assert gains["difference"].notna().all()
    known = bounded(gains)
    assert (known["p_holm"] >= known["p"]).all()
    text = words_of(study)
    for baseline in BASELINES.values():
        assert baseline in text
    assert text.count("Holm-adjusted") >= len(known)


@pytest.mark.parametrize("name", list(SECTIONS))
def test_what_a_statistician_asks_for_is_in_tables_and_report(study: StudyRun, name: str) -> None:
    assert len(table(study, name))
    assert SECTIONS[name] in words_of(study)


def test_controls_subgroups_and_choices_are_complete(study: StudyRun) -> None:
    controls = table(study, "controls")
    assert set(controls["control"]) == {"permuted_labels", "shuffled", "displaced"}
    subgroups = table(study, "subgroups").query("model == 'searched'")
    assert set(subgroups["subgroup"]) == {"site", "sex"}
    assert len(table(study, "multiverse")) == 2 * 7  # models and repeats
    selection = table(study, "selection_stability")
    assert {"selection_frequency", "nogueira_stability"} == set(selection["measure"])
    tried = read_table(study.results / "models/searched/final/tuning.tsv")
    assert len(tried) == 4


def test_the_sample_is_told_in_a_plain_sentence(study: StudyRun) -> None:
    text = re.sub(r"\s+", " ", words_of(study))
    told = re.search(r"Riley's criteria .{0,12}ask for ([\d,]+) patients; there were (\d+)", text)
    assert told is not None
    planned = table(study, "sample_size").set_index("criterion")
    assert int(told[1].replace(",", "")) == planned.loc["all", "needed"]
    assert int(told[2]) == planned.loc["all", "found"]
    # All columns of the search: its numbers, the volume, age, and one parameter for sex.
    assert planned.loc["all", "model"] == "searched"


def test_the_report_speaks_the_language_of_its_kind(study: StudyRun) -> None:
    kind = study.config["study"]
    assert (study.folder / f"reports/{kind}/report.pdf").stat().st_size > 10_000
    text = words_of(study)
    assert [word for word in FOREIGN[kind] if word in text] == []


@pytest.mark.parametrize("model", ["radiomics", "searched", "cnn", "fusion"])
def test_a_bundle_scores_external_cases_as_the_workflow_did(
    study: StudyRun, cohort: Path, tmp_path: Path, model: str
) -> None:
    expected = study.results / "models" / model / "external.tsv"
    found, _ = apply_to_external(study, cohort, model, tmp_path / "new")
    assert scores_of(found) == scores_of(expected)
