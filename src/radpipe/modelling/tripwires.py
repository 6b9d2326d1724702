"""Columns that give the outcome away: cross-validation alone cannot see a copy of the label."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from radpipe.config import Outcome
from radpipe.errors import ConfigError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.blocks import assemble
from radpipe.modelling.outcomes import binary_targets
from radpipe.types import DEVELOPMENT, Vector

AUC_LIMIT = 0.95
CORRELATION_LIMIT = 0.98
ALPHA = 1e-3
"""Error rate over all columns: among 1,900 honest features of 12 patients some separate the
classes perfectly, so a large AUC alone is no evidence; with Bonferroni's correction it is."""

ENOUGH = 4
"""Fewer values than this say nothing."""


def check_leaks(
    cases: pd.DataFrame,
    features: pd.DataFrame,
    outcome: Outcome,
    *,
    clinical: Sequence[str] = (),
    allowed: Collection[str] = (),
) -> pd.DataFrame:
    """Hold every column that a model could be given against the outcome, before any fit.

    Only development cases whose outcome is known are looked at. A column of the case sheet that
    tells the outcome stops the run: it may be a copy of it. A feature measured in the images cannot
    be one, since no outcome is read to measure it; that one is a warning.

    Args:
        cases: the case table, in the order of the sheet.
        features: the table of handcrafted features.
        outcome: which column, and what counts as positive.
        clinical: the columns of the case table that are features.
        allowed: columns that may tell the outcome almost by themselves (`features.allow`).

    Returns:
        A table with one column, `warning`.

    Raises:
        ConfigError: a clinical column tells the outcome almost by itself.
    """
    y = binary_targets(cases, outcome)["y"].to_numpy()
    judged = (cases["cohort"] == DEVELOPMENT).to_numpy() & np.isfinite(y)
    known = assemble(["clinical"], cases[judged], None, {}, clinical).table
    measured = assemble(["volume", "handcrafted"], cases[judged], features, {}, ()).table
    warnings = check_label_copies(known, y[judged], allowed)
    warnings += _measured_warnings(measured.drop(columns=[*allowed], errors="ignore"), y[judged])
    return pd.DataFrame({"warning": pd.Series(warnings, dtype=object)})


def check_label_copies(
    table: pd.DataFrame, y: npt.ArrayLike, allowed: Collection[str] = ()
) -> list[str]:
    """Stop at a column that is the outcome in disguise (guardrail G17).

    A column is refused if its AUC is above 0.95 in either direction (Mann-Whitney) or its
    |correlation| with the outcome above 0.98 (t test), and if that is beyond chance at 0.001 after
    Bonferroni's correction for the number of columns.

    Args:
        table: one row a case, in the order of the sheet; numbers, or text with categories.
        y: 0 or 1, shape (n,).
        allowed: columns that are known to predict this well and may stay.

    Returns:
        Warnings that do not stop the run: the order of the rows tells the outcome.

    Raises:
        ConfigError: naming the first such column.
    """
    outcome = np.asarray(y, dtype=float)
    for name, reason in _suspects(table.drop(columns=[*allowed], errors="ignore"), outcome):
        raise ConfigError(
            f"column '{name}' tells the outcome almost by itself, as a copy of it would",
            found=reason,
            expected=f"an AUC up to {AUC_LIMIT} and a correlation up to {CORRELATION_LIMIT}",
            hint="leave it out if it is only known after the outcome, else name it in "
            "features.allow",
        )
    return _order_warnings(outcome)


def _measured_warnings(table: pd.DataFrame, y: Vector) -> list[str]:
    suspects = list(_suspects(table, y))
    if not suspects:
        return []
    name, reason = suspects[0]
    return [
        f"{len(suspects)} of {table.shape[1]} measured features tell the outcome almost by "
        f"themselves, such as {name} ({reason}): see that nothing in the images was made after the "
        "outcome was known (markers, another scanner or protocol for one class)"
    ]


def _suspects(table: pd.DataFrame, y: Vector) -> Iterator[tuple[str, str]]:
    """The columns that tell the outcome beyond chance, and how well."""
    columns = list(_columns(table))
    for name, values in columns:
        reason = _suspicion(values, y, tests=len(columns))
        if reason:
            yield name, reason


def _columns(table: pd.DataFrame) -> Iterator[tuple[str, Vector]]:
    """Numbers as they are; each category as a column of 0 and 1."""
    for name in table:
        values = table[name]
        if pd.api.types.is_numeric_dtype(values):
            yield str(name), values.to_numpy(dtype=float)
            continue
        for category in sorted(values.dropna().astype(str).unique()):
            member = (values.astype(str) == category).astype(float)
            yield f"{name} ({category})", member.where(values.notna()).to_numpy(dtype=float)


def _suspicion(values: Vector, y: Vector, *, tests: int) -> str | None:
    present = np.isfinite(values)
    x, y = values[present], y[present]
    if len(x) < ENOUGH or np.ptp(x) == 0 or np.ptp(y) == 0:
        return None
    area = auc(y, x)
    area = max(area, 1 - area)
    if area > AUC_LIMIT:
        p = stats.mannwhitneyu(x[y == 1], x[y == 0]).pvalue
        if p * tests < ALPHA:
            return f"AUC {area:.3f} in {len(x)} cases"
    correlation = abs(float(np.corrcoef(x, y)[0, 1]))
    if correlation > CORRELATION_LIMIT and _correlation_p(correlation, len(x)) * tests < ALPHA:
        return f"correlation {correlation:.3f} in {len(x)} cases"
    return None


def _correlation_p(correlation: float, n: int) -> float:
    """Two-sided p of Pearson's |r| in n pairs under independence."""
    t = correlation * np.sqrt((n - 2) / max(1 - correlation**2, 1e-15))
    return float(2 * stats.t.sf(t, n - 2))


def _order_warnings(y: Vector) -> list[str]:
    if len(y) < ENOUGH or np.ptp(y) == 0:
        return []
    rows = np.arange(len(y), dtype=float)
    p = stats.mannwhitneyu(rows[y == 1], rows[y == 0]).pvalue
    if p >= ALPHA:
        return []
    return [
        f"the order of the rows tells the outcome (p = {p:.1g}): a sorted sheet is harmless, but "
        "ids, dates or scanners that follow the order must not become features"
    ]
