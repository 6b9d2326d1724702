"""Figures of discrimination: ROC curves, the forest of AUCs, the scores themselves."""

from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radpipe.config import Study
from radpipe.reporting.figures.style import (
    COHORT_MARKERS,
    GREY,
    INK,
    PALE,
    model_colours,
    new_figure,
    panels,
    shorten,
    unit_square,
)
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import as_float, bounds, number
from radpipe.reporting.tidy import cohorts_of, first_repeat, metric_of, models_of
from radpipe.types import DEVELOPMENT

_LINES: tuple[Literal["-", "--", ":", "-."], ...] = ("-", "--", ":", "-.")
_STEP = 0.36
_X, _Y = "false_positive_rate", "true_positive_rate"


def roc_panels(study: Study, roc: pd.DataFrame, performance: pd.DataFrame) -> Figure:
    """One panel a model: its pooled out-of-fold curve and its external curves.

    Args:
        study: order and colours of the models.
        roc: columns `model`, `cohort`, `false_positive_rate`, `true_positive_rate`.
        performance: the AUC printed in each panel.
    """
    models, cohorts = models_of(study, roc), cohorts_of(roc)
    colours = model_colours(study)
    rows = -(-len(models) // 4)
    figure = new_figure(0.55 + 2.0 * rows)
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        axis.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
        lines = []
        for i, cohort in enumerate(cohorts):
            curve = roc[(roc["model"] == model) & (roc["cohort"] == cohort)]
            curve = curve.sort_values([_X, _Y])
            axis.plot(curve[_X], curve[_Y], color=colours[model], linestyle=_LINES[i % 4])
            found = metric_of(performance, model, cohort, "auc")
            lines.append(f"{brief(cohort)} {number(found.estimate, 2)}")
        axis.text(0.98, 0.03, "\n".join(lines), ha="right", va="bottom", fontsize=7.5)
        unit_square(axis, model)
    figure.supxlabel("1 − specificity", fontsize=8.5)
    figure.supylabel("sensitivity", fontsize=8.5)
    _cohort_legend(figure, cohorts)
    return figure


def precision_recall_panels(study: Study, roc: pd.DataFrame, performance: pd.DataFrame) -> Figure:
    """Precision over sensitivity, one panel a model; the dotted line is the prevalence.

    Args:
        study: order and colours of the models.
        roc: columns of `roc.tsv`.
        performance: the average precision printed in each panel.
    """
    models, cohorts = models_of(study, roc), cohorts_of(roc)
    colours = model_colours(study)
    figure = new_figure(0.55 + 2.0 * -(-len(models) // 4))
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        lines = []
        for i, cohort in enumerate(cohorts):
            curve = roc[(roc["model"] == model) & (roc["cohort"] == cohort)]
            curve = curve.dropna(subset="precision").sort_values([_Y, _X])
            # At a sensitivity of 1 by calling every case positive, precision is the prevalence.
            everyone = float(curve["precision"].iloc[-1])
            axis.axhline(everyone, color=GREY, linewidth=0.7, linestyle=":", zorder=0)
            axis.step(
                curve[_Y],
                curve["precision"],
                where="pre",
                color=colours[model],
                linestyle=_LINES[i % 4],
            )
            found = metric_of(performance, model, cohort, "average_precision")
            lines.append(f"{brief(cohort)} {number(found.estimate, 2)}")
        axis.text(0.02, 0.03, "\n".join(lines), ha="left", va="bottom", fontsize=7.5)
        unit_square(axis, model)
    figure.supxlabel("sensitivity (recall)", fontsize=8.5)
    figure.supylabel("precision", fontsize=8.5)
    _cohort_legend(figure, cohorts)
    return figure


def _cohort_legend(figure: Figure, cohorts: list[str]) -> None:
    handles = [
        Line2D([], [], color=INK, linestyle=_LINES[i % 4], label=label_of_cohort(cohort))
        for i, cohort in enumerate(cohorts)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))


def label_of_cohort(cohort: str) -> str:
    """`development (out-of-fold)` for the cohort under cross-validation."""
    return f"{cohort} (out-of-fold)" if cohort == DEVELOPMENT else cohort


def brief(cohort: str) -> str:
    """A cohort's name for narrow places."""
    known = {DEVELOPMENT: "dev.", "external": "ext."}
    return known.get(cohort, shorten(cohort, 7))


def forest(study: Study, performance: pd.DataFrame, controls: pd.DataFrame) -> Figure:
    """Primary metric of every model with its interval, baselines first, negative controls last.

    Args:
        study: order and colours of the models.
        performance: columns of `performance.tsv`.
        controls: columns of `controls.tsv`; may be empty.
    """
    models, cohorts = models_of(study, performance), cohorts_of(performance)
    colours, kind = model_colours(study), kind_of_study(study)
    labels: list[str] = []
    figure = new_figure(1.0)
    axis = figure.subplots()
    position = 0.0
    ticks = []
    for model in models:
        ticks.append(position + _STEP * (len(cohorts) - 1) / 2)
        labels.append(model + (" (primary)" if model == study.primary else ""))
        for i, cohort in enumerate(cohorts):
            found = metric_of(performance, model, cohort, kind.metric)
            _interval(axis, position, found.ends, colours[model], COHORT_MARKERS[i % 5])
            position += _STEP
        position += 0.35
    measured = controls[controls["metric"] == kind.metric] if len(controls) else controls
    if len(measured):
        axis.axhline(position - 0.2, color=PALE, linewidth=0.8)
        position += 0.15
    for row in measured.itertuples():
        ticks.append(position)
        labels.append(f"{str(row.control).replace('_', ' ')}: {row.model}")
        ends = (as_float(row.estimate), as_float(row.ci_low), as_float(row.ci_high))
        _interval(axis, position, ends, GREY, "x")
        position += 0.5
    axis.axvline(kind.ignorant, color=GREY, linewidth=0.8, linestyle=":")
    axis.set_yticks(ticks, labels)
    axis.set_ylim(position - 0.1, -0.4)
    limits = _limits(axis, kind.ignorant)
    axis.set_xlim(*limits)
    axis.set_xticks([tick for tick in axis.get_xticks() if limits[0] <= tick <= 1.001])
    axis.set_xlabel(kind.label)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x")
    figure.set_size_inches(7.0, 0.9 + 0.42 * position)
    handles = [
        Line2D(
            [],
            [],
            color=INK,
            linestyle="",
            marker=COHORT_MARKERS[i % 5],
            markersize=4.5,
            label=label_of_cohort(c),
        )
        for i, c in enumerate(cohorts)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=len(handles))
    return figure


def _limits(axis: Axes, ignorant: float) -> tuple[float, float]:
    """The span of the intervals and of no skill, with room on the right for the numbers."""
    low, high = axis.dataLim.intervalx
    # No metric shown goes below -1, unless a model is so bad that its interval may be cut.
    floor = -0.02 if ignorant > 0 else -1.0
    low, high = max(min(low, ignorant - 0.1) - 0.03, floor), min(high, 1.0)
    return low, high + 0.42 * (high - low)


def _interval(
    axis: Axes, y: float, ends: tuple[float, float, float], colour: str, marker: str
) -> None:
    estimate, low, high = ends
    axis.plot([low, high], [y, y], color=colour, linewidth=1.6, solid_capstyle="butt")
    axis.plot([estimate], [y], color=colour, marker=marker, markersize=4.5)
    interval = f" ({bounds(low, high, 2)})" if np.isfinite([low, high]).all() else ""
    text = f"{number(estimate, 2)}{interval}"
    axis.annotate(
        text,
        xy=(1.0, y),
        xycoords=("axes fraction", "data"),
        ha="right",
        va="center",
        fontsize=7.5,
        color=INK,
    )


def score_strips(study: Study, predictions: pd.DataFrame) -> Figure:
    """Predicted probability of every case by outcome, one panel a model.

    Args:
        study: order and colours of the models.
        predictions: columns of `predictions.tsv`; the first repeat is shown.
    """
    shown = first_repeat(predictions)
    models, cohorts = models_of(study, shown), cohorts_of(shown)
    colours = model_colours(study)
    rows = -(-len(models) // 4)
    figure = new_figure(0.55 + 1.9 * rows)
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        for c, cohort in enumerate(cohorts):
            for outcome in (0, 1):
                here = (part["cohort"] == cohort) & (part["y_true"] == outcome)
                values = part.loc[here, "y_prob"]
                place = 3 * c + outcome
                colour = colours[model] if outcome else PALE
                _strip(axis, place, values.to_numpy(float), colour)
        axis.set_title(model)
        axis.set_ylim(-0.03, 1.03)
        axis.set_xticks(
            [3 * c + o for c in range(len(cohorts)) for o in (0, 1)], ["−", "+"] * len(cohorts)
        )
        axis.tick_params(labelbottom=True)
        for c, cohort in enumerate(cohorts):
            axis.annotate(
                brief(cohort),
                xy=(3 * c + 0.5, 0),
                xycoords=("data", "axes fraction"),
                xytext=(0, -18),
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=7.5,
            )
    figure.supylabel("predicted probability", fontsize=8.5)
    return figure


def _strip(axis: Axes, place: float, values: np.ndarray, colour: str) -> None:
    # A fixed low-discrepancy sideways shift keeps equal scores apart and the drawing repeatable.
    shift = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.55
    axis.scatter(place + shift, values, s=13, color=colour, edgecolor=INK, linewidth=0.35)
    if len(values):
        median = float(np.median(values))
        axis.plot([place - 0.4, place + 0.4], [median, median], color=INK, linewidth=1.2)
