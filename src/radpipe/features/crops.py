"""Boxes of voxels around the region, as networks see a case."""

import numpy as np
import numpy.typing as npt

from radpipe.config import Voxels
from radpipe.errors import CaseError
from radpipe.io.images import array_of, labels_of, read_image
from radpipe.types import CaseFiles, Labels

Crop = npt.NDArray[np.float32]
"""Intensities of each modality and, last, the mask (0 or 1), axes (C + 1, D, H, W)."""


def crop_case(files: CaseFiles, crop: Voxels, modalities: list[str]) -> Crop:
    """A box of `crop` voxels (z, y, x) around the centroid of the region `mask > 0`.

    The voxel size is that of the images: a region larger than the box is cut, not shrunk, so that
    size stays visible. Voxels outside the image are 0 in every channel, and all those of a modality
    that is missing. Without a region (no mask, or an empty one) the box lies at the centre of the
    image and `has_region` is false.

    Returns:
        float32 (C + 1, D, H, W): the modalities in the order given, the mask last.

    Raises:
        CaseError: a file cannot be read, the files of the case differ in size, or it has no image.
    """
    paths = {m: path for m in modalities if (path := files.images[m]) is not None}
    if not paths:
        raise CaseError("the case has no image at all", case=files.case)
    there = {m: array_of(read_image(path, case=files.case)) for m, path in paths.items()}
    if files.mask is None:
        labels: Labels = np.zeros(next(iter(there.values())).shape, dtype=np.uint8)
    else:
        labels = labels_of(read_image(files.mask, case=files.case))
    for modality, array in there.items():
        if array.shape != labels.shape:
            raise CaseError(
                f"{modality} and the mask differ in size",
                case=files.case,
                file=files.images[modality],
                found=f"{array.shape} voxels (z, y, x)",
                expected=f"{labels.shape}",
            )
    region = labels > 0
    start = _corner(region, crop)
    blank = np.zeros(region.shape, dtype=np.float32)
    channels = [*(there.get(m, blank) for m in modalities), region]
    return np.stack([_box(channel, start, crop) for channel in channels]).astype(np.float32)


def has_region(crop: Crop) -> bool:
    """Whether the crop shows a region at all."""
    return bool(crop[-1].any())


def _corner(region: npt.NDArray[np.bool_], crop: Voxels) -> list[int]:
    """First index (z, y, x) of the box; negative where the box sticks out of the image."""
    where = np.argwhere(region)
    centre = where.mean(axis=0) if len(where) else (np.array(region.shape) - 1) / 2
    return [int(np.floor(c + 0.5)) - n // 2 for c, n in zip(centre, crop, strict=True)]


def _box(array: npt.NDArray, start: list[int], crop: Voxels) -> npt.NDArray:
    """The voxels of the box, 0 where it sticks out of the image."""
    result = np.zeros(crop, dtype=array.dtype)
    source, target = [], []
    for first, length, size in zip(start, crop, array.shape, strict=True):
        low, high = max(first, 0), min(first + length, size)
        source.append(slice(low, max(high, low)))
        target.append(slice(low - first, max(high, low) - first))
    result[tuple(target)] = array[tuple(source)]
    return result
