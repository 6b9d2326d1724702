"""Several regions from one mask: whole, core, rim, ring around it, largest part, each label.

Distances are in mm from a voxel's centre to the surface, which lies half a voxel (of the smallest
axis) before the nearest centre on its other side; so thick slices count as thick. The border of
the image is no surface of the region: what lies behind it is unknown.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from radpipe.config import Handcrafted
from radpipe.features.boxes import bounding_box, triple
from radpipe.features.dictionary import WHOLE
from radpipe.features.region_names import LABEL_PREFIX, region_names
from radpipe.io.images import array_of, image_like, labels_of, spacing_zyx
from radpipe.types import Labels, Mask, SpacingZYX, Volume

EMPTY = "no region: the mask is empty"
TOUCHING = ndimage.generate_binary_structure(3, 3)
"""Voxels that share a face, an edge or a corner are of one part."""


@dataclass(frozen=True)
class Regions:
    """The regions of one case, all in the order of `region_names`.

    Attributes:
        masks: 0 or 1 on the grid of the mask, by name of the region; some may be empty.
        reasons: why, for each empty one.
    """

    masks: dict[str, sitk.Image]
    reasons: dict[str, str]


def make_regions(
    mask: sitk.Image,
    settings: Handcrafted,
    labels: Mapping[str, int],
    images: Mapping[str, sitk.Image],
) -> Regions:
    """Make the regions of a case from its mask.

    `whole` is `mask > 0`; `rim` the voxels of it no deeper than `rim_mm` below its surface, and
    `core` the others; `ring` the voxels outside it and no further than `ring_mm` from it, where
    `ring_values` allows them; `largest` its largest connected part (26 neighbours; of equal ones
    the first in z, y, x); `label_<name>` the voxels of one label.

    Args:
        mask: integer labels.
        settings: which regions, with their widths.
        labels: name and value of each label, for `each_label`.
        images: prepared images on the grid of the mask, for `ring_values`.

    Returns:
        Every region of `region_names`, and why any of them is empty.
    """
    values = labels_of(mask)
    allowed = _allowed(images, settings)
    made = {
        name: _region(name, values, spacing_zyx(mask), settings, labels, allowed)
        for name in region_names(settings, labels)
    }
    return Regions(
        masks={name: image_like(region.astype(np.uint8), mask) for name, region in made.items()},
        reasons={
            name: _reason(name, values, settings, labels)
            for name, region in made.items()
            if not region.any()
        },
    )


def _region(
    name: str,
    values: Labels,
    spacing_mm: SpacingZYX,
    settings: Handcrafted,
    labels: Mapping[str, int],
    allowed: Mask | None,
) -> Mask:
    whole: Mask = values > 0
    if name.startswith(LABEL_PREFIX):
        return np.asarray(values == labels[name.removeprefix(LABEL_PREFIX)])
    if name == WHOLE or not whole.any():
        return whole
    if name == "largest":
        return _largest(whole)
    if name == "ring":
        ring = _ring(whole, spacing_mm, settings.ring_mm)
        return ring if allowed is None else ring & allowed
    rim = _rim(whole, spacing_mm, settings.rim_mm)
    return rim if name == "rim" else whole & ~rim


def _rim(whole: Mask, spacing_mm: SpacingZYX, width_mm: float) -> Mask:
    """Voxels of the region up to `width_mm` below its surface."""
    inside = bounding_box(whole).grown((1, 1, 1), triple(whole.shape)).slices
    rim = np.zeros_like(whole)
    if not whole[inside].all():
        depth_mm = ndimage.distance_transform_edt(whole[inside], sampling=spacing_mm)
        rim[inside] = whole[inside] & _reached(depth_mm, width_mm, spacing_mm)
    return rim


def _ring(whole: Mask, spacing_mm: SpacingZYX, width_mm: float) -> Mask:
    """Voxels outside the region up to `width_mm` from a voxel of it."""
    margin = triple(int(width_mm // step) + 2 for step in spacing_mm)
    near = bounding_box(whole).grown(margin, triple(whole.shape)).slices
    ring = np.zeros_like(whole)
    distance_mm = ndimage.distance_transform_edt(~whole[near], sampling=spacing_mm)
    ring[near] = ~whole[near] & _reached(distance_mm, width_mm, spacing_mm)
    return ring


def _reached(distance_mm: Volume, width_mm: float, spacing_mm: SpacingZYX) -> Mask:
    """Whether a distance between centres is within a width from the surface between them.

    Three steps of 0.1 mm are 0.3 mm in spite of floats.
    """
    return np.asarray(distance_mm <= (width_mm + min(spacing_mm) / 2) * (1 + 1e-6))


def _largest(whole: Mask) -> Mask:
    box = bounding_box(whole).slices
    parts, _ = ndimage.label(whole[box], structure=TOUCHING)
    sizes = np.bincount(parts.ravel())[1:]
    largest = np.zeros_like(whole)
    largest[box] = parts == int(np.argmax(sizes)) + 1
    return largest


def _allowed(images: Mapping[str, sitk.Image], settings: Handcrafted) -> Mask | None:
    """Where the ring may lie, or None if anywhere."""
    if "ring" not in settings.regions:
        return None
    masks = []
    for modality, (low, high) in settings.ring_values.items():
        values = array_of(images[modality])
        masks.append(
            (values >= (-np.inf if low is None else low))
            & (values <= (np.inf if high is None else high))
        )
    return np.logical_and.reduce(masks) if masks else None


def _reason(name: str, values: Labels, settings: Handcrafted, labels: Mapping[str, int]) -> str:
    """Why a region is empty."""
    if not values.any():
        return EMPTY
    if name.startswith(LABEL_PREFIX):
        label = name.removeprefix(LABEL_PREFIX)
        return f"label {labels[label]} ('{label}') is not in the mask"
    if name == "core":
        return f"no voxel of the mask is deeper than {settings.rim_mm:g} mm"
    if name == "rim":
        return f"no voxel of the mask is within {settings.rim_mm:g} mm of its surface"
    where = " and its limits of intensity" if settings.ring_values else ""
    return f"no voxel within {settings.ring_mm:g} mm of the mask lies inside the image{where}"
