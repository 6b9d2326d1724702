"""Figures of calibration and of clinical utility."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.config import Study
from radpipe.reporting.figures.style import (
    GREY,
    INK,
    PALE,
    model_colours,
    new_figure,
    panels,
    role_of,
)
from radpipe.reporting.numbers import number
from radpipe.reporting.tidy import cohorts_of, metric_of, models_of


def calibration_panels(
    study: Study, calibration: pd.DataFrame, performance: pd.DataFrame, cohort: str
) -> Figure:
    """Observed against predicted risk in one cohort, one panel a model.

    Args:
        study: order and colours of the models.
        calibration: columns of `calibration.tsv`; bins are points, `loess` or `logistic` a line.
        performance: slope and intercept printed in each panel.
        cohort: the cohort shown.
    """
    shown = calibration[calibration["cohort"] == cohort]
    models = models_of(study, shown)
    colours = model_colours(study)
    rows = -(-len(models) // 4)
    figure = new_figure(0.4 + 1.95 * rows)
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        axis.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
        _curve(axis, part, colours[model])
        slope = metric_of(performance, model, cohort, "calibration_slope").estimate
        axis.set_title(model)
        axis.text(0.98, 0.03, f"slope {number(slope, 2)}", ha="right", va="bottom", fontsize=7.5)
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.set_aspect("equal")
        axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
        axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])
    figure.supxlabel("predicted risk", fontsize=8.5)
    figure.supylabel("observed share", fontsize=8.5)
    return figure


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
