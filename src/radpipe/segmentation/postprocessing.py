"""What is done to a label map after it is drawn: stray components go, holes are filled."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from radpipe.config.segmentation import Cleaning
from radpipe.segmentation.cascade import Box
from radpipe.types import Labels, Mask, SpacingZYX

NEIGHBOURS = np.ones((3, 3, 3), bool)
"""Voxels that touch by a face, an edge or a corner are one component."""


def clean_labels(labels: Labels, spacing_mm: SpacingZYX, cleaning: Cleaning) -> Labels:
    """Drop components of each label and fill its holes.

    Components of all labels first, so that no hole of one that goes is filled. A label may end
    empty, and then counts as missed. A hole is background that one label shuts in, with faces as
    the only ways out; other labels in it stay what they are. The random field of `cleaning` works
    on probabilities, not here: `crf.refine`.

    Args:
        labels: label of each voxel `(z, y, x)`; it is left as it is.
        spacing_mm: voxel size.
        cleaning: `largest_component` (the first of equals), `minimum_ml`, `fill_holes`.
    """
    cleaned = labels.copy()
    smallest = cleaning.minimum_ml * 1000 / float(np.prod(spacing_mm))
    if cleaning.largest_component or cleaning.minimum_ml > 0:
        for label, box in _boxes(cleaned):
            inside, part = cleaned[box] == label, cleaned[box]
            part[inside & ~_kept(inside, smallest, largest=cleaning.largest_component)] = 0
    if cleaning.fill_holes:
        for label, box in _boxes(cleaned):
            part = cleaned[box]
            part[ndimage.binary_fill_holes(part == label) & (part == 0)] = label
    return cleaned


def _boxes(labels: Labels) -> Iterator[tuple[int, Box]]:
    """Each label and the box it lies in: large images hold small regions."""
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            yield label, box


def _kept(inside: Mask, smallest: float, *, largest: bool) -> npt.NDArray[np.bool_]:
    """The components of a region that are large enough, or the largest of them."""
    components, count = ndimage.label(inside, NEIGHBOURS)
    sizes = np.bincount(components.ravel(), minlength=count + 1)
    keep = sizes >= smallest
    if largest:
        keep &= np.arange(count + 1) == 1 + np.argmax(sizes[1:])
    keep[0] = False
    kept: npt.NDArray[np.bool_] = keep[components]
    return kept
