"""Figures of single cases: prepared images with the outlines of masks, occlusion maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from scipy import ndimage

from radpipe.io.images import array_of, labels_of, read_image, spacing_zyx
from radpipe.reporting.figures.style import ORANGE, SKY, WIDTH_IN, new_figure, panels, shorten
from radpipe.reporting.numbers import number
from radpipe.types import CaseFiles, Labels, Volume

_LARGEST_IN = 2.3
_TALLEST_IN = 8.0
"""Largest panel and tallest figure, in inches."""
_ONE_LINE_IN = 1.4
"""Narrower panels name the case above the modality."""


def _axial(image: sitk.Image) -> sitk.Image:
    """`image` turned so that arrays show the front of the patient up and his left on the right."""
    return sitk.DICOMOrient(image, "LPS")


def _slice_of(mask: Labels, fallback: int) -> int:
    """The axial slice with most labelled voxels, or `fallback` for an empty mask."""
    areas = (mask > 0).sum(axis=(1, 2))
    return int(areas.argmax()) if areas.any() else fallback


def case_overlays(cases: Sequence[tuple[str, CaseFiles]], predicted: Mapping[str, Path]) -> Figure:
    """The slice with the largest mask in every modality, with the outlines of the masks.

    Three cases stand side by side with a row a modality, more follow each other in rows.

    Args:
        cases: a label to print and the files of each case.
        predicted: path of the predicted mask of a case; may lack cases.
    """
    modalities = list(cases[0][1].images)
    by_column = len(cases) == 3
    rows, columns = _layout(len(cases), len(modalities))
    side = min(WIDTH_IN / columns, _LARGEST_IN)
    figure = new_figure(rows * (side + _title_in(side)) + 0.35)
    axes = panels(figure, rows * columns, columns)
    for axis in axes:
        axis.set_axis_off()
    for i, (label, files) in enumerate(cases):
        mine = axes[i::columns] if by_column else axes[i * len(modalities) :]
        _one_case(mine, label, files, predicted.get(files.case), side)
    handles = [Line2D([], [], color=SKY, label="reference mask")] if _has_reference(cases) else []
    if any(files.case in predicted for _, files in cases):
        handles.append(Line2D([], [], color=ORANGE, linestyle="--", label="predicted mask"))
    if handles:
        figure.legend(handles=handles, loc="outside upper left", ncols=2)
    return figure


def _layout(cases: int, modalities: int) -> tuple[int, int]:
    """Rows and columns of panels, so that the figure is not taller than a page."""
    if cases == 3:
        return modalities, cases
    for blocks in range(1, cases + 1):
        rows, columns = -(-cases // blocks), blocks * modalities
        side = min(WIDTH_IN / columns, _LARGEST_IN)
        if columns >= 3 and rows * (side + _title_in(side)) <= _TALLEST_IN:
            return rows, columns
    return 1, cases * modalities


def _title_in(side: float) -> float:
    """Height of a title, in inches."""
    return 0.22 if side >= _ONE_LINE_IN else 0.34


def _has_reference(cases: Sequence[tuple[str, CaseFiles]]) -> bool:
    return any(files.mask is not None for _, files in cases)


def _one_case(
    axes: Sequence[Axes], label: str, files: CaseFiles, predicted: Path | None, side: float
) -> None:
    masks = {
        colour: labels_of(_axial(read_image(path, case=files.case)))
        for colour, path in ((SKY, files.mask), (ORANGE, predicted))
        if path is not None
    }
    place = None
    for axis, (modality, path) in zip(axes, files.images.items(), strict=False):
        room = round(16 * side)
        if side >= _ONE_LINE_IN:
            title = f"{shorten(label, room - len(modality))} · {modality}"
        else:
            title = f"{shorten(label, room)}\n{shorten(modality, room)}"
        if path is None:
            axis.set_title(f"{title} missing", fontsize=7, fontweight="normal")
            continue
        image = _axial(read_image(path, case=files.case))
        volume = array_of(image)
        if place is None:
            shown = next((m for m in masks.values() if m.any()), np.zeros(volume.shape, np.uint8))
            place = _slice_of(shown, volume.shape[0] // 2)
        _, height, width = spacing_zyx(image)
        _show(axis, volume[place], height / width)
        for colour, mask in masks.items():
            _outline(axis, mask[place], colour, "--" if colour == ORANGE else "-")
        axis.set_title(title, fontsize=7, fontweight="normal")


def _show(axis: Axes, plane: Volume, aspect: float) -> None:
    outside = _background(plane)
    inside = plane if outside.all() else plane[~outside]
    low, high = np.percentile(inside, [1, 99.5])
    # Normalised images are 0 outside, which lies amid their greys: it is drawn black.
    shown = np.where(outside, low, plane)
    axis.imshow(shown, vmin=low, vmax=max(high, low + 1e-6), aspect=aspect)


def _background(plane: Volume) -> npt.NDArray[np.bool_]:
    """Voxels that are exactly 0 and connected through such voxels to the border of the slice."""
    regions, _ = ndimage.label(plane == 0)
    border = np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]])
    return np.isin(regions, border[border > 0])


def _outline(axis: Axes, plane: Labels, colour: str, style: str) -> None:
    for label in np.unique(plane[plane > 0]):
        if (plane == label).all():
            continue  # a region that fills the slice has no outline there
        axis.contour(
            plane == label, levels=[0.5], colors=[colour], linewidths=1.1, linestyles=style
        )


def occlusion_maps(archive: Path) -> Figure:
    """The occlusion map of each case over the slice where it says most.

    Args:
        archive: `.npz` with `<case>__image`, `<case>__mask`, `<case>__map` (z, y, x) and
            `<case>__prediction`, and `scale`, what is predicted.
    """
    with np.load(archive, allow_pickle=False) as file:
        arrays = {name: file[name] for name in file.files}
    cases = [name.removesuffix("__map") for name in arrays if name.endswith("__map")]
    figure = new_figure(2.55 * -(-len(cases) // 3))
    limit = max(float(np.abs(arrays[f"{case}__map"]).max()) for case in cases) or 1.0
    axes = panels(figure, len(cases), min(3, len(cases)))
    for axis, case in zip(axes, cases, strict=True):
        values, mask = arrays[f"{case}__map"], arrays[f"{case}__mask"]
        place = int(np.abs(values).sum(axis=(1, 2)).argmax())
        _show(axis, arrays[f"{case}__image"][place], 1.0)
        shown = np.ma.masked_where(np.abs(values[place]) < 0.05 * limit, values[place])
        drawn = axis.imshow(shown, cmap="RdBu_r", vmin=-limit, vmax=limit, alpha=0.75)
        _outline(axis, (mask[place] > 0).astype(np.uint8), SKY, "-")
        prediction = float(arrays[f"{case}__prediction"])
        axis.set_title(f"{shorten(case, 24)}: {number(prediction, 2)}", fontsize=8)
        axis.set_axis_off()
    bar = figure.colorbar(drawn, ax=axes, shrink=0.8, pad=0.02)
    bar.set_label(f"fall of the {arrays['scale']}\nwhen occluded", fontsize=7.5)
    bar.ax.tick_params(labelsize=7)
    return figure
