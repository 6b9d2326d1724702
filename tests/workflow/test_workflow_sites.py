"""A study of a table with several sites and a fusion of decisions, from models to new cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import StudyRun, scores_of

from radpipe.io.tables import read_table, write_table
from radpipe.modelling.applying import apply_bundle

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """Forty cases of three sites, sixteen external ones of which half are of a fourth."""
    folder, random = tmp_path_factory.mktemp("sites"), np.random.default_rng(0)
    values = random.normal(size=(56, 8))
    sheet = pd.DataFrame(
        {
            "case": [f"c{i:02d}" for i in range(56)],
            "site": [["A", "B", "C"][i % 3] if i < 40 else ["A", "D"][i % 2] for i in range(56)],
            "cohort": ["development"] * 40 + ["external"] * 16,
            "age": random.integers(30, 80, 56),
            "high_grade": (values[:, 0] + 0.5 * random.normal(size=56) > 0).astype(int),
        }
    )
    features = pd.DataFrame(values, columns=[f"f{i}" for i in range(8)])
    features.insert(0, "case", sheet["case"])
    sheet.to_csv(folder / "cases.tsv", sep="\t", index=False)
    features.to_csv(folder / "features.csv", index=False)
    new = sheet[sheet["cohort"] == "external"].drop(columns=["cohort", "high_grade"])
    new.to_csv(folder / "new.tsv", sep="\t", index=False)
    config = {
        "study": "sites",
        "cases": "cases.tsv",
        "outcome": {"column": "high_grade"},
        "features": {"table": "features.csv", "clinical": ["age"]},
        "splits": {"folds": 2, "inner_folds": 2},
        "models": [
            {"name": "radiomics", "blocks": ["handcrafted"], "predictor": "logistic"},
            {"name": "joined", "of": ["clinical", "radiomics"], "predictor": "stack"},
        ],
        "evaluation": {"bootstrap": 100, "controls": {"permutations": 2}},
    }
    run = StudyRun(folder, config)
    run.run()
    return run


def test_site_alone_stands_beside_the_models_and_is_compared(study: StudyRun) -> None:
    performance = read_table(study.results / "tables/performance.tsv")
    assert set(performance["model"]) == {"clinical", "site", "radiomics", "joined"}
    comparisons = read_table(study.results / "tables/comparisons.tsv")
    pairs = set(zip(comparisons["model_a"], comparisons["model_b"], strict=True))
    assert ("joined", "site") in pairs
    assert "Site alone (<code>site" in (study.folder / "reports/sites/report.html").read_text()


@pytest.mark.parametrize("model", ["joined", "site", "radiomics"])
def test_its_bundle_scores_new_cases_as_the_workflow_did(
    study: StudyRun, tmp_path: Path, model: str
) -> None:
    found = apply_bundle(
        study.results / "bundles" / f"{model}.zip",
        study.folder / "new.tsv",
        tmp_path / "work",
        features=None if model == "site" else study.folder / "features.csv",
    )
    write_table(found.table, tmp_path / "scores.tsv")
    expected = study.results / "models" / model / "external.tsv"
    assert scores_of(tmp_path / "scores.tsv") == scores_of(expected)
    looks = read_table(study.results / "models" / model / "looks.tsv")
    assert list(looks["bundle_sha256"]) == list(read_table(expected)["bundle_sha256"].unique())
    if model == "site":
        assert found.table.groupby(found.table["y_prob"].round(9)).size().tolist() == [8, 8]
