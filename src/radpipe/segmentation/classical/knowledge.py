"""What training cases tell of a lesion: bright or dark, where, how large, of which intensity."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Mask, Volume

BINS = 64
RING_VOXELS = 3


def region_facts(scenes: Sequence[Scene]) -> dict[str, Any]:
    """Facts of one region.

    Returns:
        `polarity` 1 if lesions are brighter than the three voxels around them, else -1;
        `radius_mm` of a ball of the median volume; `intensity` and `intensity_sd` inside;
        `centre` and `centre_sd` of lesions in the scene, 0 to 1 along z, y, x.
    """
    contrasts, volumes, means, spreads, centres = [], [], [], [], []
    for scene in scenes:
        inside = _inside(scene)
        if not inside.any():
            continue
        ring = ndimage.binary_dilation(inside, iterations=RING_VOXELS) & ~inside
        around = scene.image[ring if ring.any() else ~inside]
        level = float(np.median(scene.image[inside]))
        contrasts.append(level - float(np.median(around)) if around.size else 0.0)
        volumes.append(inside.sum() * float(np.prod(scene.spacing_mm)))
        means.append(level)
        spreads.append(float(scene.image[inside].std()))
        centres.append((np.argwhere(inside).mean(axis=0) + 0.5) / scene.size)
    radius = (3 * float(np.median(volumes)) / (4 * np.pi)) ** (1 / 3)
    return {
        "polarity": 1 if float(np.mean(contrasts)) >= 0 else -1,
        "radius_mm": radius,
        "intensity": float(np.median(means)),
        "intensity_sd": float(np.hypot(np.std(means), np.median(spreads))),
        "centre": np.mean(centres, axis=0).tolist(),
        "centre_sd": np.maximum(np.std(centres, axis=0), 0.1).tolist(),
    }


def intensity_facts(scenes: Sequence[Scene], classes: int) -> dict[str, Any]:
    """How intensities of each class are spread.

    Returns:
        `edges` of bins; `frequencies`, for each class the share of its voxels in each bin (never
        0, so that no intensity is impossible); `priors`, the share of voxels in each class.
    """
    images = [smoothed(scene) for scene in scenes]
    low = min(float(np.percentile(image, 0.1)) for image in images)
    high = max(float(np.percentile(image, 99.9)) for image in images)
    edges = np.linspace(low, high if high > low else low + 1, BINS + 1)
    counts = np.zeros((classes + 1, BINS))
    for scene, image in zip(scenes, images, strict=True):
        assert scene.classes is not None
        for value in range(classes + 1):
            counts[value] += np.bincount(
                _bins(image[scene.classes == value], edges), minlength=BINS
            )
    # Neighbouring bins share what they hold: a bin that was empty by chance is not impossible.
    spread = ndimage.gaussian_filter1d(counts, 1.0, axis=1, mode="nearest")
    frequencies = spread + 1e-4 * counts.sum(axis=1, keepdims=True) / BINS + 1e-9
    return {
        "edges": edges.tolist(),
        "frequencies": (frequencies / frequencies.sum(axis=1, keepdims=True)).tolist(),
        "priors": (counts.sum(axis=1) / counts.sum()).tolist(),
    }


def smoothed(scene: Scene) -> Volume:
    """The image with a little of its noise taken away, a Gaussian of 1 mm, 0.7 voxel at least."""
    return ndimage.gaussian_filter(scene.image, scene.sigma(1.0))


def posteriors(image: Volume, facts: dict[str, Any], weight: float) -> npt.NDArray[np.float32]:
    """Chance of each class at each voxel by its intensity alone, `(L + 1, z, y, x)`.

    Args:
        image: as smoothed.
        facts: of `intensity_facts`.
        weight: exponent of the priors: 1 as frequent as in training, 0 all classes alike.
    """
    table = np.array(facts["frequencies"]) * np.array(facts["priors"])[:, None] ** weight
    table = (table / table.sum(axis=0)).astype(np.float32)
    return table[:, _bins(image, np.array(facts["edges"]))]


def _bins(values: npt.NDArray[np.floating], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.intp]:
    return np.clip(np.digitize(values, edges) - 1, 0, BINS - 1)


def _inside(scene: Scene) -> Mask:
    assert scene.classes is not None
    inside: Mask = scene.classes > 0
    return inside
