"""Changes of a training patch: in space one field for all modalities and the label, in intensity.

Every change is drawn from the generator it is given, so that a patch can be made again. Positions
and displacements are in voxels, axes z y x; angles and distances are meant in mm.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from radpipe.config import Augmentation
from radpipe.types import SpacingZYX

KNOTS_APART = 8.0
"""Distance of the knots of an elastic field, in sd of its displacement: then it does not fold."""

KNOTS_APART_VOXELS = 8.0
"""The knots are never closer than this: a finer field would be noise, not anatomy."""

SPLINE_SD = math.sqrt(151 / 315)
"""Sd along one axis of a cubic B-spline whose coefficients have sd 1, in the mean over it."""

NO_AUGMENTATION = Augmentation(spatial=0.0, intensity=0.0)


def draw_matrix(
    rng: np.random.Generator, change: Augmentation, spacing_mm: SpacingZYX, free: Sequence[bool]
) -> np.ndarray:
    """From offsets in the patch to offsets in the volume, both in voxels: rotation and zoom in mm.

    Args:
        rng: of the draws.
        change: largest angle and zoom.
        spacing_mm: voxel size.
        free: axes along which a patch may be changed; a rotation needs two of them.
    """
    largest = math.radians(change.rotation_deg)
    angles = rng.uniform(-largest, largest, 3)
    zoom = np.exp(rng.uniform(-change.zoom, change.zoom, 3))
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        a, b = [k for k in range(3) if k != axis]
        if not (free[a] and free[b]):
            continue
        step = np.eye(3)
        step[[a, a, b, b], [a, b, a, b]] = (
            np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
        )  # fmt: skip
        turn = turn @ step
    spacing = np.diag(spacing_mm)
    scale = np.diag(np.where(free, zoom, 1.0))
    matrix: np.ndarray = np.linalg.inv(spacing) @ turn @ scale @ spacing
    return matrix


def draw_displacement(
    rng: np.random.Generator,
    sd_mm: float,
    patch: Sequence[int],
    spacing_mm: SpacingZYX,
    free: Sequence[bool],
) -> Tensor:
    """A smooth random displacement of each voxel of a patch: a cubic B-spline of normal knots.

    Returns:
        `(d, h, w, 3)` float32 in voxels, with sd `sd_mm` along each free axis and 0 along others.
    """
    apart = [
        max(KNOTS_APART * sd_mm / s, KNOTS_APART_VOXELS) if f else math.inf
        for s, f in zip(spacing_mm, free, strict=True)
    ]
    # One knot before the first voxel and three behind the last, rounding included; an axis that is
    # not free has one in all.
    count = [
        math.ceil((n - 1) / a) + 4 if f else 1 for n, a, f in zip(patch, apart, free, strict=True)
    ]
    knots = rng.standard_normal((*count, 3), dtype=np.float32)
    sd = [sd_mm / s if f else 0.0 for s, f in zip(spacing_mm, free, strict=True)]
    field = torch.from_numpy(knots * np.array(sd, np.float32) / np.float32(SPLINE_SD ** sum(free)))
    # The first axis last, when the field is largest: its planes lie in one piece.
    for axis in (2, 1, 0):
        if free[axis]:
            field = _splined(field, axis, patch[axis], apart[axis])
    return field.expand(*patch, 3)


def _splined(knots: Tensor, axis: int, size: int, apart: float) -> Tensor:
    """A cubic B-spline of knots along `axis`, at `size` voxels of which `apart` lie between knots.

    Sums of the four knots near a voxel: no product of matrices, whose rounding depends on the
    number of threads.
    """
    place = torch.arange(size, dtype=torch.float32) / apart
    first = place.floor()
    t = place - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    shape = [size if k == axis else 1 for k in range(knots.ndim)]
    total = torch.zeros(())
    for shift, weight in enumerate(weights):
        near = knots.index_select(axis, first.long() + shift)
        total = total + near * (weight / 6).reshape(shape)
    return total


def change_intensities(
    image: Tensor,
    rng: np.random.Generator,
    change: Augmentation,
    deviations: np.ndarray,
    free: Sequence[bool],
) -> None:
    """Change contrast, level, sharpness and noise of a patch, in place, modality by modality.

    Args:
        image: `(C, d, h, w)`.
        rng: of the draws.
        change: how far; shift and noise are in sd of the whole image.
        deviations: that sd, shape (C,); a modality of sd 0 is blank and stays so.
        free: axes that are blurred.
    """
    for number, deviation in enumerate(deviations):
        changed = rng.random() < change.intensity
        gain, shift, exponent = rng.uniform(-1, 1, 3)
        sigma, sharpness = rng.uniform(0, 1, 2)
        if not changed or deviation == 0:
            continue
        channel = image[number]
        if change.gamma:
            _bend(channel, math.exp(change.gamma * exponent))
        if change.blur:
            image[number] = _blurred(channel, change.blur * sharpness, free)
        # Numpy's sum, unlike torch's, does not depend on the number of threads.
        middle = float(channel.numpy().mean())
        level = middle + deviation * change.shift * shift
        channel.sub_(middle).mul_(1 + change.gain * gain).add_(level)
        if change.noise:
            noise = rng.standard_normal(channel.shape, dtype=np.float32)
            channel.add_(torch.from_numpy(noise), alpha=float(deviation * change.noise * sigma))


def drop_modalities(
    image: Tensor, rng: np.random.Generator, chance: float, present: np.ndarray
) -> None:
    """Blank each modality of a patch by chance, in place, but never all that are there.

    Args:
        image: `(C, …)`.
        rng: of the draws.
        chance: that a modality is blanked.
        present: which modalities the case has, shape (C,).
    """
    dropped = rng.random(len(image)) < chance
    kept = int(rng.integers(max(1, present.sum())))
    if present.any() and dropped[present].all():
        dropped[np.flatnonzero(present)[kept]] = False
    image[torch.from_numpy(dropped)] = 0.0


def draw_flips(rng: np.random.Generator, change: Augmentation) -> list[int]:
    """The axes of `(z, y, x)` that are mirrored this time, of those named in the config."""
    mirrored = rng.random(3) < 0.5
    return [k for k, axis in enumerate("zyx") if axis in change.flips and mirrored[k]]


def _bend(channel: Tensor, exponent: float) -> None:
    """Raise the values, between the least and the greatest, to a power; both stay as they are."""
    low, high = (float(v) for v in channel.aminmax())
    if high > low:
        channel.sub_(low).div_(high - low).clamp_(0, 1).pow_(exponent)
        channel.mul_(high - low).add_(low)


def _blurred(channel: Tensor, sigma: float, free: Sequence[bool]) -> Tensor:
    """A Gaussian of `sigma` voxels along the free axes; beyond the patch its edge goes on."""
    reach = math.ceil(3 * sigma)
    if reach == 0:
        return channel
    steps = torch.arange(-reach, reach + 1, dtype=torch.float32)
    kernel = torch.exp(-0.5 * (steps / sigma) ** 2)
    kernel = kernel / kernel.sum()
    for axis in (k for k in range(3) if free[k]):
        size = channel.shape[axis]
        place = torch.arange(-reach, size + reach).clamp(0, size - 1)
        padded = channel.index_select(axis, place)
        channel = torch.zeros_like(channel)
        for shift, weight in enumerate(kernel.tolist()):
            channel.add_(padded.narrow(axis, shift, size), alpha=weight)
    return channel
