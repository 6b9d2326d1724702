"""Figures of calibration and of clinical utility."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.config import Study
from radpipe.io.outcomes import value_key
from radpipe.reporting.figures.classes import class_colours, class_legend
from radpipe.reporting.figures.style import (
    GREY,
    INK,
    PALE,
    model_colours,
    new_figure,
    panels,
    role_of,
    shorten,
    unit_square,
)
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import number
from radpipe.reporting.tidy import cohorts_of, metric_of, models_of


def calibration_panels(
    study: Study, calibration: pd.DataFrame, performance: pd.DataFrame, cohort: str
) -> Figure:
    """Observed against predicted in one cohort, one panel a model; of classes one colour each.

    Args:
        study: order and colours of the models.
        calibration: columns of `calibration.tsv`; bins are points, the other kinds a line.
        performance: the slope printed in each panel, where there is one.
        cohort: the cohort shown.
    """
    shown = calibration[calibration["cohort"] == cohort]
    models, colours = models_of(study, shown), model_colours(study)
    several = "class" in shown.columns
    by_class = class_colours(list(dict.fromkeys(shown["class"].map(value_key)))) if several else {}
    figure = new_figure((0.65 if several else 0.4) + 1.95 * -(-len(models) // 4))
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    kind = kind_of_study(study).name
    number_line = kind == "regression"
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        for name, colour in (by_class or {"": colours[model]}).items():
            _curve(axis, part[part["class"].map(value_key) == name] if several else part, colour)
        slope = metric_of(performance, model, cohort, "calibration_slope")
        if slope.known or not (several or number_line):
            text = f"slope {number(slope.estimate, 2)}"
            axis.text(0.98, 0.03, text, ha="right", va="bottom", fontsize=7.5)
        if number_line:
            _diagonal(axis, shown)
            axis.set_title(shorten(model, 22))
        else:
            axis.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
            unit_square(axis, model)
    words = {"regression": "predicted", "multiclass": "predicted probability"}
    figure.supxlabel(words.get(kind, "predicted risk"), fontsize=8.5)
    figure.supylabel("observed" if number_line else "observed share", fontsize=8.5)
    if several:
        class_legend(figure, by_class)
    return figure


def _diagonal(axis: Axes, shown: pd.DataFrame) -> None:
    """The identity over the range of what is shown, on equal axes."""
    columns = ["predicted", "observed", "ci_low", "ci_high"]
    bins = shown[shown["kind"] == "bin"]
    values = [*bins[columns].to_numpy(float).ravel(), *shown["predicted"]]
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    room = 0.04 * (high - low) or 1.0
    axis.plot([low, high], [low, high], color=PALE, linewidth=1, zorder=0)
    axis.set_xlim(low - room, high + room)
    axis.set_ylim(low - room, high + room)
    axis.set_aspect("equal")
    axis.locator_params(nbins=4)


def _curve(axis: Axes, part: pd.DataFrame, colour: str) -> None:
    line = part[part["kind"] != "bin"].sort_values("predicted")
    axis.plot(line["predicted"], line["observed"], color=colour)
    bins = part[part["kind"] == "bin"].sort_values("predicted")
    axis.vlines(bins["predicted"], bins["ci_low"], bins["ci_high"], color=colour, linewidth=0.9)
    axis.scatter(
        bins["predicted"], bins["observed"], s=16, color="white", edgecolor=colour, zorder=3
    )


def decision_curves(study: Study, decision: pd.DataFrame) -> Figure:
    """Net benefit over threshold probabilities, one panel a cohort.

    The baselines and the primary model are drawn strong, all other models thin.

    Args:
        study: order and colours of the models.
        decision: columns of `decision_curve.tsv`.
    """
    cohorts = cohorts_of(decision)
    colours = model_colours(study)
    columns = min(2, len(cohorts))
    figure = new_figure(0.5 + 2.9 * -(-len(cohorts) // columns))
    axes = panels(figure, len(cohorts), columns, sharey=True)
    strong = {m.name for m in study.models if role_of(m) != "model"} | {study.primary}
    for axis, cohort in zip(axes, cohorts, strict=True):
        shown = decision[decision["cohort"] == cohort]
        for model in models_of(study, shown):
            line = shown[shown["model"] == model].sort_values("threshold")
            axis.plot(
                line["threshold"],
                line["net_benefit"],
                color=colours[model],
                linewidth=2.0 if model in strong else 1.1,
                label=model,
            )
        _references(axis, shown)
        axis.set_title(cohort)
        axis.set_xlabel("threshold probability")
        axis.grid(axis="y")
    # One scale for all cohorts; what lies far below treating none is of no use to anybody.
    top = float(decision["net_benefit"].max())
    axes[0].set_ylim(-0.35 * top if top > 0 else -0.1, 1.1 * top if top > 0 else 0.1)
    axes[0].set_ylabel("net benefit")
    handles, labels = axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper left", ncols=5)
    return figure


def _references(axis: Axes, shown: pd.DataFrame) -> None:
    for name, label, colour, style in (
        ("treat_all", "treat all", GREY, "--"),
        ("treat_none", "treat none", INK, ":"),
    ):
        line = shown[shown["model"] == name].sort_values("threshold")
        axis.plot(
            line["threshold"], line["net_benefit"], color=colour, linestyle=style, label=label
        )
