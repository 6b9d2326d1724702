"""Outcomes of every kind in the case sheet: what is read, what is refused, what is set aside."""

import numpy as np
import pandas as pd
import pytest

from radpipe.config import Outcome
from radpipe.errors import CaseError, ConfigError
from radpipe.io.cases import read_case_sheet, row_faults
from radpipe.io.outcomes import class_names, follow_up, outcome_values

SURVIVAL = {"kind": "survival", "time": "months", "event": "dead"}
CLASSES = {"column": "type", "kind": "multiclass"}
NUMBER = {"column": "score", "kind": "regression"}


def reasons(cohort, outcome):
    study = cohort.study(outcome=outcome)
    return {f.case: f.reason for f in row_faults(read_case_sheet(study), study)}


@pytest.fixture
def filled(cohort):
    """The small cohort with outcomes of all kinds."""
    for number, case in enumerate(cohort.table["case"]):
        cohort.set(
            case,
            months=str(3 + number),
            dead=str(number % 2),
            type=("b", "10")[number % 2],
            score=f"{number / 4}",
        )
    return cohort


class TestConfig:
    def test_survival_names_two_columns(self):
        outcome = Outcome(**SURVIVAL)
        assert outcome.columns == ["months", "dead"]
        assert outcome.column == "dead"
        assert Outcome.model_validate(outcome.model_dump(mode="json")) == outcome

    @pytest.mark.parametrize("kind", ["binary", "multiclass", "regression"])
    def test_other_kinds_name_one(self, kind):
        outcome = Outcome(column="y", kind=kind)
        assert outcome.columns == ["y"]
        assert Outcome.model_validate(outcome.model_dump(mode="json")) == outcome

    @pytest.mark.parametrize(
        ("outcome", "match"),
        [
            ({"kind": "survival", "time": "t"}, "survival outcome needs the column of 'event'"),
            ({"kind": "survival", "event": "e"}, "survival outcome needs the column of 'time'"),
            ({**SURVIVAL, "column": "other"}, "'column' and 'event' differ: 'other', 'dead'"),
            ({**SURVIVAL, "time": "dead"}, "'time' and 'event' are the same column"),
            ({**SURVIVAL, "horizon": 0}, "greater than 0"),
            ({**SURVIVAL, "positive": 2}, "'positive' belongs to a binary outcome"),
            ({"column": "y", "time": "t"}, "'time' belongs to a survival outcome; this one: bin"),
            ({**NUMBER, "classes": ["a", "b"]}, "'classes' belongs to a multiclass outcome"),
            ({**CLASSES, "classes": ["a"]}, "at least 2 items"),
            ({**CLASSES, "classes": ["a", "a"]}, "a class is listed twice"),
            ({**NUMBER, "kind": "count"}, "outcome.kind"),
            ({"kind": "regression"}, "key 'outcome.column' is missing"),
        ],
    )
    def test_keys_that_do_not_fit(self, cohort, outcome, match):
        with pytest.raises(ConfigError, match=match):
            cohort.study(outcome=outcome)


class TestValues:
    def test_survival(self):
        table = pd.DataFrame({"months": ["3", "4.5", ""], "dead": ["1.0", "0", ""]})
        np.testing.assert_array_equal(follow_up(table, Outcome(**SURVIVAL)), [3, 4.5, np.nan])
        values = outcome_values(table, Outcome(**SURVIVAL))
        np.testing.assert_array_equal(values, [1, 0, np.nan])

    def test_event_value(self):
        """As in R's lung: 1 censored, 2 dead."""
        table = pd.DataFrame({"months": [3, 4], "dead": [1, 2]})
        outcome = Outcome(**SURVIVAL, event_value=2)
        np.testing.assert_array_equal(outcome_values(table, outcome), [0, 1])

    def test_classes_are_sorted_numbers_first(self):
        table = pd.DataFrame({"type": ["b", "10", "a", "2", "", "10"]})
        assert class_names(table, Outcome(**CLASSES)) == ("2", "10", "a", "b")
        values = outcome_values(table, Outcome(**CLASSES))
        np.testing.assert_array_equal(values, [3, 1, 2, 0, np.nan, 1])

    def test_listed_classes_keep_their_order(self):
        table = pd.DataFrame({"type": [1.0, 3.0, 2.0]})
        outcome = Outcome(**CLASSES, classes=[3, 1, 2])
        assert class_names(table, outcome) == ("3", "1", "2")
        np.testing.assert_array_equal(outcome_values(table, outcome), [1, 0, 2])

    def test_external_cohorts_add_no_class(self):
        table = pd.DataFrame(
            {"cohort": ["development", "development", "other"], "type": ["a", "b", "c"]}
        )
        assert class_names(table, Outcome(**CLASSES)) == ("a", "b")
        with pytest.raises(CaseError, match="found 'c' in column 'type', expected 'a' or 'b'"):
            outcome_values(table, Outcome(**CLASSES))

    def test_regression(self):
        table = pd.DataFrame({"score": ["1e2", " -3 ", "n/a"[:0]]})
        np.testing.assert_array_equal(outcome_values(table, Outcome(**NUMBER)), [100, -3, np.nan])
        with pytest.raises(
            CaseError, match=r"'c2'.*found 'high' in column 'score', expected a num"
        ):
            outcome_values(pd.DataFrame({"case": ["c2"], "score": ["high"]}), Outcome(**NUMBER))

    def test_negative_time(self):
        table = pd.DataFrame({"months": [-1.0], "dead": [1]})
        with pytest.raises(CaseError, match="found '-1' in column 'months'"):
            follow_up(table, Outcome(**SURVIVAL))


@pytest.mark.parametrize(
    "outcome", [SURVIVAL, CLASSES, NUMBER], ids=["survival", "class", "number"]
)
def test_sound_outcomes_pass(filled, outcome):
    study = filled.study(outcome=outcome)
    assert len(read_case_sheet(study).cases) == 10
    assert reasons(filled, outcome) == {}


class TestRows:
    @pytest.mark.parametrize(
        ("outcome", "cells", "reason"),
        [
            (SURVIVAL, {"months": "-2"}, "found negative '-2' in column 'months'"),
            (SURVIVAL, {"months": "long"}, "found non-numeric 'long' in column 'months'"),
            (SURVIVAL, {"months": "inf"}, "found non-numeric 'inf' in column 'months'"),
            (SURVIVAL, {"months": ""}, "found an empty cell, expected a value in column 'months'"),
            (SURVIVAL, {"dead": ""}, "found an empty cell, expected a value in column 'dead'"),
            (SURVIVAL, {"dead": "yes"}, "found non-numeric 'yes' in column 'dead', expected '0'"),
            (
                NUMBER,
                {"score": "high"},
                "found non-numeric 'high' in column 'score', expected a num",
            ),
            (NUMBER, {"score": "nan"}, "found non-numeric 'nan' in column 'score'"),
            (NUMBER, {"score": ""}, "found an empty cell, expected a value in column 'score'"),
            (CLASSES, {"type": ""}, "found an empty cell, expected a value in column 'type'"),
        ],
    )
    def test_row_is_set_aside(self, filled, outcome, cells, reason):
        filled.set("c5", **cells)
        found = reasons(filled, outcome)
        assert list(found) == ["c5"]
        assert reason in found["c5"]

    def test_value_outside_the_listed_classes(self, filled):
        filled.set("c5", type="z")
        found = reasons(filled, {**CLASSES, "classes": ["b", 10]})
        assert "found unknown value 'z' in column 'type', expected '10' or 'b'" in found["c5"]

    def test_external_cases_may_lack_the_outcome(self, filled):
        filled.set("c9", cohort="other", months="", dead="")
        assert reasons(filled, SURVIVAL) == {}

    def test_external_cases_have_both_or_none(self, filled):
        filled.set("c9", cohort="other", months="5", dead="")
        assert "value in column 'dead'" in reasons(filled, SURVIVAL)["c9"]

    def test_it_stops_where_asked(self, filled):
        filled.set("c5", months="-2")
        study = filled.study(outcome=SURVIVAL, on_bad_case="stop")
        with pytest.raises(CaseError, match="negative '-2'"):
            read_case_sheet(study)


class TestCohort:
    def check(self, cohort, outcome, match, **changes):
        study = cohort.study(outcome=outcome, **changes)
        with pytest.raises(CaseError, match=match):
            read_case_sheet(study)

    def test_class_with_one_case(self, filled):
        filled.set("c1", type="rare")
        match = r"fewer patients with type 'rare' than folds; found 1 in the dev"
        self.check(filled, CLASSES, match)

    def test_listed_class_without_a_case(self, filled):
        match = r"class 'z' of outcome 'type' has no development case; found '10', 'b'"
        self.check(filled, {**CLASSES, "classes": ["z", "b", 10]}, match)

    def test_one_class(self, filled):
        filled.table["type"] = "a"
        self.check(filled, CLASSES, "the outcome 'type' has one class only")

    def test_one_number(self, filled):
        filled.table["score"] = "4"
        self.check(filled, NUMBER, "the outcome 'score' has one value only; found '4' in all 10")

    def test_no_event(self, filled):
        filled.table["dead"] = "0"
        self.check(filled, SURVIVAL, "the event value of outcome 'dead' is not in its column")

    def test_too_few_events(self, filled):
        filled.table["dead"] = ["1"] + ["0"] * 9
        self.check(filled, SURVIVAL, "fewer patients with dead '1' than folds; found 1")

    def test_nobody_censored_is_fine(self, filled):
        filled.table["dead"] = "1"
        assert len(read_case_sheet(filled.study(outcome=SURVIVAL)).cases) == 10

    def test_three_values_of_an_event(self, filled):
        filled.set("c1", dead="2")
        self.check(filled, SURVIVAL, "the event column 'dead' has 3 values; found '0', '1', '2'")

    def test_missing_column(self, filled):
        filled.table = filled.table.drop(columns="months")
        self.check(filled, SURVIVAL, "column 'months' is missing in the case sheet")
