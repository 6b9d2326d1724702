"""New cases scored with a bundle: clinical data and given tables; images are in tests/workflow."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from modelling_cohort import SETTINGS, mixed_cohort
from typer.testing import CliRunner

from radpipe.cli import app
from radpipe.config import Model, Study
from radpipe.errors import CaseError, RadpipeError
from radpipe.io.tables import read_table, write_table
from radpipe.modelling import bundles
from radpipe.modelling.applying import Applied, apply_bundle
from radpipe.modelling.applying_looks import record_look
from radpipe.modelling.applying_summary import (
    case_warnings,
    describe,
    training_summary,
    version_warnings,
)
from radpipe.modelling.fitting import FittedModel, fit_tabular

FEATURE = "T1w__original__firstorder__F0"
STUDY = Study.model_validate(
    {
        "study": "given",
        "cases": "cases.tsv",
        "outcome": {"column": "high_grade"},
        "features": {"table": "features.tsv", "clinical": ["age", "sex"]},
    }
)


def fusion(blocks: tuple[str, ...] = ("clinical", "handcrafted")) -> FittedModel:
    seen, targets = mixed_cohort()
    model = Model(name="fusion", blocks=list(blocks), predictor="logistic")
    kept = {c: b for c, b in seen.block_of.items() if b in blocks}
    own = type(seen)(seen.table[list(kept)], kept)
    return fit_tabular(own, targets["y"], targets["patient"], model, SETTINGS)


def context(fitted: FittedModel) -> dict[str, Any]:
    seen, targets = mixed_cohort()
    clinical = seen.table[["age", "sex"]].assign(site="A", patient=targets["patient"])
    features = seen.table.drop(columns=["age", "sex"])
    summary = training_summary(
        fitted.card,
        clinical.reset_index(),
        features.reset_index(),
        seen.table[list(fitted.columns)],
        ["age", "sex"],
    )
    study = STUDY.model_dump(mode="json", exclude={"cases", "models", "evaluation", "report"})
    return {"study": study, "summary": summary, "versions": {"radpipe": "0.0"}}


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of clinical data and of a given table of features."""
    folder = tmp_path_factory.mktemp("bundle")
    fitted = fusion()
    bundles.write_model(fitted, folder / "model")
    bundles.write_bundle(folder / "model", folder / "fusion.zip", context(fitted))
    return folder / "fusion.zip"


@pytest.fixture
def new(tmp_path: Path) -> Path:
    """A folder with five new cases: the sheet, and their features as another group made them."""
    random = np.random.default_rng(1)
    names = [f"n{i}" for i in range(5)]
    sheet = pd.DataFrame(
        {
            "case": names,
            "site": "A",
            "age": [41, 52, 63, 74, 45],
            "sex": ["male", "female"] * 2 + ["male"],
        }
    )
    columns = [c for c in mixed_cohort()[0].table if c not in ("age", "sex")]
    features = pd.DataFrame(0.3 * random.normal(size=(5, 30)), columns=columns)
    features.insert(0, "case", names)
    sheet.to_csv(tmp_path / "cases.tsv", sep="\t", index=False)
    features.to_csv(tmp_path / "features.csv", index=False)
    return tmp_path


def scored(bundle: Path, new: Path, work: str = "work") -> Applied:
    return apply_bundle(
        bundle, new / "cases.tsv", new / work, features=new / "features.csv", versions={}
    )


def changed(new: Path, column: str, row: int, value: object) -> None:
    """Write another value into the features of one case."""
    table = pd.read_csv(new / "features.csv", dtype=object)
    table.loc[row, column] = value
    table.to_csv(new / "features.csv", index=False)


def test_a_case_is_scored_by_itself_as_among_others(bundle: Path, new: Path) -> None:
    """Guardrail G03."""
    together = scored(bundle, new).table
    assert list(together["status"]) == ["ok"] * 5
    sheet = pd.read_csv(new / "cases.tsv", sep="\t")
    for row in range(5):
        sheet.iloc[[row]].to_csv(new / "cases.tsv", sep="\t", index=False)
        alone = scored(bundle, new, f"alone{row}").table
        pd.testing.assert_frame_equal(alone, together.iloc[[row]].reset_index(drop=True))


def test_a_text_in_the_row_of_another_case_changes_nothing(bundle: Path, new: Path) -> None:
    before = scored(bundle, new).table
    changed(new, FEATURE, 2, "broken")
    after = scored(bundle, new, "again").table
    assert "'broken'" in after["status"][2]
    assert "T1w__original__firstorder__F0' is no number" in after["status"][2]
    pd.testing.assert_frame_equal(
        after.drop(index=2)[["case", "y_prob"]], before.drop(index=2)[["case", "y_prob"]]
    )


def test_called_says_on_which_side_of_the_threshold_a_case_lies(bundle: Path, new: Path) -> None:
    table = scored(bundle, new).table
    assert list(table["called"]) == list((table["y_prob"] >= table["threshold"]).astype(int))
    assert set(table["bundle_sha256"]) == {bundles.read_bundle(bundle).sha256}
    assert list(table.columns)[:2] == ["case", "status"]
    assert list(table.columns)[-1] == "warnings"


def test_what_is_unlike_the_training_is_said(bundle: Path, new: Path) -> None:
    sheet = pd.read_csv(new / "cases.tsv", sep="\t").astype(object)
    sheet.loc[0, ["site", "age"]] = ["B", 95]
    sheet.loc[1, "sex"] = "other"
    sheet.loc[2, "age"] = ""
    sheet["patient"] = ["q0", "q1", "q2", "p003", "q4"]
    sheet.to_csv(new / "cases.tsv", sep="\t", index=False)
    warnings = scored(bundle, new).table["warnings"]
    assert "site 'B' is none of the training (training: A)" in warnings[0]
    assert "age 95 (30 to 80)" in warnings[0]
    assert "sex 'other' (female, male)" in warnings[1]
    assert "missing and imputed: age" in warnings[2]
    assert "patient 'p003' was in the training" in warnings[3]
    assert warnings[4] == ""


def test_a_case_that_cannot_be_scored_is_one_sentence(bundle: Path, new: Path) -> None:
    sheet = pd.read_csv(new / "cases.tsv", sep="\t")
    sheet.loc[5] = ["absent", "A", 50, "male"]
    sheet.to_csv(new / "cases.tsv", sep="\t", index=False)
    table = scored(bundle, new).table
    assert table["status"][5].startswith("file")
    assert "the case has no row in the table of features" in table["status"][5]
    assert np.isnan(table["y_prob"][5])
    assert list(table["status"][:5]) == ["ok"] * 5


def test_exit_code_and_file_of_the_command(bundle: Path, new: Path) -> None:
    out = new / "scores.tsv"
    arguments = ["apply", str(bundle), "--cases", str(new / "cases.tsv"), "--out", str(out)]
    done = CliRunner().invoke(app, [*arguments, "--features", str(new / "features.csv")])
    assert done.exit_code == 0
    assert "5 of 5 cases scored" in done.stderr
    assert "made with radpipe 0.0" in done.stderr
    whole = scored(bundle, new).table
    write_table(whole, new / "expected.tsv")
    assert out.read_bytes() == (new / "expected.tsv").read_bytes()
    sheet = read_table(new / "cases.tsv").iloc[:1].assign(case="absent")
    write_table(sheet, new / "cases.tsv")
    done = CliRunner().invoke(app, [*arguments, "--features", str(new / "features.csv")])
    assert done.exit_code == 1
    assert read_table(out)["status"].str.contains("no row").all()


def test_the_sheet_needs_no_outcome_but_what_the_model_is_shown(bundle: Path, new: Path) -> None:
    sheet = pd.read_csv(new / "cases.tsv", sep="\t").drop(columns="age")
    sheet.to_csv(new / "cases.tsv", sep="\t", index=False)
    with pytest.raises(CaseError, match=r"column 'age' is missing in the case sheet"):
        scored(bundle, new)


def test_a_table_of_features_is_asked_for_where_there_was_one(bundle: Path, new: Path) -> None:
    with pytest.raises(RadpipeError, match=r"fitted on a table of features; name .* --features"):
        apply_bundle(bundle, new / "cases.tsv", new / "work")
    table = pd.read_csv(new / "features.csv").drop(columns=FEATURE)
    table.to_csv(new / "features.csv", index=False)
    with pytest.raises(RadpipeError, match=rf"has no column '{FEATURE}'; found 1 of 30"):
        scored(bundle, new)


def test_a_model_of_clinical_data_looks_at_no_image(tmp_path: Path) -> None:
    fitted = fusion(("clinical",))
    bundles.write_model(fitted, tmp_path / "model")
    bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", context(fitted))
    pd.DataFrame({"case": ["a", "b"], "age": [50, "old"], "sex": ["male", "female"]}).to_csv(
        tmp_path / "cases.tsv", sep="\t", index=False
    )
    table = apply_bundle(tmp_path / "m.zip", tmp_path / "cases.tsv", tmp_path / "work").table
    assert list(table["status"]) == ["ok", "ok"]
    assert "missing and imputed: age" in table["warnings"][1]


def test_numbers_and_categories_of_the_training_are_described() -> None:
    assert describe(pd.Series(["1", "3", "", "5"])) == {
        "missing": 1,
        "minimum": 1.0,
        "median": 3.0,
        "maximum": 5.0,
    }
    assert describe(pd.Series(["a", "b", "a", None])) == {"levels": {"a": 2, "b": 1}, "missing": 1}


def test_only_columns_that_the_model_rests_on_are_warned_of() -> None:
    summary = {"columns": {c: {"minimum": 0.0, "maximum": 1.0} for c in ("used", "unused")}}
    card = {"features": [{"feature": "used", "weight": 1.0}]}
    far = pd.Series({"used": 2.0, "unused": 9.0})
    assert case_warnings(far, card, summary, site="") == [
        "outside the training range: used 2 (0 to 1)"
    ]


def test_other_versions_are_named() -> None:
    assert version_warnings({"numpy": "1", "torch": "2"}, {"numpy": "1", "torch": "2"}) == []
    (warning,) = version_warnings({"numpy": "1", "torch": "2"}, {"numpy": "1", "torch": "3"})
    assert warning == "the bundle was made with torch 2 (here 3); scores may differ"


def test_looks_at_an_external_cohort_are_counted(tmp_path: Path) -> None:
    """Guardrail G16: the same bundle again is no new look, another one is."""
    ledger = tmp_path / "looks.tsv"
    assert record_look(ledger, "aa", ["x1", "x2"]) == 1
    assert record_look(ledger, "aa", ["x2", "x1"]) == 1
    assert record_look(ledger, "bb", ["x1", "x2"]) == 2
    assert list(read_table(ledger)["bundle_sha256"]) == ["aa", "bb"]
