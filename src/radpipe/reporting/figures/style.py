"""One look for all figures: sizes, a colour-blind-safe palette, deterministic files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.config import BASELINES, Model, Study
from radpipe.io.files import atomic

WIDTH_IN = 7.0
"""Width of every figure in inches: the text width of an A4 page."""

# Okabe and Ito (2008), ordered so that neighbours differ in lightness as well as in hue.
BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
)
INK, GREY, PALE = "#222222", "#7A7A7A", "#D9D9D9"
CLASS_COLOURS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, "#000000")
BASELINE_COLOURS = {"volume": "#8C8C8C", "clinical": "#595959", "site": "#B5B5B5"}
COHORT_MARKERS = ("o", "s", "D", "^", "v")
_RC: dict[Any, Any] = {
    "font.family": "DejaVu Sans",
    "font.size": 8.5,
    "axes.titlesize": 9,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.edgecolor": "#555555",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.grid": False,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.fontsize": 8,
    "legend.frameon": False,
    "lines.linewidth": 1.5,
    "figure.constrained_layout.use": True,
    "svg.hashsalt": "radpipe",
    "svg.fonttype": "path",
    "image.cmap": "gray",
}


@contextmanager
def house_style() -> Iterator[None]:
    """Draw with the fonts, sizes and colours of the house, whatever the user's matplotlibrc."""
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_RC)
        yield


def new_figure(height_in: float) -> Figure:
    """An empty figure of the house's width; made without pyplot, so nothing stays open."""
    return Figure(figsize=(WIDTH_IN, height_in))


def save_figure(figure: Figure, path: Path, *, dots_per_inch: int = 160) -> None:
    """Write `path` with `.svg` and `.png`; no dates, so equal figures are equal bytes."""
    # The layout is solved once, so that both files show the same drawing, and in half the time; at
    # the density of the PNG, whose hinted letters are the wider ones.
    figure.set_dpi(dots_per_inch)
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    with atomic(path.with_name(path.name + ".svg")) as part:
        figure.savefig(part, format="svg", metadata={"Date": None, "Creator": None})
    with atomic(path.with_name(path.name + ".png")) as part:
        figure.savefig(part, format="png", dpi=dots_per_inch, metadata={"Software": None})


def role_of(model: Model) -> str:
    """`volume`, `clinical` and `site` for the trivial baselines, otherwise `model`."""
    return model.blocks[0] if model.blocks in BASELINES else "model"


def model_colours(study: Study) -> dict[str, str]:
    """The colour of each model in every figure: baselines grey, the primary model blue."""
    others = [VERMILION, GREEN, PURPLE, ORANGE, SKY]
    colours: dict[str, str] = {}
    used = 0
    for model in study.models:
        if role_of(model) != "model":
            colours[model.name] = BASELINE_COLOURS[role_of(model)]
        elif model.name == study.primary:
            colours[model.name] = BLUE
        else:
            colours[model.name] = others[used % len(others)]
            used += 1
    return colours


def panels(figure: Figure, n: int, columns: int, **options: object) -> list[Axes]:
    """`n` axes in rows of `columns`; places that stay empty are removed."""
    rows = -(-n // columns)
    grid = figure.subplots(rows, columns, squeeze=False, **options)  # type: ignore[call-overload]
    axes = [axis for row in grid for axis in row]
    for axis in axes[n:]:
        axis.remove()
    # A shared axis is labelled in the last row alone, where some columns have no panel.
    for axis in axes[max(0, n - columns) : n]:
        axis.tick_params(labelbottom=True)
    return axes[:n]


def unit_square(axis: Axes, title: str) -> None:
    """Both axes from 0 to 1 with three ticks."""
    axis.set_title(title)
    axis.set_xlim(-0.02, 1.02)
    axis.set_ylim(-0.02, 1.02)
    axis.set_aspect("equal")
    axis.set_xticks([0, 0.5, 1], ["0", "0.5", "1"])
    axis.set_yticks([0, 0.5, 1], ["0", "0.5", "1"])


def shorten(text: str, length: int) -> str:
    """`text` cut in its middle to at most `length` characters, for a label."""
    if len(text) <= length:
        return text
    half = (length - 1) // 2
    return text[: length - 1 - half] + "…" + text[-half:]
