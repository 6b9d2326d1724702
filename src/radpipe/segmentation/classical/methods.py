"""The methods by name: how each draws, what is tried to tune it, how large a scene it bears."""

from collections.abc import Callable
from dataclasses import dataclass

from radpipe.config import Classical
from radpipe.segmentation.classical import clustering, contours, regions, thresholds
from radpipe.segmentation.classical.fitted import Parameters
from radpipe.segmentation.classical.scenes import Scene
from radpipe.types import Labels

Split = Callable[[Scene, Parameters], Labels | None]
"""Parts an image in classes ordered by intensity; none where it has too few values."""

SPLITS: dict[str, Split] = {
    "otsu": thresholds.multi_otsu,
    "multi_otsu": thresholds.multi_otsu,
    "kmeans": clustering.kmeans,
    "gaussian_mixture": clustering.gaussian_mixture,
}


@dataclass(frozen=True)
class Method:
    """A method that is tuned over a short list of candidates.

    Attributes:
        draw: classes of the voxels of a scene, which is not empty.
        candidates: the parameters that are tried in the fold.
        voxels: the largest scene it draws on; a larger one is shrunk, and the mask stretched back.
        cases: training cases that the candidates are tried on, at most.
    """

    draw: Callable[[Scene, Parameters], Labels]
    candidates: Callable[[Classical], list[dict[str, object]]]
    voxels: int
    cases: int


WHOLE = 1_000_000_000
"""No image is larger: what is no more than a comparison a voxel is done on all of them."""

METHODS: dict[str, Method] = {
    "fwhm": Method(thresholds.fwhm, thresholds.fwhm_candidates, WHOLE, 24),
    "reference_sd": Method(thresholds.reference_sd, thresholds.reference_candidates, WHOLE, 24),
    "region_growing": Method(regions.region_growing, regions.growing_candidates, 8_000_000, 12),
    "watershed": Method(regions.watershed, regions.marker_candidates, 2_000_000, 12),
    "random_walker": Method(regions.random_walker, regions.marker_candidates, 100_000, 5),
    "active_contour": Method(contours.active_contour, contours.snake_candidates, 80_000, 5),
    "chan_vese": Method(contours.chan_vese, contours.chan_vese_candidates, 80_000, 5),
    "geodesic": Method(contours.geodesic, contours.geodesic_candidates, 80_000, 5),
}

TUNING_VOXELS = 500_000
"""Scenes are thinned to so many voxels while candidates are tried."""

VOXELS_CLASSIFIED = 200_000
"""The largest scene that voxel classifiers work on; a larger one is shrunk."""

ATLAS_VOXELS = 400_000
"""The largest grid that an atlas is kept on, and a case laid under it."""
