"""What an image is like, in a few numbers that a reader can compare across cases and sites."""

import math

import numpy as np
import SimpleITK as sitk

from radpipe.io.images import array_of
from radpipe.types import Mask, Volume

ZERO_BACKGROUND = 0.1
"""From this share of exact zeros on, zero is the background; below, Otsu's threshold is."""

ENTROPY_BINS = 64


def foreground(image: sitk.Image) -> Mask:
    """The voxels that show the body: non-zero ones, or those above Otsu's threshold.

    Returns:
        Axes (z, y, x).
    """
    values = array_of(image)
    if values.min() >= 0 and np.mean(values == 0) >= ZERO_BACKGROUND:
        return values > 0
    otsu = sitk.OtsuThreshold(sitk.Cast(image, sitk.sitkFloat32), 0, 1)
    return sitk.GetArrayFromImage(otsu).astype(bool)


def image_quality(image: sitk.Image) -> dict[str, float]:
    """Intensities, noise and contrast of one image, in the units of its voxels.

    Keys: `mean`, `sd`, `p01`, `p99` over the foreground; `minimum`, `maximum` of the image;
    `noise_sd` from second differences of neighbours (what no smooth anatomy explains); `snr` =
    mean / noise; `cnr` = (foreground - background) / noise; `entropy_bits` of 64 bins;
    `nonzero_share` of the voxels. What cannot be computed (no noise, no foreground) is left out.
    """
    values = array_of(image).astype(np.float64)
    inside = foreground(image)
    tissue, rest = values[inside], values[~inside]
    if tissue.size == 0:
        return {"nonzero_share": float(np.mean(values != 0))}
    low, high = np.percentile(tissue, [1, 99])
    noise = _noise_sd(values, inside)
    measures = {
        "mean": float(tissue.mean()),
        "sd": float(tissue.std()),
        "minimum": float(values.min()),
        "maximum": float(values.max()),
        "p01": float(low),
        "p99": float(high),
        "entropy_bits": _entropy_bits(tissue),
        "nonzero_share": float(np.mean(values != 0)),
        "noise_sd": noise,
    }
    if noise > 0:
        measures["snr"] = float(tissue.mean()) / noise
        background = float(rest.mean()) if rest.size else 0.0
        measures["cnr"] = (float(tissue.mean()) - background) / noise
    return measures


def _noise_sd(values: Volume, inside: Mask) -> float:
    """Robust standard deviation of second differences, which for white noise is sqrt(6) sigma."""
    differences = []
    for axis in range(3):
        x, m = np.moveaxis(values, axis, 0), np.moveaxis(inside, axis, 0)
        within = m[:-2] & m[1:-1] & m[2:]
        differences.append((x[:-2] - 2 * x[1:-1] + x[2:])[within])
    pooled = np.concatenate(differences)
    return 1.4826 * float(np.median(np.abs(pooled))) / math.sqrt(6) if pooled.size else 0.0


def _entropy_bits(tissue: Volume) -> float:
    counts, _ = np.histogram(tissue, bins=ENTROPY_BINS)
    shares = counts[counts > 0] / tissue.size
    return float(-(shares * np.log2(shares)).sum())
