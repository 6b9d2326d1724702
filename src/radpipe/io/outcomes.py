"""The outcome column: which values it has, and which of them counts as positive."""

from collections.abc import Hashable, Mapping

import numpy as np
import pandas as pd

from radpipe.config import Outcome, Study
from radpipe.errors import CaseError
from radpipe.io.sheet import CaseSheet, row_reason
from radpipe.types import DEVELOPMENT


def outcome_values(table: pd.DataFrame, outcome: Outcome) -> pd.Series:
    """The outcome of each row as 1.0 (positive), 0.0 or NaN (not known).

    Args:
        table: a case sheet or `cohort/cases.tsv`, with the outcome column as text or numbers.
        outcome: column and positive value; `1`, `"1"` and `1.0` are the same value.
    """
    keys = table[outcome.column].map(value_key)
    values = np.where(keys == "", np.nan, (keys == value_key(outcome.positive)).astype(float))
    return pd.Series(values, index=table.index, name=outcome.column)


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
    """The values of the outcome in the development cohort; only numbers if positive is one."""
    if outcome is None:
        return set()
    keys = set(table.loc[table["cohort"] == DEVELOPMENT, outcome.column].map(value_key)) - {""}
    if number_of(str(outcome.positive)) is None:
        return keys
    return {key for key in keys if number_of(key) is not None}


def check_positive(sheet: CaseSheet, outcome: Outcome | None) -> None:
    """See that a binary outcome has two values and that the positive one is among them."""
    if outcome is None:
        return
    classes = known_classes(sheet.table, outcome)
    if len(classes) == 1:
        return  # `check_cohort` tells that there is one class only
    values = set(sheet.table[outcome.column].map(value_key)) - {""}
    found = ", ".join(f"'{v}'" for v in sorted(values)[:6]) or "no value"
    expected = f"two values, one of them '{outcome.positive}'"
    if value_key(outcome.positive) not in classes:
        problem = f"the positive value of outcome '{outcome.column}' is not in its column"
        raise CaseError(problem, file=sheet.file, found=found, expected=expected)
    if len(classes) > 2:
        problem = f"the binary outcome '{outcome.column}' has {len(classes)} values"
        raise CaseError(problem, file=sheet.file, found=found, expected=expected)


def outcome_fault(
    row: Mapping[Hashable, str], sheet: CaseSheet, study: Study, classes: set[str]
) -> str | None:
    """Why the outcome of a row cannot be used; None if it can, or if it is not known."""
    if study.outcome is None or not row[study.outcome.column]:
        return None
    cell = row[study.outcome.column]
    if value_key(cell) in classes:
        return None
    kind = (
        "unknown value" if number_of(cell) is not None or not _numeric(classes) else "non-numeric"
    )
    expected = " or ".join(f"'{c}'" for c in sorted(classes))
    return row_reason(sheet, f"{kind} '{cell}' in column '{study.outcome.column}'", expected)


def _numeric(classes: set[str]) -> bool:
    return all(number_of(c) is not None for c in classes)
