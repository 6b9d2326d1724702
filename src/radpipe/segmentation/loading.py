"""The prepared images of a case as the channels of a network, the mask as its classes."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

from radpipe.errors import CaseError, ConfigError
from radpipe.imaging.resampling import resample_image, target_grid
from radpipe.io import images
from radpipe.segmentation.label_maps import classes_of, resample_classes
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles, Labels, Volume

ANISOTROPIC = 3.0
"""A voxel is coarse along an axis that is this many times longer than its shortest one."""


def read_channels(files: CaseFiles, plan: Plan) -> tuple[Volume, sitk.Image]:
    """Read the modalities of a case, in the order of `files.images`, as the plan wants them.

    With `plan.spacing_mm` they are resampled, by a cubic spline in the plane of coarse slices and
    linearly across them, where a spline would ring from slice to slice. With the normalisation
    `foreground` they are clipped to the percentiles of the plan and brought to its mean and sd.

    Returns:
        Values `(C, z, y, x)` float32, a missing modality (None, or an image of zeros) is zeros;
        and an image whose grid they have.

    Raises:
        CaseError: the images do not share one grid size, or there is none.
        ConfigError: the plan has intensities for another number of modalities.
    """
    _check_plan(plan, len(files.images))
    there = [(number, path) for number, path in enumerate(files.images.values()) if path]
    if not there:
        raise CaseError("the case has no image at all", case=files.case)
    first = images.read_image(there[0][1], case=files.case)
    grid = first if plan.spacing_mm is None else target_grid(first, plan.spacing_mm)
    values = np.zeros((len(files.images), *grid.GetSize()[::-1]), np.float32)
    for number, path in there:
        image = first if path == there[0][1] else images.read_image(path, case=files.case)
        _check_size(files.case, path, image, first)
        channel = values[number]
        channel[:] = images.array_of(_on_grid(image, grid))
        if plan.intensities and plan.normalisation == "foreground" and channel.any():
            _normalise(channel, plan.intensities[number])
    return values, grid


def read_classes(
    files: CaseFiles, grid: sitk.Image, labels: dict[str, int], *, ignore: int | None = None
) -> Labels:
    """Read the mask of a case as classes of a network: 0 background, k the k-th label value.

    Args:
        files: a case with a mask.
        grid: image of `read_channels`; the mask is resampled to it where the plan resampled.
        labels: name and value in the mask of each label.
        ignore: value in the mask of voxels that the loss passes over; they become 255.

    Returns:
        Classes `(z, y, x)`, uint8; values that are no label are background.

    Raises:
        CaseError: there is no mask, or it does not cover the images' field of view.
    """
    if files.mask is None:
        raise CaseError("the case has no mask to train on", case=files.case)
    mask = images.read_image(files.mask, case=files.case)
    classes = classes_of(images.labels_of(mask), labels, ignore)
    if mask.GetSize() == grid.GetSize():
        return classes
    if not _same_field(mask, grid):
        raise CaseError(
            "the mask is not on the grid of the images",
            case=files.case,
            file=files.mask,
            found=mask.GetSize(),
            expected=grid.GetSize(),
        )
    return resample_classes(classes, mask, grid)


def coarse_axes(spacing_mm: Sequence[float]) -> list[bool]:
    """Which axes have voxels so long that values between two of them are hardly known."""
    return [length > ANISOTROPIC * min(spacing_mm) for length in spacing_mm]


def _check_plan(plan: Plan, modalities: int) -> None:
    if plan.normalisation == "prepared":
        return
    found = 0 if plan.intensities is None else len(plan.intensities)
    if found != modalities:
        raise ConfigError(
            "a plan with normalisation 'foreground' needs the intensities of each modality",
            found=found,
            expected=modalities,
        )


def _on_grid(image: sitk.Image, grid: sitk.Image) -> sitk.Image:
    """An image on the grid wanted, linear across coarse slices and cubic in their plane."""
    old, new = image.GetSpacing(), grid.GetSpacing()
    coarse = [a or b for a, b in zip(coarse_axes(old), coarse_axes(new), strict=True)]
    if not any(coarse):
        return _resampled(image, grid, "bspline")
    # In the plane first: the slices stay where they are, so the spline is not asked between them.
    x, y, z = (a if c else b for a, b, c in zip(old, new, coarse, strict=True))
    in_plane = _resampled(image, target_grid(image, (x, y, z)), "bspline")
    return _resampled(in_plane, grid, "linear")


def _resampled(image: sitk.Image, grid: sitk.Image, interpolation: str) -> sitk.Image:
    same = np.allclose(image.GetSpacing(), grid.GetSpacing(), rtol=1e-3)
    if same and image.GetSize() == grid.GetSize():
        return image
    return resample_image(image, grid, sitk.Transform(), interpolation)


def _normalise(channel: np.ndarray, intensities: tuple[float, float, float, float]) -> None:
    mean, sd, low, high = intensities
    np.clip(channel, low, high, out=channel)
    channel -= mean
    channel /= max(sd, 1e-6)


def _same_field(mask: sitk.Image, grid: sitk.Image) -> bool:
    """Whether two grids differ in the size of their voxels alone."""
    voxel = np.maximum(mask.GetSpacing(), grid.GetSpacing())
    (centre, field), (other_centre, other_field) = (_centre_and_field(i) for i in (mask, grid))
    return bool(
        np.allclose(mask.GetDirection(), grid.GetDirection(), atol=1e-3)
        and np.abs(centre - other_centre).max() < 0.5 * min(voxel)
        and (np.abs(field - other_field) <= voxel).all()
    )


def _centre_and_field(image: sitk.Image) -> tuple[np.ndarray, np.ndarray]:
    """The middle of an image in space, and how far it reaches along its axes, both in mm."""
    half = [(n - 1) / 2 for n in image.GetSize()]
    centre = np.array(image.TransformContinuousIndexToPhysicalPoint(half))
    return centre, np.array(image.GetSize()) * np.array(image.GetSpacing())


def _check_size(case: str, path: object, image: sitk.Image, first: sitk.Image) -> None:
    if image.GetSize() != first.GetSize():
        raise CaseError(
            "the image is not on the grid of the first modality",
            case=case,
            file=str(path),
            found=image.GetSize(),
            expected=first.GetSize(),
        )
