"""Contours that move until they lie on edges, or part two levels of grey."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage
from skimage import segmentation

from radpipe.config import Classical
from radpipe.segmentation.classical.fitted import Parameters
from radpipe.segmentation.classical.regions import seed_point
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels, Mask, Volume

STEPS = 40
"""Steps of a morphological contour at most; it ends when some change nothing."""

STRIDE = 4
"""Steps between two looks at it: even, as scikit-image smooths in two ways by turns, and remembers
across calls whose turn it is."""

LEVEL_SET_STEPS = 150
EDGE_VOXELS = 0.7
"""Width of the Gaussian that gradients are taken with; a wider one moves edges of small lesions."""

FLAT = 20.0
"""A balloon pushes where the speed is above this percentile of it: off edges."""

STARTS = ("half", "ball")
Level = npt.NDArray[np.int8]
"""1 inside, 0 outside, axes (z, y, x)."""

NEIGHBOURS = np.ones((3, 3, 3), bool)


def snake_candidates(settings: Classical) -> list[dict[str, object]]:
    """Where the contour starts, whether it is smoothed (small ones vanish) and blown up."""
    rule = "centre" if settings.within == "box" else "extreme"
    return [
        {"seed_rule": rule, "start": start, "smoothing": smoothing, "balloon": balloon}
        for start in STARTS
        for smoothing in (0, 1)
        for balloon in (0, 1)
    ]


def active_contour(scene: Scene, parameters: Parameters) -> Labels:
    """Morphological geodesic snake (Márquez-Neila et al., PAMI 2014;36:2).

    It is slowed by gradients and pushed by a balloon where there is none.
    """

    def moved(image: Volume, start: Mask) -> Mask:
        speed = segmentation.inverse_gaussian_gradient(
            image.astype(np.float64), alpha=100.0, sigma=EDGE_VOXELS
        )
        threshold = float(np.percentile(speed, FLAT))

        def step(level: Level) -> Level:
            return segmentation.morphological_geodesic_active_contour(
                speed,
                STRIDE,
                init_level_set=level,
                smoothing=int(parameters["smoothing"]),
                balloon=int(parameters["balloon"]),
                threshold=threshold,
            )

        return _settled(start, step)

    return _contour(scene, parameters, moved)


def chan_vese_candidates(settings: Classical) -> list[dict[str, object]]:
    """Where the contour starts, how smooth it is, and how alike its outside must be."""
    rule = "centre" if settings.within == "box" else "extreme"
    return [
        {"seed_rule": rule, "start": start, "smoothing": smoothing, "outside": outside}
        for start in STARTS
        for smoothing, outside in ((0, 1.0), (1, 1.0), (1, 3.0))
    ]


def chan_vese(scene: Scene, parameters: Parameters) -> Labels:
    """Two levels of grey parted without edges (Chan and Vese 2001, morphological steps)."""

    def moved(image: Volume, start: Mask) -> Mask:
        def step(level: Level) -> Level:
            return segmentation.morphological_chan_vese(
                image,
                STRIDE,
                init_level_set=level,
                smoothing=int(parameters["smoothing"]),
                lambda1=1.0,
                lambda2=float(parameters["outside"]),
            )

        return _settled(start, step)

    return _contour(scene, parameters, moved)


def geodesic_candidates(settings: Classical) -> list[dict[str, object]]:
    """Where the level set starts, and how strongly it spreads against its curvature."""
    rule = "centre" if settings.within == "box" else "extreme"
    return [
        {"seed_rule": rule, "start": start, "propagation": speed, "curvature": curvature}
        for start in STARTS
        for speed, curvature in ((0.5, 0.2), (0.5, 1.0), (1.5, 0.2), (1.5, 1.0))
    ]


def geodesic(scene: Scene, parameters: Parameters) -> Labels:
    """Geodesic active contour as a level set (Caselles et al. 1997, SimpleITK)."""

    def moved(image: Volume, start: Mask) -> Mask:
        slope = ndimage.gaussian_gradient_magnitude(image, EDGE_VOXELS)
        steep = max(float(np.percentile(slope, 90)), 1e-6)
        speed = (1 / (1 + (slope / steep) ** 2)).astype(np.float32)
        outside = ndimage.distance_transform_edt(~start) - ndimage.distance_transform_edt(start)
        level = sitk.GeodesicActiveContourLevelSet(
            sitk.GetImageFromArray(outside.astype(np.float32)),
            sitk.GetImageFromArray(speed),
            maximumRMSError=0.005,
            propagationScaling=float(parameters["propagation"]),
            curvatureScaling=float(parameters["curvature"]),
            advectionScaling=1.0,
            numberOfIterations=LEVEL_SET_STEPS,
        )
        result: Mask = sitk.GetArrayFromImage(level) < 0
        return result

    return _contour(scene, parameters, moved)


def _settled(start: Mask, step: Callable[[Level], Level]) -> Mask:
    """A contour after as many strides as change it."""
    level = start.astype(np.int8)
    for _ in range(STEPS // STRIDE):
        before, level = level, step(level)
        if np.array_equal(before, level):
            break
    return level.astype(bool)


def _contour(scene: Scene, parameters: Parameters, moved: Callable[[Volume, Mask], Mask]) -> Labels:
    """The region of a contour that moves from its start; parts that left the start are dropped.

    `moved(image, start)` sees the image smoothed, its lesion bright, its robust range 0 … 1.
    """
    image = ndimage.gaussian_filter(scene.image, scene.sigma(1.0)) * float(parameters["polarity"])
    low, high = float(np.percentile(image, 1)), float(image.max())
    image = np.clip((image - low) / max(high - low, 1e-12), 0, 1).astype(np.float32)
    start = _start(scene, image, parameters)
    components, _ = ndimage.label(moved(image, start), NEIGHBOURS)
    kept = np.unique(components[start])
    return np.isin(components, kept[kept > 0]).astype(np.uint8)


def _start(scene: Scene, image: Volume, parameters: Parameters) -> Mask:
    """`half`: the seed's component above half its height; `ball`: 0.6 of the usual radius."""
    seed = seed_point(scene, parameters)
    if parameters["start"] == "half":
        base = float(np.median(image[scene.shell()]))
        bright = image >= (float(image[seed]) + base) / 2
        components, _ = ndimage.label(bright, NEIGHBOURS)
        region: Mask = components == components[seed]
        if image[seed] > base:
            return region
    axes = [
        ((np.arange(n) - i) * s) ** 2
        for n, i, s in zip(scene.size, seed, scene.spacing_mm, strict=True)
    ]
    squared = axes[0][:, None, None] + axes[1][None, :, None] + axes[2][None, None, :]
    ball: Mask = squared <= (0.6 * float(parameters["radius_mm"])) ** 2
    ball[seed] = True
    return ball
