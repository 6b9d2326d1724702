"""Labels of a mask as classes of a network, on the grid that the network sees."""

from collections.abc import Iterator

import numpy as np
import SimpleITK as sitk

from radpipe.errors import ConfigError
from radpipe.imaging.resampling import HALF
from radpipe.io import images
from radpipe.types import Labels

IGNORED = 255
"""The class of a voxel that the loss passes over (`networks.losses.IGNORED`)."""


def label_values(labels: dict[str, int]) -> list[int]:
    """The value in a mask of each class of a network, background first."""
    return [0, *sorted(labels.values())]


def classes_of(mask: Labels, labels: dict[str, int], ignore: int | None = None) -> Labels:
    """Classes of the voxels of a mask: 0 background, k the k-th label value, 255 ignored.

    Args:
        mask: values `(z, y, x)`; those that are no label are background.
        labels: name and value in the mask of each label.
        ignore: the value that the loss passes over.

    Raises:
        ConfigError: `ignore` is the value of a label, or there are more labels than classes.
    """
    values = label_values(labels)
    if ignore in values:
        raise ConfigError("the value to ignore is that of a label", found=ignore)
    if len(values) > IGNORED:
        raise ConfigError("too many labels", found=len(labels), expected=f"below {IGNORED}")
    lookup = np.zeros(256, np.uint8)
    lookup[values[1:]] = np.arange(1, len(values))
    if ignore is not None:
        lookup[ignore] = IGNORED
    return lookup[mask]


def resample_classes(classes: Labels, source: sitk.Image, grid: sitk.Image) -> Labels:
    """Classes on another grid: each interpolated linearly, a voxel is what at least half of it is.

    Memory is three float volumes, however many classes there are. A class that is so small that no
    voxel of the grid is half filled by it keeps the voxels nearest to it, as a lesion of a few
    voxels must not vanish from training.

    Args:
        classes: on the grid of `source`, `(z, y, x)` uint8.
        source: image whose grid the classes have.
        grid: image whose grid is wanted.
    """
    shape = grid.GetSize()[::-1]
    chosen = np.zeros(shape, np.uint8)
    largest, inside = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    for number, share in _shares(classes, source, grid):
        inside += share
        chosen[share > largest] = number
        np.maximum(largest, share, out=largest)
    chosen[inside < HALF] = 0
    for number in np.setdiff1d(np.unique(classes), np.unique(chosen)):
        chosen[_nearest(classes == number, source, grid)] = number
    return chosen


def _shares(
    classes: Labels, source: sitk.Image, grid: sitk.Image
) -> Iterator[tuple[int, np.ndarray]]:
    """Of each class beside the background, the share of each voxel of the grid."""
    for number in np.unique(classes)[np.unique(classes) > 0]:
        indicator = images.image_like((classes == number).astype(np.float32), source)
        moved = sitk.Resample(indicator, grid, sitk.Transform(), sitk.sitkLinear, 0.0)
        yield int(number), sitk.GetArrayFromImage(moved)


def _nearest(
    inside: np.ndarray, source: sitk.Image, grid: sitk.Image
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Indices z, y, x of the grid's voxels in which voxels of a region have their centres."""
    found = np.argwhere(inside)[:, ::-1].tolist()
    points = (source.TransformIndexToPhysicalPoint(index) for index in found)
    indices = np.array([grid.TransformPhysicalPointToIndex(point) for point in points])
    indices = np.clip(indices, 0, np.array(grid.GetSize()) - 1)
    return (indices[:, 2], indices[:, 1], indices[:, 0])
