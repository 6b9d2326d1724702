"""How networks were planned and trained, and whether what they say of themselves can be trusted."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from radpipe.io.tables import read_table
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Table, literal
from radpipe.reporting.numbers import MISSING, number, percent, significant, with_bounds
from radpipe.reporting.segmenter_names import shown_name
from radpipe.reporting.tidy import ends_of
from radpipe.types import FINAL

_SURE = {
    "spearman": "rank\ncorrelation",
    "mean_absolute_error": "mean\nabsolute error",
    "auc_worst_quarter": "AUC for the\nworst quarter",
}


def planning(context: Context) -> list[Block]:
    """For each planned network what was chosen and why."""
    names = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in context.plans))
    return [table for name in names if (table := _plan_table(context, name)) is not None]


def _plan_table(context: Context, name: str) -> Table | None:
    plans = {
        key.rsplit("/", 1)[1]: plan
        for key, plan in context.plans.items()
        if key.rsplit("/", 1)[0] == name
    }
    fold = FINAL if FINAL in plans else next(iter(plans))
    shown = plans[fold]
    rows, differing = [], False
    for choice, reason in shown.get("reasons", {}).items():
        value = _value(shown, choice)
        others = {_value(plan, choice) for plan in plans.values()}
        differing |= len(others) > 1
        mark = " *" if len(others) > 1 else ""
        rows.append((choice.replace("_", " "), f"{value}{mark}", str(reason)))
    if not rows:
        return None
    note = "\\* differs between folds, as each fold is planned from its own training part."
    return Table(
        ("choice", "value", "reason"),
        tuple(rows),
        f"**Plan of** `{literal(name)}`, fold {fold}. Nothing of it was chosen by looking at "
        "results.",
        note if differing else "",
    )


def _value(plan: Mapping[str, Any], choice: str) -> str:
    """What a plan says of a choice, in short."""
    settings: Mapping[str, Any] = plan.get("segmenter", {})
    value = plan.get(choice, settings.get(choice))
    return _short(value)


def _short(value: object) -> str:
    if value is None:
        return MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        changed = [f"{key.replace('_', ' ')} {_short(v)}" for key, v in value.items() if v]
        return ", ".join(changed) or "none"
    if isinstance(value, list):
        nested = any(isinstance(v, list) for v in value)
        return ("; " if nested else " × ").join(_short(v) for v in value) or "none"
    return str(value)


def training(context: Context) -> list[Block]:
    """A table of the trainings, with the share of time that waited for data, and their curves."""
    logs = {name: read_table(path) for name, path in context.inputs.training.items()}
    names = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in logs))
    rows = []
    for name in names:
        own = [log for key, log in logs.items() if key.rsplit("/", 1)[0] == name and len(log)]
        if own:
            rows.append((name, str(len(own)), *_training_cells(own)))
    if not rows:
        return []
    return [
        Table(
            ("network", "trainings", "steps", "minutes\neach", "waiting\nfor data", "validation"),
            tuple(rows),
            "**Trainings**, one a fold.",
            "Waiting for data is the share of the time in which the device had nothing to do. "
            "Validation is the best mean Dice of training patients kept aside, where there are "
            "any: mean over trainings, not a result.",
        ),
        *context.figures("training"),
    ]


def _training_cells(logs: list[pd.DataFrame]) -> tuple[str, str, str, str]:
    steps = [int(log["step"].max()) for log in logs]
    seconds = np.array([float(log["seconds"].max()) for log in logs])
    waited = np.array([float(log["waiting"].sum()) for log in logs if "waiting" in log])
    share = (
        f"{100 * waited.sum() / seconds.sum():.0f} %"
        if len(waited) == len(logs) and seconds.sum() > 0
        else MISSING
    )
    best = [float(log["validation"].max()) for log in logs if "validation" in log]
    known = [b for b in best if np.isfinite(b)]
    span = str(steps[0]) if len(set(steps)) == 1 else f"{min(steps)} to {max(steps)}"
    return (
        span,
        significant(seconds.mean() / 60, 2),
        share,
        number(np.mean(known)) if known else MISSING,
    )


def uncertainty(context: Context) -> list[Block]:
    """Whether the expected Dice of a case tells the Dice it reached."""
    quality = context.table("uncertainty_quality")
    figures = context.figures("uncertainty")
    if quality.empty:
        return list(figures)
    blocks: list[Block] = [
        Paragraph(
            "**How sure the segmenters are.** Without a drawn mask a segmenter can say what Dice "
            "it expects of its own mask, from its probabilities. The table shows how well that "
            "tells the Dice it reached, and how well a low expectation finds the quarter of cases "
            "with the worst masks (0.5: not at all)."
        )
    ]
    for cohort in context.cohorts:
        here = quality[quality["cohort"] == cohort] if "cohort" in quality else quality
        rows = _sureness(context, here)
        if rows:
            confidence = percent(context.study.evaluation.confidence)
            blocks.append(
                Table(
                    ("segmenter\nand label", *_SURE.values(), "cases"),
                    tuple(rows),
                    f"**Expected beside true Dice**, {literal(cohort)} cohort.",
                    f"In brackets the {confidence} interval by resampling patients.",
                )
            )
    return [*blocks, *figures]


def _sureness(context: Context, here: pd.DataFrame) -> list[tuple[str, ...]]:
    rows = []
    for (segmenter, label), part in here.groupby(["segmenter", "label"], sort=False):
        by_metric = part.set_index("metric")
        cells = [with_bounds(*ends_of(by_metric, m, "estimate")) for m in _SURE]
        name = shown_name(context.study, str(segmenter))
        rows.append((f"{name}\n{label}", *cells, significant(part["n"].iloc[0])))
    return rows
