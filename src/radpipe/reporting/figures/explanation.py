"""Figures of explanations: SHAP over the cohort, LIME for single cases."""

import numpy as np
import pandas as pd
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from radpipe.reporting.figures.style import BLUE, GREY, VERMILION, new_figure, panels, shorten
from radpipe.reporting.numbers import number

_TOP, _TOP_OF_CASE = 12, 5
"""Features shown of a cohort and of a single case."""

_ROW_IN, _LEAST_IN = 0.22, 0.9
"""Height of a row of SHAP values and of the smallest figure of them, in inches."""

_BAR_IN = 0.16
"""Height of a bar of LIME with its gap, in inches."""


def shap_beeswarm(shap: pd.DataFrame) -> Figure:
    """SHAP values of the features that move the model most, one point a case.

    Args:
        shap: columns `case`, `feature`, `value`, `shap` and, if known, `scale` of one model.
    """
    strength = shap["shap"].abs().groupby(shap["feature"]).mean()
    top = strength.sort_values(ascending=False, kind="stable").index[:_TOP]
    room = max(_ROW_IN * len(top), _LEAST_IN)
    figure = new_figure(0.8 + room)
    filled = _ROW_IN * len(top) / room
    swarm, bar = figure.subplots(1, 2, sharey=True, width_ratios=[3, 1])
    colours = colormaps["cividis"]
    for place, feature in enumerate(top):
        part = shap[shap["feature"] == feature]
        values = part["shap"].to_numpy(float)
        swarm.scatter(
            values,
            place + _spread(values) * 0.36 * filled,
            c=colours(_ranks(part["value"])),
            s=11,
            edgecolor="none",
        )
    bar.barh(range(len(top)), strength[top], color=BLUE, height=0.6 * filled)
    swarm.set_yticks(range(len(top)), [shorten(str(feature), 44) for feature in top], fontsize=7)
    swarm.set_ylim(len(top) - 0.5, -0.5)
    swarm.axvline(0, color=GREY, linewidth=0.8)
    scale = str(shap["scale"].iloc[0]) if "scale" in shap else "score"
    swarm.set_xlabel(f"SHAP value ({scale.replace('_', ' ')})")
    swarm.locator_params(axis="x", nbins=6)
    bar.set_xlabel("mean |SHAP|")
    bar.locator_params(axis="x", nbins=2)
    bar.tick_params(axis="y", length=0)
    scaled = ScalarMappable(Normalize(0, 1), colours)
    legend = figure.colorbar(scaled, ax=[swarm, bar], pad=0.01, aspect=12 * room, ticks=[0, 1])
    legend.ax.set_yticklabels(["low", "high"])
    legend.set_label("feature value", labelpad=-8, fontsize=7.5)
    return figure


def _ranks(values: pd.Series) -> np.ndarray:
    """Values as ranks in [0, 1]; missing and constant values lie in the middle."""
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.nunique() < 2:
        return np.full(len(numbers), 0.5)
    ranks = numbers.rank(method="average")
    scaled = (ranks - ranks.min()) / (ranks.max() - ranks.min())
    return scaled.fillna(0.5).to_numpy(float)


def _spread(values: np.ndarray, bins: int = 40) -> np.ndarray:
    """Offsets in [-1, 1] that stack points of similar value around the line."""
    if len(values) < 2 or np.ptp(values) == 0:
        return np.zeros(len(values))
    place = np.floor((values - values.min()) / np.ptp(values) * (bins - 1)).astype(int)
    offsets = np.zeros(len(values))
    for group in np.unique(place):
        members = np.flatnonzero(place == group)
        steps = np.arange(len(members))
        offsets[members] = np.where(steps % 2, 1, -1) * ((steps + 1) // 2)
    largest = np.abs(offsets).max()
    return offsets / max(largest, 4)


def lime_bars(lime: pd.DataFrame) -> Figure:
    """LIME weights of single cases with their spread over seeds.

    Args:
        lime: columns `case`, `feature`, `weight_mean`, `weight_sd`, `prediction`, `scale` of one
            model.
    """
    cases = list(dict.fromkeys(lime["case"]))
    parts = [_strongest(lime[lime["case"] == case]) for case in cases]
    sizes = [len(part) for part in parts]
    # A bar is equally high in every figure, whatever the number of features.
    figure = new_figure(0.5 + sum(0.3 + _BAR_IN * size for size in sizes))
    axes = panels(figure, len(cases), 1, sharex=True, height_ratios=sizes)
    for axis, case, part in zip(axes, cases, parts, strict=True):
        _bars(axis, part)
        value, scale = float(part["prediction"].iloc[0]), part["scale"].iloc[0]
        axis.set_title(f"{case}: predicted {scale} {number(value, 2)}", fontsize=8)
    axis.set_xlabel("local weight (bar) and its standard deviation over seeds (whisker)")
    return figure


def _strongest(part: pd.DataFrame) -> pd.DataFrame:
    order = part["weight_mean"].abs().sort_values(ascending=False, kind="stable")
    return part.loc[order.index[:_TOP_OF_CASE]]


def _bars(axis: Axes, part: pd.DataFrame) -> None:
    places = range(len(part))
    colours = np.where(part["weight_mean"] > 0, VERMILION, BLUE)
    axis.barh(
        places,
        part["weight_mean"],
        xerr=part["weight_sd"],
        color=colours,
        height=0.62,
        error_kw={"elinewidth": 0.9, "ecolor": "#333333"},
    )
    axis.set_yticks(places, [shorten(str(f), 50) for f in part["feature"]], fontsize=7)
    axis.set_ylim(len(part) - 0.5, -0.5)
    axis.axvline(0, color=GREY, linewidth=0.8)
