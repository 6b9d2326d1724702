"""What is done to a label map after the network: small and stray components go."""

import numpy as np
from scipy import ndimage

from radpipe.types import Labels, SpacingZYX

NEIGHBOURS = np.ones((3, 3, 3), bool)
"""Voxels that touch by a face, an edge or a corner are one component."""


def clean_labels(
    labels: Labels, spacing_mm: SpacingZYX, *, largest_component: bool, minimum_ml: float
) -> Labels:
    """Drop components of each label; a label may end empty, and then counts as missed.

    Args:
        labels: label of each voxel `(z, y, x)`.
        spacing_mm: voxel size.
        largest_component: keep the largest component of each label only (the first of equals).
        minimum_ml: components of a smaller volume are dropped.
    """
    cleaned = labels.copy()
    smallest = minimum_ml * 1000 / float(np.prod(spacing_mm))
    for label in np.unique(labels[labels > 0]):
        components, count = ndimage.label(labels == label, NEIGHBOURS)
        sizes = np.bincount(components.ravel(), minlength=count + 1)
        keep = sizes >= smallest
        if largest_component:
            keep &= np.arange(count + 1) == 1 + np.argmax(sizes[1:])
        keep[0] = False
        cleaned[(labels == label) & ~keep[components]] = 0
    return cleaned
