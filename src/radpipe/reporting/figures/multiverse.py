"""The figure of a multiverse: all ways a study was done, sorted, above what each is made of."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.config import Study
from radpipe.reporting.choices import varied
from radpipe.reporting.figures.style import (
    GREY,
    INK,
    PALE,
    model_colours,
    new_figure,
    shorten,
)
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.tidy import models_of
from radpipe.types import Vector

ROW_IN = 0.155
"""Height of a row of the matrix in inches."""


def multiverse_panels(study: Study, universes: pd.DataFrame) -> Figure:
    """The primary metric of every model in every repeat, sorted, above a matrix of choices.

    Args:
        study: says what each model is made of; order and colours of the models.
        universes: columns of `multiverse.tsv`.
    """
    shown = universes.dropna(subset="estimate").sort_values("estimate", kind="stable")
    models, colours = models_of(study, shown), model_colours(study)
    rows = matrix_rows(study, models)
    upper, lower = 1.9, ROW_IN * len(rows) + 0.2
    figure = new_figure(upper + lower + 0.2)
    heights = {"height_ratios": [upper, lower]}
    above, below = figure.subplots(2, 1, sharex=True, gridspec_kw=heights)
    of_column = shown["model"].tolist()
    _draw_estimates(
        above, study, shown["estimate"].to_numpy(float), [colours[m] for m in of_column]
    )
    _draw_matrix(below, rows, of_column, colours)
    return figure


def matrix_rows(study: Study, models: list[str]) -> list[tuple[str, str, frozenset[str]]]:
    """The rows of the matrix: choice, what was chosen, the models that chose it.

    First each model by its name, then each level of every choice that was made differently.
    """
    rows = [("model", model, frozenset([model])) for model in models]
    for choice, by_model in varied(study, models).items():
        levels = dict.fromkeys(level for own in by_model.values() for level in own)
        rows += [
            (choice, level, frozenset(m for m, own in by_model.items() if level in own))
            for level in levels
        ]
    return rows


def _draw_estimates(axis: Axes, study: Study, values: Vector, colours: list[str]) -> None:
    kind = kind_of_study(study)
    size = float(np.clip(900 / values.size, 4, 26))
    axis.axhline(kind.ignorant, color=GREY, linewidth=0.8, linestyle=":")
    axis.axhline(float(np.median(values)), color=GREY, linewidth=0.8, zorder=0)
    axis.scatter(
        range(values.size), values, s=size, c=colours, edgecolor=INK, linewidth=0.3, zorder=3
    )
    axis.set_ylabel(kind.label)
    axis.tick_params(axis="x", bottom=False, labelbottom=False)
    axis.grid(axis="y")


def _draw_matrix(
    axis: Axes,
    rows: list[tuple[str, str, frozenset[str]]],
    of_column: list[str],
    colours: dict[str, str],
) -> None:
    """A mark where the model of a column made the choice of a row; groups are set apart."""
    first = [i == 0 or rows[i - 1][0] != choice for i, (choice, _, _) in enumerate(rows)]
    height = float(np.clip(260 / len(of_column), 2.5, 7))
    for y, (choice, level, chosen) in enumerate(rows):
        x = [i for i, model in enumerate(of_column) if model in chosen]
        colour = colours[level] if choice == "model" else INK
        axis.plot(x, [y] * len(x), linestyle="", marker="|", markersize=height, color=colour)
        if y and first[y]:
            axis.axhline(y - 0.5, color=PALE, linewidth=0.8)
    labels = [
        f"{choice}: {shorten(level, 24)}" if begins else shorten(level, 24)
        for begins, (choice, level, _) in zip(first, rows, strict=True)
    ]
    axis.set_yticks(range(len(rows)), labels, fontsize=7)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlim(-0.8, len(of_column) - 0.2)
    axis.tick_params(axis="both", length=0, labelbottom=False)
    axis.set_xlabel("models in repeats, sorted by the metric")
