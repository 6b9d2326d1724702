"""Fusion of modalities voxel by voxel, on the prepared grid of one case.

Each input is brought to a common range first, by what is in its own image alone: nothing is fitted
over cases. What is fused then lies about between 0 and 1 and has no unit.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
import pywt
import SimpleITK as sitk
from scipy import ndimage

from radpipe.config import FusedImage
from radpipe.imaging.importing import is_blank
from radpipe.imaging.threads import single_thread
from radpipe.io.images import array_of, image_like
from radpipe.types import Mask, Vector, Volume

BASE_RADIUS, DETAIL_RADIUS, SALIENCY_SIGMA = 45 / 15, 7 / 15, 5 / 15
"""Of the weights of base and detail and of the saliency, in radii of the mean filter (Li 2013)."""

BASE_EPSILON, DETAIL_EPSILON = 0.3, 1e-6
"""Regularisation of the guided filters, for intensities of 0 to 1 (Li 2013)."""


def fuse_images(
    images: Mapping[str, sitk.Image],
    fused: Sequence[FusedImage],
    *,
    zero_background: Collection[str] = (),
) -> tuple[dict[str, sitk.Image], dict[str, Any]]:
    """Make the fused images of a case.

    Where all inputs are background the fused image is zero. A case that has not all inputs of a
    fused image has not that image either: it is blank, like those that are missing.

    Args:
        images: prepared, on one grid, by modality.
        fused: what is wanted.
        zero_background: modalities in which a voxel of exactly zero is background.

    Returns:
        The fused images, float32, and by name `<input>_low`, `<input>_high`: the intensities that
        became 0 and 1, or `missing`.
    """
    made: dict[str, sitk.Image] = {}
    report: dict[str, Any] = {}
    for settings in fused:
        inputs = {m: images[m] for m in settings.of}
        grid = next(iter(inputs.values()))
        if any(is_blank(image) for image in inputs.values()):
            made[settings.name] = image_like(np.zeros_like(array_of(grid)), grid)
            report[settings.name] = {"missing": 1.0}
            continue
        with single_thread():
            values, report[settings.name] = _fuse(inputs, settings, zero_background)
        made[settings.name] = image_like(values.astype(np.float32), grid)
    return made, report


def average(images: Sequence[Volume], weights: Sequence[float] | None = None) -> Volume:
    """The weighted mean of images (z, y, x); weights None: all alike."""
    return sum(w * image for w, image in zip(_shares(images, weights), images, strict=True))


def wavelet_fusion(
    images: Sequence[Volume], wavelet: str, levels: int, weights: Sequence[float] | None = None
) -> Volume:
    """Fuse by wavelets: of the details the larger coefficient, of the coarsest level the mean.

    Li, Manjunath & Mitra, Graph Models Image Process 1995;57:235. The decimated transform, with
    symmetric borders; an axis too short for the wavelet is not transformed, and there are no more
    levels than the shortest of the others has room for.

    Args:
        images: of one shape (z, y, x).
        wavelet: name, as PyWavelets has it.
        levels: of the transform, at most.
        weights: of the coarsest level; None: all alike.
    """
    shape = images[0].shape
    room = [pywt.dwt_max_level(n, wavelet) for n in shape]
    axes = [axis for axis, deepest in enumerate(room) if deepest > 0]
    if not axes:
        return average(images, weights)
    deepest = min(levels, *(room[axis] for axis in axes))
    parts = [pywt.wavedecn(image, wavelet, level=deepest, axes=axes) for image in images]
    joined: list[Any] = [average([part[0] for part in parts], weights)]
    for level in range(1, deepest + 1):
        bands = parts[0][level]
        joined.append({band: _largest([part[level][band] for part in parts]) for band in bands})
    whole = pywt.waverecn(joined, wavelet, axes=axes)
    return np.asarray(whole[tuple(slice(n) for n in shape)])


def guided_fusion(
    images: Sequence[Volume], radius_mm: float, spacing_mm: Sequence[float]
) -> Volume:
    """Fuse by guided filtering: the image with more local detail counts more, up to its edges.

    Li, Kang & Hu, IEEE Trans Image Process 2013;22:2864, in three dimensions, with its radii of 15
    (mean), 45 and 7 (weights) and 5 (saliency) in proportion. Images with no detail near a voxel
    count alike there.

    Args:
        images: of one shape (z, y, x), about between 0 and 1.
        radius_mm: of the mean filter.
        spacing_mm: z, y, x.
    """
    bases = [box_mean(image, _voxels(radius_mm, spacing_mm)) for image in images]
    sigma = [SALIENCY_SIGMA * radius_mm / s for s in spacing_mm]
    saliency = np.stack([_saliency(image, spacing_mm, sigma) for image in images])
    chosen = (saliency == saliency.max(axis=0)).astype(float)
    fused = np.zeros_like(images[0])
    for share, epsilon, layers in (
        (BASE_RADIUS, BASE_EPSILON, bases),
        (DETAIL_RADIUS, DETAIL_EPSILON, [i - b for i, b in zip(images, bases, strict=True)]),
    ):
        radius = _voxels(share * radius_mm, spacing_mm)
        weights = np.stack(
            [guided_filter(c, i, radius, epsilon) for c, i in zip(chosen, images, strict=True)]
        ).clip(0, 1)
        total = weights.sum(axis=0)
        weights = np.where(total > 0, weights / np.where(total > 0, total, 1), 1 / len(images))
        fused += sum(w * layer for w, layer in zip(weights, layers, strict=True))
    return fused


def guided_filter(image: Volume, guide: Volume, radius: Sequence[int], epsilon: float) -> Volume:
    """Smooth an image except at the edges of another one.

    He, Sun & Tang, IEEE Trans Pattern Anal Mach Intell 2013;35:1397: in each box the output is
    `a * guide + b`, by least squares with a ridge of `epsilon` on `a`.

    Args:
        image: what is smoothed (z, y, x).
        guide: whose edges are kept, likewise.
        radius: half width of the box in voxels, z, y, x.
        epsilon: in units of the guide's variance.
    """
    mean, middle = box_mean(guide, radius), box_mean(image, radius)
    variance = np.maximum(box_mean(guide * guide, radius) - mean * mean, 0)
    slope = (box_mean(guide * image, radius) - mean * middle) / (variance + epsilon)
    offset = middle - slope * mean
    return box_mean(slope, radius) * guide + box_mean(offset, radius)


def box_mean(image: Volume, radius: Sequence[int]) -> Volume:
    """The mean over a box of `2 * radius + 1` voxels; mirrored at the borders."""
    return ndimage.uniform_filter(image, [2 * r + 1 for r in radius], mode="reflect")


def _fuse(
    inputs: Mapping[str, sitk.Image], settings: FusedImage, zero_background: Collection[str]
) -> tuple[Volume, dict[str, float]]:
    scaled, report = list[Volume](), dict[str, float]()
    body = np.zeros(array_of(next(iter(inputs.values()))).shape, dtype=bool)
    for modality, image in inputs.items():
        values = array_of(image).astype(np.float64)
        inside = values != 0 if modality in zero_background else np.ones(values.shape, bool)
        low, high = _ends(values[inside], settings, modality)
        report |= {f"{modality}_low": low, f"{modality}_high": high}
        scaled.append(_scaled(values, inside, (low, high), cut=modality in settings.window))
        body = body | inside
    if settings.method == "average":
        fused = average(scaled, settings.weights)
    elif settings.method == "wavelet":
        fused = wavelet_fusion(scaled, settings.wavelet, settings.levels, settings.weights)
    else:
        spacing = next(iter(inputs.values())).GetSpacing()[::-1]
        fused = guided_fusion(scaled, settings.radius_mm, spacing)
    return np.where(body, fused, 0.0), report


def _ends(values: Vector, settings: FusedImage, modality: str) -> tuple[float, float]:
    """The intensities that become 0 and 1."""
    if modality in settings.window:
        return settings.window[modality]
    low, high = (float(v) for v in np.percentile(values, settings.percentiles))
    # An image with less than one percent of signal still has a range.
    return (low, high) if low < high else (float(values.min()), float(values.max()))


def _scaled(values: Volume, inside: Mask, ends: tuple[float, float], *, cut: bool) -> Volume:
    low, high = ends
    # No range (one value throughout): nothing to tell apart.
    scaled = (values - low) / (high - low) if high > low else np.zeros_like(values)
    return np.where(inside, scaled.clip(0, 1) if cut else scaled, 0.0)


def _shares(images: Sequence[Volume], weights: Sequence[float] | None) -> Vector:
    given = np.ones(len(images)) if weights is None else np.asarray(weights, dtype=float)
    return given / given.sum()


def _largest(bands: Sequence[Volume]) -> Volume:
    """Of coefficients at one place the one furthest from zero; of equal ones the first."""
    stacked = np.stack(bands)
    return np.take_along_axis(stacked, np.abs(stacked).argmax(axis=0)[None], axis=0)[0]


def _voxels(length_mm: float, spacing_mm: Sequence[float]) -> list[int]:
    return [max(1, round(length_mm / s)) for s in spacing_mm]


def _saliency(image: Volume, spacing_mm: Sequence[float], sigma: Sequence[float]) -> Volume:
    """How much detail there is near each voxel: the smoothed size of the Laplacian, per mm²."""
    laplacian = sum(
        ndimage.correlate1d(image, [1.0, -2.0, 1.0], axis=axis, mode="reflect") / s**2
        for axis, s in enumerate(spacing_mm)
    )
    return ndimage.gaussian_filter(np.abs(laplacian), sigma, mode="reflect")
