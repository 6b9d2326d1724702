"""The column of visits is checked as text, with one sentence, before anything is measured."""

from pathlib import Path

import pandas as pd
import pytest

from radpipe.config import Stability
from radpipe.errors import CaseError
from radpipe.features.visits import check_visits
from radpipe.io.sheet import CaseSheet

RETEST = Stability(retest="visit")


def sheet(*rows: tuple[str, str, str], column: str = "visit") -> CaseSheet:
    table = pd.DataFrame(rows, columns=["case", "patient", column], dtype=object)
    return CaseSheet(table, Path("cohort/cases.tsv"), None, ())


TWO_EACH = (("a1", "a", "1"), ("a2", "a", "2"), ("b1", "b", "1"), ("b2", "b", "2"))


def test_two_patients_seen_twice_are_enough() -> None:
    check_visits(sheet(*TWO_EACH), RETEST)
    check_visits(sheet(*TWO_EACH, ("c", "c", "1"), ("d", "d", ""), ("e", "d", "")), RETEST)


def test_nothing_is_asked_of_a_sheet_without_retest() -> None:
    check_visits(sheet(("a", "a", "1"), column="scan"), Stability())


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("a1", "a", "1"), ("a2", "a", "1"), ("b1", "b", "2")],
            r"case 'a2', file cohort/cases.tsv: patient 'a' has the same visit twice .*; "
            r"found '1' in cases a1, a2, expected each visit once a patient",
        ),
        (
            [("a1", "a", "1"), ("b1", "b", "1")],
            r"file cohort/cases.tsv: column 'visit' .* tells no two visits apart; "
            r"found '1' in all 2 cases, expected a value for each visit",
        ),
        ([("a1", "a", ""), ("b1", "b", "")], "found empty cells only"),
        (
            [("a1", "a", "1"), ("a2", "a", "2"), ("b1", "b", "1"), ("c1", "c", "2")],
            "found 1 of 3 patients with all of 2 visits, expected at least two",
        ),
        (
            [(case, case, str(visit)) for visit, case in enumerate("abcd")],
            "found 0 of 4 patients with all of 4 visits",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(rows: list[tuple[str, str, str]], message: str) -> None:
    with pytest.raises(CaseError, match=message):
        check_visits(sheet(*rows), RETEST)


def test_a_missing_column_names_the_file_and_the_nearest() -> None:
    with pytest.raises(
        CaseError,
        match=r"file cohort/cases.tsv: features.stability.retest names column 'visit', which is "
        r"missing in the case sheet; found columns case, patient, visits, expected 'visit', the "
        r"visit of each case; did you mean 'visits'\?",
    ):
        check_visits(sheet(*TWO_EACH, column="visits"), RETEST)
