from collections import Counter

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modelling_cohort import case_table, cohort, study

from radpipe.config import Outcome
from radpipe.errors import FitError
from radpipe.modelling import outcomes
from radpipe.modelling.splits import inner_splits, part_of, split_cohort


def _cases(patients: list[int], positive: list[bool]) -> pd.DataFrame:
    n = len(patients)
    return pd.DataFrame(
        {
            "case": [f"c{i:03d}" for i in range(n)],
            "patient": [f"p{i:03d}" for i in patients],
            "cohort": "development",
            "high_grade": [int(v) for v in positive],
        }
    )


@st.composite
def sheets(draw: st.DrawFn) -> pd.DataFrame:
    """Cohorts with one to three cases a patient and at least four patients a class."""
    labels = [True] * draw(st.integers(4, 12)) + [False] * draw(st.integers(4, 12))
    counts = draw(st.lists(st.integers(1, 3), min_size=len(labels), max_size=len(labels)))
    patients = [p for p, count in enumerate(counts) for _ in range(count)]
    return _cases(patients, [labels[p] for p in patients])


@settings(max_examples=40, deadline=None)
@given(sheets(), st.integers(0, 5))
def test_patients_stay_together_and_every_case_is_tested_once(
    cases: pd.DataFrame, seed: int
) -> None:
    config = study(seed=seed)
    splits = split_cohort(cases, config)
    patient = cases.set_index("case")["patient"]
    positive = cases.set_index("case")["high_grade"]
    for fold in config.splits.outer:
        train, test = part_of(splits, fold, "train"), part_of(splits, fold, "test")
        assert sorted(train + test) == sorted(cases["case"])
        assert not set(patient[train]) & set(patient[test])
        assert set(positive[train]) == set(positive[test]) == {0, 1}
    for repeat in ("r1", "r2"):
        own = splits[splits["fold"].str.startswith(repeat) & (splits["part"] == "test")]
        assert sorted(own["case"]) == sorted(cases["case"])


@settings(max_examples=40, deadline=None)
@given(sheets(), st.integers(0, 5), st.integers(2, 4))
def test_inner_folds_keep_patients_apart(cases: pd.DataFrame, seed: int, folds: int) -> None:
    y, patients = cases["high_grade"].to_numpy(dtype=float), cases["patient"].to_numpy()
    pairs = inner_splits(y, patients, folds, seed)
    assert len(pairs) == folds
    assert sorted(np.concatenate([test for _, test in pairs])) == list(range(len(y)))
    for train, test in pairs:
        assert not set(patients[train]) & set(patients[test])
        assert set(train) | set(test) == set(range(len(y)))
        assert set(y[train]) == {0.0, 1.0}


@settings(max_examples=20, deadline=None)
@given(sheets(), st.randoms(use_true_random=False))
def test_order_of_rows_and_other_columns_decide_nothing(cases: pd.DataFrame, random) -> None:
    order = list(range(len(cases)))
    random.shuffle(order)
    other = cases.iloc[order].assign(age=range(len(cases)))
    pd.testing.assert_frame_equal(split_cohort(cases, study()), split_cohort(other, study()))


def test_twelve_patients_in_four_folds_are_dealt_evenly() -> None:
    cases = _cases(list(range(12)), [True] * 4 + [False] * 8)
    splits = split_cohort(cases, study())
    positive = cases.set_index("case")["high_grade"]
    for fold in ("r1f1", "r1f2", "r1f3", "r1f4"):
        test = part_of(splits, fold, "test")
        assert (len(test), positive[test].sum()) == (3, 1)


def test_final_fold_trains_on_development_and_tests_every_other_cohort() -> None:
    _, targets = cohort(12)
    splits = split_cohort(case_table(targets, external=2), study())
    assert part_of(splits, "final", "test") == ["x0", "x1"]
    assert len(part_of(splits, "final", "train")) == 12
    assert "x0" not in set(splits.loc[splits["fold"] != "final", "case"])


def test_repeats_and_seeds_differ() -> None:
    _, targets = cohort(40)
    cases = case_table(targets)
    splits = split_cohort(cases, study())
    other = split_cohort(cases, study(seed=1))
    assert part_of(splits, "r1f1", "test") != part_of(splits, "r2f1", "test")
    assert part_of(splits, "r1f1", "test") != part_of(other, "r1f1", "test")


def test_without_outcome_folds_are_grouped_only() -> None:
    cases = _cases([0, 0, 1, 2, 3, 4], [True] * 6).drop(columns="high_grade")
    splits = split_cohort(cases, study(outcome=None))
    sizes = Counter(splits.loc[splits["part"] == "test", "fold"])
    assert set(sizes) == {f"r{r}f{k}" for r in (1, 2) for k in (1, 2, 3, 4)}
    with pytest.raises(FitError, match=r"fewer patients than folds; found 3 patients, expected at"):
        split_cohort(cases.iloc[:4], study(outcome=None))


def test_a_patient_with_one_positive_case_counts_as_positive() -> None:
    cases = _cases([0, 0, 1, 2, 3, 4, 5, 6, 7], [True, False, True, True, True] + [False] * 4)
    splits = split_cohort(cases, study())
    for fold in ("r1f1", "r1f2", "r1f3", "r1f4"):
        test = cases.set_index("case").loc[part_of(splits, fold, "test")]
        assert test.loc[test["high_grade"] == 1, "patient"].nunique() == 1


def test_too_few_patients_of_a_class_are_named() -> None:
    cases = _cases(list(range(10)), [True] * 3 + [False] * 7)
    with pytest.raises(
        FitError, match=r"fewer positive patients than folds; found 3 positive of 10"
    ):
        split_cohort(cases, study())
    with pytest.raises(FitError, match=r"fewer negative patients than folds; found 0 negative"):
        split_cohort(cases.assign(high_grade=1), study())


def test_missing_outcome_and_shared_patient_are_refused() -> None:
    _, targets = cohort(12)
    cases = case_table(targets, external=1)
    with pytest.raises(FitError, match=r"case 'c002': the outcome 'high_grade' is missing"):
        split_cohort(cases.assign(high_grade=cases["high_grade"].where(cases.index != 2)), study())
    cases.loc[cases["case"] == "x0", "patient"] = "p003"
    with pytest.raises(FitError, match=r"patient 'p003' is in the development cohort and in anoth"):
        split_cohort(cases, study())


def test_unknown_fold_is_named() -> None:
    splits = split_cohort(_cases(list(range(8)), [True, False] * 4), study())
    with pytest.raises(FitError, match=r"unknown fold; found 'r9f9', expected r1f1, r1f2"):
        part_of(splits, "r9f9", "train")


@pytest.mark.parametrize(
    ("positive", "values", "expected"),
    [
        (1, [1, 0, None], [1, 0, None]),
        (1, ["1", "0", ""], [1, 0, None]),
        ("1", [1.0, 0.0, np.nan], [1, 0, None]),
        ("yes", ["yes", " yes ", "no"], [1, 1, 0]),
        ("IV", ["III", "IV", "II"], [0, 1, 0]),
    ],
)
def test_outcomes_are_read_as_text_or_number(positive, values, expected) -> None:
    cases = pd.DataFrame({"case": list("abc"), "patient": list("abc"), "grade": values})
    y = outcomes.targets(cases, Outcome(column="grade", positive=positive))["y"]
    assert [None if np.isnan(v) else v for v in y] == expected


def test_a_cohort_without_the_outcome_column_has_missing_outcomes() -> None:
    cases = pd.DataFrame({"case": ["a"], "patient": ["a"]})
    assert outcomes.targets(cases, Outcome(column="grade"))["y"].isna().all()
