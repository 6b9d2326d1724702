"""Figures of image quality, of training and of segmentation."""

from collections.abc import Mapping

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
    PURPLE,
    SKY,
    VERMILION,
    new_figure,
    panels,
)

_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY)
_QUALITY = {
    "translation_mm": "translation (mm)",
    "rotation_deg": "rotation (degrees)",
    "snr": "signal-to-noise ratio",
    "noise_sd": "noise (sd)",
    "coverage": "share of the grid covered",
    "field_sd": "bias field (sd)",
}
"""Measures of `quality.tsv` worth a panel, with their axis labels; drawn where they exist.

The contrast-to-noise ratio has none: against an empty background it repeats the signal-to-noise
ratio.
"""


def quality_panels(quality: pd.DataFrame, sites: Mapping[str, str]) -> Figure | None:
    """Each measure by site, one point a case and modality; None if no known measure is there.

    Args:
        quality: columns `case`, `stage`, `modality`, `measure`, `value`.
        sites: the site of each case.
    """
    measures = [m for m in _QUALITY if (quality["measure"] == m).any()]
    if not measures:
        return None
    names = sorted(set(sites.values()))
    columns = min(3, len(measures))
    figure = new_figure(0.4 + 2.0 * -(-len(measures) // columns))
    for axis, measure in zip(panels(figure, len(measures), columns), measures, strict=True):
        part = quality[quality["measure"] == measure]
        places: list[str] = []
        for modality in sorted(part["modality"].dropna().unique()) or [""]:
            here = part[part["modality"] == modality] if modality else part
            values = pd.to_numeric(here["value"], errors="coerce")
            groups = here["case"].map(sites)
            for site in names:
                _strip(
                    axis,
                    len(places),
                    values[groups == site].dropna().to_numpy(),
                    _COLOURS[names.index(site) % 6],
                )
                places.append(f"{modality}\n{site}")
        axis.set_xticks(range(len(places)), places)
        axis.set_xlim(-0.6, len(places) - 0.4)
        axis.set_title(_QUALITY[measure])
        axis.grid(axis="y")
    return figure


def _strip(axis: Axes, place: float, values: np.ndarray, colour: str) -> None:
    # A fixed low-discrepancy sideways shift keeps equal values apart and the drawing repeatable.
    shift = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * 0.5
    axis.scatter(place + shift, values, s=12, color=colour, alpha=0.8, edgecolor="none")
    if len(values):
        median = float(np.median(values))
        axis.plot([place - 0.35, place + 0.35], [median, median], color=INK, linewidth=1.2)


def dice_by_fold(segmentation: pd.DataFrame) -> Figure:
    """Dice of every case by fold, one row a segmenter; labels are told apart by colour.

    Args:
        segmentation: columns `case`, `fold`, `segmenter`, `label`, `dice`.
    """
    segmenters = list(dict.fromkeys(segmentation["segmenter"]))
    labels = list(dict.fromkeys(segmentation["label"]))
    figure = new_figure(0.5 + 2.2 * len(segmenters))
    for axis, segmenter in zip(panels(figure, len(segmenters), 1), segmenters, strict=True):
        part = segmentation[segmentation["segmenter"] == segmenter]
        folds = sorted(part["fold"].unique(), key=lambda fold: (fold == "final", fold))
        for i, fold in enumerate(folds):
            for k, label in enumerate(labels):
                here = (part["fold"] == fold) & (part["label"] == label)
                place = i + (k - (len(labels) - 1) / 2) * 0.8 / len(labels)
                _narrow_strip(
                    axis,
                    place,
                    part.loc[here, "dice"].dropna().to_numpy(float),
                    _COLOURS[k % 6],
                    0.6 / len(labels),
                )
        names = ["external" if fold == "final" else fold for fold in folds]
        axis.set_xticks(range(len(folds)), names)
        axis.set_ylim(-0.03, 1.03)
        axis.set_ylabel("Dice")
        axis.set_title(segmenter)
        axis.grid(axis="y")
    if len(labels) > 1:
        handles = [
            Line2D([], [], color=_COLOURS[k % 6], marker="o", linestyle="", label=str(label))
            for k, label in enumerate(labels)
        ]
        figure.legend(handles=handles, loc="outside upper left", ncols=6)
    return figure


def _narrow_strip(axis: Axes, place: float, values: np.ndarray, colour: str, width: float) -> None:
    shift = ((np.arange(len(values)) * 0.618) % 1 - 0.5) * width
    axis.scatter(place + shift, values, s=13, color=colour, alpha=0.75, edgecolor="none")
    if len(values):
        median = float(np.median(values))
        axis.plot([place - width / 1.6, place + width / 1.6], [median, median], color=INK)


def training_curves(logs: Mapping[str, pd.DataFrame]) -> Figure:
    """Loss over training steps, one panel a network, one line a fold.

    Args:
        logs: columns `step`, `loss` of each log, by `<network>/<fold>`.
    """
    networks = list(dict.fromkeys(name.rsplit("/", 1)[0] for name in logs))
    columns = min(2, len(networks))
    figure = new_figure(0.4 + 2.2 * -(-len(networks) // columns))
    for axis, network in zip(panels(figure, len(networks), columns), networks, strict=True):
        folds = [name for name in logs if name.rsplit("/", 1)[0] == network]
        for k, name in enumerate(folds):
            fold = name.rsplit("/", 1)[1]
            colour = INK if fold == "final" else _COLOURS[k % 6]
            log = logs[name]
            axis.plot(log["step"], _smooth(log["loss"]), color=colour, linewidth=1.1, label=fold)
        axis.set_title(network)
        axis.set_xlabel("step")
        axis.set_ylabel("training loss")
        axis.grid(axis="y", color="#EEEEEE")
        axis.legend(ncols=2, fontsize=7, handlelength=1.2, labelcolor=GREY)
    return figure


def _smooth(loss: pd.Series) -> pd.Series:
    """A running mean over a twentieth of the steps: single batches jump."""
    return loss.rolling(max(1, len(loss) // 20), min_periods=1).mean()
