"""Grids in world coordinates, and smooth random fields that do not depend on the grid."""

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radpipe.types import Vector, Volume

CENTRE_MM = (0.0, 17.0, 5.0)
"""Centre of the MNI152 brain, world x, y, z (LPS), mm."""

HALF_FIELD_MM = (84.0, 102.0, 87.0)
"""Half the field of view around the centre: the brain and room for deformation and motion."""

_HALF_DOMAIN_MM = 130.0
"""Half the box on which random fields are drawn: larger than any grid that samples them."""

_SPLINE_ENERGY = 151.0 / 315.0
"""Integral of the squared cubic B-spline: the mean variance it leaves of unit coefficients."""


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """The random generator of one thing, such as `generator(2026, "external", 3, "noise")`."""
    digest = hashlib.sha256("/".join(str(n) for n in names).encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:8], "big")])


@dataclass(frozen=True)
class Grid:
    """A grid along the world axes (LPS): sizes and distances in the order x, y, z."""

    size: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    origin_mm: tuple[float, float, float]

    @classmethod
    def around_centre(
        cls,
        spacing_mm: tuple[float, float, float],
        shift_mm: tuple[float, float, float] = (0.0, 0.0, 0.0),
    ) -> "Grid":
        """The grid that covers the field of view, moved by `shift_mm`."""
        size = tuple(
            int(np.ceil(2 * half / s)) for half, s in zip(HALF_FIELD_MM, spacing_mm, strict=True)
        )
        origin = tuple(
            centre + shift - (n - 1) * s / 2
            for centre, shift, n, s in zip(CENTRE_MM, shift_mm, size, spacing_mm, strict=True)
        )
        return cls((size[0], size[1], size[2]), spacing_mm, (origin[0], origin[1], origin[2]))

    @property
    def axes_mm(self) -> tuple[Vector, Vector, Vector]:
        """World coordinates of the voxel centres along z, y and x."""
        z, y, x = (
            o + s * np.arange(n)
            for o, s, n in zip(
                self.origin_mm[::-1], self.spacing_mm[::-1], self.size[::-1], strict=True
            )
        )
        return z, y, x

    @property
    def voxel_ml(self) -> float:
        """Volume of a voxel in ml."""
        return float(np.prod(self.spacing_mm)) / 1000.0

    def image(self, array: npt.NDArray[np.generic]) -> sitk.Image:
        """An image of `array`, axes (z, y, x), on this grid."""
        image = sitk.GetImageFromArray(array)
        image.SetSpacing(self.spacing_mm)
        image.SetOrigin(self.origin_mm)
        return image


def smooth_field(rng: np.random.Generator, grid: Grid, scale_mm: float) -> Volume:
    """A smooth random field of mean 0 and about unit variance, axes (z, y, x).

    It is a tensor product of cubic B-splines whose coefficients, one every `scale_mm`, are drawn
    from N(0, 1). The coefficients belong to the world and not to the grid, so that the same
    generator gives the same field at any resolution.
    """
    count = int(np.ceil(2 * _HALF_DOMAIN_MM / scale_mm)) + 3
    coefficients = rng.standard_normal((count, count, count)).astype(np.float32)
    z, y, x = (
        _spline_basis(axis, centre, scale_mm, count)
        for axis, centre in zip(grid.axes_mm, CENTRE_MM[::-1], strict=True)
    )
    # Axis by axis in plain loops: the order of the sums does not depend on the number of threads.
    field = np.einsum("ijk,xk->ijx", coefficients, x)
    field = np.einsum("ijx,yj->iyx", field, y)
    field = np.einsum("iyx,zi->zyx", field, z)
    return np.asarray(field / np.float32(_SPLINE_ENERGY**1.5))


def _spline_basis(axis_mm: Vector, centre_mm: float, scale_mm: float, count: int) -> Volume:
    """Cubic B-splines (columns) at the points of one axis (rows)."""
    knots = centre_mm + (np.arange(count) - (count - 1) / 2) * scale_mm
    t = np.abs(axis_mm[:, None] - knots[None, :]) / scale_mm
    inner = 2 / 3 - t**2 + t**3 / 2
    outer = np.clip(2 - t, 0, None) ** 3 / 6
    return np.where(t < 1, inner, outer).astype(np.float32)
