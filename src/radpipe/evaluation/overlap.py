"""How well a predicted mask agrees with the reference."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.evaluation.boundary import boundary_iou
from radpipe.evaluation.labels import check_grids
from radpipe.evaluation.lesions import count_lesions
from radpipe.evaluation.surface import bounding_box, surface_distances
from radpipe.types import Mask, SpacingZYX

DISTANCES = ("hd_mm", "hd95_mm", "assd_mm")
"""Metrics that do not exist when one of the masks is empty."""

BY_TOLERANCE = ("surface_dice", "boundary_iou")
"""Metrics with a column a tolerance: `surface_dice_2mm`."""

_SUMMARISED = (
    "dice",
    "iou",
    "sensitivity",
    "precision",
    *DISTANCES,
    "volume_difference_ml",
    "absolute_volume_difference_ml",
    "relative_volume_difference",
    "lesion_sensitivity",
    "lesions_false",
)


@dataclass(frozen=True)
class OverlapScores:
    """The agreement of two masks; a NaN is a quantity that does not exist for empty masks.

    Attributes:
        dice: 2 |P and R| / (|P| + |R|); 0 if one mask is empty, NaN if both are.
        iou: |P and R| / |P or R|; empty masks as for Dice.
        sensitivity: |P and R| / |R|; NaN if the reference is empty.
        precision: |P and R| / |P|; 0 if only the prediction is empty, NaN if both are.
        hd_mm: Hausdorff distance of the surfaces; NaN if a mask is empty.
        hd95_mm: larger of the two directed 95th percentiles, weighted by area.
        assd_mm: average symmetric surface distance, weighted by area.
        surface_dice: by tolerance in mm, share of both surfaces within it; 0 if one is empty.
        boundary_iou: by width in mm, IoU of the rims of the masks; 0 if one is empty.
        volume_reference_ml: volume of the reference.
        volume_prediction_ml: volume of the prediction.
        volume_difference_ml: prediction minus reference.
        absolute_volume_difference_ml: its size.
        relative_volume_difference: difference / reference; NaN if the reference is empty.
        lesions: connected regions of the reference.
        lesions_found: those of which the prediction holds a voxel.
        lesions_false: regions of the prediction without a voxel of the reference.
        lesion_sensitivity: found / lesions; NaN if the reference is empty.
        grid_diagonal_mm: diagonal of the field of view, no distance can be larger.
        missed: the reference holds a region and the prediction is empty.
        both_empty: neither mask holds a voxel: right, but not measurable.
    """

    dice: float
    iou: float
    sensitivity: float
    precision: float
    hd_mm: float
    hd95_mm: float
    assd_mm: float
    surface_dice: dict[float, float]
    boundary_iou: dict[float, float]
    volume_reference_ml: float
    volume_prediction_ml: float
    volume_difference_ml: float
    absolute_volume_difference_ml: float
    relative_volume_difference: float
    lesions: int
    lesions_found: int
    lesions_false: int
    lesion_sensitivity: float
    grid_diagonal_mm: float
    missed: bool
    both_empty: bool

    def row(self) -> dict[str, float]:
        """The scores as columns of a table, `surface_dice_2mm` for a tolerance of 2 mm."""
        columns: dict[str, float] = {}
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in BY_TOLERANCE:
                columns |= {f"{field.name}_{mm:g}mm": score for mm, score in value.items()}
            else:
                columns[field.name] = value
        return columns


def score_mask(
    prediction: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    spacing_mm: SpacingZYX,
    tolerances_mm: Sequence[float],
) -> OverlapScores:
    """Compare a predicted mask of one label with the reference.

    Args:
        prediction: mask, axes (z, y, x); every non-zero voxel belongs to the region.
        reference: mask on the same grid.
        spacing_mm: voxel size (z, y, x).
        tolerances_mm: tolerances of the surface Dice, which are widths of the boundary IoU too.

    Raises:
        RadpipeError: the grids differ or are not three-dimensional.
    """
    check_grids(prediction, reference)
    p, r = prediction.astype(bool, copy=False), reference.astype(bool, copy=False)
    predicted, drawn, common = (int(np.count_nonzero(m)) for m in (p, r, p & r))
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    difference_ml = (predicted - drawn) * voxel_ml
    both_empty = predicted + drawn == 0
    if not both_empty:
        box = bounding_box(p | r)
        p, r = p[box], r[box]
    counts = count_lesions(p, r)
    outlines = _score_outlines(p, r, spacing_mm, tolerances_mm)
    return OverlapScores(
        dice=_ratio(2 * common, predicted + drawn),
        iou=_ratio(common, predicted + drawn - common),
        sensitivity=_ratio(common, drawn),
        precision=0.0 if drawn and not predicted else _ratio(common, predicted),
        hd_mm=outlines.hd_mm,
        hd95_mm=outlines.hd95_mm,
        assd_mm=outlines.assd_mm,
        surface_dice=outlines.surface_dice,
        boundary_iou=outlines.boundary_iou,
        volume_reference_ml=drawn * voxel_ml,
        volume_prediction_ml=predicted * voxel_ml,
        volume_difference_ml=difference_ml,
        absolute_volume_difference_ml=abs(difference_ml),
        relative_volume_difference=_ratio(predicted - drawn, drawn),
        lesions=counts.lesions,
        lesions_found=counts.found,
        lesions_false=counts.false,
        lesion_sensitivity=_ratio(counts.found, counts.lesions),
        grid_diagonal_mm=float(np.linalg.norm(np.multiply(prediction.shape, spacing_mm))),
        missed=bool(drawn and not predicted),
        both_empty=both_empty,
    )


def summarised_metrics(columns: Sequence[str]) -> list[str]:
    """The columns of a table of scores of which means are given, in the order they are shown."""
    surface = [c for c in columns if c.startswith(tuple(f"{name}_" for name in BY_TOLERANCE))]
    whole = ["pixel_accuracy", "mean_accuracy", "mean_iou"]
    return [c for c in [*_SUMMARISED[:4], *surface, *_SUMMARISED[4:], *whole] if c in columns]


def summarise_overlap(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and median of each metric over cases, with missed regions counted, never dropped.

    A distance that does not exist because just one mask is empty counts as the diagonal of the
    field of view, the worst there can be: emptying a mask can never improve a mean (Maier-Hein et
    al., Nat Methods 2024;21:195). `mean_found` is the mean where the distance exists.

    Args:
        scores: one row a case, columns as of `OverlapScores.row` and of `labels.LabelScores`.

    Returns:
        `metric, mean, sd, median, mean_found, n, n_missed, n_both_empty`; `n` counts the cases in
        which at least one mask holds a voxel.
    """
    rows = []
    both_empty = scores["both_empty"].astype(bool)
    judged = scores[~both_empty]
    for metric in summarised_metrics(list(scores.columns)):
        found = judged[metric].astype(float)
        full = found.fillna(judged["grid_diagonal_mm"]) if metric in DISTANCES else found
        rows.append(
            {
                "metric": metric,
                "mean": full.mean(),
                "sd": full.std(),
                "median": full.median(),
                "mean_found": found.mean(),
                "n": len(judged),
                "n_missed": int(judged["missed"].astype(bool).sum()),
                "n_both_empty": int(both_empty.sum()),
            }
        )
    return pd.DataFrame(rows)


class _Outlines(NamedTuple):
    hd_mm: float
    hd95_mm: float
    assd_mm: float
    surface_dice: dict[float, float]
    boundary_iou: dict[float, float]


def _score_outlines(
    p: Mask, r: Mask, spacing_mm: SpacingZYX, tolerances_mm: Sequence[float]
) -> _Outlines:
    """The metrics of outlines; where a mask is empty, what stands for them."""
    if not (p.any() and r.any()):
        nothing = dict.fromkeys(tolerances_mm, 0.0 if p.any() or r.any() else np.nan)
        return _Outlines(np.nan, np.nan, np.nan, nothing, nothing)
    surfaces = surface_distances(p, r, spacing_mm)
    return _Outlines(
        hd_mm=surfaces.percentile_mm(1.0),
        hd95_mm=surfaces.percentile_mm(0.95),
        assd_mm=surfaces.average_mm(),
        surface_dice={t: surfaces.surface_dice(t) for t in tolerances_mm},
        boundary_iou=boundary_iou(p, r, spacing_mm, tolerances_mm),
    )


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else np.nan
