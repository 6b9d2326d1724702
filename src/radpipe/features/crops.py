"""Boxes of voxels around the region, as networks see a case."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radpipe.config import Voxels
from radpipe.errors import CaseError
from radpipe.io.images import array_of, labels_of, read_image
from radpipe.types import CaseFiles, Labels

Crop = npt.NDArray[np.float32]
"""Intensities of each modality and, last, the mask (0 or 1), axes (C + 1, D, H, W)."""

HALF = 0.5
"""A resampled voxel belongs to the region where at least this share of it does."""


@dataclass(frozen=True)
class Margin:
    """How much around the box of the region is shown.

    Attributes:
        size: on each side, in mm or in voxels.
        millimetres: which of them.
        resample: whether the box with its margin is scaled to the crop (one factor for all axes in
            mm, so that the shape is kept and the size is lost) or shown as it is, with blank voxels
            beyond the margin.
    """

    size: float
    millimetres: bool = True
    resample: bool = False


def crop_case(
    files: CaseFiles, crop: Voxels, modalities: list[str], margin: Margin | None = None
) -> Crop:
    """A box of `crop` voxels (z, y, x) around the region `mask > 0`.

    Without a margin the box lies around the centroid of the region and the voxel size is that of
    the images: a region larger than the box is cut, not shrunk, so that size stays visible. With a
    margin it lies around the middle of the region's box, and `margin` says what is shown. Where
    that shows nothing of a region in several parts, or a hollow one, the box lies around the voxel
    of the region nearest to there. Voxels outside the image are 0 in every channel, and all those
    of a modality that is missing. Without a region (no mask, or an empty one) the box lies at the
    centre of the image and `has_region` is false.

    Returns:
        float32 (C + 1, D, H, W): the modalities in the order given, the mask last.

    Raises:
        CaseError: a file cannot be read, the files of the case differ in size, or it has no image.
    """
    paths = {m: path for m in modalities if (path := files.images[m]) is not None}
    if not paths:
        raise CaseError("the case has no image at all", case=files.case)
    images = {m: read_image(path, case=files.case) for m, path in paths.items()}
    grid = next(iter(images.values()))
    there = {m: array_of(image) for m, image in images.items()}
    shape = next(iter(there.values())).shape
    labels: Labels = np.zeros(shape, dtype=np.uint8)
    if files.mask is not None:
        labels = labels_of(read_image(files.mask, case=files.case))
    for modality, array in there.items():
        _check_shape(files, modality, array.shape, labels.shape)
    region = labels > 0
    blank = np.zeros(region.shape, dtype=np.float32)
    channels = [*(there.get(m, blank) for m in modalities), region]
    if margin is None or not region.any():
        where = np.argwhere(region)
        centre = where.mean(axis=0) if len(where) else (np.array(region.shape) - 1) / 2
        start = _corner(region, centre, crop)
        return np.stack([_box(channel, start, crop) for channel in channels]).astype(np.float32)
    spacing_mm = np.array(grid.GetSpacing()[::-1])
    return _around(channels, spacing_mm, crop, margin)


def has_region(crop: Crop) -> bool:
    """Whether the crop shows a region at all."""
    return bool(crop[-1].any())


def _check_shape(
    files: CaseFiles, modality: str, found: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    if found != expected:
        raise CaseError(
            f"{modality} and the mask differ in size",
            case=files.case,
            file=files.images[modality],
            found=f"{found} voxels (z, y, x)",
            expected=f"{expected}",
        )


def _corner(region: npt.NDArray[np.bool_], centre: npt.NDArray, crop: Voxels) -> list[int]:
    """First index (z, y, x) of the box; negative where the box sticks out of the image."""

    def around(place: npt.NDArray) -> list[int]:
        return [int(np.floor(c + 0.5)) - n // 2 for c, n in zip(place, crop, strict=True)]

    where = np.argwhere(region)
    if not len(where) or _box(region, around(centre), crop).any():
        return around(centre)
    return around(where[((where - centre) ** 2).sum(axis=1).argmin()])


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


def _around(
    channels: list[npt.NDArray], spacing_mm: npt.NDArray, crop: Voxels, margin: Margin
) -> Crop:
    """The box of the region with its margin, scaled to the crop or blanked beyond the margin."""
    where = np.argwhere(channels[-1])
    wide = np.full(3, margin.size) / (spacing_mm if margin.millimetres else 1.0)
    first, last = where.min(axis=0) - wide, where.max(axis=0) + wide
    if margin.resample:
        return _scaled(channels, spacing_mm, crop, first, last)
    start = _corner(channels[-1], (first + last) / 2, crop)
    result = np.stack([_box(channel, start, crop) for channel in channels]).astype(np.float32)
    for axis, low, high, begin in zip((1, 2, 3), first, last, start, strict=True):
        places = np.arange(result.shape[axis]) + begin
        beyond = (places < np.floor(low + 0.5)) | (places > np.floor(high + 0.5))
        np.moveaxis(result, axis, 0)[beyond] = 0
    return result


def _scaled(
    channels: list[npt.NDArray],
    spacing_mm: npt.NDArray,
    crop: Voxels,
    first: npt.NDArray,
    last: npt.NDArray,
) -> Crop:
    """Channels on a grid of cubes whose longest axis spans the box `first` to `last` (voxels)."""
    voxel_mm = float(((last - first + 1) * spacing_mm / np.array(crop)).max())
    middle_mm = (first + last) / 2 * spacing_mm
    origin_mm = middle_mm - voxel_mm * (np.array(crop) - 1) / 2
    grid = sitk.Image(*(int(n) for n in crop[::-1]), sitk.sitkUInt8)
    grid.SetSpacing([voxel_mm] * 3)
    grid.SetOrigin(origin_mm[::-1].tolist())
    parts = [_on_grid(channel, spacing_mm, grid, voxel_mm) for channel in channels[:-1]]
    share = _on_grid(channels[-1], spacing_mm, grid, voxel_mm)
    # A region thinner than a voxel of the crop must not vanish.
    parts.append((share >= min(HALF, float(share.max()))).astype(np.float32))
    return np.stack(parts)


def _on_grid(
    channel: npt.NDArray, spacing_mm: npt.NDArray, grid: sitk.Image, voxel_mm: float
) -> npt.NDArray[np.float32]:
    """Linear interpolation in a frame of its own: origin 0, axes as in the array."""
    image = sitk.GetImageFromArray(np.ascontiguousarray(channel, dtype=np.float32))
    image.SetSpacing(spacing_mm[::-1].tolist())
    # What a coarser grid cannot show is smoothed away first, or it would come back as a pattern.
    sigma = np.sqrt(np.maximum(voxel_mm**2 - spacing_mm**2, 0)) / 2
    if sigma.any():
        image = sitk.DiscreteGaussian(image, variance=(sigma[::-1] ** 2).tolist())
    resampled = sitk.Resample(image, grid, sitk.Transform(), sitk.sitkLinear, 0.0)
    return sitk.GetArrayFromImage(resampled).astype(np.float32)
