"""Agreement of masks: every segmenter beside the others, what was missed, who differs."""

import pandas as pd

from radpipe.config import REFERENCE
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.method_names import method_names
from radpipe.reporting.numbers import (
    count,
    number,
    p_value,
    percent,
    significant,
    with_bounds,
)
from radpipe.reporting.sections.training import planning, training, uncertainty
from radpipe.reporting.segmenter_names import SEMI_AUTOMATIC, is_semi_automatic, shown_name
from radpipe.reporting.tidy import ends_of
from radpipe.types import DEVELOPMENT

ALL_LABELS = "all"
"""The label that stands for the mean over the labels of a case."""

_MAIN = ("dice", "surface_dice_", "hd95_mm", "assd_mm", "iou")
_FURTHER = (
    *("sensitivity", "precision", "boundary_iou_", "hd_mm"),
    *("absolute_volume_difference_ml", "relative_volume_difference"),
    *("lesion_sensitivity", "lesions_false", "pixel_accuracy"),
)
_OVER_LABELS = ("mean_accuracy", "mean_iou")
"""With one label these are its sensitivity and its IoU."""
_TITLES = {
    "dice": "Dice",
    "iou": "IoU",
    "surface_dice": "surface\nDice",
    "boundary_iou": "boundary\nIoU",
    "hd_mm": "HD\n(mm)",
    "hd95_mm": "HD95\n(mm)",
    "assd_mm": "ASSD\n(mm)",
    "absolute_volume_difference_ml": "volume\nerror (ml)",
    "relative_volume_difference": "relative\nvolume error",
    "sensitivity": "sensi-\ntivity",
    "precision": "precision",
    "lesion_sensitivity": "lesions\nfound",
    "lesions_false": "false\nlesions",
    "pixel_accuracy": "voxel\naccuracy",
    "mean_accuracy": "mean\naccuracy",
    "mean_iou": "mean\nIoU",
}
_FIXED_SPACE = "\u00a0"
_PAIRS = 15
"""With more pairs of segmenters only those with the best one are printed."""


def segmentation(context: Context) -> Section | None:
    """Agreement of predicted with reference masks."""
    scores = context.table("segmentation")
    if scores.empty:
        return None
    blocks: list[Block] = [Paragraph(_how(context))]
    for cohort in context.cohorts:
        blocks += _agreement(context, cohort)
    blocks += _missed(scores)
    blocks += [*context.figures("dice_segmenters"), *context.figures("dice")]
    for cohort in context.cohorts:
        blocks += _comparisons(context, cohort)
    blocks += [*context.figures("dice_cases"), *uncertainty(context)]
    blocks += [*planning(context), *training(context)]
    return Section("segmentation", "Segmentation", tuple(blocks))


def _how(context: Context) -> str:
    study = context.study
    source = study.segmentation.mask_source
    used = (
        "Features were taken from the reference masks."
        if source == REFERENCE
        else f"Later stages used the masks of `{source}`."
    )
    text = (
        "Each case was segmented by what was fitted on a training part that held none of its "
        "patient's cases; external cases by what was fitted on development cases only. Missed "
        "regions count: Dice and surface Dice are 0, a distance that does not exist counts as the "
        "diagonal of the field of view [@maierhein2024]."
    )
    helped = [s.name for s in study.segmentation.segmenters if is_semi_automatic(study, s.name)]
    if helped:
        names = ", ".join(f"`{name}`" for name in helped)
        text += (
            f" Semi-automatic ({SEMI_AUTOMATIC}): {names}. A box around the drawn mask told where "
            "to look, so that these numbers are not to be set beside those of the others without "
            "saying so."
        )
    return f"{text} {used if study.outcome else ''}".strip()


def _agreement(context: Context, cohort: str) -> list[Block]:
    summary = context.table("segmentation_summary")
    if summary.empty:
        return []
    here = summary[summary["cohort"] == cohort]
    if here.empty:
        return []
    scored = "out-of-fold" if cohort == DEVELOPMENT else "scored once"
    where = f"{literal(cohort)} cohort ({scored})"
    confidence = percent(context.study.evaluation.confidence)
    note = f"Mean over cases; in brackets its {confidence} interval by resampling patients."
    mean = here[here["label"] == overall_label(here)]
    several = here["label"].nunique() > 1
    over = ", mean over the labels of a case" if several else ""
    title = f"**Agreement with the reference masks**{over}, {where}."
    blocks: list[Block] = [_table(context, mean, title, note)]
    if several:
        by_label = here[here["label"] != ALL_LABELS]
        blocks.append(_table(context, by_label, f"**The same by label**, {where}.", note))
    return [*blocks, *_further(context, mean, where)]


def overall_label(summary: pd.DataFrame) -> str:
    """The label that stands for a whole case: the mean over all, or the only one there is."""
    labels = list(dict.fromkeys(summary["label"].astype(str)))
    return ALL_LABELS if ALL_LABELS in labels else labels[0]


def _shown(table: pd.DataFrame, wanted: tuple[str, ...]) -> list[str]:
    """The metrics of a table in the order wanted; `surface_dice_` stands for every tolerance."""
    present = list(dict.fromkeys(table["metric"]))
    return [m for w in wanted for m in present if m == w or (w.endswith("_") and m.startswith(w))]


def _title(metric: str) -> str:
    name, _, tolerance = metric.rpartition("_")
    if metric not in _TITLES and name in _TITLES and tolerance.endswith("mm"):
        return f"{_TITLES[name]}\n({tolerance.removesuffix('mm')}{_FIXED_SPACE}mm)"
    return _TITLES.get(metric, metric.replace("_", " "))


def _digits(metric: str) -> int:
    """Decimals: a hundredth of a mm or ml says more than anybody can draw."""
    return 2 if metric.endswith(("_mm", "_ml")) else 3


def _table(context: Context, here: pd.DataFrame, title: str, note: str) -> Table:
    metrics = _shown(here, _MAIN)
    several = here["label"].nunique() > 1
    rows: list[tuple[str, ...]] = []
    strong = set()
    for (segmenter, label), part in here.groupby(["segmenter", "label"], sort=False):
        by_metric = part.set_index("metric")
        cells = [with_bounds(*ends_of(by_metric, m, "mean"), _digits(m)) for m in metrics]
        first = part.iloc[0]
        counted = f"{int(first['n'])}\n({int(first['n_missed'])} missed)"
        name = shown_name(context.study, str(segmenter))
        if segmenter == context.study.segmentation.mask_source:
            strong.add(len(rows))
        rows.append((f"{name}\n{label}" if several else name, *cells, counted))
    head = "segmenter\nand label" if several else "segmenter"
    columns = (head, *(_title(m) for m in metrics), "cases")
    # One segmenter alone needs no setting off.
    marked = frozenset(strong if here["segmenter"].nunique() > 1 else ())
    return Table(columns, tuple(rows), title, f"{note}{_dagger(rows)}", marked)


def _dagger(rows: list[tuple[str, ...]]) -> str:
    if any(SEMI_AUTOMATIC in row[0] for row in rows):
        return f" {SEMI_AUTOMATIC} semi-automatic."
    return ""


def _further(context: Context, here: pd.DataFrame, where: str) -> list[Block]:
    several = (here["label"] == ALL_LABELS).any()
    metrics = _shown(here, (*_FURTHER, *(_OVER_LABELS if several else ())))
    if not metrics:
        return []
    rows = []
    for segmenter, part in here.groupby("segmenter", sort=False):
        means = part.set_index("metric")["mean"]
        digits = [number(means.get(m), _digits(m)) for m in metrics]
        rows.append((shown_name(context.study, str(segmenter)), *digits))
    return [
        Table(
            ("segmenter", *(_title(m) for m in metrics)),
            tuple(rows),
            f"**Further metrics**, {where}: means over cases.",
            "Intervals, medians and standard deviations are in `segmentation_summary.tsv`."
            + _dagger(rows),
        )
    ]


def _missed(scores: pd.DataFrame) -> list[Block]:
    missed = scores[scores["missed"].astype(bool)]
    if missed.empty:
        return []
    if scores["segmenter"].nunique() > 1:
        counts = missed.groupby("segmenter", sort=False).size()
        told = ", ".join(f"{n} by `{literal(name)}`" for name, n in counts.items())
        return [Callout("warning", f"**Regions missed altogether**: {told}.")]
    names = sorted(set(missed["case"].astype(str)))
    more = f" and {len(names) - 8} more" if len(names) > 8 else ""
    shown = ", ".join(f"`{literal(name)}`" for name in names[:8])
    return [
        Callout(
            "warning",
            f"**{count(len(missed), 'region')} missed altogether**: {shown}{more}.",
        )
    ]


def _comparisons(context: Context, cohort: str) -> list[Block]:
    table = context.table("segmenter_comparisons")
    if table.empty:
        return []
    here = table[table["cohort"] == cohort]
    if here.empty:
        return []
    here = here[here["label"] == overall_label(here)]
    pairs = here[["segmenter_a", "segmenter_b"]].drop_duplicates()
    best, only = _best(context, cohort), ""
    if len(pairs) > _PAIRS and best is not None:
        here = here[(here["segmenter_a"] == best) | (here["segmenter_b"] == best)]
        only = (
            f" Of {len(pairs)} pairs those with `{best}`, which has the highest mean Dice, are "
            "shown; all are in `segmenter_comparisons.tsv`."
        )
    metrics = _shown(here, ("dice", "hd95_mm"))
    rows = []
    for (a, b), part in here.groupby(["segmenter_a", "segmenter_b"], sort=False):
        by_metric = part.set_index("metric")
        cells = [f"{shown_name(context.study, str(x))}" for x in (a, b)]
        for m in metrics:
            difference = with_bounds(*ends_of(by_metric, m, "difference"), _digits(m))
            cells += [difference, p_value(by_metric["p_holm"].get(m))]
        rows.append((*cells, significant(part["n_patients"].iloc[0])))
    titles = [(f"difference\nof {_title(m)}", "p\n(Holm)") for m in metrics]
    methods = "; ".join(method_names(here["method"]))
    return [
        Table(
            ("segmenter", "minus", *(t for pair in titles for t in pair), "patients"),
            tuple(rows),
            f"**Segmenters compared** patient by patient, {literal(cohort)} cohort.",
            f"Mean difference with its interval by resampling patients; {methods} [@phipson2010], "
            f"p adjusted for all pairs by Holm's method [@holm1979]. The test takes the fitted "
            f"segmenters as they are.{only}{_dagger(rows)}",
        )
    ]


def _best(context: Context, cohort: str) -> str | None:
    """The segmenter with the highest mean Dice."""
    summary = context.table("segmentation_summary")
    if summary.empty:
        return None
    here = summary[(summary["cohort"] == cohort) & (summary["metric"] == "dice")]
    here = here[here["label"] == overall_label(here)]
    return str(here.set_index("segmenter")["mean"].astype(float).idxmax())
