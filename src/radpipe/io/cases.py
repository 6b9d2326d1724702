"""The case sheet: what a user says about each case, checked as text before any work."""

from collections.abc import Hashable, Mapping
from pathlib import Path

import pandas as pd

from radpipe.config import REFERENCE, SITE, Outcome, Study
from radpipe.errors import CaseError
from radpipe.io.cohort import IDENTITY
from radpipe.io.outcomes import check_outcome, known_classes, outcome_fault, value_key
from radpipe.io.sheet import (
    MISSING,
    CaseSheet,
    check_cohort_of_patients,
    check_column,
    check_ids,
    read_text_table,
    row_reason,
    with_defaults,
)
from radpipe.types import DEVELOPMENT, Exclusion

__all__ = ["CaseSheet", "check_cohort", "needs_mask", "read_case_sheet", "row_faults"]


def read_case_sheet(study: Study) -> CaseSheet:
    """Read the case sheet of a study and check all that its text can tell.

    Faults of the sheet as a whole always stop. Faults of single rows (an empty cell that is
    needed, an outcome that is no number) stop here if `on_bad_case` is `stop`; otherwise the rows
    stay and `checks.check_cases` sets them aside.

    Raises:
        CaseError: no tab-separated table, a missing column, a duplicate or unusable case id, a
            patient in two cohorts, one class only, fewer patients than folds.
    """
    file = Path(study.cases)
    table = read_text_table(file)
    table = table.map(lambda cell: "" if cell.strip() in MISSING else cell.strip())
    _check_columns(table, study, file)
    check_ids(table["case"], file)
    table = with_defaults(table)
    check_cohort_of_patients(table, file)
    sheet = CaseSheet(table, file, _mask_column(table, study), tuple(study.images.modalities))
    check_outcome(sheet, study.outcome)
    faults = row_faults(sheet, study)
    if faults and study.on_bad_case == "stop":
        raise stopping_error(faults, file)
    check_cohort(sheet.without(f.case for f in faults), study)
    return sheet


def needs_mask(study: Study, cohort: str) -> bool:
    """True if a case of that cohort must come with a drawn mask."""
    if not study.images.modalities:
        return False
    region = bool(study.features.handcrafted or study.features.encoders)
    region = region or any(set(model.blocks) - {"clinical", SITE} for model in study.models)
    drawn = study.segmentation.mask_source == REFERENCE and region
    return drawn or (cohort == DEVELOPMENT and bool(study.segmentation.segmenters))


def row_faults(sheet: CaseSheet, study: Study) -> list[Exclusion]:
    """Rows that cannot be used, judged by their text alone: one fault a row."""
    faults = []
    classes = known_classes(sheet.table, study.outcome)
    for row in sheet.table.to_dict("records"):
        reason = _empty_cell(row, sheet, study) or outcome_fault(row, sheet, study, classes)
        if reason:
            faults.append(Exclusion(row["case"], "check_cases", reason))
    return faults


def check_cohort(sheet: CaseSheet, study: Study) -> None:
    """See that the development cohort can be learned from and split.

    Raises:
        CaseError: no development case, one class (number, no event) only, or fewer patients than
            folds, in all, of one class, or with an event.
    """
    table = sheet.table[sheet.table["cohort"] == DEVELOPMENT]
    if table.empty:
        raise CaseError(
            "no usable development case is left", file=sheet.file, expected="at least two"
        )
    _check_patients(table["patient"].nunique(), "patients", study, sheet.file)
    if study.outcome is not None:
        _check_strata(table, study, study.outcome, sheet.file)


def _check_strata(table: pd.DataFrame, study: Study, outcome: Outcome, file: Path) -> None:
    """See that every class, or every fold's share of events, can be learned from."""
    classes = table[outcome.column].map(value_key)
    if outcome.kind == "survival":
        events = table["patient"][classes == value_key(outcome.event_value)]
        what = f"patients with {outcome.column} '{outcome.event_value}'"
        _check_patients(events.nunique(), what, study, file)
        return
    if classes.nunique() < 2:
        one = "value" if outcome.kind == "regression" else "class"
        raise CaseError(
            f"the outcome '{outcome.column}' has one {one} only",
            file=file,
            found=f"'{classes.iloc[0]}' in all {len(table)} development cases",
            expected="different values" if outcome.kind == "regression" else "two classes",
        )
    if outcome.kind == "regression":
        return
    for value, patients in table["patient"].groupby(classes):
        what = f"patients with {outcome.column} '{value}'"
        _check_patients(patients.nunique(), what, study, file)


def stopping_error(faults: list[Exclusion], file: Path) -> CaseError:
    """The first fault as an error, with the number of the others."""
    more = len(faults) - 1
    hint = f"and {more} more case{'s' * (more > 1)} cannot be used; " if more else ""
    hint += "on_bad_case: exclude sets such cases aside"
    first = faults[0]
    return CaseError(first.reason, case=first.case, hint=f"{hint} (sheet {file})")


def _check_columns(table: pd.DataFrame, study: Study, file: Path) -> None:
    columns = ["case", *(f"image_{m}" for m in study.images.modalities)]
    columns += study.outcome.columns if study.outcome else []
    columns += [c for c in study.read_columns if c not in IDENTITY]
    for column in columns:
        check_column(table, column, file)
    if needs_mask(study, DEVELOPMENT) and _mask_column(table, study) is None:
        check_column(table, "mask", file)


def _mask_column(table: pd.DataFrame, study: Study) -> str | None:
    """`mask`, or `mask_<reference>`: drawn masks lie on the grid of the reference modality."""
    cohorts = (DEVELOPMENT, "external")
    if not any(needs_mask(study, cohort) for cohort in cohorts):
        return None
    names = ("mask", f"mask_{study.images.reference}")
    return next((name for name in names if name in table.columns), None)


def _empty_cell(row: Mapping[Hashable, str], sheet: CaseSheet, study: Study) -> str | None:
    needed = [study.images.reference] if study.images.missing == "zero" else sheet.modalities
    columns = [f"image_{m}" for m in needed]
    if needs_mask(study, row["cohort"]) and sheet.mask_column:
        columns.append(sheet.mask_column)
    if study.outcome and row["cohort"] == DEVELOPMENT:
        columns += study.outcome.columns
    for column in columns:
        if not row[column]:
            return row_reason(sheet, "an empty cell", f"a value in column '{column}'")
    return None


def _check_patients(count: int, what: str, study: Study, file: Path) -> None:
    folds, inner = study.splits.folds, study.splits.inner_folds
    if count < folds:
        raise CaseError(
            f"fewer {what} than folds",
            file=file,
            found=f"{count} in the development cohort",
            expected=f"at least {folds}, one a fold",
            hint="lower splits.folds or add patients",
        )
    training = count - -(-count // folds)
    if study.models and training < inner:
        raise CaseError(
            f"fewer {what} in a training part than inner folds",
            file=file,
            found=f"{training} of {count}",
            expected=f"at least {inner}",
            hint="lower splits.inner_folds or add patients",
        )
