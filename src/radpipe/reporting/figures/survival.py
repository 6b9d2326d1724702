"""Figures of survival: Kaplan-Meier curves of risk groups, discrimination and error over time."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from radpipe.config import Study
from radpipe.reporting.figures.style import (
    GREY,
    INK,
    VERMILION,
    model_colours,
    new_figure,
    panels,
    role_of,
    shorten,
)
from radpipe.reporting.numbers import p_clause
from radpipe.reporting.tidy import cohorts_of, models_of

_GROUPS = {"low": "#56B4E9", "high": VERMILION}
_LINE = 9.0
"""Points between two lines of numbers at risk."""


def kaplan_meier_panels(study: Study, curves: pd.DataFrame, cohort: str) -> Figure:
    """Survival of the groups of low and high predicted risk in one cohort, one panel a model.

    Args:
        study: order of the models.
        curves: columns of `survival_curves.tsv`.
        cohort: the cohort shown.
    """
    shown = curves[curves["cohort"] == cohort]
    models = models_of(study, shown)
    columns = 2 if len(models) in (2, 4) else min(3, len(models))
    figure = new_figure(0.5 + 2.35 * -(-len(models) // columns))
    axes = panels(figure, len(models), columns, sharey=True)
    for i, (axis, model) in enumerate(zip(axes, models, strict=True)):
        part = shown[shown["model"] == model]
        ticks = _time_axis(axis, float(shown["time"].max()))
        for row, (group, colour) in enumerate(_GROUPS.items()):
            line = part[part["group"] == group].sort_values("time")
            if line.empty:
                continue
            _curve(axis, line, group, colour)
            _at_risk(axis, line, ticks, row, colour, named=i % columns == 0)
        p = part["log_rank_p"].iloc[0]
        text = f"log-rank {p_clause(p)}" if np.isfinite(p) else "one group only"
        _note(axis, part, text)
        axis.set_title(shorten(model, 28))
        axis.set_ylim(0, 1.02)
    handles = [h for h in axes[0].get_lines() if h.get_label() in ("low risk", "high risk")]
    figure.legend(handles=handles, loc="outside upper left", ncols=2)
    figure.supxlabel(_time_of(study), fontsize=8.5)
    figure.supylabel("free of the event", fontsize=8.5)
    return figure


def _note(axis: Axes, part: pd.DataFrame, text: str) -> None:
    """A line of text in the lower left corner, or the upper right one where curves fall through."""
    early = part[part["time"] <= 0.45 * axis.get_xlim()[1]]
    free = early["survival"].min() > 0.15
    x, y, across, up = (0.03, 0.03, "left", "bottom") if free else (0.97, 0.97, "right", "top")
    axis.text(x, y, text, transform=axis.transAxes, ha=across, va=up, fontsize=7.5)


def _time_of(study: Study) -> str:
    """The name of the follow-up, which most often is that of its unit."""
    return str(study.outcome.time) if study.outcome and study.outcome.time else "time"


def _time_axis(axis: Axes, last: float) -> list[float]:
    ticks = [float(t) for t in MaxNLocator(nbins=4).tick_values(0, last) if 0 <= t <= last]
    axis.set_xticks(ticks)
    axis.set_xlim(-0.03 * last, 1.03 * last)
    return ticks


def _curve(axis: Axes, line: pd.DataFrame, group: str, colour: str) -> None:
    axis.step(
        line["time"], line["survival"], where="post", color=colour, label=f"{group} risk", zorder=3
    )
    band = line.dropna(subset=["ci_low", "ci_high"])
    axis.fill_between(
        band["time"], band["ci_low"], band["ci_high"], step="post", color=colour, alpha=0.15, lw=0
    )
    lost = line[line["censored"] > 0]
    axis.scatter(lost["time"], lost["survival"], marker="|", s=14, color=colour, linewidth=0.8)


def _at_risk(
    axis: Axes, line: pd.DataFrame, ticks: list[float], row: int, colour: str, *, named: bool
) -> None:
    """The numbers still at risk below the ticks, in the colour of the group."""
    drop = -20 - _LINE * row
    for tick in ticks:
        later = line[line["time"] >= tick]
        text = str(int(later["at_risk"].iloc[0])) if len(later) else "0"
        axis.annotate(
            text,
            xy=(tick, 0),
            xycoords=("data", "axes fraction"),
            xytext=(0, drop),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=7,
            color=colour,
        )
    if named:
        axis.annotate(
            "at risk",
            xy=(0, 0),
            xycoords="axes fraction",
            xytext=(-12, drop),
            textcoords="offset points",
            ha="right",
            va="top",
            fontsize=7,
            color=colour,
        )


def score_curves(study: Study, scores: pd.DataFrame) -> Figure:
    """AUC(t) over time, and Brier(t) where it is known at several times; one column a cohort.

    Args:
        study: order and colours of the models; the interval of the primary model is shaded.
        scores: columns of `survival_scores.tsv`.
    """
    cohorts, colours = cohorts_of(scores), model_colours(study)
    known = scores.dropna(subset="brier").groupby(["model", "cohort"]).size()
    rows = 2 if len(known) and known.max() > 2 else 1
    figure = new_figure(0.5 + 2.3 * rows)
    grid = figure.subplots(rows, len(cohorts), squeeze=False, sharex="col", sharey="row")
    strong = {m.name for m in study.models if role_of(m) != "model"} | {study.primary}
    for column, cohort in enumerate(cohorts):
        shown = scores[scores["cohort"] == cohort]
        for model in models_of(study, shown):
            line = shown[shown["model"] == model].sort_values("time")
            look = {"color": colours[model], "linewidth": 2.0 if model in strong else 1.1}
            grid[0, column].plot(line["time"], line["auc"], label=model, **look)
            if model == study.primary:
                grid[0, column].fill_between(
                    line["time"], line["ci_low"], line["ci_high"], color=colours[model], alpha=0.15
                )
            if rows > 1:
                grid[1, column].plot(line["time"], line["brier"], **look)
        grid[0, column].axhline(0.5, color=GREY, linewidth=0.8, linestyle=":")
        grid[0, column].set_title(cohort)
        if rows > 1:
            null = shown.dropna(subset="brier_null").drop_duplicates("time").sort_values("time")
            grid[1, column].plot(
                null["time"], null["brier_null"], color=INK, linestyle=":", linewidth=1
            )
        for axis in shown["time"][shown["horizon"].astype(str) == "True"].unique():
            for row in range(rows):
                grid[row, column].axvline(axis, color=GREY, linewidth=0.8, linestyle="--")
        grid[-1, column].set_xlabel(_time_of(study))
        grid[-1, column].locator_params(axis="x", nbins=5)
    grid[0, 0].set_ylabel("AUC")
    if rows > 1:
        grid[1, 0].set_ylabel("Brier score")
        grid[1, 0].set_ylim(bottom=0)
    handles, labels = grid[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=4)
    return figure
