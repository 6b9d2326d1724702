"""The figure of a simulated cohort: what was recovered beside what is true."""

import re
import textwrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.lines import Line2D

from radpipe.config import Study
from radpipe.reporting.figures.style import (
    BLUE,
    COHORT_MARKERS,
    GREY,
    INK,
    model_colours,
    new_figure,
)
from radpipe.reporting.numbers import as_float, significant
from radpipe.types import DEVELOPMENT

_COLUMNS = 4
_LIMIT = re.compile(r"^\s*(?:<|>)=?\s*([-+0-9.eE]+)\s*$")
_CEILING = re.compile(r"ceiling ([0-9.]+)")


def truth_panels(study: Study, truth: pd.DataFrame, cases: pd.DataFrame) -> Figure:
    """Single cases of every measure with the goals, then the AUCs beside the ceiling.

    Args:
        study: names and colours of the models.
        truth: columns `stage`, `measure`, `value`, `goal` (`< 3`, `>= 0.9`, `ceiling 0.87 …`).
        cases: columns `case`, `stage`, `measure`, `value`; may be empty.
    """
    measures = list(dict.fromkeys(cases["measure"])) if len(cases) else []
    aucs = truth[truth["stage"] == "discrimination"]
    rows = -(-len(measures) // _COLUMNS)
    models = {_split(study, str(measure))[0] for measure in aucs["measure"]}
    heights = [1.9 * rows] if measures else []
    heights += [0.9 + 0.27 * len(models)] if models else []
    figure = new_figure(sum(heights) or 1.0)
    parts = figure.subfigures(len(heights), 1, height_ratios=heights, squeeze=False)[:, 0]
    if measures:
        _case_panels(parts[0], truth, cases, measures)
    if models:
        _auc_panel(parts[-1].subplots(), study, aucs)
    return figure


def _case_panels(
    part: SubFigure, truth: pd.DataFrame, cases: pd.DataFrame, measures: list[str]
) -> None:
    rows = -(-len(measures) // _COLUMNS)
    axes = part.subplots(rows, _COLUMNS, squeeze=False).ravel()
    for axis in axes[len(measures) :]:
        axis.remove()
    for axis, measure in zip(axes, measures, strict=False):
        values = cases.loc[cases["measure"] == measure, "value"].dropna().to_numpy(float)
        about = truth[truth["measure"].astype(str).str.startswith(measure)]
        _strip(axis, values, _goals(about, measure))
        title = measure.replace("_", " ")
        axis.set_title("\n".join(textwrap.wrap(title, 26)[:3]), fontsize=7.5, fontweight="normal")


def _goals(about: pd.DataFrame, measure: str) -> list[tuple[str, float]]:
    """What is asked of the median, the mean or the worst case, read from the goals' text."""
    goals = []
    for name, goal in zip(about["measure"], about["goal"], strict=True):
        found = _LIMIT.match(str(goal))
        if found:
            word = str(name).removeprefix(measure).strip("_") or "goal"
            goals.append((f"{word} {goal}", float(found[1])))
    return goals


def _strip(axis: Axes, values: np.ndarray, goals: list[tuple[str, float]]) -> None:
    # A fixed low-discrepancy sideways shift keeps equal values apart and the drawing repeatable.
    shift = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.5
    axis.scatter(shift, values, s=11, color=BLUE, alpha=0.7, edgecolor="none")
    if len(values):
        median = float(np.median(values))
        axis.plot([-0.32, 0.32], [median, median], color=INK, linewidth=1.4)
        axis.annotate(significant(median), (-0.38, median), ha="right", va="center", fontsize=7.5)
    for word, goal in goals:
        axis.axhline(goal, color=GREY, linewidth=0.9, linestyle="--", zorder=0)
        axis.annotate(
            word,
            xy=(1, goal),
            xycoords=("axes fraction", "data"),
            ha="right",
            va="bottom",
            fontsize=6.5,
            color="#444444",
        )
    axis.set_xticks([])
    axis.set_xlim(-0.95, 1.05)
    axis.spines["bottom"].set_visible(False)
    shown = [*values, *(goal for _, goal in goals)] or [0.0, 1.0]
    span = (max(shown) - min(shown)) or 1.0
    axis.set_ylim(min(shown) - 0.08 * span, max(shown) + 0.2 * span)


def _split(study: Study, measure: str) -> tuple[str, str]:
    """Model and cohort of `auc_<model>_<cohort>`; the longest name of a model that fits."""
    rest = measure.removeprefix("auc_")
    fitting = [m.name for m in study.models if rest.startswith(f"{m.name}_")]
    model = max(fitting, key=len, default="")
    return model, rest.removeprefix(f"{model}_")


def _auc_panel(axis: Axes, study: Study, aucs: pd.DataFrame) -> None:
    colours = model_colours(study)
    places = [_split(study, str(measure)) for measure in aucs["measure"]]
    models = [m.name for m in study.models if m.name in {model for model, _ in places}]
    cohorts = sorted({c for _, c in places}, key=lambda name: (name != DEVELOPMENT, name))
    markers = dict(zip(cohorts, COHORT_MARKERS * len(cohorts), strict=False))
    ceilings: dict[str, float] = {}
    for (model, cohort), row in zip(places, aucs.itertuples(), strict=True):
        if model not in models:
            continue
        place = models.index(model) + 0.3 * (cohorts.index(cohort) - (len(cohorts) - 1) / 2)
        axis.plot([as_float(row.value)], [place], marker=markers[cohort], color=colours[model])
        found = _CEILING.search(str(row.goal))
        if found:
            ceilings[cohort] = float(found[1])
    for cohort, ceiling in sorted(ceilings.items()):
        axis.axvline(ceiling, color=INK, linewidth=0.9, linestyle="--")
        axis.plot([ceiling], [-0.75], marker=markers[cohort], color=INK, markersize=4.5)
    handles = [
        Line2D([], [], color=INK, marker=markers[c], linestyle="", markersize=4.5, label=c)
        for c in cohorts
    ]
    handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle="--", label="ceiling"))
    axis.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.0), ncols=len(handles))
    axis.axvline(0.5, color=GREY, linewidth=0.8, linestyle=":")
    axis.set_yticks(range(len(models)), models)
    axis.set_ylim(len(models) - 0.5, -1.0)
    axis.set_xlabel("AUC")
    axis.grid(axis="x")
