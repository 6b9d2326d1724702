"""What gives the outcome away and cross-validation alone cannot see: guardrail G17.

Copies of the label, columns that are only filled in after the outcome is known, running numbers
where the order of the sheet tells the outcome, and one patient under two names.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from radpipe.config import Outcome
from radpipe.errors import ConfigError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.blocks import assemble
from radpipe.modelling.outcomes import targets
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

    Only development cases whose outcome is known are held against it. A column tells the outcome if
    its AUC is above 0.95 in either direction (Mann-Whitney) or its |correlation| with the outcome,
    of values or of ranks, above 0.98 (t test), and if that is beyond chance at 0.001 after
    Bonferroni's correction for the number of columns. Whether a value is missing counts as a column
    too: what is written down after the outcome is often filled in for one class only.

    A column of the case sheet that tells the outcome stops the run: it may be a copy of it. A
    feature measured in the images cannot be one, since no outcome is read to measure it; that one
    is a warning. So are an order of the rows that tells the outcome, and measured features that two
    patients of any cohort share to the last digit.

    Args:
        cases: the case table, in the order of the sheet.
        features: the table of handcrafted features.
        outcome: kind and columns.
        clinical: the columns of the case table that are features.
        allowed: columns that may tell the outcome almost by themselves (`features.allow`).

    Returns:
        A table with one column, `warning`.

    Raises:
        ConfigError: a clinical column tells the outcome almost by itself.
    """
    known = targets(cases, outcome).drop(columns="patient")
    judged = (cases["cohort"] == DEVELOPMENT).to_numpy() & known.notna().all(axis=1).to_numpy()
    views = _views(known[judged], outcome)
    given = assemble(["clinical"], cases[judged], None, {}, clinical).table
    measured = assemble(["handcrafted"], cases[judged], features, {}, ()).table
    given, measured = (t.drop(columns=[*allowed], errors="ignore") for t in (given, measured))
    _refuse_copies(given, views)
    warnings = _order_warnings(views, (given, measured))
    warnings += _measured_warnings(measured, views)
    warnings += check_duplicate_rows(features, cases)
    return pd.DataFrame({"warning": pd.Series(warnings, dtype=object)})


def check_duplicate_rows(features: pd.DataFrame, cases: pd.DataFrame) -> list[str]:
    """Find two patients whose measured features agree to the last digit (guardrail G17).

    Copies of an image are found by the hash of its voxels before (`io.checks`); this also sees them
    in a table of features that came without images.

    Args:
        features: `case` and the features; rows of other cases than `cases` are left out.
        cases: the case table: `case` and `patient`.

    Returns:
        One warning, or none; none with fewer than 4 features that vary, which agree by chance.
    """
    patients = pd.Series(cases["patient"].astype(str).to_numpy(), cases["case"].astype(str))
    own = features.set_index(features["case"].astype(str)).select_dtypes("number")
    own = own[own.index.isin(patients.index)].dropna(how="all")
    if (own.nunique() > 1).sum() < ENOUGH:
        return []
    digest = pd.util.hash_pandas_object(own, index=False)
    known = pd.DataFrame({"patient": patients[own.index], "digest": digest})
    alike = known[known.groupby("digest")["patient"].transform("nunique") > 1]
    if alike.empty:
        return []
    first = alike[alike["digest"] == alike["digest"].iloc[0]].drop_duplicates("patient").index
    return [
        f"{len(alike)} cases share all measured features with a case of another patient, such as "
        f"{first[0]} and {first[1]}: one patient may be in the sheet under two names, and so in a "
        "training and a test part"
    ]


def _refuse_copies(table: pd.DataFrame, views: Sequence[Vector]) -> None:
    for name, reason in _suspects(table, views):
        raise ConfigError(
            f"column '{name}' tells the outcome almost by itself, as a copy of it would",
            found=reason,
            expected=f"an AUC up to {AUC_LIMIT} and a correlation up to {CORRELATION_LIMIT}",
            hint="leave it out if it is only known after the outcome, else name it in "
            "features.allow",
        )


def _views(known: pd.DataFrame, outcome: Outcome) -> list[Vector]:
    """The outcome as vectors that a column may copy."""
    if outcome.kind == "multiclass":
        y = known["y"].to_numpy()
        return [(y == k).astype(float) for k in np.unique(y)]
    return [known[column].to_numpy(dtype=float) for column in known.columns]


def _measured_warnings(table: pd.DataFrame, views: Sequence[Vector]) -> list[str]:
    suspects = list(_suspects(table, views))
    if not suspects:
        return []
    name, reason = suspects[0]
    return [
        f"{len(suspects)} of {table.shape[1]} measured features tell the outcome almost by "
        f"themselves, such as {name} ({reason}): see that nothing in the images was made after the "
        "outcome was known (markers, another scanner or protocol for one class)"
    ]


def _suspects(table: pd.DataFrame, views: Sequence[Vector]) -> Iterator[tuple[str, str]]:
    """The columns that tell the outcome beyond chance, and how well."""
    columns = list(_columns(table))
    tests = len(columns) * len(views)
    for name, values in columns:
        reasons = (_suspicion(values, y, tests=tests) for y in views)
        reason = next((r for r in reasons if r), None)
        if reason:
            yield name, reason


def _columns(table: pd.DataFrame) -> Iterator[tuple[str, Vector]]:
    """Numbers as they are; each category, and what is missing, as a column of 0 and 1."""
    for name in table:
        values = table[name]
        if values.isna().any():
            yield f"{name} (missing)", values.isna().astype(float).to_numpy()
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
    if np.unique(y).size == 2:
        classes = y == y.max()
        area = auc(classes, x)
        area = max(area, 1 - area)
        if area > AUC_LIMIT:
            p = stats.mannwhitneyu(x[classes], x[~classes]).pvalue
            if p * tests < ALPHA:
                return f"AUC {area:.3f} in {len(x)} cases"
    ranks = (stats.rankdata(x), stats.rankdata(y))
    for word, pair in (("correlation", (x, y)), ("rank correlation", ranks)):
        r = abs(float(np.corrcoef(*pair)[0, 1]))
        if r > CORRELATION_LIMIT and _correlation_p(r, len(x)) * tests < ALPHA:
            return f"{word} {r:.3f} in {len(x)} cases"
    return None


def _correlation_p(correlation: float, n: int) -> float:
    """Two-sided p of Pearson's |r| in n pairs under independence."""
    t = correlation * np.sqrt((n - 2) / max(1 - correlation**2, 1e-15))
    return float(2 * stats.t.sf(t, n - 2))


def _order_warnings(views: Sequence[Vector], tables: Sequence[pd.DataFrame]) -> list[str]:
    """Whether the outcome follows the order of the rows; patients enter a study in time."""
    found = [_order_p(y) for y in views if len(y) >= ENOUGH and np.ptp(y) > 0]
    p = min(found, default=1.0) * max(len(found), 1)
    if p >= ALPHA:
        return []
    warning = (
        f"the order of the rows tells the outcome (p = {p:.1g}): a sorted sheet is harmless, but "
        "ids, dates or scanners that follow the order must not become features"
    )
    running = [name for table in tables for name in _running(table)]
    if running:
        warning += f"; {len(running)} features do follow it, such as {running[0]}"
    return [warning]


def _running(table: pd.DataFrame) -> Iterator[str]:
    """The columns that rise or fall with the rows, as a number given at entry does."""
    for name, values in _columns(table):
        present = np.isfinite(values)
        x = values[present]
        if len(x) < ENOUGH or np.ptp(x) == 0:
            continue
        r = abs(float(np.corrcoef(stats.rankdata(x), np.arange(len(x)))[0, 1]))
        if r > CORRELATION_LIMIT and _correlation_p(r, len(x)) < ALPHA:
            yield name


def _order_p(y: Vector) -> float:
    rows = np.arange(len(y), dtype=float)
    if np.unique(y).size == 2:
        classes = y == y.max()
        return float(stats.mannwhitneyu(rows[classes], rows[~classes]).pvalue)
    return float(stats.spearmanr(rows, y).pvalue)
