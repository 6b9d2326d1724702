"""Targets and folds for outcomes of every kind."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Outcome, Splits
from radpipe.errors import FitError
from radpipe.modelling.outcomes import horizon_of, target_array, targets
from radpipe.modelling.splits import fold_table, inner_splits, part_of

SURVIVAL = Outcome(kind="survival", time="months", event="dead")


def cases(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    return pd.DataFrame(
        {
            "case": [f"c{i:03}" for i in range(n)],
            "patient": [f"p{i:03}" for i in range(n)],
            "cohort": "development",
            **columns,
        }
    )


class TestTargets:
    def test_survival(self):
        table = targets(cases(months=["3", "", "5"], dead=["1", "", "0"]), SURVIVAL)
        assert list(table.columns) == ["patient", "time", "event"]
        np.testing.assert_array_equal(table["time"], [3, np.nan, 5])
        np.testing.assert_array_equal(table["event"], [1, np.nan, 0])
        with pytest.raises(FitError, match="case 'c001': the outcome is missing"):
            target_array(table)
        array = target_array(table.dropna())
        assert array.dtype.names == ("event", "time")
        assert array["event"].tolist() == [True, False]
        assert array["time"].tolist() == [3, 5]

    def test_classes(self):
        outcome = Outcome(column="type", kind="multiclass")
        table = targets(cases(type=["b", "a", "c"]), outcome)
        assert target_array(table).tolist() == [1, 0, 2]

    def test_numbers(self):
        outcome = Outcome(column="score", kind="regression")
        assert target_array(targets(cases(score=["1.5", "-2"]), outcome)).tolist() == [
            1.5,
            -2,
        ]

    @pytest.mark.parametrize("outcome", [SURVIVAL, Outcome(column="y"), None])
    def test_table_without_outcome(self, outcome):
        table = targets(cases(age=[1, 2]), outcome)
        assert table.drop(columns="patient").isna().all(axis=None)

    def test_horizon(self):
        table = targets(cases(months=[2, 4, 9], dead=[1, 1, 0]), SURVIVAL)
        assert horizon_of(table, SURVIVAL) == 4
        own = Outcome(kind="survival", time="months", event="dead", horizon=12)
        assert horizon_of(table, own) == 12


class TestFolds:
    def shares(self, table, folds, column):
        values = table[column]
        return [values[part_of(folds, f, "test")].mean() for f in dict.fromkeys(folds["fold"])]

    def test_classes_reach_every_fold(self):
        outcome = Outcome(column="type", kind="multiclass")
        table = targets(cases(type=list("aaaaaabbbbbbbccc") * 2), outcome)
        folds = fold_table(table, Splits(folds=3), 1, kind="multiclass")
        for fold in ("r1f1", "r1f2", "r1f3"):
            counts = table.loc[part_of(folds, fold, "test"), "y"].value_counts()
            assert counts[2.0] == 2
            assert counts[0.0] == 4
            assert counts[1.0] in (4, 5)

    def test_numbers_are_spread(self):
        outcome = Outcome(column="score", kind="regression")
        table = targets(cases(score=np.arange(100.0) ** 2), outcome)
        spread = fold_table(table, Splits(folds=5, repeats=4), 1, kind="regression")
        plain = fold_table(table, Splits(folds=5, repeats=4), 1, stratified=False)
        even, uneven = (np.std(self.shares(table, f, "y")) for f in (spread, plain))
        assert even < uneven / 2

    def test_events_are_spread(self):
        """Guardrail G22: 10 events in 5 folds are 2 in each."""
        table = targets(cases(months=np.arange(30), dead=[1, 0, 0] * 10), SURVIVAL)
        folds = fold_table(table, Splits(folds=5), 1, kind="survival")
        assert self.shares(table, folds, "event") == [2 / 6] * 5

    def test_inner_folds_of_a_survival_outcome(self):
        table = targets(cases(months=np.arange(30), dead=[1, 0, 0] * 10), SURVIVAL)
        array = target_array(table)
        for _, judged in inner_splits(array, table["patient"], 5, 1, kind="survival"):
            assert array["event"][judged].sum() == 2

    @pytest.mark.parametrize(
        ("kind", "values", "match"),
        [
            ("multiclass", [0, 0, 0, 1, 1, 1, 2, 2], "fewer class 2 patients than folds; found 2"),
            ("survival", [1, 1, 0, 0, 0, 0, 0], "fewer uncensored patients than folds; found 2"),
            ("regression", [1.0, 2.0], "fewer patients than folds; found 2"),
        ],
    )
    def test_too_few(self, kind, values, match):
        y = np.array(values, dtype=float)
        if kind == "survival":
            array = np.zeros(len(y), dtype=[("event", bool), ("time", float)])
            array["event"] = y == 1
            y = array
        with pytest.raises(FitError, match=match):
            inner_splits(y, [f"p{i}" for i in range(len(y))], 3, 1, kind=kind)

    def test_nobody_censored(self):
        array = np.ones(9, dtype=[("event", bool), ("time", float)])
        assert len(inner_splits(array, list("abcdefghi"), 3, 1, kind="survival")) == 3

    @given(
        st.lists(st.tuples(st.integers(0, 30), st.integers(0, 50)), min_size=30, max_size=60),
        st.sampled_from(["regression", "multiclass", "survival"]),
        st.integers(0, 9),
    )
    @settings(max_examples=60, deadline=None)
    def test_patients_stay_together_and_every_row_is_judged_once(self, rows, kind, seed):
        patients = np.array([f"p{i % 20}" if i >= 20 else f"p{i}" for i in range(len(rows))])
        y = np.array([value for _, value in rows], dtype=float)
        if kind == "multiclass":
            y = (np.arange(len(rows)) % 20 % 2).astype(float)
        if kind == "survival":
            array = np.zeros(len(y), dtype=[("event", bool), ("time", float)])
            array["event"], array["time"] = np.arange(len(y)) % 20 % 3 == 0, y
            y = array
        folds = inner_splits(y, patients, 3, seed, kind=kind)
        judged = np.concatenate([test for _, test in folds])
        assert sorted(judged) == list(range(len(rows)))
        for train, test in folds:
            assert not set(patients[train]) & set(patients[test])
