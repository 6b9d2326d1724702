"""The outcome columns: which values they have, and what these mean for each kind of outcome."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from radpipe.config import Outcome, Study
from radpipe.errors import CaseError
from radpipe.io.sheet import CaseSheet, row_reason
from radpipe.types import DEVELOPMENT

SHOWN = 6
"""Values named in a message at most."""


def outcome_values(table: pd.DataFrame, outcome: Outcome) -> pd.Series:
    """The outcome of each row as a number; NaN where it is not known.

    Args:
        table: a case sheet or `cohort/cases.tsv`, with the outcome columns as text or numbers.
        outcome: its kind and columns; `1`, `"1"` and `1.0` are the same value.

    Returns:
        binary: 1.0 for the positive value, else 0.0; survival: 1.0 for the event, else 0.0;
        multiclass: the index of the class in `class_names`; regression: the number.

    Raises:
        CaseError: a regression value is no number, or a class is not one of `class_names`.
    """
    keys = table[outcome.column].map(value_key)
    if outcome.kind == "multiclass":
        names = class_names(table, outcome)
        return _looked_up(keys, {name: float(i) for i, name in enumerate(names)}, table, outcome)
    if outcome.kind == "regression":
        numbers = {key: value for key in keys if (value := number_of(key)) is not None}
        return _looked_up(keys, numbers, table, outcome)
    meant = outcome.event_value if outcome.kind == "survival" else outcome.positive
    values = np.where(keys == "", np.nan, (keys == value_key(meant)).astype(float))
    return pd.Series(values, index=table.index, name=outcome.column)


def follow_up(table: pd.DataFrame, outcome: Outcome) -> pd.Series:
    """The follow-up time of each row of a survival outcome; NaN where it is not known.

    Raises:
        CaseError: a time is no number, or negative.
    """
    keys = table[outcome.time].map(value_key)
    times = {k: v for k in keys if (v := number_of(k)) is not None and v >= 0}
    return _looked_up(keys, times, table, outcome, column=outcome.time)


def class_names(table: pd.DataFrame, outcome: Outcome) -> tuple[str, ...]:
    """The classes of a multiclass outcome: as listed, else those of the development cohort, sorted.

    Numbers are sorted by value and stand before text.
    """
    if outcome.classes is not None:
        return tuple(value_key(c) for c in outcome.classes)
    known = table
    if "cohort" in table and (table["cohort"] == DEVELOPMENT).any():
        known = table[table["cohort"] == DEVELOPMENT]
    keys = set(known[outcome.column].map(value_key)) - {""}
    return tuple(sorted(keys, key=_by_value))


def value_key(value: object) -> str:
    """One spelling of a value: numbers by value, all else as text; missing is empty."""
    if value is None or value is pd.NA or (isinstance(value, float) and np.isnan(value)):
        return ""
    text = str(value).strip()
    number = number_of(text)
    return text if number is None else f"{number:.12g}"


def number_of(text: str) -> float | None:
    """The finite number that a text spells, or None."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if np.isfinite(number) else None


def known_classes(table: pd.DataFrame, outcome: Outcome | None) -> set[str]:
    """The values that the outcome column may hold; of a regression: none are fixed.

    Those of the development cohort, and where the value that is meant (`positive`, `event_value`)
    is a number, only numbers.
    """
    if outcome is None or outcome.kind == "regression":
        return set()
    if outcome.kind == "multiclass":
        return set(class_names(table, outcome))
    keys = set(table.loc[table["cohort"] == DEVELOPMENT, outcome.column].map(value_key)) - {""}
    if number_of(str(_meant(outcome))) is None:
        return keys
    return {key for key in keys if number_of(key) is not None}


def check_outcome(sheet: CaseSheet, outcome: Outcome | None) -> None:
    """See that the values of the outcome are those of its kind.

    Raises:
        CaseError: of a binary outcome or of an event there are more than two values or the one that
            is meant is not among them; a listed class is in no development case.
    """
    if outcome is None or outcome.kind == "regression":
        return
    classes = known_classes(sheet.table, outcome)
    if outcome.kind == "multiclass":
        _check_listed(sheet, outcome)
        return
    meant = value_key(_meant(outcome))
    if outcome.kind == "binary" and len(classes) == 1:
        return  # `check_cohort` tells that there is one class only
    what = "positive value of outcome" if outcome.kind == "binary" else "event value of outcome"
    expected = f"two values, one of them '{_meant(outcome)}'"
    found = _shown(sheet.table[outcome.column])
    if meant not in classes:
        problem = f"the {what} '{outcome.column}' is not in its column"
        raise CaseError(problem, file=sheet.file, found=found, expected=expected)
    if len(classes) > 2:
        kind = "binary outcome" if outcome.kind == "binary" else "event column"
        problem = f"the {kind} '{outcome.column}' has {len(classes)} values"
        raise CaseError(problem, file=sheet.file, found=found, expected=expected)


def outcome_fault(
    row: Mapping[Hashable, str], sheet: CaseSheet, study: Study, classes: set[str]
) -> str | None:
    """Why the outcome of a row cannot be used; None if it can, or if it is not known."""
    outcome = study.outcome
    if outcome is None:
        return None
    fault = _time_fault(row, outcome) if outcome.kind == "survival" else None
    cell = row[outcome.column]
    if fault is None and cell:
        fault = _value_fault(cell, outcome, classes)
    return row_reason(sheet, *fault) if fault else None


def _value_fault(cell: str, outcome: Outcome, classes: set[str]) -> tuple[str, str] | None:
    """What was found in the outcome column and what was expected."""
    where = f"'{cell}' in column '{outcome.column}'"
    if outcome.kind == "regression":
        return None if number_of(cell) is not None else (f"non-numeric {where}", "a number")
    if value_key(cell) in classes:
        return None
    unknown = number_of(cell) is not None or not all(number_of(c) is not None for c in classes)
    expected = " or ".join(f"'{c}'" for c in sorted(classes, key=_by_value))
    return f"{'unknown value' if unknown else 'non-numeric'} {where}", expected


def _time_fault(row: Mapping[Hashable, str], outcome: Outcome) -> tuple[str, str] | None:
    """What is wrong with the follow-up: time and event are known together or not at all."""
    cell, event = row[outcome.time], row[outcome.column]
    if not cell and not event:
        return None
    if not cell or not event:
        empty = outcome.column if cell else outcome.time
        return "an empty cell", f"a value in column '{empty}'"
    time = number_of(cell)
    if time is None:
        return f"non-numeric '{cell}' in column '{outcome.time}'", "a follow-up time"
    if time < 0:
        return f"negative '{cell}' in column '{outcome.time}'", "a follow-up time of at least 0"
    return None


def _check_listed(sheet: CaseSheet, outcome: Outcome) -> None:
    development = sheet.table.loc[sheet.table["cohort"] == DEVELOPMENT, outcome.column]
    there = set(development.map(value_key))
    for name in class_names(sheet.table, outcome):
        if name not in there:
            raise CaseError(
                f"class '{name}' of outcome '{outcome.column}' has no development case",
                file=sheet.file,
                found=_shown(development),
                expected="cases of each class in outcome.classes",
            )


def _looked_up(
    keys: pd.Series,
    values: Mapping[str, float],
    table: pd.DataFrame,
    outcome: Outcome,
    *,
    column: str | None = None,
) -> pd.Series:
    """The value of each key; NaN for an empty one, an error for an unknown one."""
    strange = keys[(keys != "") & ~keys.isin(list(values))]
    if len(strange):
        row = strange.index[0]
        raise CaseError(
            f"the {outcome.kind} outcome has a value that it cannot have",
            case=str(table.loc[row, "case"]) if "case" in table else None,
            found=f"'{strange.iloc[0]}' in column '{column or outcome.column}'",
            expected=" or ".join(f"'{v}'" for v in values)
            if outcome.kind == "multiclass"
            else "a number",
        )
    found = keys.map(values).astype(float)
    return found.rename(column or outcome.column)


def _meant(outcome: Outcome) -> str | int:
    return outcome.event_value if outcome.kind == "survival" else outcome.positive


def _by_value(key: str) -> tuple[bool, float, str]:
    number = number_of(key)
    return (number is None, 0.0 if number is None else number, key)


def _shown(column: pd.Series) -> str:
    keys = sorted(set(column.map(value_key)) - {""})
    return ", ".join(f"'{key}'" for key in keys[:SHOWN]) or "no value"
