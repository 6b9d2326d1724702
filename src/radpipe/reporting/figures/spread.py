"""Figures of how far results move: over repeats, over subgroups, over folds (selection)."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radpipe.config import Study
from radpipe.evaluation.selection_stability import FREQUENCY, STABILITY
from radpipe.io.outcomes import value_key
from radpipe.reporting.figures.style import (
    COHORT_MARKERS,
    GREY,
    INK,
    model_colours,
    new_figure,
    shorten,
)
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import as_float, bounds, number
from radpipe.reporting.tidy import cohorts_of, models_of

TOP = 15
"""Features shown of a model at most."""


def repeat_strips(study: Study, repeats: pd.DataFrame) -> Figure:
    """The primary metric of each repeat of the cross-validation, one row a model.

    Args:
        study: order and colours of the models.
        repeats: columns of `repeats.tsv`.
    """
    models, colours = models_of(study, repeats), model_colours(study)
    figure = new_figure(0.7 + 0.34 * len(models))
    axis = figure.subplots()
    for row, model in enumerate(models):
        values = repeats.loc[repeats["model"] == model, "estimate"].to_numpy(float)
        # A fixed low-discrepancy shift keeps equal values apart and the drawing repeatable.
        shift = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.4
        axis.scatter(values, row + shift, s=13, color=colours[model], edgecolor=INK, linewidth=0.35)
        axis.plot([values.mean()] * 2, [row - 0.32, row + 0.32], color=INK, linewidth=1.2)
        spread = values.std(ddof=1) if len(values) > 1 else np.nan
        _beside(axis, row, f"{number(values.mean(), 3)} ± {number(spread, 3)}")
    _make_room(axis, 0.25)
    axis.set_yticks(range(len(models)), models)
    axis.set_ylim(len(models) - 0.4, -0.6)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel(f"{kind_of_study(study).label} of each repeat")
    axis.grid(axis="x")
    return figure


def subgroup_forest(study: Study, subgroups: pd.DataFrame) -> Figure:
    """The primary metric of one model in each level of each subgroup, with intervals.

    Args:
        study: names the primary metric.
        subgroups: columns of `subgroups.tsv`, rows of one model.
    """
    kind = kind_of_study(study)
    shown = subgroups[subgroups["metric"] == kind.metric]
    cohorts = cohorts_of(shown)
    pairs = list(dict.fromkeys(zip(shown["subgroup"], shown["level"].map(value_key), strict=True)))
    figure = new_figure(0.9 + 0.3 * len(pairs) * len(cohorts))
    axis = figure.subplots()
    row, ticks, labels = 0.0, [], []
    for subgroup, level in pairs:
        here = shown[(shown["subgroup"] == subgroup) & (shown["level"].map(value_key) == level)]
        ticks.append(row + 0.4 * (len(cohorts) - 1) / 2)
        labels.append(shorten(f"{subgroup}: {level}", 34))
        for i, cohort in enumerate(cohorts):
            for found in here[here["cohort"] == cohort].itertuples():
                ends = [as_float(v) for v in (found.estimate, found.ci_low, found.ci_high)]
                axis.plot(ends[1:], [row, row], color=GREY, linewidth=1.6)
                axis.plot(ends[:1], [row], color=INK, marker=COHORT_MARKERS[i % 5], markersize=4.5)
                known = np.isfinite(ends[1:]).all()
                interval = f" ({bounds(ends[1], ends[2], 2)})" if known else ""
                _beside(axis, row, f"{number(ends[0], 2)}{interval}, n = {found.n}")
            row += 0.4
        row += 0.3
    axis.axvline(kind.ignorant, color=GREY, linewidth=0.8, linestyle=":")
    _make_room(axis, 0.55)
    axis.set_yticks(ticks, labels)
    axis.set_ylim(row - 0.3, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel(kind.label)
    axis.grid(axis="x")
    handles = [
        Line2D([], [], color=INK, linestyle="", marker=COHORT_MARKERS[i % 5], label=cohort)
        for i, cohort in enumerate(cohorts)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def selection_bars(study: Study, stability: pd.DataFrame, model: str) -> Figure | None:
    """In what share of the folds a model selects its features; None if it selects none, or all.

    Args:
        study: colours of the models.
        stability: columns of `selection_stability.tsv`.
        model: the model shown.
    """
    own = stability[(stability["model"] == model) & (stability["measure"] == FREQUENCY)]
    own = own.sort_values("estimate", ascending=False, kind="stable").iloc[:TOP]
    index = stability[(stability["model"] == model) & (stability["measure"] == STABILITY)]
    # Without an index nothing was selected: bars of the same length would tell nobody anything.
    if own.empty or index["estimate"].isna().all():
        return None
    figure = new_figure(0.6 + 0.2 * len(own))
    axis = figure.subplots()
    axis.barh(range(len(own)), own["estimate"], color=model_colours(study)[model], height=0.7)
    axis.set_yticks(range(len(own)), [shorten(str(f), 46) for f in own["feature"]], fontsize=7.5)
    axis.set_ylim(len(own) - 0.4, -0.6)
    axis.set_xlim(0, 1)
    axis.tick_params(axis="y", length=0)
    axis.set_xlabel("share of the folds that select the feature")
    axis.grid(axis="x")
    return figure


def _beside(axis: Axes, row: float, text: str) -> None:
    """A line of numbers at the right end of a row."""
    axis.annotate(
        text,
        xy=(1.0, row),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        fontsize=7.5,
        color=INK,
    )


def _make_room(axis: Axes, share: float) -> None:
    """Widen the axis to the right by a share of its span, for numbers; no ticks there."""
    low, high = axis.get_xlim()
    ticks = [float(tick) for tick in axis.get_xticks() if low <= tick <= high]
    axis.set_xlim(low, high + share * (high - low))
    axis.set_xticks(ticks)
