"""Images and features: quality, overlays, what was measured in the region."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import count, significant
from radpipe.types import FINAL

_QUALITY_SHOWN = (
    *("translation_mm", "rotation_deg", "improved", "coverage"),
    *("snr", "cnr", "noise_sd", "field_sd", "cv_before", "cv_after"),
)


def quality(context: Context) -> Section | None:
    """Image quality and registration by modality, and images with outlines."""
    table = context.table("quality")
    overlays = context.figures("overlays")
    if table.empty and not overlays:
        return None
    blocks: list[Block] = []
    if len(table):
        blocks += context.figures("quality")
        summary = _quality_table(table)
        blocks += [summary] if summary.rows else []
    return Section("images", "Images and their quality", (*blocks, *overlays))


def _quality_table(table: pd.DataFrame) -> Table:
    shown = table[table["measure"].isin(_QUALITY_SHOWN)]
    values = pd.to_numeric(shown["value"], errors="coerce")
    rows = []
    for keys, part in values.groupby(
        [shown["stage"], shown["modality"].fillna(""), shown["measure"]], sort=False
    ):
        known = part.dropna()
        ends = [significant(x) for x in (known.median(), known.min(), known.max())]
        rows.append((*(str(key) for key in keys), *ends, str(len(known))))
    return Table(
        ("stage", "modality", "measure", "median", "lowest", "highest", "cases"),
        tuple(rows),
        "**Image quality over cases.** All measures of every case are in `quality.tsv`.",
    )


def features(context: Context) -> Section | None:
    """What was measured in the region, and which features were chosen how often."""
    table, selection = context.table("features"), context.table("selection")
    if table.empty and selection.empty:
        return None
    blocks: list[Block] = []
    if len(table):
        blocks += _feature_blocks(table, context.table("feature_status"))
    blocks += _selection_tables(context, selection) if len(selection) else []
    return Section("features", "Features", tuple(blocks))


def _failed(status: pd.DataFrame) -> str:
    """Which cases have a region that could not be measured, and why."""
    if status.empty:
        return ""
    bad = status[(status["variant"] == "roi") & (status["status"].astype(str) != "ok")]
    reasons = [f"`{literal(r.case)}` ({literal(r.status)})" for r in bad.itertuples()]
    return f" Not measurable: {', '.join(reasons)}." if reasons else ""


def _feature_blocks(table: pd.DataFrame, status: pd.DataFrame) -> list[Block]:
    names = pd.Series([c for c in table.columns if str(c).count("__") == 3], dtype=object)
    parts = names.str.split("__", expand=True)
    text = f"{count(len(names), 'handcrafted feature')} of {count(len(table), 'case')}."
    missing = int(table[list(names)].isna().sum().sum())
    text += f" {count(missing, 'value')} could not be measured." if missing else ""
    text += _failed(status)
    if names.empty:
        return [Paragraph(text)]
    counted = pd.crosstab(parts[2], [parts[0]])
    rows = [
        (str(kind), *(str(n) for n in line), str(sum(line)))
        for kind, line in zip(counted.index, counted.to_numpy().tolist(), strict=True)
    ]
    kinds = ", ".join(f"`{x}`" for x in sorted(parts[1].unique()))
    return [
        Paragraph(f"{text} Image types: {kinds}."),
        Table(
            ("class", *(str(c) for c in counted.columns), "all"),
            tuple(rows),
            "**Handcrafted features** by class and image.",
        ),
    ]


def _selection_tables(context: Context, selection: pd.DataFrame, top: int = 6) -> list[Block]:
    blocks: list[Block] = []
    used = selection[selection["weight"].astype(float) != 0]
    alone = {baseline.name for baseline in context.baselines}
    for model in [m.name for m in context.study.models if (used["model"] == m.name).any()]:
        part = used[(used["model"] == model) & (used["fold"] != FINAL)]
        if model in alone and part["feature"].nunique() < 2:
            continue  # a baseline made of one column has nothing to choose
        folds = part["fold"].nunique()
        weights = part.groupby("feature")["weight"].agg(["count", "mean"])
        weights["size"] = weights["mean"].abs()
        weights = weights.sort_values(["count", "size"], ascending=False, kind="stable")[:top]
        rows = [
            (str(name), f"{int(row['count'])} of {folds}", significant(row["mean"]))
            for name, row in weights.iterrows()
        ]
        if rows:
            blocks.append(
                Table(
                    ("feature", "folds", "mean weight"),
                    tuple(rows),
                    f"**Features used most often by** `{model}`: number of folds in which the "
                    "feature has weight, and its mean coefficient or importance there.",
                    "A feature chosen in few folds is a chance finding until shown otherwise.",
                )
            )
    return blocks
