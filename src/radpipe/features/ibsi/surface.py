"""The triangle mesh around a region, and the simple bodies around the mesh."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import spatial
from skimage import measure

from radpipe.features.boxes import bounding_box
from radpipe.types import Mask, Matrix, SpacingZYX, Vector

AREA_TERMS = 21
"""Terms of the series of an ellipsoid's area: IBSI cuts it after the 20th."""

ELLIPSOID_TOLERANCE = 1e-3
"""Khachiyan's measure of how far the enclosing ellipsoid is from the smallest one."""

SAME_DIRECTION = 6
"""Decimals to which two normals of a hull are one direction."""


@dataclass(frozen=True)
class Surface:
    """A closed triangle mesh.

    Attributes:
        vertices: points in mm, shape (n, 3), axes (z, y, x).
        faces: three indices of points a triangle, shape (m, 3).
    """

    vertices: Matrix
    faces: Matrix

    @classmethod
    def around(cls, mask: Mask, spacing_mm: SpacingZYX) -> "Surface":
        """Marching cubes at half of the way from the outermost voxels to the outside.

        Args:
            mask: the morphological mask (z, y, x), not empty.
            spacing_mm: voxel size.
        """
        inside = np.pad(mask[bounding_box(mask).slices], 1).astype(np.float32)
        vertices, faces, _, _ = measure.marching_cubes(
            inside, level=0.5, spacing=spacing_mm, method="lorensen"
        )
        return cls(vertices.astype(np.float64), faces)

    @cached_property
    def volume_mm3(self) -> float:
        """The sum of the signed tetrahedra between each triangle and the centre of the mesh."""
        a, b, c = self._corners()
        return float(abs(np.einsum("ij,ij->i", a, np.cross(b, c)).sum()) / 6)

    @cached_property
    def area_mm2(self) -> float:
        """The sum of the triangles."""
        a, b, c = self._corners()
        return float(np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2)

    @cached_property
    def hull(self) -> spatial.ConvexHull:
        """The convex hull; of a hull of three dimensions `area` is the surface."""
        return spatial.ConvexHull(self.vertices)

    @property
    def corners(self) -> Matrix:
        """The vertices of the convex hull, shape (n, 3), mm."""
        return self.vertices[self.hull.vertices]

    @property
    def diameter_mm(self) -> float:
        """The largest distance between two points: both lie on the hull."""
        return float(spatial.distance.pdist(self.corners).max())

    @property
    def box_mm(self) -> Vector:
        """Sides of the box along the axes, shape (3,)."""
        return np.ptp(self.vertices, axis=0)

    @property
    def oriented_box_mm(self) -> Vector:
        """Sides of the smallest box with a face on a face of the hull, shape (3,).

        The smallest of all boxes may touch the hull with edges alone (O'Rourke 1985); this one is
        at most a few per cent larger.
        """
        corners = self.corners
        normals = self.hull.equations[:, :3]
        normals = np.unique(np.round(normals, SAME_DIRECTION), axis=0)
        boxes = [_box_on(corners, normal / np.linalg.norm(normal)) for normal in normals]
        return boxes[int(np.argmin([box.prod() for box in boxes]))]

    @property
    def enclosing_semi_axes_mm(self) -> Vector:
        """Semi-axes of the smallest ellipsoid around the mesh, falling, shape (3,)."""
        return _enclosing_semi_axes(self.corners)

    def _corners(self) -> tuple[Matrix, Matrix, Matrix]:
        points = self.vertices - self.vertices.mean(axis=0)
        return points[self.faces[:, 0]], points[self.faces[:, 1]], points[self.faces[:, 2]]


def ellipsoid_volume(semi_axes_mm: Vector) -> float:
    """Volume in mm^3 of an ellipsoid of three semi-axes."""
    return float(4 / 3 * np.pi * np.prod(semi_axes_mm))


def ellipsoid_area(semi_axes_mm: Vector) -> float:
    """Surface in mm^2 of an ellipsoid, by IBSI's series of Legendre polynomials.

    IBSI takes both eccentricities from the longest axis, sqrt(1 - b^2 / a^2) and
    sqrt(1 - c^2 / a^2). The series gives the true area only where all axes are equal (4 % less on
    the digital phantom), but the consensus values follow it, so it is kept.

    Args:
        semi_axes_mm: a >= b >= c > 0, shape (3,).
    """
    a, b, c = semi_axes_mm
    alpha_squared, beta_squared = 1 - (b / a) ** 2, 1 - (c / a) ** 2
    middle, product = (alpha_squared + beta_squared) / 2, alpha_squared * beta_squared
    # Term n is (alpha * beta)^n P_n(middle / (alpha * beta)): the recurrence of the polynomials,
    # written for the product, has no pole where two axes are equal.
    before, term, total = 0.0, 1.0, 0.0
    for n in range(AREA_TERMS):
        total += term / (1 - 4 * n**2)
        before, term = term, ((2 * n + 1) * middle * term - n * product * before) / (n + 1)
    return float(4 * np.pi * a * b * total)


def _box_on(corners: Matrix, normal: Vector) -> Vector:
    """Sides of the smallest box around points of which one face has this normal."""
    basis = np.linalg.svd(normal[None])[2]
    height = np.ptp(corners @ normal)
    flat = corners @ basis[1:].T
    outline = flat[spatial.ConvexHull(flat).vertices]
    edges = np.roll(outline, -1, axis=0) - outline
    edges /= np.linalg.norm(edges, axis=1)[:, None]
    across = np.stack([-edges[:, 1], edges[:, 0]], axis=1)
    lengths, widths = np.ptp(outline @ edges.T, axis=0), np.ptp(outline @ across.T, axis=0)
    best = int(np.argmin(lengths * widths))
    return np.array([height, lengths[best], widths[best]])


def _enclosing_semi_axes(points: Matrix) -> Vector:
    """Khachiyan's algorithm for the minimum volume enclosing ellipsoid (Moshtagh 2005)."""
    count, size = points.shape
    lifted = np.column_stack([points, np.ones(count)]).T
    weights = np.full(count, 1 / count)
    excess = np.inf
    while excess > ELLIPSOID_TOLERANCE:
        inverse = np.linalg.inv((lifted * weights) @ lifted.T)
        distances = np.einsum("ij,ij->j", lifted, inverse @ lifted)
        furthest = int(np.argmax(distances))
        excess = distances[furthest] / (size + 1) - 1
        step = (distances[furthest] - size - 1) / ((size + 1) * (distances[furthest] - 1))
        weights *= 1 - step
        weights[furthest] += step
    centre = points.T @ weights
    spread = (points.T * weights) @ points - np.outer(centre, centre)
    # Grown until the furthest point lies inside, so that the ellipsoid does enclose.
    apart = points - centre
    reach = np.einsum("ij,ij->i", apart @ np.linalg.inv(spread), apart).max()
    return np.sqrt(np.linalg.eigvalsh(spread) * reach)[::-1]
