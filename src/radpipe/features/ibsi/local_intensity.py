"""Local intensity: the mean of a sphere of one cubic centimetre around the brightest voxels."""

import numpy as np

from radpipe.features.boxes import bounding_box
from radpipe.types import Mask, SpacingZYX, Volume

RADIUS_MM = 10.0 * (3 / (4 * np.pi)) ** (1 / 3)
"""Of a sphere of 1 cm^3: 6.2 mm."""


def local_intensity(image: Volume, mask: Mask, spacing_mm: SpacingZYX) -> dict[str, float]:
    """The local and the global intensity peak.

    Around each voxel of the region the mean of all voxels of the image with their centre within
    6.2 mm is taken, in or out of the region. The global peak is the largest of these means, the
    local one that at the brightest voxel (the largest if several are equally bright).

    Args:
        image: intensities (z, y, x), with what surrounds the region.
        mask: the intensity mask (z, y, x), not empty.
        spacing_mm: voxel size.
    """
    reach = [int(RADIUS_MM // spacing) for spacing in spacing_mm]
    box = bounding_box(mask)
    around = tuple(
        slice(max(a - r, 0), b + r) for a, b, r in zip(box.start, box.stop, reach, strict=True)
    )
    means = _sphere_means(image[around].astype(np.float64), reach, spacing_mm)
    inside = mask[around]
    values, peaks = image[around][inside], means[inside]
    return {
        "LocalPeak": float(peaks[values == values.max()].max()),
        "GlobalPeak": float(peaks.max()),
    }


def _sphere_means(image: Volume, reach: list[int], spacing_mm: SpacingZYX) -> Volume:
    """The mean around each voxel; voxels outside the image are not counted."""
    axes = [np.arange(-r, r + 1) * spacing for r, spacing in zip(reach, spacing_mm, strict=True)]
    z, y, x = np.meshgrid(*axes, indexing="ij")
    sphere = (z**2 + y**2 + x**2 <= RADIUS_MM**2).astype(np.float64)
    # Rounding of the transform is relative to the largest value, so the mean is taken off first.
    level = float(image.mean())
    # Brings scipy's statistics too: a second that every case would pay, whatever it measures.
    from scipy import signal

    sums = signal.oaconvolve(image - level, sphere, mode="same")
    counts = np.rint(signal.oaconvolve(np.ones_like(image), sphere, mode="same"))
    return sums / counts + level
