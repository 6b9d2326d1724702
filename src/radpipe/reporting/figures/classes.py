"""Figures of several classes: ROC curves of each against the rest, confusion matrices."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radpipe.config import Study
from radpipe.io.outcomes import value_key
from radpipe.reporting.figures.style import (
    CLASS_COLOURS,
    INK,
    PALE,
    WIDTH_IN,
    new_figure,
    panels,
    shorten,
    unit_square,
)
from radpipe.reporting.numbers import number
from radpipe.reporting.tidy import metric_of, models_of

_X, _Y = "false_positive_rate", "true_positive_rate"
_LETTER_IN = 0.065
"""Room for a letter of a label, inches."""

_DARK = 0.6
"""Shares above this are printed white on blue."""


def class_colours(names: list[str]) -> dict[str, str]:
    """The colour of each class in every figure."""
    return {name: CLASS_COLOURS[i % len(CLASS_COLOURS)] for i, name in enumerate(names)}


def class_legend(figure: Figure, colours: dict[str, str]) -> None:
    """The classes and their colours, above the panels."""
    handles = [
        Line2D([], [], color=colour, label=shorten(name, 24)) for name, colour in colours.items()
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=min(len(handles), 5))


def roc_panels(study: Study, roc: pd.DataFrame, performance: pd.DataFrame, cohort: str) -> Figure:
    """The ROC curve of each class against all others in one cohort, one panel a model.

    Args:
        study: order of the models.
        roc: columns of `roc.tsv` with `class`.
        performance: the AUC of each class, printed in the panel.
        cohort: the cohort shown.
    """
    shown = roc[roc["cohort"] == cohort]
    keys = shown["class"].map(value_key)
    models, names = models_of(study, shown), list(dict.fromkeys(keys))
    colours = class_colours(names)
    figure = new_figure(0.75 + 2.0 * -(-len(models) // 4))
    axes = panels(figure, len(models), 4, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        axis.plot([0, 1], [0, 1], color=PALE, linewidth=1, zorder=0)
        for i, name in enumerate(names):
            curve = shown[(shown["model"] == model) & (keys == name)].sort_values([_X, _Y])
            axis.plot(curve[_X], curve[_Y], color=colours[name])
            found = metric_of(performance, model, cohort, f"auc_{name}")
            place = (0.98, 0.03 + 0.1 * (len(names) - 1 - i))
            text = number(found.estimate, 2)
            axis.text(*place, text, ha="right", va="bottom", fontsize=7.5, color=colours[name])
        unit_square(axis, model)
    figure.supxlabel("1 − specificity", fontsize=8.5)
    figure.supylabel("sensitivity", fontsize=8.5)
    class_legend(figure, colours)
    return figure


def confusion_panels(study: Study, confusion: pd.DataFrame, cohort: str) -> Figure:
    """Confusion matrices in one cohort, one panel a model.

    Args:
        study: order of the models.
        confusion: columns of `confusion.tsv`.
        cohort: the cohort shown.
    """
    shown = confusion[confusion["cohort"] == cohort]
    models = models_of(study, shown)
    names = list(dict.fromkeys(shown["y_true"].map(value_key)))
    columns = min(len(models), 4 if len(names) < 3 else 3 if len(names) < 5 else 2)
    side = min(2.2, WIDTH_IN / columns - 0.2)
    figure = new_figure(0.4 + (0.3 + side) * -(-len(models) // columns))
    axes = panels(figure, len(models), columns, sharex=True, sharey=True)
    for axis, model in zip(axes, models, strict=True):
        part = shown[shown["model"] == model]
        keys = [part["y_true"].map(value_key), part["y_pred"].map(value_key)]
        counts = part.set_index(keys)["n"].astype(float).unstack().loc[names, names]
        _matrix(axis, counts.to_numpy(), names, letters=int(side / len(names) / _LETTER_IN))
        axis.set_title(shorten(model, 90 // columns))
    figure.supxlabel("called", fontsize=8.5)
    figure.supylabel("true class", fontsize=8.5)
    return figure


def _matrix(axis: Axes, counts: np.ndarray, names: list[str], *, letters: int) -> None:
    total = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, total, out=np.zeros_like(counts), where=total > 0)
    axis.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    for i, j in np.ndindex(*counts.shape):
        whole = float(counts[i, j]).is_integer()
        n = number(counts[i, j], 0 if whole else 1)
        text = f"{n}\n{100 * shares[i, j]:.0f} %"
        colour = "white" if shares[i, j] > _DARK else INK
        axis.text(j, i, text, ha="center", va="center", color=colour, fontsize=7.5)
    labels = [shorten(name, max(letters, 3)) for name in names]
    axis.set_xticks(range(len(names)), labels, fontsize=7)
    axis.set_yticks(range(len(names)), labels, rotation=90, va="center", fontsize=7)
    axis.tick_params(length=0, labelbottom=True)
