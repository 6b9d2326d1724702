"""How well two label maps agree over all labels at once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Labels


@dataclass(frozen=True)
class LabelScores:
    """The agreement of two label maps; the definitions of Long et al., CVPR 2015:3431.

    Attributes:
        pixel_accuracy: share of all voxels, background too, with the right label. Where regions
            are small it is near 1 whatever is drawn.
        mean_accuracy: mean over labels of the share of a label's voxels that got it. The paper
            counts background as a label; here it is in no mean.
        mean_iou: mean over labels of the intersection over union, likewise without background.

    A label that the reference lacks has no accuracy, one that both lack no IoU: the means are over
    the others, and NaN if there are none.
    """

    pixel_accuracy: float
    mean_accuracy: float
    mean_iou: float


def score_labels(prediction: Labels, reference: Labels, values: Sequence[int]) -> LabelScores:
    """Compare two label maps over all their labels.

    Args:
        prediction: label of each voxel, axes (z, y, x).
        reference: labels on the same grid.
        values: the labels that count; every other value is background.

    Raises:
        RadpipeError: the grids differ or are not three-dimensional.
    """
    check_grids(prediction, reference)
    table = _confusion(prediction, reference, values)
    right, drawn, predicted = np.diag(table), table.sum(axis=1), table.sum(axis=0)
    labels = range(1, len(values) + 1)
    accuracies = [right[i] / drawn[i] for i in labels if drawn[i]]
    unions = [drawn[i] + predicted[i] - right[i] for i in labels]
    overlaps = [right[i] / u for i, u in zip(labels, unions, strict=True) if u]
    return LabelScores(
        pixel_accuracy=float(right.sum() / table.sum()),
        mean_accuracy=float(np.mean(accuracies)) if accuracies else np.nan,
        mean_iou=float(np.mean(overlaps)) if overlaps else np.nan,
    )


def _confusion(
    prediction: Labels, reference: Labels, values: Sequence[int]
) -> npt.NDArray[np.intp]:
    """How many voxels of each label of the reference (rows) have which label predicted."""
    n = len(values) + 1
    number = np.zeros(256, dtype=np.uint16)
    number[list(values)] = np.arange(1, n)
    counts = np.zeros(n * n, dtype=np.intp)
    for p, r in zip(prediction, reference, strict=True):  # by slice, so that little is held
        counts += np.bincount((number[r] * n + number[p]).ravel(), minlength=n * n)
    return counts.reshape(n, n)


def check_grids(prediction: npt.NDArray[np.generic], reference: npt.NDArray[np.generic]) -> None:
    """See that two masks have one shape in three dimensions.

    Raises:
        RadpipeError: they have not.
    """
    if prediction.shape != reference.shape or prediction.ndim != 3:
        raise RadpipeError(
            "the masks do not share a 3-D grid",
            found=f"{prediction.shape} and {reference.shape}",
            expected="two equal shapes (z, y, x)",
        )
