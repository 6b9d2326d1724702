"""Stability of the features: which survive a second measurement, best and worst by name."""

import pandas as pd

from radpipe.evaluation.agreement import ICC_FORMS
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table
from radpipe.reporting.numbers import count, listing, with_bounds

CLASSES = ("excellent", "good", "moderate", "poor")
SHOWN = 8
"""Features named at either end of the ranking."""


def stability(context: Context) -> Section | None:
    """How many features are stable, by class of feature, and the ends of the ranking."""
    table = context.table("stability")
    if table.empty:
        return None
    settings = context.study.features.stability
    judged = "the lower end of its interval" if settings.judged_by == "ci_low" else "its value"
    blocks: list[Block] = [
        Paragraph(
            f"{_how(context)} Agreement is {ICC_FORMS[settings.form]} [@shrout1979] over cases "
            f"(test–retest: over patients); a class is that of {judged} [@koo2016]. These numbers "
            "are of all cases and describe the features; a model that is filtered by stability "
            "computes its own in the training part of each fold."
        )
    ]
    blocks += context.figures("stability")
    for source in dict.fromkeys(table["source"]):
        part = table[table["source"] == source]
        blocks += [_counts(part, str(source)), _ranking(part, str(source))]
    return Section("stability", "Stability of features", tuple(blocks))


def _how(context: Context) -> str:
    settings = context.study.features.stability
    parts = []
    if settings.perturbs:
        how = "all together" if settings.together else "each alone"
        names = listing([f"`{name}`" for name in settings.perturbations])
        parts.append(
            f"Every case was measured again {count(settings.repeats, 'time')} after small random "
            f"changes of image and mask ({names}, {how}) [@zwanenburg2019]."
        )
    if settings.retest:
        parts.append(
            f"Patients seen more than once (column `{settings.retest}`) were measured at every "
            "visit."
        )
    return " ".join(parts)


def _counts(part: pd.DataFrame, source: str) -> Table:
    """Features by their class of stability, a row a class of feature."""
    kinds = part["feature"].str.rsplit("__", n=2).str[1]
    judged = part["class"].fillna("")
    rows = []
    for kind in dict.fromkeys(kinds):
        own = judged[kinds == kind]
        numbers = [int((own == name).sum()) for name in CLASSES]
        rows.append((str(kind), *map(str, numbers), str(len(own) - sum(numbers)), str(len(own))))
    return Table(
        ("class of feature", *CLASSES, "unknown", "all"),
        tuple(rows),
        f"**Features by stability**, {source.replace('+', ', ')}.",
        f"{count(int(part['n'].max()), 'subject')} at most, {int(part['k'].max())} measurements "
        "each. All features are in `stability.tsv`.",
    )


def _ranking(part: pd.DataFrame, source: str) -> Table:
    known = part.dropna(subset=["icc"]).sort_values("icc", ascending=False, kind="stable")
    known = known.assign(rank=range(1, len(known) + 1))
    shown = known if len(known) <= 2 * SHOWN else pd.concat([known[:SHOWN], known[-SHOWN:]])
    rows = [
        (
            str(row["rank"]),
            str(row["feature"]),
            with_bounds(row["icc"], row["ci_low"], row["ci_high"]),
            str(row["class"]),
        )
        for row in shown.to_dict("records")
    ]
    return Table(
        ("rank", "feature", "ICC", "class"),
        tuple(rows),
        f"**Most and least stable features**, {source.replace('+', ', ')}.",
    )
