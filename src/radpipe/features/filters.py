"""Filtered images and the margin around a region that each filter needs.

Filtering a whole scan to measure a small region wastes nearly all the work. Each filter here sees
the region's box with a margin beyond which voxels no longer change the values inside the box.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk
from radiomics import imageoperations

from radpipe.config import Handcrafted
from radpipe.features.dictionary import ORIGINAL, log_name, log_sigma_mm
from radpipe.types import Mask

LOG_MARGIN_SIGMA = 14.0
"""Margin of a LoG image in sigmas: the recursive filter's boundary decays as exp(-1.37 d/sigma)."""

WAVELET_TAPS = 6
"""Length of the filters of `coif1`, pyradiomics' default wavelet, in voxels."""


@dataclass(frozen=True)
class Box:
    """The voxels `start <= index < stop`, both (z, y, x)."""

    start: tuple[int, int, int]
    stop: tuple[int, int, int]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Voxels an axis (z, y, x)."""
        z, y, x = (b - a for a, b in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    @property
    def slices(self) -> tuple[slice, slice, slice]:
        """Index of an array (z, y, x)."""
        z, y, x = (slice(a, b) for a, b in zip(self.start, self.stop, strict=True))
        return (z, y, x)

    def crop(self, image: sitk.Image) -> sitk.Image:
        """The part of `image` inside the box."""
        # SimpleITK slices in the order x, y, z.
        return image[
            tuple(slice(a, b) for a, b in zip(self.start[::-1], self.stop[::-1], strict=True))
        ]

    def within(self, outer: "Box") -> "Box":
        """The same voxels, counted from the corner of `outer`."""
        return Box(
            _triple(a - o for a, o in zip(self.start, outer.start, strict=True)),
            _triple(b - o for b, o in zip(self.stop, outer.start, strict=True)),
        )


def bounding_box(region: Mask) -> Box:
    """The smallest box around the voxels of a non-empty region (z, y, x)."""
    spans = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        inside = np.flatnonzero(region.any(axis=others))
        spans.append((int(inside[0]), int(inside[-1]) + 1))
    return Box(_triple(a for a, _ in spans), _triple(b for _, b in spans))


def padding_mm(image_type: str) -> float:
    """Margin around the region that a LoG image needs, in mm.

    The other filters need none (`original`) or a number of voxels (`wavelet`: `WAVELET_TAPS`).
    """
    if not image_type.startswith("log_sigma_"):
        return 0.0
    return LOG_MARGIN_SIGMA * log_sigma_mm(image_type)


def filtered_images(
    image: sitk.Image, box: Box, settings: Handcrafted
) -> Iterator[tuple[str, sitk.Image]]:
    """Every image type of `image` inside `box`, one at a time: name and image.

    A LoG image for which the scan is too small (pyradiomics wants 4 voxels and sigma + 1 voxel an
    axis) is left out.
    """
    if "original" in settings.image_types:
        yield ORIGINAL, box.crop(image)
    if "log" in settings.image_types:
        for sigma in settings.log_sigma_mm:
            outer = _grown(box, image, padding_mm(log_name(sigma)))
            for filtered, _, _ in imageoperations.getLoGImage(
                outer.crop(image), None, sigma=[sigma]
            ):
                yield log_name(sigma), box.within(outer).crop(filtered)
    if "wavelet" in settings.image_types:
        outer = _grown_for_wavelet(box, image)
        for filtered, name, _ in imageoperations.getWaveletImage(outer.crop(image), None):
            yield name.replace("-", "_"), box.within(outer).crop(filtered)


def _grown(box: Box, image: sitk.Image, margin_mm: float) -> Box:
    """The box with a margin on every side, cut at the border of the image."""
    start, stop = [], []
    for first, last, size, spacing in _axes(box, image):
        margin = math.ceil(margin_mm / spacing)
        start.append(max(first - margin, 0))
        stop.append(min(last + margin, size))
    return Box(_triple(start), _triple(stop))


def _grown_for_wavelet(box: Box, image: sitk.Image) -> Box:
    """The box with the filter's length on every side.

    The stationary transform is periodic: near a border it sees the opposite side of the scan, so
    an axis along which the region lies that near is kept whole.
    """
    start, stop = [], []
    for first, last, size, _ in _axes(box, image):
        near_border = first < WAVELET_TAPS or last > size - WAVELET_TAPS
        start.append(0 if near_border else first - WAVELET_TAPS)
        stop.append(size if near_border else last + WAVELET_TAPS)
    return Box(_triple(start), _triple(stop))


def _axes(box: Box, image: sitk.Image) -> Iterator[tuple[int, int, int, float]]:
    """Start, stop, size and spacing in mm of each axis z, y, x."""
    return zip(box.start, box.stop, image.GetSize()[::-1], image.GetSpacing()[::-1], strict=True)


def _triple(values: Iterator[int] | list[int]) -> tuple[int, int, int]:
    z, y, x = values
    return (z, y, x)
