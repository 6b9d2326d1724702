"""The visits of patients that test-retest compares, checked before any image is opened.

Imports nothing that is slow: Snakemake asks for every job.
"""

import difflib

from radpipe.config import Stability
from radpipe.errors import CaseError
from radpipe.io.sheet import CaseSheet

KEY = "features.stability.retest"


def check_visits(sheet: CaseSheet, settings: Stability) -> None:
    """See that the column named by `features.stability.retest` numbers the visits of patients.

    Args:
        sheet: the case sheet; an empty cell takes a case out of the comparison.
        settings: of the stability; without `retest` there is nothing to check.

    Raises:
        CaseError: the column is missing or says fewer than two visits, a patient has a visit twice,
            or fewer than two patients were seen at every visit.
    """
    column = settings.retest
    if column is None:
        return
    known = [str(name) for name in sheet.table.columns]
    if column not in known:
        close = difflib.get_close_matches(column, known, n=1, cutoff=0.5)
        raise CaseError(
            f"{KEY} names column '{column}', which is missing in the case sheet",
            file=sheet.file,
            found=f"columns {', '.join(known)}",
            expected=f"'{column}', the visit of each case",
            hint=f"did you mean '{close[0]}'?" if close else None,
        )
    _check_repeats(sheet, column)


def _check_repeats(sheet: CaseSheet, column: str) -> None:
    """See that some patients were seen at every visit, and none at one visit twice."""
    rows = sheet.table[sheet.table[column] != ""]
    visits = list(dict.fromkeys(rows[column]))
    if len(visits) < 2:
        raise CaseError(
            f"column '{column}' ({KEY}) tells no two visits apart",
            file=sheet.file,
            found=f"'{visits[0]}' in all {len(rows)} cases" if visits else "empty cells only",
            expected="a value for each visit, such as 1 and 2",
        )
    twice = rows[rows.duplicated(["patient", column])]
    if len(twice):
        first = twice.iloc[0]
        same = rows[(rows["patient"] == first["patient"]) & (rows[column] == first[column])]
        raise CaseError(
            f"patient '{first['patient']}' has the same visit twice in column '{column}' ({KEY})",
            case=str(first["case"]),
            file=sheet.file,
            found=f"'{first[column]}' in cases {', '.join(same['case'])}",
            expected="each visit once a patient, or an empty cell",
        )
    seen = rows.groupby("patient").size()
    complete = int((seen == len(visits)).sum())
    if complete < 2:
        raise CaseError(
            f"fewer than two patients were seen at every visit of column '{column}' ({KEY})",
            file=sheet.file,
            found=f"{complete} of {len(seen)} patients with all of {len(visits)} visits",
            expected="at least two; only they are compared",
            hint="column 'patient' tells which cases are of one person",
        )
