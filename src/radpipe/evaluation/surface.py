"""Distances between the surfaces of two masks, weighted by surface area.

The definition is that of DeepMind's surface-distance (Nikolov et al., J Med Internet Res
2021;23:e26151): a surface element ("surfel") sits at each corner shared by eight voxels of which
some but not all are in the mask, and its area is that of the marching-cubes triangles there.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt
from scipy.spatial import cKDTree
from skimage.measure import marching_cubes

from radpipe.types import Mask, SpacingZYX, Vector

CORNER_WEIGHTS = 2 ** np.arange(7, -1, -1).reshape(2, 2, 2)
"""Code of a 2 x 2 x 2 neighbourhood: the sum of the weights of the voxels in the mask."""

FULL = 255
"""The code of a neighbourhood that lies wholly in the mask."""


@dataclass(frozen=True)
class SurfaceDistances:
    """Distance from each surfel of one mask to the other's surface, and the surfels' areas.

    `to_reference_mm` and `prediction_area` belong to the predicted surface, shape (a,), sorted by
    distance; `to_prediction_mm` and `reference_area` to the reference's, shape (b,). Areas in mm².
    """

    to_reference_mm: Vector
    prediction_area: Vector
    to_prediction_mm: Vector
    reference_area: Vector

    def percentile_mm(self, share: float) -> float:
        """The larger of the two directed area-weighted percentiles; share 1 is the Hausdorff."""
        return max(
            _weighted_percentile(self.to_reference_mm, self.prediction_area, share),
            _weighted_percentile(self.to_prediction_mm, self.reference_area, share),
        )

    def average_mm(self) -> float:
        """Average symmetric surface distance: the area-weighted mean over both surfaces."""
        total = self.prediction_area.sum() + self.reference_area.sum()
        moment = (self.to_reference_mm * self.prediction_area).sum()
        return float((moment + (self.to_prediction_mm * self.reference_area).sum()) / total)

    def surface_dice(self, tolerance_mm: float) -> float:
        """The share of both surfaces that lies within the tolerance of the other."""
        near = self.prediction_area[self.to_reference_mm <= tolerance_mm].sum()
        near += self.reference_area[self.to_prediction_mm <= tolerance_mm].sum()
        return float(near / (self.prediction_area.sum() + self.reference_area.sum()))


@dataclass(frozen=True)
class _Surfels:
    """The surface of a mask: where its surfels are, and what surrounds them.

    `corner` is the corner's number along the axes z, y, x, shape (n, 3), in the order of memory;
    `code` says which of its eight voxels are in the mask, shape (n,).
    """

    corner: npt.NDArray[np.intp]
    code: npt.NDArray[np.uint8]


def surface_distances(
    prediction: Mask, reference: Mask, spacing_mm: SpacingZYX
) -> SurfaceDistances:
    """Distances between the surfaces of two masks that both hold at least one voxel.

    Time and memory grow with the surfaces, not with the grid between them: distances come from a
    search tree of the other's surfels instead of a distance transform of the whole box.

    Args:
        prediction: mask, axes (z, y, x).
        reference: mask on the same grid.
        spacing_mm: voxel size (z, y, x).
    """
    area = surfel_areas(spacing_mm)
    surfaces = [_surfels(mask) for mask in (prediction, reference)]
    shape = [size + 1 for size in prediction.shape]
    places = [np.ravel_multi_index(tuple(s.corner.T), shape) for s in surfaces]
    points = [s.corner * np.asarray(spacing_mm) for s in surfaces]
    sides = []
    for own, other in ((0, 1), (1, 0)):
        # What both surfaces share, most of a good prediction, is at distance 0 without a search.
        apart = ~np.isin(places[own], places[other], assume_unique=True)
        distance = np.zeros(len(points[own]))
        distance[apart] = nearest_mm(points[own][apart], points[other])
        sides.append(_by_distance(distance, area[surfaces[own].code]))
    return SurfaceDistances(*sides[0], *sides[1])


def nearest_mm(points: npt.NDArray[np.floating], others: npt.NDArray[np.floating]) -> Vector:
    """Distance from each point, shape (n, 3), to the nearest of the others, shape (m, 3)."""
    if not len(points):
        return np.zeros(0)
    # Points of a grid are spread evenly: a balanced tree takes longer to build than it saves.
    tree = cKDTree(others, balanced_tree=False, compact_nodes=False)
    return np.asarray(tree.query(points)[0])


@lru_cache(maxsize=64)
def surfel_areas(spacing_mm: SpacingZYX) -> Vector:
    """Area in mm² of the surface in a 2 x 2 x 2 neighbourhood, for each of the 256 codes.

    Triangles are those of Lorensen & Cline's marching cubes. Neighbourhoods that are mostly inside
    are taken as their complement, so that the area does not depend on which side is called inside;
    this reproduces the published table exactly.
    """
    areas = np.zeros(256)
    for code in range(1, FULL):
        cube = np.zeros((2, 2, 2))
        for corner in product((0, 1), repeat=3):
            cube[corner] = bool(code & CORNER_WEIGHTS[corner])
        if cube.sum() > cube.size / 2:
            cube = 1 - cube
        vertices, faces, _, _ = marching_cubes(cube, 0.5, spacing=spacing_mm, method="lorensen")
        a, b, c = (vertices[faces[:, k]].astype(float) for k in range(3))
        areas[code] = np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2
    return areas


def bounding_box(mask: Mask) -> tuple[slice, ...]:
    """The smallest box that holds every voxel of a mask that is not empty."""
    box: list[slice] = []
    for axis in range(mask.ndim):
        # What the axes before have ruled out is not looked at again.
        part = mask[tuple(box)]
        hit = np.flatnonzero(part.any(axis=tuple(a for a in range(mask.ndim) if a != axis)))
        box.append(slice(int(hit[0]), int(hit[-1]) + 1))
    return tuple(box)


def _surfels(mask: Mask) -> _Surfels:
    box = bounding_box(mask)
    codes = _neighbour_codes(mask[box])
    corner = np.argwhere((codes != 0) & (codes != FULL))
    return _Surfels(corner + [side.start for side in box], codes[tuple(corner.T)])


def _neighbour_codes(mask: Mask) -> npt.NDArray[np.uint8]:
    """Code of the eight voxels around each corner of the grid, shape (z + 1, y + 1, x + 1)."""
    padded = np.pad(mask, 1).view(np.uint8)
    depth, height, width = (size + 1 for size in mask.shape)
    codes = np.zeros((depth, height, width), dtype=np.uint8)
    for z, y, x in product((0, 1), repeat=3):
        weight = CORNER_WEIGHTS[z, y, x].astype(np.uint8)
        codes |= weight * padded[z : z + depth, y : y + height, x : x + width]
    return codes


def _by_distance(distance: Vector, area: Vector) -> tuple[Vector, Vector]:
    order = np.argsort(distance, kind="stable")
    return distance[order], area[order]


def _weighted_percentile(distance: Vector, area: Vector, share: float) -> float:
    """The first distance at which the cumulated share of the area reaches `share`."""
    cumulated = np.cumsum(area) / area.sum()
    return float(distance[min(int(np.searchsorted(cumulated, share)), distance.size - 1)])
