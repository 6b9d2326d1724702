"""Figures of segmentation: Dice by fold and by segmenter, training, uncertainty."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from radpipe.reporting.figures.style import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    panels,
    shorten,
)
from radpipe.types import FINAL

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
_TALLEST_IN = 8.2
"""Height that a figure may have on a page."""


def dice_by_fold(segmentation: pd.DataFrame) -> Figure:
    """Dice of every case by fold, a panel a segmenter; labels are told apart by colour.

    Args:
        segmentation: columns `case`, `fold`, `segmenter`, `label`, `dice`; at most six segmenters
            leave room to read.
    """
    segmenters = list(dict.fromkeys(segmentation["segmenter"]))
    labels = list(dict.fromkeys(segmentation["label"]))
    figure, axes = _panels(len(segmenters), columns=1 if len(segmenters) < 4 else 2)
    for axis, segmenter in zip(axes, segmenters, strict=True):
        part = segmentation[segmentation["segmenter"] == segmenter]
        folds = sorted(part["fold"].unique(), key=lambda fold: (fold == FINAL, fold))
        for i, fold in enumerate(folds):
            for k, label in enumerate(labels):
                here = (part["fold"] == fold) & (part["label"] == label)
                place = i + (k - (len(labels) - 1) / 2) * 0.8 / len(labels)
                values = part.loc[here, "dice"].dropna().to_numpy(float)
                _strip(axis, place, values, _COLOURS[k % 6], 0.6 / len(labels))
        names = ["external" if fold == FINAL else fold for fold in folds]
        crowded = len(folds) > (14 if len(segmenters) < 4 else 6)
        axis.set_xticks(range(len(folds)), names, rotation=90 if crowded else 0)
        axis.set_ylim(-0.03, 1.03)
        axis.set_ylabel("Dice")
        axis.set_title(shorten(segmenter, 40))
        axis.grid(axis="y")
    _legend(figure, labels)
    return figure


def dice_by_segmenter(segmentation: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """Dice of every case, mean over its labels, a row a segmenter: points, quartiles, median.

    Args:
        segmentation: columns `case`, `fold`, `segmenter`, `label`, `dice`.
        names: how each segmenter is called in the figure.
    """
    segmenters = list(dict.fromkeys(segmentation["segmenter"]))
    figure = new_figure(min(0.7 + 0.42 * len(segmenters), _TALLEST_IN))
    axis = figure.subplots()
    for i, segmenter in enumerate(segmenters):
        part = segmentation[segmentation["segmenter"] == segmenter]
        cases = part.groupby(["case", "fold"], sort=False)["dice"].mean().dropna().reset_index()
        outside = (cases["fold"] == FINAL).to_numpy()
        values = cases["dice"].to_numpy(float)
        for chosen, place, colour in ((~outside, i - 0.17, BLUE), (outside, i + 0.17, VERMILION)):
            _row(axis, place if outside.any() else i, values[chosen], colour)
    axis.set_yticks(range(len(segmenters)), [shorten(names.get(s, s), 28) for s in segmenters])
    axis.set_ylim(len(segmenters) - 0.4, -0.6)
    axis.set_xlim(-0.02, 1.02)
    axis.set_xlabel("Dice")
    axis.grid(axis="x")
    if (segmentation["fold"] == FINAL).any():
        _legend(figure, ["development", "external"])
    return figure


def training_curves(logs: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss over training steps, and validation where it was measured; one line a fold.

    Args:
        logs: columns `step`, `loss` and perhaps `validation` of each log, by `<network>/<fold>`;
            at most six networks leave room to read.
    """
    networks = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in logs))
    wanted = []
    for network in networks:
        own = {
            n.rsplit("/", 1)[1]: log for n, log in logs.items() if n.rsplit("/", 1)[0] == network
        }
        wanted.append((network, "loss", own))
        if any("validation" in log and log["validation"].notna().any() for log in own.values()):
            wanted.append((network, "validation", own))
    figure, axes = _panels(len(wanted), columns=min(2, len(wanted)))
    for i, (axis, (network, column, own)) in enumerate(zip(axes, wanted, strict=True)):
        for k, (fold, log) in enumerate(own.items()):
            colour = INK if fold == FINAL else _COLOURS[k % 6]
            _curve(axis, log, column, colour, fold)
        axis.set_title(shorten(network, 36))
        axis.set_xlabel("step")
        axis.set_ylabel("training loss" if column == "loss" else "validation")
        axis.grid(axis="y", color="#EEEEEE")
        if i == 0 or set(own) != set(wanted[0][2]):
            axis.legend(ncols=2, fontsize=7, handlelength=1.2, labelcolor=GREY)
    return figure


def expected_dice(uncertainty: pd.DataFrame, names: Mapping[str, str]) -> Figure:
    """The Dice that each mask reached over the Dice that was expected of it, a panel a segmenter.

    Args:
        uncertainty: columns `segmenter`, `label`, `expected_dice`, `dice`.
        names: how each segmenter is called in the figure.
    """
    segmenters = list(dict.fromkeys(uncertainty["segmenter"]))
    labels = list(dict.fromkeys(uncertainty["label"]))
    columns = min(3, len(segmenters))
    rows = -(-len(segmenters) // columns)
    figure = new_figure(min(0.6 + 2.3 * rows, _TALLEST_IN))
    for axis, segmenter in zip(panels(figure, len(segmenters), columns), segmenters, strict=True):
        axis.plot([0, 1], [0, 1], color=PALE, zorder=0)
        for k, label in enumerate(labels):
            here = (uncertainty["segmenter"] == segmenter) & (uncertainty["label"] == label)
            part = uncertainty[here]
            axis.scatter(
                part["expected_dice"],
                part["dice"],
                s=12,
                color=_COLOURS[k % 6],
                alpha=0.75,
                edgecolor="none",
            )
        axis.set_xlim(-0.02, 1.02)
        axis.set_ylim(-0.02, 1.02)
        axis.set_aspect("equal")
        axis.set_title(shorten(names.get(segmenter, segmenter), 26))
        axis.set_xlabel("expected Dice")
        axis.set_ylabel("Dice reached")
    _legend(figure, labels)
    return figure


def _panels(n: int, columns: int) -> tuple[Figure, list[Axes]]:
    """`n` wide panels, lower where there are many, so that the figure fits a page."""
    rows = -(-n // columns)
    figure = new_figure(0.4 + rows * min(2.2, (_TALLEST_IN - 0.4) / rows))
    return figure, panels(figure, n, columns)


def _legend(figure: Figure, labels: Sequence[str]) -> None:
    if len(labels) < 2:
        return
    handles = [
        Line2D([], [], color=_COLOURS[k % 6], marker="o", linestyle="", label=str(label))
        for k, label in enumerate(labels)
    ]
    figure.legend(handles=handles, loc="outside upper left", ncols=6)


def _shift(n: int, width: float) -> np.ndarray:
    # A fixed low-discrepancy sideways shift keeps equal values apart and the drawing repeatable.
    return ((np.arange(n) * 0.618) % 1 - 0.5) * width


def _strip(axis: Axes, place: float, values: np.ndarray, colour: str, width: float) -> None:
    shift = _shift(len(values), width)
    axis.scatter(place + shift, values, s=13, color=colour, alpha=0.75, edgecolor="none")
    if len(values):
        median = float(np.median(values))
        axis.plot([place - width / 1.6, place + width / 1.6], [median, median], color=INK)


def _row(axis: Axes, place: float, values: np.ndarray, colour: str) -> None:
    if not len(values):
        return
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75])
    axis.barh(place, high - low, left=low, height=0.26, color=PALE, zorder=0)
    axis.scatter(
        values, place + _shift(len(values), 0.2), s=9, color=colour, alpha=0.7, edgecolor="none"
    )
    axis.plot([median, median], [place - 0.15, place + 0.15], color=INK)


def _curve(axis: Axes, log: pd.DataFrame, column: str, colour: str, fold: str) -> None:
    if column == "loss":
        axis.plot(log["step"], _smooth(log["loss"]), color=colour, linewidth=1.1, label=fold)
    elif column in log:
        known = log.dropna(subset=[column])
        axis.plot(
            known["step"],
            known[column],
            color=colour,
            linewidth=1.1,
            marker="o",
            markersize=2.5,
            label=fold,
        )


def _smooth(loss: pd.Series) -> pd.Series:
    """A running mean over a twentieth of the steps: single batches jump."""
    return loss.rolling(max(1, len(loss) // 20), min_periods=1).mean()
