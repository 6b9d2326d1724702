"""Regions that spread from seeds: confidence-connected growing, random walker, watershed."""

from typing import Any

import numpy as np
import SimpleITK as sitk
from scipy import ndimage
from skimage import segmentation

from radpipe.config import Classical
from radpipe.segmentation.classical.fitted import Parameters
from radpipe.segmentation.classical.knowledge import posteriors, smoothed
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels, Mask, Volume

MULTIPLIERS = (1.5, 2.0, 2.5, 3.0, 4.0)
SEED_RULES = ("extreme", "centre", "typical")
CUTS = (0.6, 0.8, 0.95)
STIFFNESS = (90.0, 400.0)


def growing_candidates(_: Classical) -> list[dict[str, object]]:
    """Rules for the seed, and how far from the mean of the region a voxel may be."""
    return [{"seed_rule": r, "multiplier": m} for r in SEED_RULES for m in MULTIPLIERS]


def region_growing(scene: Scene, parameters: Parameters) -> Labels:
    """What is connected to a seed and within so many SD of the region (SimpleITK).

    The seed is set by rule (`seed_point`), the image is smoothed a little.
    """
    seed = seed_point(scene, parameters)
    grown = sitk.ConfidenceConnected(
        sitk.GetImageFromArray(smoothed(scene)),
        seedList=[tuple(int(i) for i in seed[::-1])],
        numberOfIterations=4,
        multiplier=float(parameters["multiplier"]),
        initialNeighborhoodRadius=1,
        replaceValue=1,
    )
    return sitk.GetArrayFromImage(grown).astype(np.uint8)


def seed_point(scene: Scene, parameters: Parameters) -> tuple[int, int, int]:
    """A voxel in the lesion, `(z, y, x)`, set by a rule that was learned.

    `extreme`: the brightest (darkest, for dark lesions) after smoothing; `centre`: of the box, or
    where lesions lie on average in an image; `typical`: the likeliest by intensity and place.
    """
    # The margin's outer half is no lesion: a bright neighbour in it is no seed.
    allowed = ~scene.shell() if any(map(any, scene.margins)) else np.ones(scene.size, bool)
    image = ndimage.gaussian_filter(scene.image, scene.sigma(2.0)).astype(np.float64)
    rule = parameters["seed_rule"]
    if rule == "extreme":
        score = image * float(parameters["polarity"])
    else:
        score = -_distance(scene, parameters)
        if rule == "typical":
            spread = max(float(parameters["intensity_sd"]), 1e-6)
            score = score - ((image - float(parameters["intensity"])) / spread) ** 2
    score = np.where(allowed, score, -np.inf)
    z, y, x = np.unravel_index(int(np.argmax(score)), scene.size)
    return (int(z), int(y), int(x))


def marker_candidates(settings: Classical) -> list[dict[str, object]]:
    """How sure a marker must be, whether classes count as frequent; stiffness of the walker."""
    stiff = STIFFNESS if settings.classical == "random_walker" else (0.0,)
    return [
        {"cut": cut, "weight": weight, "beta": beta}
        for weight in (0.0, 1.0)
        for cut in CUTS
        for beta in stiff
    ]


def random_walker(scene: Scene, parameters: Parameters) -> Labels:
    """The marker that a random walk from each voxel reaches first (Grady, PAMI 2006;28:1768).

    The walk is solved in probabilities, all labels at once (conjugate gradients).
    """
    image = smoothed(scene)
    markers = _markers(scene, image, parameters)
    if np.unique(markers[markers > 0]).size < 2 or (markers > 0).all():
        return _without_rest(markers)
    # An iterative solution leaves 0 … 1 by a little, which does not change who is first.
    walked = segmentation.random_walker(
        _unit(image), markers, beta=float(parameters["beta"]), mode="cg_j", tol=1e-4, prob_tol=0.05
    )
    return (np.maximum(walked, 1) - 1).astype(np.uint8)


def watershed(scene: Scene, parameters: Parameters) -> Labels:
    """Basins of the gradient, flooded from the markers (Beucher and Meyer 1993)."""
    image = smoothed(scene)
    markers = _markers(scene, image, parameters)
    if np.unique(markers[markers > 0]).size < 2:
        return _without_rest(markers)
    slope = ndimage.gaussian_gradient_magnitude(image, scene.sigma(1.0))
    return (segmentation.watershed(slope, markers) - 1).astype(np.uint8)


def _markers(scene: Scene, image: Volume, parameters: Parameters) -> Labels:
    """0 unknown, 1 sure background, k + 1 sure class k; single voxels are noise and no marker."""
    facts: dict[str, Any] = dict(parameters)
    chances = posteriors(image, facts, float(parameters["weight"]))
    markers = np.zeros(scene.size, np.int32)
    for value, chance in enumerate(chances):
        sure: Mask = chance >= float(parameters["cut"])
        opened = ndimage.binary_opening(sure, ndimage.generate_binary_structure(3, 1))
        markers[opened if opened.any() else sure] = value + 1
    # What lies in the outer half of a box's margin is background, as the reader set it.
    if any(map(any, scene.margins)):
        markers[scene.shell()] = 1
    return markers


def _without_rest(markers: Labels) -> Labels:
    """Classes where there is nothing to spread between: what is unknown is background."""
    return (np.maximum(markers, 1) - 1).astype(np.uint8)


def _distance(scene: Scene, parameters: Parameters) -> Volume:
    """Squared distance to the place of lesions, in SD of that place."""
    middle = [0.5] * 3 if scene.boxed else parameters["centre"]
    axes = [
        (((np.arange(n) + 0.5) / n - c) / s) ** 2
        for n, c, s in zip(scene.size, middle, parameters["centre_sd"], strict=True)
    ]
    total: Volume = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]
    return total


def _unit(image: Volume) -> Volume:
    """Robust range to 0 … 1, so that stiffness means the same in every image."""
    low, high = np.percentile(image, [1, 99])
    if high <= low:
        low, high = float(image.min()), float(image.max())
    scaled: Volume = np.clip((image - low) / max(high - low, 1e-12), 0, 1)
    return scaled
