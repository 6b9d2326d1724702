"""The figure of stability: every feature by its intraclass correlation."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.evaluation.agreement import KOO_LI
from radpipe.reporting.figures.style import BLUE, GREY, PALE, new_figure, panels


def stability_panels(stability: pd.DataFrame) -> Figure | None:
    """Features in the order of their ICC with its interval, a panel a source.

    Args:
        stability: columns `source`, `icc`, `ci_low`, `ci_high`; features without an ICC are left
            out.

    Returns:
        None if no feature has one.
    """
    known = stability.dropna(subset=["icc", "ci_low", "ci_high"])
    sources = list(dict.fromkeys(known["source"]))
    if not sources:
        return None
    columns = min(2, len(sources))
    figure = new_figure(0.4 + 2.4 * -(-len(sources) // columns))
    for axis, source in zip(panels(figure, len(sources), columns), sources, strict=True):
        _ranked(axis, known[known["source"] == source])
        axis.set_title(str(source).replace("+", ", "), fontsize=8)
    return figure


def _ranked(axis: Axes, part: pd.DataFrame) -> None:
    part = part.sort_values("icc", kind="stable")
    rank = range(1, len(part) + 1)
    # A correlation far below zero says no more than one of zero, and would flatten the rest.
    low, middle, high = (part[c].clip(lower=-0.2) for c in ("ci_low", "icc", "ci_high"))
    for end, name in KOO_LI:
        axis.axhline(end, color=PALE, linewidth=0.8, zorder=0)
        axis.text(1, end, f" {name}", va="top", fontsize=7, color=GREY)
    axis.fill_between(rank, low, high, color=BLUE, alpha=0.25, linewidth=0)
    axis.plot(rank, middle, color=BLUE)
    axis.set_ylim(-0.25, 1.02)
    axis.set_xlim(1, max(len(part), 2))
    axis.set_xlabel("features, least stable first")
    axis.set_ylabel("ICC")
