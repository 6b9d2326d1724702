"""How well a predicted mask agrees with the reference."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.surface import surface_distances
from radpipe.types import SpacingZYX

DISTANCES = ("hd_mm", "hd95_mm", "assd_mm")
"""Metrics that do not exist when one of the masks is empty."""

SUMMARISED = (
    "dice",
    "iou",
    "sensitivity",
    "precision",
    "surface_dice",
    *DISTANCES,
    "volume_difference_ml",
    "absolute_volume_difference_ml",
    "relative_volume_difference",
)
"""Metrics of which `summarise_overlap` gives the mean and the median."""


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
        surface_dice: share of both surfaces within the tolerance; 0 if one is empty.
        volume_reference_ml: volume of the reference.
        volume_prediction_ml: volume of the prediction.
        volume_difference_ml: prediction minus reference.
        absolute_volume_difference_ml: its size.
        relative_volume_difference: difference / reference; NaN if the reference is empty.
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
    surface_dice: float
    volume_reference_ml: float
    volume_prediction_ml: float
    volume_difference_ml: float
    absolute_volume_difference_ml: float
    relative_volume_difference: float
    grid_diagonal_mm: float
    missed: bool
    both_empty: bool


def score_mask(
    prediction: npt.NDArray[np.generic],
    reference: npt.NDArray[np.generic],
    spacing_mm: SpacingZYX,
    tolerance_mm: float,
) -> OverlapScores:
    """Compare a predicted mask of one label with the reference.

    Args:
        prediction: mask, axes (z, y, x); every non-zero voxel belongs to the region.
        reference: mask on the same grid.
        spacing_mm: voxel size (z, y, x).
        tolerance_mm: tolerance of the surface Dice.

    Raises:
        RadpipeError: the grids differ or are not three-dimensional.
    """
    if prediction.shape != reference.shape or prediction.ndim != 3:
        raise RadpipeError(
            "the masks do not share a 3-D grid",
            found=f"{prediction.shape} and {reference.shape}",
            expected="two equal shapes (z, y, x)",
        )
    p, r = prediction.astype(bool), reference.astype(bool)
    predicted, drawn, common = (int(m.sum()) for m in (p, r, p & r))
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    difference_ml = (predicted - drawn) * voxel_ml
    both_empty = predicted + drawn == 0
    hd, hd95, assd, surface_dice = np.nan, np.nan, np.nan, np.nan if both_empty else 0.0
    if predicted and drawn:
        surfaces = surface_distances(p, r, spacing_mm)
        hd, hd95 = surfaces.percentile_mm(1.0), surfaces.percentile_mm(0.95)
        assd, surface_dice = surfaces.average_mm(), surfaces.surface_dice(tolerance_mm)
    return OverlapScores(
        dice=_ratio(2 * common, predicted + drawn),
        iou=_ratio(common, predicted + drawn - common),
        sensitivity=_ratio(common, drawn),
        precision=0.0 if drawn and not predicted else _ratio(common, predicted),
        hd_mm=hd,
        hd95_mm=hd95,
        assd_mm=assd,
        surface_dice=surface_dice,
        volume_reference_ml=drawn * voxel_ml,
        volume_prediction_ml=predicted * voxel_ml,
        volume_difference_ml=difference_ml,
        absolute_volume_difference_ml=abs(difference_ml),
        relative_volume_difference=_ratio(predicted - drawn, drawn),
        grid_diagonal_mm=float(np.linalg.norm(np.multiply(p.shape, spacing_mm))),
        missed=bool(drawn and not predicted),
        both_empty=both_empty,
    )


def summarise_overlap(scores: pd.DataFrame) -> pd.DataFrame:
    """Mean and median of each metric over cases, with missed regions counted, never dropped.

    A distance that does not exist because just one mask is empty counts as the diagonal of the
    field of view, the worst there can be: emptying a mask can never improve a mean (Maier-Hein et
    al., Nat Methods 2024;21:195). `mean_found` is the mean where the distance exists.

    Args:
        scores: one row a case, columns as in `OverlapScores`.

    Returns:
        `metric, mean, sd, median, mean_found, n, n_missed, n_both_empty`; `n` counts the cases in
        which at least one mask holds a voxel.
    """
    rows = []
    both_empty = scores["both_empty"].astype(bool)
    judged = scores[~both_empty]
    for metric in (m for m in SUMMARISED if m in scores.columns):
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


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else np.nan
