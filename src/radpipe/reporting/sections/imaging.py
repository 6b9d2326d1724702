"""Images, masks and features: quality, overlays, agreement of masks, what was measured."""

import pandas as pd

from radpipe.config import REFERENCE
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.numbers import count, percent, significant, with_bounds
from radpipe.types import DEVELOPMENT, FINAL

_METRICS = {
    "dice": "Dice",
    "iou": "IoU",
    "surface_dice": "surface Dice",
    "hd95_mm": "HD95 (mm)",
    "assd_mm": "ASSD (mm)",
    "absolute_volume_difference_ml": "volume error (ml)",
}
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


def segmentation(context: Context) -> Section | None:
    """Agreement of predicted with reference masks."""
    scores = context.table("segmentation")
    if scores.empty:
        return None
    blocks: list[Block] = [Paragraph(_how(context))]
    for cohort in context.cohorts:
        blocks += _overlap_table(context, cohort)
    blocks += _missed(scores)
    blocks += [*context.figures("dice"), *context.figures("dice_cases")]
    blocks += context.figures("training")
    return Section("segmentation", "Segmentation", tuple(blocks))


def _how(context: Context) -> str:
    source = context.study.segmentation.mask_source
    used = (
        "Features were taken from the reference masks."
        if source == REFERENCE
        else f"Later stages used the masks of `{source}`."
    )
    return (
        "Each case was segmented by a network whose training part held none of its patient's "
        "cases; external cases by the network refitted on all development cases. Missed regions "
        "count: Dice and surface Dice are 0, a distance that does not exist counts as the "
        f"diagonal of the field of view [@maierhein2024]. {used if context.study.outcome else ''}"
    ).strip()


def _overlap_table(context: Context, cohort: str) -> list[Block]:
    summary = context.table("segmentation_summary")
    if summary.empty:
        return []
    here = summary[summary["cohort"] == cohort]
    metrics = [m for m in _METRICS if (here["metric"] == m).any()]
    rows = []
    for (segmenter, label), part in here.groupby(["segmenter", "label"], sort=False):
        by_metric = part.set_index("metric")
        cells = [
            with_bounds(*(by_metric[c][m] for c in ("mean", "ci_low", "ci_high"))) for m in metrics
        ]
        first = part.iloc[0]
        counted = f"{int(first['n'])}\n({int(first['n_missed'])} missed)"
        rows.append((f"{segmenter}\n{label}", *cells, counted))
    if not rows:
        return []
    scored = "out-of-fold" if cohort == DEVELOPMENT else "by the refitted network"
    confidence = percent(context.study.evaluation.confidence)
    return [
        Table(
            ("segmenter\nand label", *(_METRICS[m] for m in metrics), "cases"),
            tuple(rows),
            f"**Agreement with the reference masks**, {literal(cohort)} cohort ({scored}).",
            f"Mean over cases; in brackets its {confidence} interval by resampling patients.",
        )
    ]


def _missed(scores: pd.DataFrame) -> list[Block]:
    missed = scores[scores["missed"].astype(bool)]
    if missed.empty:
        return []
    names = sorted(set(missed["case"].astype(str)))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    shown = ", ".join(f"`{literal(name)}`" for name in names[:8])
    return [
        Callout(
            "warning",
            f"**{count(len(missed), 'region')} missed altogether**: {shown}{more}.",
        )
    ]


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
