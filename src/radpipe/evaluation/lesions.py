"""Lesion by lesion: which regions were found, which were invented."""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import label

from radpipe.evaluation.surface import bounding_box
from radpipe.types import Mask


@dataclass(frozen=True)
class LesionCounts:
    """Connected regions of a reference and of a prediction.

    Attributes:
        lesions: regions of the reference.
        found: those of which the prediction holds at least one voxel.
        false: regions of the prediction that hold no voxel of the reference.
    """

    lesions: int
    found: int
    false: int


def count_lesions(prediction: Mask, reference: Mask) -> LesionCounts:
    """Count regions; voxels that share a face, an edge or a corner belong together.

    Args:
        prediction: mask, axes (z, y, x).
        reference: mask on the same grid.
    """
    lesions, found = _touched(reference, prediction)
    drawn, true = _touched(prediction, reference)
    return LesionCounts(lesions, found, drawn - true)


def _touched(mask: Mask, other: Mask) -> tuple[int, int]:
    """How many regions `mask` has, and how many of them share a voxel with `other`."""
    if not mask.any():
        return 0, 0
    box = bounding_box(mask)
    regions, n = label(mask[box], structure=np.ones((3, 3, 3)))
    hit = np.zeros(n + 1, dtype=bool)
    hit[regions[other[box] & mask[box]]] = True
    return int(n), int(hit.sum())
