"""Morphological features of IBSI: mesh, axes, densities in simple bodies, integrated intensity."""

import numpy as np

from radpipe.features.boxes import bounding_box
from radpipe.features.ibsi.spatial import spatial_autocorrelation
from radpipe.features.ibsi.statistics import ratio
from radpipe.features.ibsi.surface import Surface, ellipsoid_area, ellipsoid_volume
from radpipe.types import Mask, SpacingZYX, Vector, Volume


def morphology(
    image: Volume, mask: Mask, intensity_mask: Mask, spacing_mm: SpacingZYX
) -> dict[str, float]:
    """The 29 morphological features of IBSI.

    Args:
        image: intensities (z, y, x).
        mask: the morphological mask (z, y, x), which the surface encloses.
        intensity_mask: the mask after re-segmentation (z, y, x), whose intensities are used; not
            empty.
        spacing_mm: voxel size.

    Returns:
        Lengths in mm. Axes are four standard deviations, divided by n - 1. What a flat region
        (no thickness, one intensity) leaves undefined is NaN.
    """
    surface = Surface.around(mask, spacing_mm)
    axes = principal_axes(mask, spacing_mm)
    values = image[intensity_mask].astype(np.float64)
    return {
        "MeshVolume": surface.volume_mm3,
        "VoxelVolume": float(mask.sum() * np.prod(spacing_mm)),
        **_roundness(surface),
        "CentreOfMassShift": _centre_shift(image, mask, intensity_mask, spacing_mm),
        "Maximum3DDiameter": surface.diameter_mm,
        "MajorAxisLength": float(axes[0]),
        "MinorAxisLength": float(axes[1]),
        "LeastAxisLength": float(axes[2]),
        "Elongation": ratio(float(axes[1]), float(axes[0])),
        "Flatness": ratio(float(axes[2]), float(axes[0])),
        **_densities(surface, axes / 2),
        "IntegratedIntensity": float(values.mean()) * surface.volume_mm3,
        **spatial_autocorrelation(image, intensity_mask, spacing_mm),
    }


def principal_axes(mask: Mask, spacing_mm: SpacingZYX) -> Vector:
    """Lengths of the axes of the ellipsoid of the same second moments, mm, falling, shape (3,)."""
    points = np.argwhere(mask) * np.asarray(spacing_mm)
    if len(points) < 2:
        return np.zeros(3)
    eigenvalues = np.linalg.eigvalsh(np.cov(points.T))[::-1]
    # A plane of voxels has no variance across it, but rounding may make one below 0.
    return 4 * np.sqrt(np.maximum(eigenvalues, 0.0))


def _roundness(surface: Surface) -> dict[str, float]:
    """Surface and volume against those of a ball."""
    area, volume = surface.area_mm2, surface.volume_mm3
    disproportion = area / (36 * np.pi * volume**2) ** (1 / 3)
    return {
        "SurfaceArea": area,
        "SurfaceVolumeRatio": area / volume,
        "Compactness1": volume / (np.pi**0.5 * area**1.5),
        "Compactness2": disproportion**-3,
        "SphericalDisproportion": disproportion,
        "Sphericity": 1 / disproportion,
        "Asphericity": disproportion - 1,
    }


def _densities(surface: Surface, semi_axes_mm: Vector) -> dict[str, float]:
    """Volume and area of the region over those of bodies around it."""
    enclosing = surface.enclosing_semi_axes_mm
    bodies = {
        "AxisAlignedBox": (_box_volume(surface.box_mm), _box_area(surface.box_mm)),
        "OrientedBox": (
            _box_volume(surface.oriented_box_mm),
            _box_area(surface.oriented_box_mm),
        ),
        "EnclosingEllipsoid": (ellipsoid_volume(enclosing), ellipsoid_area(enclosing)),
        "ConvexHull": (surface.hull.volume, surface.hull.area),
    }
    if semi_axes_mm.min() > 0:
        approximate = (ellipsoid_volume(semi_axes_mm), ellipsoid_area(semi_axes_mm))
    else:
        approximate = (float("nan"), float("nan"))
    bodies["ApproximateEllipsoid"] = approximate
    densities = {}
    for body, (volume, area) in bodies.items():
        densities[f"VolumeDensity{body}"] = surface.volume_mm3 / volume
        densities[f"AreaDensity{body}"] = surface.area_mm2 / area
    return densities


def _box_volume(sides_mm: Vector) -> float:
    return float(sides_mm.prod())


def _box_area(sides_mm: Vector) -> float:
    a, b, c = sides_mm
    return float(2 * (a * b + b * c + c * a))


def _centre_shift(image: Volume, mask: Mask, intensity_mask: Mask, spacing_mm: SpacingZYX) -> float:
    """Distance in mm between the centre of the region and that weighted with intensity."""
    corner = np.asarray(bounding_box(mask).start)
    centre = (np.argwhere(mask) - corner).mean(axis=0)
    weights = image[intensity_mask].astype(np.float64)
    if weights.sum() == 0:
        return float("nan")
    weighted = weights @ (np.argwhere(intensity_mask) - corner) / weights.sum()
    return float(np.linalg.norm((weighted - centre) * np.asarray(spacing_mm)))
