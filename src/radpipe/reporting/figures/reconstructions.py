"""What encoders with a decoder keep of a crop: input, reconstruction and their difference."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from radpipe.reporting.figures.style import ORANGE, WIDTH_IN, new_figure, panels, shorten

BESIDE = 2
"""Images that stand beside each other; the others of a case follow below."""


def reconstruction_panels(archive: Path) -> Figure | None:
    """A row a case: the slice with most of the region, as it is and as it comes back.

    Args:
        archive: `.npz` of `features.reconstructions.reconstruct_folds`.

    Returns:
        The figure, or None if there is no case in it.
    """
    with np.load(archive, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    names = [str(name) for name in arrays["modalities"]]
    cases = [name.removesuffix("__image") for name in arrays if name.endswith("__image")]
    if not cases:
        return None
    beside = min(BESIDE, len(names))
    below = -(-len(names) // beside)
    side = WIDTH_IN * 0.92 / (3 * BESIDE)
    figure = new_figure(len(cases) * below * (side + 0.24) + 0.3)
    axes = panels(figure, len(cases) * below * beside * 3, beside * 3)
    for axis in axes:
        axis.set_axis_off()
    limit = max(float(np.abs(_difference(arrays, case)).max()) for case in cases) or 1.0
    rows = np.array(axes).reshape(len(cases), below * beside, 3)
    for case, own in zip(cases, rows, strict=True):
        _one_case(own, case, names, arrays, limit)
    shade = ScalarMappable(Normalize(-limit, limit), "RdBu_r")
    bar = figure.colorbar(shade, ax=axes, shrink=0.5, pad=0.02, aspect=30)
    bar.set_label("reconstruction − input (SD)", fontsize=7.5)
    bar.ax.tick_params(labelsize=7)
    return figure


def _difference(arrays: dict[str, npt.NDArray[Any]], case: str) -> npt.NDArray[Any]:
    difference: npt.NDArray[Any] = arrays[f"{case}__reconstruction"] - arrays[f"{case}__image"]
    return difference


def _one_case(
    rows: npt.NDArray[Any],
    case: str,
    names: list[str],
    arrays: dict[str, npt.NDArray[Any]],
    limit: float,
) -> None:
    image, again = arrays[f"{case}__image"], arrays[f"{case}__reconstruction"]
    mask, error = arrays[f"{case}__mask"], float(arrays[f"{case}__rmse"])
    for row, name, truth, made in zip(rows, names, image, again, strict=False):
        # One window of grey for both, or a pale reconstruction would look like a good one.
        low, high = np.percentile(truth, [1, 99])
        high = max(high, low + 1e-6)
        row[0].imshow(truth, vmin=low, vmax=high)
        row[1].imshow(made, vmin=low, vmax=high)
        row[2].imshow(made - truth, cmap="RdBu_r", vmin=-limit, vmax=limit)
        _titles(row, f"{shorten(case, 12)} · {name}", error if name == names[0] else None)
        for axis in row:
            _outline(axis, mask)


def _titles(row: npt.NDArray[Any], label: str, error: float | None) -> None:
    judged = "difference" if error is None else f"RMSE {error:.2f}"
    for axis, text in zip(row, (label, "reconstruction", judged), strict=True):
        axis.set_title(text, fontsize=7, fontweight="normal")


def _outline(axis: Axes, mask: npt.NDArray[Any]) -> None:
    if mask.any() and not mask.all():
        axis.contour(mask, levels=[0.5], colors=[ORANGE], linewidths=0.9)
