"""The figure of image quality and of registration."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from radpipe.reporting.figures.style import (
    BLUE,
    GREEN,
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
        sites: the site of each case, empty where it is not known.
    """
    measures = [m for m in _QUALITY if (quality["measure"] == m).any()]
    if not measures:
        return None
    names = sorted(set(sites.values()))
    labels = {site: site or ("unknown" if len(names) > 1 else "") for site in names}
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
                places.append(f"{modality}\n{labels[site]}".strip())
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
