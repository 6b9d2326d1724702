"""Local binary patterns in 3-D by spherical harmonics (Banerjee et al. 2012, as in pyradiomics).

pyradiomics' own filter needs trimesh and a function that SciPy has removed; this one gives its
values. A voxel is compared with 42 points on a sphere of one voxel around it; the signs are
expanded in spherical harmonics of degree 0 and 1, and the norm of each degree is an image. The
third image is the kurtosis of the 42 intensities.
"""

import itertools
import warnings
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk
from scipy import ndimage, stats

from radpipe.features.boxes import Box, triple
from radpipe.types import Mask, Volume

SPLINE_MARGIN = 40
"""Voxels behind which the cubic spline does not change (its pole is 0.27; 0.27^40 is 1e-23)."""

BATCH = 4096
"""Voxels expanded at a time."""

DEGREES = (0, 1, 1, 1)
"""Degree of each harmonic that is used."""

Complex = npt.NDArray[np.complexfloating]


def local_binary_pattern_3d(
    image: sitk.Image, box: Box, voxels: Mask
) -> Iterator[tuple[str, Volume]]:
    """The images `m1` and `m2` (norms of degree 0 and 1) and `k` (kurtosis), 0 outside the region.

    Args:
        image: the whole image.
        box: what is wanted of it.
        voxels: the region in the box (z, y, x).
    """
    outer = box.grown((SPLINE_MARGIN,) * 3, triple(image.GetSize()[::-1]))
    around = sitk.GetArrayFromImage(outer.crop(image))
    coefficients = ndimage.spline_filter(around, order=3, output=np.float64, mode="mirror")
    points = icosphere()
    harmonics = spherical_harmonics(points)
    places = np.argwhere(voxels) + np.array(box.start)
    found = np.empty((len(places), 3))
    for first in range(0, len(places), BATCH):
        part = places[first : first + BATCH]
        # Coordinates are rounded where the voxel lies in the whole image, then moved by integers.
        spheres = (part[None] + points[:, None] - np.array(outer.start)).T
        samples = ndimage.map_coordinates(
            coefficients, spheres, output=around.dtype, order=3, prefilter=False
        )
        centres = around[tuple((part - np.array(outer.start)).T)]
        found[first : first + BATCH, :2] = _norms(samples >= centres[:, None], harmonics)
        found[first : first + BATCH, 2] = _kurtosis(samples)
    for name, column in zip(("m1", "m2", "k"), found.T, strict=True):
        values = np.zeros(box.shape)
        values[voxels] = column
        yield name, values


def _kurtosis(samples: Volume) -> Volume:
    """Excess kurtosis of the samples (voxel, point) of each voxel; NaN where they are all equal.

    The precision is that of the image, as in pyradiomics, where the last digits depend on the order
    in which trimesh happens to give the points.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Precision loss occurred", RuntimeWarning)
        return np.asarray(stats.kurtosis(samples, axis=1))


def icosphere() -> Volume:
    """42 points of the unit sphere: the corners of an icosahedron and the middles of its edges."""
    golden = (1 + np.sqrt(5)) / 2
    signs = itertools.product((-1, 1), (-golden, golden))
    corners = np.array([np.roll((a, b, 0.0), k) for a, b in signs for k in range(3)])
    corners /= np.linalg.norm(corners, axis=1, keepdims=True)
    distances = np.linalg.norm(corners[:, None] - corners[None], axis=2)
    edge = distances[distances > 0].min()
    first, second = np.nonzero(np.triu(np.isclose(distances, edge)))
    middles = corners[first] + corners[second]
    return np.concatenate([corners, middles / np.linalg.norm(middles, axis=1, keepdims=True)])


def spherical_harmonics(points: Volume) -> Complex:
    """Y of degree and order (0, 0), (1, -1), (1, 0), (1, 1) at points on the unit sphere.

    pyradiomics hands the two angles to SciPy in the wrong order, which is kept: the polar angle
    takes the part of the azimuth.
    """
    azimuth = np.arccos(np.clip(points[:, 2], -1, 1))
    polar = np.arctan2(points[:, 1], points[:, 0])
    lateral = np.sqrt(3 / (8 * np.pi)) * np.abs(np.sin(polar)) * np.exp(1j * azimuth)
    return np.column_stack(
        [
            np.full(len(points), np.sqrt(1 / (4 * np.pi)), dtype=complex),
            lateral.conj(),
            np.sqrt(3 / (4 * np.pi)) * np.cos(polar),
            -lateral,
        ]
    )


def _norms(signs: Mask, harmonics: Complex) -> Volume:
    """Norm of each degree of the expansion of signs (voxel, point), shape (voxel, degree)."""
    weights = np.multiply(signs.astype(int)[:, :, None], harmonics[None]).sum(axis=1)
    norms = []
    for degree in np.unique(DEGREES):
        terms = np.equal(DEGREES, degree)
        expansion = np.sum(weights[:, None, terms] * harmonics[None][:, :, terms], axis=2)
        norms.append(np.sqrt(np.sum(expansion**2, axis=1)).real)
    return np.stack(norms, axis=1)
