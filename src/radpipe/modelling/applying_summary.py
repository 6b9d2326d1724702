"""What a bundle says of the cohort it was trained on, and whether a new case is like it."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.modelling.blocks import as_categories, as_numbers, is_numeric

NAMED = 3
"""Columns that a warning names; it counts the others."""

OUTCOME_KEYS = (
    "kind",
    "n_positive",
    "prevalence",
    "classes",
    "mean",
    "sd",
    "n_events",
    "median_time",
    "horizon",
)
"""What the card of a model says of the outcome of its training cohort."""

Summary = dict[str, Any]
"""As JSON: cohort, `sites`, `clinical`, `volume_mm3`, `columns`; nothing about single cases."""


def training_summary(
    card: Mapping[str, Any],
    clinical: pd.DataFrame,
    features: pd.DataFrame | None,
    seen: pd.DataFrame | None,
    columns: Sequence[str],
) -> Summary:
    """Describe the cases that a model was fitted on.

    Args:
        card: of the model.
        clinical: `case, site` and the clinical columns of all cases.
        features: the table of features with a column `case`, for the volume; None: there is none.
        seen: by case, the columns that the model reads; None for a network.
        columns: the clinical columns.

    Returns:
        `n, n_patients, outcome`; `sites` (cases of each); `clinical` and `volume_mm3` (`minimum,
        median, maximum, missing`, or `levels` with their counts); `columns` (likewise, of what the
        model reads); `feature_columns`, the columns of the table of features.
    """
    cases = list(card["training_cases"])
    rows = clinical.set_index(clinical["case"].astype(str)).loc[cases]
    sites = rows["site"].fillna("").astype(str)
    summary: Summary = {
        "n": card["n"],
        "n_patients": card["n_patients"],
        "outcome": {key: card[key] for key in OUTCOME_KEYS if key in card},
        "sites": _counts(sites[sites != ""]),
        "clinical": {c: describe(rows[c]) for c in columns},
        "columns": {},
        "feature_columns": [],
    }
    if seen is not None:
        own = seen.loc[cases]
        named = set(card.get("categorical", ()))
        summary["columns"] = {str(c): describe(own[c], named=c in named) for c in own.columns}
    if features is not None:
        table = features.set_index(features["case"].astype(str)).drop(columns="case")
        summary["feature_columns"] = [str(c) for c in table.columns]
        if VOLUME_COLUMN in table:
            summary["volume_mm3"] = describe(table.loc[cases, VOLUME_COLUMN])
    return summary


def describe(values: pd.Series, *, named: bool = False) -> dict[str, Any]:
    """`minimum, median, maximum, missing` of numbers, `levels, missing` of categories.

    Args:
        values: of the training cases.
        named: categories even where all of them read as numbers, such as sites.
    """
    if named or not is_numeric(values):
        known = as_categories(values).dropna()
        return {"levels": _counts(known), "missing": int(len(values) - len(known))}
    numbers = as_numbers(values).dropna()
    about: dict[str, Any] = {"missing": int(len(values) - len(numbers))}
    if len(numbers):
        middle = float(np.median(numbers))
        about |= {"minimum": float(numbers.min()), "median": middle}
        about |= {"maximum": float(numbers.max())}
    return about


def case_warnings(
    row: pd.Series, card: Mapping[str, Any], summary: Summary, *, site: str
) -> list[str]:
    """In what a case is unlike the training cohort; the score may not hold for it.

    Args:
        row: the columns that the model reads; empty for a network.
        card: of the model; of columns that are selected from, only those with a weight count.
        summary: from `training_summary`.
        site: of the case; empty: not known.

    Returns:
        A phrase each.
    """
    known = sorted(summary.get("sites", {}))
    warnings = []
    if known and site not in known:
        name = f"site '{site}' is none of the training" if site else "the site is not named"
        warnings.append(f"{name} (training: {', '.join(known)})")
    ranges = _used(card, summary)
    outside = [text for c, own in ranges.items() if c in row and (text := _outside(c, row[c], own))]
    if outside:
        warnings.append(f"outside the training range: {_listed(outside)}")
    missing = [c for c in ranges if c not in row or pd.isna(row[c])]
    if missing:
        warnings.append(f"missing and imputed: {_listed(missing)}")
    return warnings


def version_warnings(made: Mapping[str, str], here: Mapping[str, str]) -> list[str]:
    """One sentence if a bundle was made with other versions than those that apply it."""
    changed = [
        f"{name} {made[name]} (here {here[name]})"
        for name in sorted(set(made) & set(here))
        if made[name] != here[name]
    ]
    if not changed:
        return []
    return [f"the bundle was made with {', '.join(changed)}; scores may differ"]


def _used(card: Mapping[str, Any], summary: Summary) -> dict[str, dict[str, Any]]:
    """The ranges of the columns that a model rests on; a level of a category counts for it."""
    ranges: dict[str, dict[str, Any]] = summary.get("columns", {})
    chosen = [str(one["feature"]) for one in card.get("features", [])]
    if not chosen:
        return ranges
    weighted = set(chosen)
    return {
        column: own
        for column, own in ranges.items()
        if column in weighted
        or ("levels" in own and any(name.startswith(column) for name in weighted))
    }


def _outside(column: str, value: Any, own: Mapping[str, Any]) -> str | None:
    if pd.isna(value):
        return None
    if "levels" in own:
        levels = own["levels"]
        return None if str(value) in levels else f"{column} '{value}' ({', '.join(levels)})"
    if "minimum" not in own:
        return f"{column} {float(value):.4g} (always missing)"
    low, high = own["minimum"], own["maximum"]
    # The table of a study has ten digits: a value must not leave the range by rounding.
    slack = 1e-9 * max(abs(low), abs(high))
    if low - slack <= float(value) <= high + slack:
        return None
    return f"{column} {float(value):.4g} ({low:.4g} to {high:.4g})"


def _counts(values: pd.Series) -> dict[str, int]:
    return {str(k): int(n) for k, n in values.astype(str).value_counts().sort_index().items()}


def _listed(texts: Sequence[str]) -> str:
    more = len(texts) - NAMED
    return ", ".join(texts[:NAMED]) + (f" and {more} more" if more > 0 else "")
