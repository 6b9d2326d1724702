"""Figures of the cohort: the flow of cases."""

import re
import textwrap
from collections import Counter

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from radpipe.config import Study
from radpipe.reporting.figures.style import BLUE, GREY, INK, VERMILION, new_figure
from radpipe.reporting.kinds import make_up
from radpipe.reporting.numbers import count
from radpipe.types import DEVELOPMENT

_SHOWN_REASONS = 6


def short_reason(reason: str) -> str:
    """The problem alone: without the case, the file and the facts of a `RadpipeError` sentence."""
    problem = re.sub(r"^(case '[^']*'|file \S+)(, file [^:]*)?: ", "", str(reason))
    return problem.split(";")[0].strip()


def reasons_of(exclusions: pd.DataFrame) -> list[tuple[str, int]]:
    """Short reasons with the number of cases set aside for each, the commonest first."""
    if exclusions.empty:
        return []
    counts = Counter(exclusions["reason"].map(short_reason))
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def flow_chart(study: Study, cases: pd.DataFrame, exclusions: pd.DataFrame) -> Figure:
    """Case sheet, exclusions by reason, then the cohorts with patients and outcomes.

    Args:
        study: names the outcome.
        cases: usable cases, columns `case`, `patient`, `cohort` and the outcome.
        exclusions: columns `case`, `stage`, `reason`.
    """
    lines = _exclusion_lines(exclusions)
    cohorts = sorted(cases["cohort"].unique(), key=lambda name: (name != DEVELOPMENT, name))
    # The axes count inches, so that a box fits its text at any height of the figure.
    box = 0.46 + 0.165 * len(lines)
    height = 1.05 + max(box, 0.5) + 1.75
    figure = new_figure(height)
    figure.set_layout_engine("none")
    axis = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    axis.set_xlim(0, 7)
    axis.set_ylim(0, height)
    axis.axis("off")
    centre, top = 2.2 if lines else 3.5, height - 0.35
    total = len(cases) + (exclusions["case"].nunique() if len(exclusions) else 0)
    _box(axis, (centre, top), [f"Case sheet: {count(total, 'case')}"])
    usable = top - 0.7 - max(box, 0.5)
    _arrow(axis, (centre, top - 0.16), (centre, usable + 0.25))
    if lines:
        middle = (top + usable) / 2
        _arrow(axis, (centre, middle), (3.55, middle))
        _box(axis, (5.2, middle), lines, width=3.3, edge=VERMILION, left=True)
    patients = count(cases["patient"].nunique(), "patient")
    _box(axis, (centre, usable), [f"Usable: {count(len(cases), 'case')}", patients])
    _cohort_boxes(axis, study, cases, cohorts, (centre, usable))
    return figure


def _exclusion_lines(exclusions: pd.DataFrame) -> list[str]:
    reasons = reasons_of(exclusions)
    if not reasons:
        return []
    lines = [f"Set aside: {count(exclusions['case'].nunique(), 'case')}"]
    for reason, n in reasons[:_SHOWN_REASONS]:
        lines += textwrap.wrap(f"{n} × {reason}", 50, subsequent_indent="      ")
    rest = reasons[_SHOWN_REASONS:]
    return lines + ([f"{sum(n for _, n in rest)} × other reasons"] if rest else [])


def _cohort_boxes(
    axis: Axes,
    study: Study,
    cases: pd.DataFrame,
    cohorts: list[str],
    usable: tuple[float, float],
) -> None:
    step = 7 / len(cohorts)
    junction = usable[1] - 0.5
    if len(cohorts) > 1:
        places = [step * (i + 0.5) for i in range(len(cohorts))]
        _line(axis, [(usable[0], usable[1] - 0.24), (usable[0], junction)])
        _line(axis, [(min(*places, usable[0]), junction), (max(*places, usable[0]), junction)])
    else:
        places = [usable[0]]
    for place, cohort in zip(places, cohorts, strict=True):
        part = cases[cases["cohort"] == cohort]
        lines = [f"{cohort[0].upper()}{cohort[1:]}: {count(len(part), 'case')}"]
        lines.append(count(part["patient"].nunique(), "patient"))
        if study.outcome is not None:
            lines += textwrap.wrap(", ".join(make_up(part, study.outcome)), 36)
        start = junction if len(cohorts) > 1 else usable[1] - 0.24
        _arrow(axis, (place, start), (place, 0.5 + 0.08 + 0.0825 * len(lines)))
        _box(axis, (place, 0.5), lines, width=min(2.6, step - 0.2), edge=BLUE)


def _box(
    axis: Axes,
    centre: tuple[float, float],
    lines: list[str],
    *,
    width: float = 2.6,
    edge: str = INK,
    left: bool = False,
) -> None:
    axis.text(
        centre[0] - (width / 2 - 0.12 if left else 0),
        centre[1],
        "\n".join(lines),
        ha="left" if left else "center",
        va="center",
        color=INK,
        linespacing=1.4,
    )
    height = 0.14 + 0.165 * len(lines)
    corner = (centre[0] - width / 2, centre[1] - height / 2)
    axis.add_patch(_rounded(corner, width, height, edge))


def _rounded(corner: tuple[float, float], width: float, height: float, edge: str) -> FancyBboxPatch:
    return FancyBboxPatch(
        corner,
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.06",
        facecolor="white",
        edgecolor=edge,
        linewidth=1.0,
        zorder=0,
    )


def _line(axis: Axes, points: list[tuple[float, float]]) -> None:
    x, y = zip(*points, strict=True)
    axis.plot(x, y, color=GREY, linewidth=1, solid_capstyle="butt", zorder=-1)


def _arrow(axis: Axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axis.annotate(
        "",
        xy=end,
        xytext=start,
        arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 1, "shrinkA": 0, "shrinkB": 0},
        zorder=-1,
    )
