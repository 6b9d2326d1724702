"""Thresholds: of the histogram, of the maximum, of the surroundings."""

from math import comb

import numpy as np
import numpy.typing as npt
from scipy import ndimage
from skimage.filters import threshold_multiotsu, threshold_otsu

from radpipe.config import Classical
from radpipe.segmentation.classical.fitted import Parameters
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels, Mask, Volume

FRACTIONS = (0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7, 0.8)
"""Shares of the maximum that are tried; 0.4 to 0.5 are usual in PET, a half gives the name."""

DEVIATIONS = (2.0, 2.5, 3.0, 3.5, 4.0, 4.5, 5.0, 5.5, 6.0)
"""Standard deviations above the reference that are tried."""

OTSU_BINS = 256
OTSU_CUTS = 3_000_000
"""Otsu's search of several thresholds tries each set of bins; so many at most."""

CLIP = 3.0
"""Voxels further than so many SD from the mean are no reference tissue."""

NEIGHBOURS = np.ones((3, 3, 3), bool)


def multi_otsu(scene: Scene, parameters: Parameters) -> Labels | None:
    """Classes in the order of intensity; none if the image has fewer values than classes.

    Otsu, IEEE Trans SMC 1979;9:62. The bins are halved until all sets of thresholds can be tried.
    """
    classes, bins = int(parameters["classes"]), OTSU_BINS
    while comb(bins - 1, classes - 1) > OTSU_CUTS and bins > 4 * classes:
        bins //= 2
    counts, edges = np.histogram(scene.image, bins)
    if np.count_nonzero(counts) < classes:
        return None
    middles = (edges[1:] + edges[:-1]) / 2
    cuts = threshold_multiotsu(classes=classes, hist=(counts, middles))
    return np.digitize(scene.image, cuts, right=True).astype(np.uint8)


def fwhm_candidates(settings: Classical) -> list[dict[str, object]]:
    """Shares, what counts as zero, and whether only the region of the maximum is wanted."""
    shares = FRACTIONS if settings.fraction is None else (settings.fraction,)
    return [
        {"fraction": share, "base": base, "connected": connected}
        for base in ("lowest", "surroundings")
        for connected in (True, False)
        for share in shares
    ]


def fwhm(scene: Scene, parameters: Parameters) -> Labels:
    """Voxels above a share of the maximum: `base + fraction (maximum - base)`.

    `base` is the lowest value of the whole image (no uptake, air), which makes the region the same
    whatever linear scale the image has, or the median of the surroundings. The maximum is that of
    the scene. For dark lesions all is turned upside down.
    """
    values, lowest = _upright(scene, parameters)
    surroundings = parameters["base"] == "surroundings"
    base = float(np.median(values[scene.shell()])) if surroundings else lowest
    cut = base + float(parameters["fraction"]) * (float(values.max()) - base)
    return _region(values, values >= cut, bool(parameters["connected"]))


def reference_candidates(settings: Classical) -> list[dict[str, object]]:
    """Deviations, where the reference is taken, and whether only one region is wanted."""
    deviations = DEVIATIONS if settings.deviations is None else (settings.deviations,)
    return [
        {"deviations": count, "reference": reference, "connected": connected}
        for reference in ("surroundings", "tissue")
        for connected in (True, False)
        for count in deviations
    ]


def reference_sd(scene: Scene, parameters: Parameters) -> Labels:
    """Voxels more than so many SD above the mean of reference tissue (below, if dark).

    Reference `surroundings`: the outer half of the margin of a box, or the whole image; `tissue`:
    of these the brighter part after Otsu, where much of an image is air. Values further than three
    SD from the mean are left out of it again and again, so that the lesion is no reference.
    """
    where = scene.shell()
    if parameters["reference"] == "tissue":
        part = scene.image[where]
        if np.ptp(part) > 0:
            where = where & (scene.image > threshold_otsu(part, nbins=OTSU_BINS))
    values, _ = _upright(scene, parameters)
    mean, sd = _clipped_moments(values[where])
    cut = mean + float(parameters["deviations"]) * sd
    return _region(values, values > cut, bool(parameters["connected"]))


def _upright(scene: Scene, parameters: Parameters) -> tuple[Volume, float]:
    """The image with the lesion bright, and the lowest value of the whole image then."""
    sign = float(parameters["polarity"])
    low, high = scene.limits
    return scene.image * np.float32(sign), low if sign > 0 else -high


def _region(values: Volume, inside: Mask, connected: bool) -> Labels:
    """The voxels inside; if `connected`, the component with the brightest of them only."""
    if connected and inside.any():
        peak = np.unravel_index(np.argmax(np.where(inside, values, -np.inf)), values.shape)
        components, _ = ndimage.label(inside, NEIGHBOURS)
        inside = components == components[peak]
    return inside.astype(np.uint8)


def _clipped_moments(values: npt.NDArray[np.floating]) -> tuple[float, float]:
    """Mean and SD of what lies within three SD of them."""
    kept = values.astype(np.float64)
    for _ in range(10):
        mean, sd = kept.mean(), kept.std()
        inside = np.abs(kept - mean) <= CLIP * sd
        if inside.all():
            break
        kept = kept[inside]
    return float(kept.mean()), float(kept.std())
