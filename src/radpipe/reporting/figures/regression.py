"""Figures of predicted numbers: observed against predicted, and their differences."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from radpipe.config import Study
from radpipe.reporting.figures.style import (
    GREY,
    INK,
    PALE,
    model_colours,
    new_figure,
    panels,
    shorten,
)
from radpipe.reporting.numbers import number, significant
from radpipe.reporting.tidy import first_repeat, metric_of, models_of

_MARGIN = 0.05


def scatter_panels(
    study: Study, predictions: pd.DataFrame, performance: pd.DataFrame, cohort: str
) -> Figure:
    """Observed against predicted value of each case in one cohort, one panel a model.

    Args:
        study: order and colours of the models.
        predictions: columns of `predictions.tsv`; one repeat is shown.
        performance: R2 printed in each panel.
        cohort: the cohort shown.
    """
    shown = _shown(predictions, cohort)
    models, colours = models_of(study, shown), model_colours(study)
    low, high = _span(shown[["y_true", "y_pred"]].to_numpy(float))
    figure = new_figure(0.4 + 2.0 * -(-len(models) // 4))
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        axis.plot([low, high], [low, high], color=PALE, linewidth=1, zorder=0)
        axis.scatter(
            part["y_pred"], part["y_true"], s=11, color=colours[model], edgecolor=INK, linewidth=0.3
        )
        r2 = number(metric_of(performance, model, cohort, "r2").estimate, 2)
        axis.text(
            0.97, 0.03, f"R² {r2}", transform=axis.transAxes, ha="right", va="bottom", fontsize=7.5
        )
        axis.set_title(shorten(model, 22))
        axis.set_xlim(low, high)
        axis.set_ylim(low, high)
        axis.set_aspect("equal")
        axis.locator_params(nbins=4)
    figure.supxlabel("predicted", fontsize=8.5)
    figure.supylabel("observed", fontsize=8.5)
    return figure


def bland_altman_panels(
    study: Study, predictions: pd.DataFrame, agreement: pd.DataFrame, cohort: str
) -> Figure:
    """Predicted minus observed over their mean in one cohort, with bias and limits of agreement.

    Args:
        study: order and colours of the models.
        predictions: columns of `predictions.tsv`; one repeat is shown.
        agreement: columns of `agreement.tsv`.
        cohort: the cohort shown.
    """
    shown = _shown(predictions, cohort)
    models, colours = models_of(study, shown), model_colours(study)
    found = agreement[agreement["cohort"] == cohort]
    # The limits of a few cases lie outside all of them; the text above must not cross them.
    limits = found.loc[found["measure"].isin(["lower_limit", "upper_limit"]), "estimate"]
    apart = (shown["y_pred"] - shown["y_true"]).to_numpy(float)
    low, high = _span(np.concatenate([apart, limits.dropna().to_numpy(float)]))
    figure = new_figure(0.4 + 1.9 * -(-len(models) // 4))
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        mean, difference = (part["y_pred"] + part["y_true"]) / 2, part["y_pred"] - part["y_true"]
        axis.axhline(0, color=PALE, linewidth=1, zorder=0)
        axis.scatter(mean, difference, s=11, color=colours[model], edgecolor=INK, linewidth=0.3)
        lines = found[found["model"] == model].set_index("measure")["estimate"]
        for measure, style in (("bias", "-"), ("lower_limit", "--"), ("upper_limit", "--")):
            if measure in lines.index:
                axis.axhline(lines[measure], color=GREY, linestyle=style, linewidth=1)
        if "bias" in lines.index:
            text = f"bias {significant(lines['bias'], 2)}"
            axis.text(
                0.97, 0.98, text, transform=axis.transAxes, ha="right", va="top", fontsize=7.5
            )
        axis.set_title(shorten(model, 22))
        axis.set_ylim(low, high + 0.16 * (high - low))
        axis.locator_params(nbins=4)
    figure.supxlabel("mean of predicted and observed", fontsize=8.5)
    figure.supylabel("predicted − observed", fontsize=8.5)
    return figure


def _shown(predictions: pd.DataFrame, cohort: str) -> pd.DataFrame:
    shown = first_repeat(predictions[predictions["cohort"] == cohort])
    return shown.dropna(subset=["y_true", "y_pred"])


def _span(values: np.ndarray) -> tuple[float, float]:
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    room = _MARGIN * (high - low) or 1.0
    return low - room, high + room
