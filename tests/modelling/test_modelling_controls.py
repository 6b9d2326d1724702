import modelling_outcomes as kinds
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelling_cohort import ELASTIC, SETTINGS, case_table, cohort, study

from radpipe.config import Outcome, Study
from radpipe.errors import ConfigError
from radpipe.evaluation.by_kind import PRIMARY_METRIC, performance
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.modelling.blocks import assemble
from radpipe.modelling.cards import FitSettings
from radpipe.modelling.controls import (
    CONTROL_COLUMNS,
    control_model,
    permute_patients,
    permuted_labels,
    run_controls,
)
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.outcomes import outcome_facts, targets
from radpipe.modelling.predictions import collect_predictions
from radpipe.modelling.splits import fold_table
from radpipe.modelling.tripwires import check_leaks

MODELS = [
    {"name": "forest", "blocks": ["handcrafted"], "predictor": "random_forest"},
    {"name": "fusion", "blocks": ["clinical", "handcrafted"], "predictor": "logistic"},
    ELASTIC.model_dump(),
]


def test_the_fast_model_of_handcrafted_features_is_controlled() -> None:
    assert control_model(study(models=MODELS)).name == "radiomics"
    assert control_model(study(models=MODELS[:2])).name == "fusion"
    assert control_model(study(models=MODELS[:1])).name == "forest"
    clinical = {"name": "age", "blocks": ["clinical"], "predictor": "logistic"}
    assert control_model(study(models=[clinical])) is None


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), st.booleans()), min_size=2), st.integers(0, 9))
def test_permutation_moves_outcomes_between_patients(sizes, seed: int) -> None:
    rows = [(f"p{i:02d}", float(y)) for i, (n, y) in enumerate(sizes) for _ in range(n)]
    targets = pd.DataFrame(rows, columns=["patient", "y"])
    permuted = permute_patients(targets, np.random.default_rng(seed))
    before, after = (t.groupby("patient")["y"].agg(["min", "max"]) for t in (targets, permuted))
    assert (after["min"] == after["max"]).all()
    assert after["max"].sum() == before["max"].sum()


def test_mixed_patients_change_whole_sets_of_outcomes() -> None:
    targets = pd.DataFrame(
        {"patient": ["a", "a", "b", "b", "c", "d"], "y": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0]}
    )
    seen = set()
    for seed in range(20):
        y = permute_patients(targets, np.random.default_rng(seed))["y"].to_numpy()
        assert {tuple(y[:2]), tuple(y[2:4])} == {(1.0, 0.0), (0.0, 0.0)}
        assert set(y[4:]) == {0.0, 1.0}
        seen.add(tuple(y))
    assert len(seen) == 4


def test_permutations_are_at_chance_and_the_truth_is_beyond_them() -> None:
    blocks, targets = cohort()
    found = permuted_labels(blocks, targets, ELASTIC, SETTINGS, permutations=9)
    assert found.observed > 0.8
    assert found.p == 1 / 10
    assert len(set(found.permuted)) > 5


def test_every_control_has_a_row() -> None:
    blocks, targets = cohort(30, p=6)
    columns = blocks.table.rename(columns={blocks.table.columns[1]: VOLUME_COLUMN})
    features = columns.assign(**{VOLUME_COLUMN: np.exp(columns[VOLUME_COLUMN])}).reset_index()
    noise = features.copy()
    noise[noise.columns[1]] = np.random.default_rng(1).normal(size=len(noise))
    variants = pd.concat([noise.assign(variant=v, status="ok") for v in ("displaced", "shuffled")])
    config = study(
        models=MODELS[2:],
        splits={"folds": 3},
        evaluation={"controls": {"permutations": 2}},
        features={"handcrafted": {}},
    )
    table = run_controls(config, case_table(targets, external=1), features, variants)
    assert list(table.columns) == CONTROL_COLUMNS
    assert table["control"].tolist() == ["permuted_labels", "displaced", "shuffled"]
    assert table["n"].tolist() == [2, 30, 30]
    assert table["p"].isna().tolist() == [False, True, True]
    assert table["expected"].iloc[0] == 0.5
    assert table["expected"].iloc[1] == table["expected"].iloc[2] != 0.5
    assert table["estimate"].between(table["ci_low"], table["ci_high"]).all()


def _study_of(kind: str) -> tuple[Study, pd.DataFrame, pd.DataFrame]:
    """A study of 48 patients, its case table and the features of its regions."""
    blocks, y, _ = kinds.cohort(kind)
    table = blocks.table.rename(columns=lambda c: f"T1w__original__firstorder__{c}")
    cases = pd.DataFrame({"case": table.index, "patient": table.index, "cohort": "development"})
    outcome: dict[str, object] = {"column": "y", "kind": kind}
    if kind == "survival":
        outcome = {"kind": kind, "time": "months", "event": "died"}
        cases = cases.assign(months=y["time"], died=y["event"].astype(int))
    elif kind == "multiclass":
        cases["y"] = np.array(["low", "mid", "top"])[y.astype(int)]
    else:
        cases["y"] = y
    config = study(
        outcome=outcome,
        models=[{"name": "radiomics", "blocks": ["handcrafted"], "predictor": "linear"}],
        splits={"folds": 3, "inner_folds": 2},
        features={"handcrafted": {}},
        evaluation={"controls": {"permutations": 1}, "bootstrap": 500},
    )
    size = np.random.default_rng(2).uniform(100, 900, len(table))
    return config, cases, table.assign(**{VOLUME_COLUMN: size}).reset_index()


@pytest.mark.parametrize("kind", kinds.KINDS)
def test_controls_are_measured_as_the_models_are(kind: str) -> None:
    """The region as its own control: the row of `performance.tsv`, interval and all."""
    config, cases, features = _study_of(kind)
    outcome = config.outcome
    assert outcome is not None
    table = run_controls(config, cases, features, features.assign(variant="same"))
    known = targets(cases, outcome)
    facts = outcome_facts(cases, outcome)
    own = FitSettings(config.splits, config.evaluation.threshold, config.seed, **facts)
    folds = fold_table(known, config.splits, config.seed, kind=own.kind)
    shown = assemble(["handcrafted"], cases, features, {}, [])
    scores = cross_predict(shown, known, folds, config.model("radiomics"), own)
    predictions = collect_predictions([scores], cases, outcome)
    judged = performance(predictions, outcome, config.evaluation, config.seed)
    (expected,) = judged[judged["metric"] == PRIMARY_METRIC[kind]].to_dict("records")
    row = table.set_index("control").loc["same"]
    assert set(table["metric"]) == {PRIMARY_METRIC[kind]}
    for column in ("estimate", "ci_low", "ci_high"):
        assert row[column] == pytest.approx(expected[column], abs=1e-12)
    measured = permuted_labels(shown, known, config.model("radiomics"), own, permutations=0)
    assert measured.observed == pytest.approx(expected["estimate"], abs=1e-12)


def test_without_a_handcrafted_model_there_is_nothing_to_control() -> None:
    _, targets = cohort(12)
    empty = run_controls(study(), case_table(targets), pd.DataFrame(), pd.DataFrame())
    assert empty.empty
    assert list(empty.columns) == CONTROL_COLUMNS


def _copy(noise: float, n: int = 60, p: int = 30) -> tuple[pd.DataFrame, np.ndarray]:
    random = np.random.default_rng(0)
    y = random.permutation(np.arange(n) % 2).astype(float)
    table = pd.DataFrame(random.normal(size=(n, p)), columns=[f"f{i}" for i in range(p)])
    return table.assign(metastasis_date=y + noise * random.normal(size=n)), y


def _cases(y: np.ndarray) -> pd.DataFrame:
    names = [f"c{i:03d}" for i in range(len(y))]
    return pd.DataFrame({"case": names, "patient": names, "cohort": "development", "high_grade": y})


def _said_of_clinical(
    table: pd.DataFrame, y: np.ndarray, allowed: tuple[str, ...] = ()
) -> list[str]:
    cases = pd.concat([_cases(y), table], axis=1)
    outcome, clinical = Outcome(column="high_grade"), list(table)
    found = check_leaks(cases, cases[["case"]], outcome, clinical=clinical, allowed=allowed)
    return found["warning"].tolist()


def _said_of_measured(table: pd.DataFrame, y: np.ndarray) -> list[str]:
    cases = _cases(y)
    features = pd.concat([cases[["case"]], table], axis=1)
    return check_leaks(cases, features, Outcome(column="high_grade"))["warning"].tolist()


@pytest.mark.parametrize("noise", [0.0, 0.02, 0.2])
def test_a_copy_of_the_label_stops_the_run_unless_allowed(noise: float) -> None:
    table, y = _copy(noise)
    with pytest.raises(ConfigError, match=r"column 'metastasis_date' tells the outcome almost"):
        _said_of_clinical(table, y)
    with pytest.raises(ConfigError, match=r"column 'metastasis_date' tells"):
        _said_of_clinical(-table, y)
    assert _said_of_clinical(table, y, ("metastasis_date",)) == []


def _study_with_a_copy() -> tuple[pd.DataFrame, pd.DataFrame]:
    """A case table whose column `late` copies the outcome, 40 own and 2 external cases."""
    blocks, targets = cohort(40)
    cases = case_table(targets, external=2)
    random = np.random.default_rng(0)
    cases["late"] = cases["high_grade"] + 0.02 * random.normal(size=42)
    cases["age"] = random.normal(60, 10, size=42)
    own = blocks.table.assign(**{VOLUME_COLUMN: random.uniform(100, 900, size=40)})
    other = (own.iloc[:2] + 1.0).set_axis(["x0", "x1"])
    features = pd.concat([own, other]).rename_axis("case").reset_index()
    return cases, features


def test_a_study_stops_at_a_copy_among_its_clinical_columns_unless_allowed() -> None:
    cases, features = _study_with_a_copy()
    outcome = Outcome(column="high_grade")
    clinical = ["age", "late"]
    with pytest.raises(ConfigError, match=r"column 'late' tells.*name it in features.allow"):
        check_leaks(cases, features, outcome, clinical=clinical)
    table = check_leaks(cases, features, outcome, clinical=clinical, allowed=["late"])
    assert list(table.columns) == ["warning"]
    assert check_leaks(cases, features, outcome, clinical=["age"]).empty


def test_a_measured_feature_that_tells_the_outcome_is_warned_of_unless_allowed() -> None:
    """No outcome is read to measure it, so it is no copy; the images may give the outcome away."""
    cases, features = _study_with_a_copy()
    column = "T1w__original__glcm__Copy"
    copied = features.assign(**{column: cases["late"].fillna(0).to_numpy()})
    outcome = Outcome(column="high_grade")
    (warning,) = check_leaks(cases, copied, outcome)["warning"]
    assert warning.startswith("1 of ")
    assert column in warning
    assert check_leaks(cases, copied, outcome, allowed=[column]).empty


def test_cases_without_an_outcome_say_nothing() -> None:
    """With the outcome of one class erased, no column can be held against it."""
    cases, features = _study_with_a_copy()
    cases["high_grade"] = cases["high_grade"].where(cases["high_grade"] == 1)
    assert check_leaks(cases, features, Outcome(column="high_grade"), clinical=["late"]).empty


def test_an_exact_copy_is_found_among_many_features_of_twelve_patients() -> None:
    table, y = _copy(0.0, n=12, p=1900)
    (warning,) = _said_of_measured(table, y)
    assert warning.startswith("1 of 1901 measured features tell the outcome almost by themselves")
    assert "such as metastasis_date (correlation 1.000 in 12 cases)" in warning


def test_a_category_that_is_the_outcome_is_found() -> None:
    table, y = _copy(0.0)
    status = pd.DataFrame({"status": np.where(y == 1, "dead", "alive"), "f": table["f0"]})
    with pytest.raises(ConfigError, match=r"column 'status \(alive\)'"):
        _said_of_clinical(status, y)


def test_honest_small_cohorts_are_let_through() -> None:
    """Of 1,900 noise features of 12 patients some have an AUC of 1 by chance."""
    perfect = 0
    for seed in range(5):
        random = np.random.default_rng(seed)
        table = pd.DataFrame(random.normal(size=(12, 1900)))
        y = np.array([0.0, 1.0] * 6)
        ranked = np.sort(table.to_numpy()[y == 1], axis=0)[0]
        perfect += int((ranked > table.to_numpy()[y == 0].max(axis=0)).sum())
        assert _said_of_measured(table, y) == []
    assert perfect > 0


def test_a_strong_but_honest_predictor_is_let_through() -> None:
    random = np.random.default_rng(1)
    y = np.array([0.0, 1.0] * 100)
    table = pd.DataFrame({"volume": y * 1.8 + random.normal(size=200)})
    assert _said_of_clinical(table, y) == []


def test_a_sheet_sorted_by_outcome_is_mentioned() -> None:
    y = np.repeat([0.0, 1.0], 15)
    noise = pd.DataFrame({"f": np.random.default_rng(2).normal(size=30)})
    (warning,) = _said_of_clinical(noise, y)
    assert warning.startswith("the order of the rows tells the outcome")
