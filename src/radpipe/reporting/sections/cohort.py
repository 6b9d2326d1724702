"""Who was studied: the flow of cases and a table of the cohorts."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import MISSING, count, number

_LEVELS = 6


def cohort(context: Context) -> Section | None:
    """Flow chart, exclusions with their reasons, characteristics of each cohort, folds."""
    cases = context.table("cases")
    if cases.empty:
        return None
    blocks: list[Block] = [Paragraph(_splitting(context)), *context.figures("flow_chart")]
    blocks.append(_characteristics(context))
    excluded = context.table("exclusions")
    if len(excluded):
        blocks.append(
            Table(
                ("case", "stage", "reason"),
                tuple((str(r.case), str(r.stage), str(r.reason)) for r in excluded.itertuples()),
                f"**Cases set aside** ({excluded['case'].nunique()}), with the reason.",
            )
        )
    return Section("cohort", "Cases", tuple(blocks))


def _splitting(context: Context) -> str:
    splits = context.study.splits
    text = (
        "The unit of splitting is the patient: all cases of a patient lie in the same part. "
        f"The development cohort is split into {splits.folds} folds, stratified by outcome"
        if context.study.outcome
        else "The unit of splitting is the patient: all cases of a patient lie in the same part. "
        f"The development cohort is split into {splits.folds} folds"
    )
    text += f", {splits.repeats} times with new seeds" if splits.repeats > 1 else ""
    table = context.table("splits")
    if len(table):
        tests = table[(table["part"] == "test") & (table["fold"] != "final")]
        sizes = tests.groupby("fold")["case"].nunique()
        if len(sizes):
            text += f"; a test part holds {_range(sizes)} cases"
    if context.external:
        names = ", ".join(literal(name) for name in context.external)
        text += f". Never fitted, only scored: the {names} cohort"
        text += "s" if len(context.external) > 1 else ""
    return text + "."


def _range(sizes: pd.Series) -> str:
    low, high = int(sizes.min()), int(sizes.max())
    return str(low) if low == high else f"{low} to {high}"


def _characteristics(context: Context) -> Table:
    cases, study = context.table("cases"), context.study
    parts = {name: cases[cases["cohort"] == name] for name in context.cohorts}
    rows: list[tuple[str, ...]] = []

    def add(label: str, cells: list[str]) -> None:
        rows.append((label, *cells))

    add("patients", [str(p["patient"].nunique()) for p in parts.values()])
    add("cases", [str(len(p)) for p in parts.values()])
    several = [int((p["patient"].value_counts() > 1).sum()) for p in parts.values()]
    if any(several):
        add("patients with several cases", [str(n) for n in several])
    columns = list(reversed(study.outcome.columns)) if study.outcome else []
    columns += [c for c in study.features.clinical if c not in columns]
    columns += ["site"] if cases["site"].nunique() > 1 else []
    for column in columns:
        for label, cells in _describe(cases[column], list(parts.values()), column):
            add(label, cells)
    return Table(
        ("characteristic", *context.cohorts),
        tuple(rows),
        "**Cohorts.** Numbers of cases (per cent of the cases with a value), or mean ± standard "
        "deviation (range).",
        f"{count(len(cases), 'case')} in all.",
    )


def _describe(
    column: pd.Series, parts: list[pd.DataFrame], name: str
) -> list[tuple[str, list[str]]]:
    """Rows of the characteristics table for one column of the case sheet."""
    numeric = pd.to_numeric(column, errors="coerce")
    is_number = numeric.notna().sum() == column.notna().sum() and column.nunique() > _LEVELS
    rows = []
    if is_number:
        rows.append((name, [_spread(pd.to_numeric(p[name], errors="coerce")) for p in parts]))
    else:
        counts = column.dropna().astype(str).value_counts()
        levels = sorted(counts.index[:_LEVELS])
        rows += [(f"{name}: {x}", [_share(p[name], x) for p in parts]) for x in levels]
    missing = [int(p[name].isna().sum()) for p in parts]
    if any(missing):
        rows.append((f"{name}: missing", [str(n) for n in missing]))
    return rows


def _spread(values: pd.Series) -> str:
    known = values.dropna()
    if known.empty:
        return MISSING
    ends = f"{number(known.min(), 1)} to {number(known.max(), 1)}"
    return f"{number(known.mean(), 1)} ± {number(known.std(), 1)} ({ends})"


def _share(values: pd.Series, level: str) -> str:
    known = values.dropna().astype(str)
    n = int((known == level).sum())
    return f"{n} ({100 * n / len(known):.0f} %)" if len(known) else MISSING
