"""Small changes of image and mask, to see which features survive them.

After Zwanenburg et al., Sci Rep 2019;9:614 (doi:10.1038/s41598-018-36938-4): rotation and
translation of the grid, noise of the size that the image already has, growth and shrinking of the
mask, and its contour drawn by another hand. Here the contour moves by a smooth random displacement
of the surface instead of supervoxels, which needs no second segmentation.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pywt
import SimpleITK as sitk
from scipy import ndimage

from radpipe.config import Stability
from radpipe.features.boxes import Box, bounding_box, triple
from radpipe.io.images import array_of, image_like, labels_of, spacing_zyx
from radpipe.types import Labels, SpacingZYX, Volume

SPATIAL = ("rotation", "translation")
MAD_TO_SD = 0.6745
"""Median of the absolute values of normal noise of sd 1 (Donoho and Johnstone 1994)."""


@dataclass(frozen=True)
class Perturbed:
    """A case after one draw of perturbations.

    Attributes:
        source: the perturbations joined by `+`, such as `rotation+noise`.
        repeat: 1, 2, …
        images: by modality, all on one grid.
        mask: labels on that grid.
    """

    source: str
    repeat: int
    images: dict[str, sitk.Image]
    mask: sitk.Image


def perturbation_sources(settings: Stability) -> list[str]:
    """The names under which repeats are compared: one chain, or each perturbation alone."""
    if not settings.perturbations:
        return []
    return ["+".join(settings.perturbations)] if settings.together else [*settings.perturbations]


def perturb(
    images: Mapping[str, sitk.Image], mask: sitk.Image, settings: Stability, seed: int
) -> Iterator[Perturbed]:
    """Draw the perturbed versions of a case, one at a time.

    Rotation and translation are one resampling, after which come the others in the order of the
    settings. Every version is drawn from the seed and its own number alone. A region of very few
    voxels may vanish as it is moved; its mask is empty then, which the measurement reports.

    Args:
        images: prepared images on the grid of the mask; cropped already where that is enough.
        mask: integer labels; with no voxel above 0 there is nothing to draw.
        settings: which perturbations, how large, how many.
        seed: of this case.
    """
    if not labels_of(mask).any():
        return
    noise_sd = (
        {m: noise_level(array_of(image)) for m, image in images.items()}
        if "noise" in settings.perturbations
        else {}
    )
    for source in perturbation_sources(settings):
        for repeat in range(1, settings.repeats + 1):
            rng = np.random.default_rng([seed, *source.encode(), repeat])
            chain = source.split("+")
            moved, outline = dict(images), mask
            if set(chain) & set(SPATIAL):
                moved, outline = _moved(images, mask, _transform(mask, chain, settings, rng))
            for step in chain:
                if step == "noise":
                    moved = {m: _noisy(i, noise_sd[m], rng) for m, i in moved.items()}
                elif step not in SPATIAL and labels_of(outline).any():
                    outline = _reshaped(outline, step, settings, rng)
            yield Perturbed(source, repeat, moved, outline)


def noise_level(values: Volume) -> float:
    """The sd of white noise in an image (z, y, x), from its finest diagonal wavelet band.

    The `coif1` high-pass filter along all three axes keeps the variance of white noise and nearly
    nothing of smooth anatomy (Chang et al. 2000, as in Zwanenburg et al. 2019). Voxels of exact
    zero are background and do not count; 0 if there are no others.
    """
    high = np.asarray(pywt.Wavelet("coif1").dec_hi)
    band = values.astype(np.float64)
    whole = []
    for axis, size in enumerate(values.shape):
        if size > 1:
            band = ndimage.convolve1d(band, high, axis=axis, mode="reflect")
        # Near the border the filter sees a mirrored image, which holds less noise.
        cut = len(high) // 2 if size > 2 * len(high) else 0
        whole.append(slice(cut, size - cut))
    band, here = band[tuple(whole)], values[tuple(whole)]
    inside = band[(here != 0) & np.isfinite(band)]
    return float(np.median(np.abs(inside)) / MAD_TO_SD) if inside.size else 0.0


def resized(mask: sitk.Image, factor: float) -> sitk.Image:
    """The mask with its volume multiplied by `factor`, grown or shrunk evenly along its surface.

    The voxels nearest to the inside in mm are taken until the volume is reached (at least one, at
    most the whole image). A new voxel gets the label of the nearest voxel of the mask.
    """
    labels = labels_of(mask)
    wanted = min(max(round(int((labels > 0).sum()) * factor), 1), labels.size)
    growth_mm = 5 * max(spacing_zyx(mask))
    while True:
        box = _around(labels, spacing_zyx(mask), growth_mm)
        near = labels[box.slices]
        depth = _signed_mm(near, spacing_zyx(mask))
        if near.size >= wanted:
            order = np.argsort(depth, axis=None, kind="stable")[:wanted]
            if depth.flat[order[-1]] <= growth_mm or near.size == labels.size:
                break
        growth_mm *= 2
    chosen = np.zeros(near.size, dtype=bool)
    chosen[order] = True
    return _with_region(mask, labels, box, chosen.reshape(near.shape))


def redrawn(mask: sitk.Image, settings: Stability, rng: np.random.Generator) -> sitk.Image:
    """The mask with its surface moved in and out by a smooth random field of given sd in mm.

    A mask that would vanish is left as it is.
    """
    labels, spacing_mm = labels_of(mask), spacing_zyx(mask)
    box = _around(labels, spacing_mm, 4 * settings.contour_mm)
    near = labels[box.slices]
    smoothness = [settings.contour_smoothness_mm / step for step in spacing_mm]
    field = ndimage.gaussian_filter(rng.standard_normal(near.shape), smoothness, mode="reflect")
    spread = float(field.std())
    shift_mm = settings.contour_mm * field / spread if spread > 0 else np.zeros_like(field)
    chosen = _signed_mm(near, spacing_mm) <= shift_mm
    return _with_region(mask, labels, box, chosen) if chosen.any() else mask


def _reshaped(
    mask: sitk.Image, step: str, settings: Stability, rng: np.random.Generator
) -> sitk.Image:
    """The mask after a change of its volume or of its contour."""
    if step == "contour":
        return redrawn(mask, settings, rng)
    return resized(mask, 1 + rng.uniform(-settings.volume_share, settings.volume_share))


def _transform(
    mask: sitk.Image, chain: list[str], settings: Stability, rng: np.random.Generator
) -> sitk.Euler3DTransform:
    """A turn about the axis z through the middle of the region, and a shift below a voxel."""
    angle = shift = None
    if "rotation" in chain:
        angle = float(np.deg2rad(rng.uniform(-settings.rotation_deg, settings.rotation_deg)))
    if "translation" in chain:
        largest = settings.translation_voxels
        shift = rng.uniform(-largest, largest, size=3)
    centre = np.argwhere(labels_of(mask) > 0).mean(axis=0)[::-1]
    transform = sitk.Euler3DTransform()
    transform.SetCenter(mask.TransformContinuousIndexToPhysicalPoint([float(c) for c in centre]))
    transform.SetRotation(0.0, 0.0, angle or 0.0)
    if shift is not None:
        axes = np.reshape(mask.GetDirection(), (3, 3))
        transform.SetTranslation(list(map(float, axes @ (shift * mask.GetSpacing()))))
    return transform


def _moved(
    images: Mapping[str, sitk.Image], mask: sitk.Image, transform: sitk.Transform
) -> tuple[dict[str, sitk.Image], sitk.Image]:
    """Images and mask sampled on the moved grid: images cubic, each label linear and ≥ 0.5."""
    resampler = sitk.ResampleImageFilter()
    resampler.SetReferenceImage(mask)
    resampler.SetTransform(transform)
    # Beyond the image its border goes on; a wall of zeros would ring in every filter.
    resampler.SetUseNearestNeighborExtrapolator(True)
    resampler.SetNumberOfThreads(1)
    resampler.SetOutputPixelType(sitk.sitkFloat32)
    resampler.SetInterpolator(sitk.sitkBSpline)
    moved = {m: resampler.Execute(image) for m, image in images.items()}
    resampler.SetInterpolator(sitk.sitkLinear)
    labels = labels_of(mask)
    result = np.zeros_like(labels)
    for label in np.unique(labels[labels > 0]):
        part = image_like((labels == label).astype(np.float32), mask)
        result[array_of(resampler.Execute(part)) >= 0.5] = label
    return moved, image_like(result, mask)


def _noisy(image: sitk.Image, sd: float, rng: np.random.Generator) -> sitk.Image:
    values = array_of(image)
    noise = rng.normal(0.0, sd, size=values.shape).astype(np.float32)
    # The background stays background: it is no measurement.
    return image_like(np.where(values == 0, values, values + noise), image)


def _around(labels: Labels, spacing_mm: SpacingZYX, margin_mm: float) -> Box:
    """The box of the region with a margin in mm, cut at the border of the image."""
    margin = triple(int(np.ceil(margin_mm / step)) + 1 for step in spacing_mm)
    return bounding_box(labels > 0).grown(margin, triple(labels.shape))


def _signed_mm(labels: Labels, spacing_mm: SpacingZYX) -> Volume:
    """Distance to the surface in mm (z, y, x), negative inside: 0 lies between two voxels."""
    region = labels > 0
    outside: Volume = ndimage.distance_transform_edt(~region, sampling=spacing_mm)
    if region.all():
        return outside
    inside = ndimage.distance_transform_edt(region, sampling=spacing_mm)
    half = min(spacing_mm) / 2
    signed: Volume = np.where(region, half - inside, outside - half)
    return signed


def _with_region(mask: sitk.Image, labels: Labels, box: Box, chosen: np.ndarray) -> sitk.Image:
    """The mask with `chosen` as its region in the box; new voxels get the nearest label."""
    near = labels[box.slices]
    nearest = ndimage.distance_transform_edt(
        near == 0, sampling=spacing_zyx(mask), return_distances=False, return_indices=True
    )
    result = np.zeros_like(labels)
    result[box.slices] = np.where(chosen, near[tuple(nearest)], 0)
    return image_like(result, mask)
