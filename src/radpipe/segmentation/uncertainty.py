"""How sure a segmenter is of a mask, by voxel and by case, and whether it is right to be.

A probability p of a label is taken as a promise: of voxels with p, a share p belongs to the label.
What follows from it without a drawn mask (expected Dice, volume and its spread) is kept in
`uncertainty.tsv`; `uncertainty_quality` compares it with the Dice that was reached.
"""

from collections.abc import Callable
from dataclasses import astuple
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from scipy import ndimage
from scipy.stats import spearmanr
from torch import Tensor

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.intervals import bootstrap_interval
from radpipe.networks.inference import entropy
from radpipe.segmentation.ensembles import Joint, pairwise_dice, slabs
from radpipe.types import Labels, Mask, SpacingZYX, Vector, Volume

RIM_MM = 3.0
"""The entropy of a mask is averaged over its box-shaped dilation by this: errors lie at the rim."""

WORST = 0.25
"""Share of cases that a user would want to find first."""

LEAST_CASES = 3
"""Below this number of cases a rank correlation says nothing."""

MEASURES = ("spearman", "mean_absolute_error", "auc_worst_quarter")
"""What `uncertainty_quality` gives; all compare the expected with the true Dice."""


def entropy_map(probabilities: Tensor) -> Volume:
    """Entropy of each voxel as a share of its largest, log(L + 1) nats: 0 certain to 1 no idea.

    Args:
        probabilities: of background and labels `(L + 1, z, y, x)`.

    Returns:
        `(z, y, x)` float32.
    """
    result = np.empty(probabilities.shape[1:], np.float32)
    for part in slabs(len(result)):
        nats = entropy(probabilities[:, part].float(), 0)
        result[part] = (nats / np.log(len(probabilities))).clamp(0, 1).numpy()
    return result


def information_map(information: Tensor, classes: int) -> Volume:
    """Mutual information of each voxel on the scale of `entropy_map`; `classes` is L + 1."""
    result: Volume = information.numpy().astype(np.float32) / np.float32(np.log(classes))
    return result


def expected_dice(probability: Volume, mask: Mask) -> float:
    """The Dice that a mask is expected to reach: 2 Σ p m / (Σ p + Σ m).

    The ratio of the expected overlap and the expected sizes if voxels are independent: bounds how
    far it is from the expected ratio are close (Borges et al., Soft Dice Confidence,
    arXiv:2402.10665). 0 for an empty mask of a label that may be there; NaN if nothing is possible.

    Args:
        probability: of the label, `(z, y, x)`.
        mask: what was drawn.
    """
    sums = _sums(torch.from_numpy(probability), mask)
    return sums.expected_dice()


def case_uncertainty(
    case: str,
    joint: Joint,
    classes: Labels,
    spacing_mm: SpacingZYX,
    names: list[str],
) -> pd.DataFrame:
    """The rows of one case.

    Args:
        case: its name.
        joint: probabilities of the members, on the grid of the mask.
        classes: what was drawn after cleaning: 0 background, k the k-th of `names`.
        spacing_mm: voxel size.
        names: labels in the order of the classes.

    Returns:
        One row a label: `case, label, expected_dice, mean_entropy, mean_information, volume_ml,
        volume_sd_ml, disagreement`. Entropy and mutual information (0 to 1) are means over the
        mask and a rim of 3 mm, NaN if the mask is empty; information is NaN where there is one
        member without dropout. The volume is that of the mask; its sd, of the volume of the label
        that the probabilities imply, treats voxels as independent and is therefore a lower bound.
        `disagreement` is 1 minus the mean Dice of pairs of members, NaN where there is one.
    """
    voxel_ml = float(np.prod(spacing_mm)) / 1000
    scale = np.log(len(names) + 1)
    rows = []
    for label, name in enumerate(names, start=1):
        mask = classes == label
        sums = _sums(joint.probabilities[label], mask)
        row = {"case": case, "label": name, "expected_dice": sums.expected_dice()}
        row |= _means_around(joint, mask, spacing_mm, scale)
        row |= {
            "volume_ml": sums.mask * voxel_ml,
            "volume_sd_ml": float(np.sqrt(sums.variance)) * voxel_ml,
            "disagreement": 1 - pairwise_dice(joint.members, label) if joint.members else np.nan,
        }
        rows.append(row)
    return pd.DataFrame(rows)


def uncertainty_quality(
    uncertainty: pd.DataFrame,
    scores: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    confidence: float,
    samples: int,
    seed: int,
) -> pd.DataFrame:
    """How well the expected Dice of a mask tells the Dice it reached.

    Cases whose true Dice does not exist (no label drawn, none found) are not judged.

    Args:
        uncertainty: columns `case, segmenter, label, expected_dice`, and `fold` if scores have it.
        scores: `case, segmenter, label, dice`, as made by `score_segmentation`.
        cases: columns `case, patient, cohort`.
        confidence: of the intervals.
        samples: bootstrap samples of patients.
        seed: of the draws.

    Returns:
        `segmenter, cohort, label, metric, estimate, ci_low, ci_high, method, n`, with the metrics
        `spearman` (rank correlation), `mean_absolute_error`, and `auc_worst_quarter`: how well a
        low expected Dice finds the quarter of cases with the lowest Dice (cases tied with them
        count too). NaN where it does not exist: fewer than 3 cases, or all alike.

    Raises:
        RadpipeError: a scored mask has no uncertainty.
    """
    table = _expected_and_true(uncertainty, scores)
    table = table.merge(cases[["case", "patient", "cohort"]], on="case", validate="many_to_one")
    rows = []
    groups = table.groupby(["segmenter", "cohort", "label"], sort=False)
    for place, group in groups:
        arrays = [group[c].to_numpy(float) for c in ("expected_dice", "dice")]
        for metric, statistic in _statistics(arrays[1]).items():
            interval = bootstrap_interval(
                statistic,
                arrays,
                group["patient"].to_numpy(),
                samples=samples,
                confidence=confidence,
                seed=seed,
            )
            rows.append((*place, metric, *astuple(interval), len(group)))
    columns = ["segmenter", "cohort", "label", "metric", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=[*columns, "method", "n"])


class _Sums(NamedTuple):
    """Sums over voxels of p, of p in the mask, of the mask, and of p (1 - p)."""

    probability: float
    common: float
    mask: int
    variance: float

    def expected_dice(self) -> float:
        both = self.probability + self.mask
        return 2 * self.common / both if both else np.nan


def _sums(probability: Tensor, mask: Mask) -> _Sums:
    total = common = variance = 0.0
    for part in slabs(len(mask)):
        p = probability[part].double().numpy()
        total += float(p.sum())
        common += float(p[mask[part]].sum())
        variance += float((p * (1 - p)).sum())
    return _Sums(total, common, int(np.count_nonzero(mask)), variance)


def _means_around(
    joint: Joint, mask: Mask, spacing_mm: SpacingZYX, scale: float
) -> dict[str, float]:
    """Mean entropy and mutual information in a mask and its rim, as shares of `scale` nats."""
    box = _rim_box(mask, spacing_mm)
    if box is None:
        return {"mean_entropy": np.nan, "mean_information": np.nan}
    region = mask[box].astype(np.uint8)
    for axis, step_mm in enumerate(spacing_mm):
        region = ndimage.maximum_filter1d(region, 1 + 2 * round(RIM_MM / step_mm), axis)
    inside = region > 0
    probabilities = joint.probabilities[(slice(None), *box)]
    nats = sum(
        float(entropy(probabilities[:, part].float(), 0).numpy()[inside[part]].sum(dtype=float))
        for part in slabs(len(inside))
    )
    information = np.nan
    if joint.information is not None:
        information = float(joint.information[box].numpy()[inside].mean(dtype=float)) / scale
    return {
        "mean_entropy": nats / np.count_nonzero(inside) / scale,
        "mean_information": information,
    }


def _rim_box(mask: Mask, spacing_mm: SpacingZYX) -> tuple[slice, slice, slice] | None:
    """The box of a mask with room for its rim."""
    found = ndimage.find_objects(mask.view(np.uint8))
    if not found or found[0] is None:
        return None
    z, y, x = (
        slice(max(0, side.start - round(RIM_MM / step)), side.stop + round(RIM_MM / step))
        for side, step in zip(found[0], spacing_mm, strict=True)
    )
    return z, y, x


def _statistics(dice: Vector) -> dict[str, Callable[[Vector, Vector], float]]:
    """The measures by name; the worst cases are those of the whole cohort in every sample."""
    limit = np.quantile(dice, WORST, method="inverted_cdf")

    def worst(expected: Vector, true: Vector) -> float:
        return auc((true <= limit).astype(float), -expected)

    def error(expected: Vector, true: Vector) -> float:
        return float(np.abs(expected - true).mean())

    return dict(zip(MEASURES, (_rank_correlation, error, worst), strict=True))


def _rank_correlation(expected: Vector, true: Vector) -> float:
    if len(true) < LEAST_CASES or np.ptp(expected) == 0 or np.ptp(true) == 0:
        return np.nan
    return float(spearmanr(expected, true).statistic)


def _expected_and_true(uncertainty: pd.DataFrame, scores: pd.DataFrame) -> pd.DataFrame:
    """What was expected of each scored mask beside what it reached."""
    keys = [k for k in ("case", "fold", "segmenter", "label") if k in uncertainty and k in scores]
    table = scores[[*keys, "dice"]].dropna(subset=["dice"])
    expected = uncertainty[[*keys, "expected_dice"]]
    table = table.merge(expected, on=keys, how="left", validate="one_to_one")
    lost = table[table["expected_dice"].isna()]
    if len(lost):
        first = lost.iloc[0]
        raise RadpipeError(
            f"a scored mask of label '{first['label']}' has no uncertainty",
            case=first["case"],
            expected="a row in the table of uncertainties",
        )
    return table
