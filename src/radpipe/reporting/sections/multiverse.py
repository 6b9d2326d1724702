"""How far the result depends on choices that could have been made otherwise."""

import pandas as pd

from radpipe.reporting.choices import varied
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import count, number
from radpipe.reporting.tidy import models_of


def multiverse(context: Context) -> Section | None:
    """The primary metric over all models and repeats, and over each choice that varied."""
    table = context.table("multiverse")
    models = models_of(context.study, table) if len(table) else []
    if len(models) < 2:
        return None
    blocks: list[Block] = [Paragraph(_what(context, table, len(models)))]
    blocks += context.figures("multiverse")
    rows = tuple(_choice_rows(context, table, models))
    if rows:
        blocks.append(
            Table(
                ("choice", "chosen", "columns", "lowest", "median", "highest"),
                rows,
                f"**{kind_of_study(context.study).label} by choice**, out of fold, over all models "
                "and repeats that made it.",
                "A model sees several blocks at once and counts for each. Choices were not varied "
                "one at a time: two rows differ in more than the choice that names them.",
            )
        )
    return Section("multiverse", "Multiverse", tuple(blocks))


def _what(context: Context, table: pd.DataFrame, models: int) -> str:
    values, kind = table["estimate"].astype(float), kind_of_study(context.study)
    repeats = table["repeat"].nunique()
    above = int((values > kind.ignorant).sum())
    return (
        "The same cases could have been analysed in other ways. Here every model in every repeat "
        f"of the cross-validation is one such way ({count(models, 'model')}, "
        f"{count(repeats, 'repeat')}), and all are shown [@steegen2016] [@simonsohn2020]: the "
        f"{kind.label} lies between {number(values.min())} and {number(values.max())}, with a "
        f"median of {number(values.median())}; {above} of {len(values)} lie above "
        f"{kind.ignorant:g} ({kind.chance}). The columns are of the same cases, so their "
        "number is no evidence, and the best of them is no result."
    )


def _choice_rows(context: Context, table: pd.DataFrame, models: list[str]) -> list[tuple[str, ...]]:
    """For each level of each choice that varied, the metric over its models and repeats."""
    rows: list[tuple[str, ...]] = []
    for choice, by_model in varied(context.study, models).items():
        for level in dict.fromkeys(level for own in by_model.values() for level in own):
            chosen = [model for model, own in by_model.items() if level in own]
            values = table.loc[table["model"].isin(chosen), "estimate"].astype(float)
            ends = (number(values.min()), number(values.median()), number(values.max()))
            rows.append((choice, level, str(len(values)), *ends))
    return rows
