"""Negative controls: the same extraction where there is nothing to find.

Shuffled voxels keep the histogram and the shape of a region and lose its texture; a displaced mask
keeps the shape and sees other tissue; noise of the same mean and spread keeps the shape and the
brightness and loses all else. A model that does as well on these as on the real region has learnt
something else than the texture, or than the place, of the region.
"""

import numpy as np
import SimpleITK as sitk

from radpipe.features.boxes import bounding_box
from radpipe.io.images import array_of, image_like, labels_of
from radpipe.types import Mask

TRIES = 2000
"""Places tried for a displaced mask."""

SUPPORT_SHARE = 0.95
"""Share of a displaced mask that must lie on non-zero voxels (single voxels may be zero)."""

MAXIMUM_OVERLAP = 0.5
"""Share of a displaced mask that may lie on the region itself if there is no room elsewhere."""


def shuffled(images: dict[str, sitk.Image], mask: sitk.Image, seed: int) -> dict[str, sitk.Image]:
    """The images with the voxels of the region `mask > 0` permuted, every modality alike.

    The same permutation for all keeps what the modalities of one voxel have to do with each other.
    """
    region = labels_of(mask) > 0
    order = np.random.default_rng(seed).permutation(int(region.sum()))
    result = {}
    for modality, image in images.items():
        values = array_of(image).copy()
        values[region] = values[region][order]
        result[modality] = image_like(values, image)
    return result


def noise_filled(
    images: dict[str, sitk.Image], mask: sitk.Image, seed: int
) -> dict[str, sitk.Image]:
    """The images with white normal noise in the region `mask > 0`.

    In each modality the noise has the mean and the standard deviation of the region's finite
    voxels; a region without any stays as it is.
    """
    region = labels_of(mask) > 0
    rng = np.random.default_rng([seed, 1])  # not the numbers that shuffle
    result = {}
    for modality, image in images.items():
        values = array_of(image).copy()
        inside = values[region].astype(np.float64)
        inside = inside[np.isfinite(inside)]
        if inside.size:
            values[region] = rng.normal(inside.mean(), inside.std(), size=int(region.sum()))
        result[modality] = image_like(values, image)
    return result


def displaced(images: dict[str, sitk.Image], mask: sitk.Image, seed: int) -> sitk.Image | None:
    """The mask moved, unturned, to a random place where every modality has non-zero voxels.

    Of the places tried, the first that misses the region altogether is taken, otherwise the one
    that overlaps it least.

    Returns:
        A mask of the same labels and volume, or None if there is no room for it. An empty mask is
        returned as it is.
    """
    labels = labels_of(mask)
    region = labels > 0
    if not region.any():
        return mask
    corner = _free_corner(region, _support(images), np.random.default_rng(seed))
    if corner is None:
        return None
    box = bounding_box(region)
    moved = np.zeros_like(labels)
    here = tuple(slice(a, a + n) for a, n in zip(corner, box.shape, strict=True))
    moved[here] = labels[box.slices]
    return image_like(moved, mask)


def _support(images: dict[str, sitk.Image]) -> Mask:
    """Voxels (z, y, x) at which no modality is zero: the body, where the background is zero."""
    support: Mask = np.logical_and.reduce([array_of(image) != 0 for image in images.values()])
    return support


def _free_corner(
    region: Mask, support: Mask, rng: np.random.Generator
) -> tuple[int, int, int] | None:
    """Where the corner (z, y, x) of the region's box may go."""
    box = bounding_box(region)
    voxels = np.argwhere(region[box.slices])
    room = np.subtract(region.shape, box.shape) + 1
    best, least = None, np.nextafter(MAXIMUM_OVERLAP, 1)
    for corner in rng.integers(0, room, size=(TRIES, 3)):
        there = tuple((voxels + corner).T)
        overlap = float(region[there].mean())
        if overlap < least and support[there].mean() >= SUPPORT_SHARE:
            best, least = corner, overlap
            if overlap == 0:
                break
    return None if best is None else (int(best[0]), int(best[1]), int(best[2]))
