"""Intensity, histogram, local and morphological features of regions worked out by hand."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.distance import cdist
from scipy.special import eval_legendre

from radpipe.features.ibsi.local_intensity import RADIUS_MM, local_intensity
from radpipe.features.ibsi.morphology import morphology, principal_axes
from radpipe.features.ibsi.spatial import spatial_autocorrelation
from radpipe.features.ibsi.statistics import histogram_statistics, intensity_statistics
from radpipe.features.ibsi.surface import Surface, ellipsoid_area, ellipsoid_volume
from radpipe.features.ibsi.volume_histogram import IntensityGrid, volume_histogram


def box(size: tuple[int, int, int]) -> np.ndarray:
    return np.pad(np.ones(size, dtype=bool), 2)


def ball(radius: int) -> np.ndarray:
    z, y, x = np.indices((2 * radius + 3,) * 3) - radius - 1
    return z**2 + y**2 + x**2 <= radius**2


def test_statistics_of_five_values() -> None:
    found = intensity_statistics(np.array([0.0, 1.0, 2.0, 3.0, 4.0]))
    assert found["Mean"] == 2
    assert found["Variance"] == 2
    assert found["Skewness"] == 0
    assert found["ExcessKurtosis"] == pytest.approx((2 * 16 + 2) / 5 / 4 - 3)
    assert found["InterquartileRange"] == 2
    assert found["QuartileCoefficientOfDispersion"] == pytest.approx(2 / 4)
    assert found["MedianAbsoluteDeviation"] == pytest.approx(6 / 5)
    assert found["RobustMeanAbsoluteDeviation"] == pytest.approx(2 / 3)
    assert found["CoefficientOfVariation"] == pytest.approx(math.sqrt(2) / 2)
    assert found["Energy"] == 30
    assert found["RootMeanSquared"] == pytest.approx(math.sqrt(6))


def test_statistics_say_what_is_undefined() -> None:
    flat = intensity_statistics(np.zeros(4))
    assert flat["Skewness"] == flat["ExcessKurtosis"] == 0
    assert math.isnan(flat["CoefficientOfVariation"])
    assert math.isnan(flat["QuartileCoefficientOfDispersion"])


def test_histogram_of_levels() -> None:
    # Counts of levels 1 to 4: 1, 0, 3, 3; gradient -1, 1, 1.5, 0.
    found = histogram_statistics(np.array([1, 3, 3, 3, 4, 4, 4]))
    assert found["Mode"] == 3, "of two modes the one nearer to the mean of 22 / 7"
    assert found["MaximumGradient"] == 1.5
    assert found["MaximumGradientLevel"] == 3
    assert found["MinimumGradient"] == -1
    assert found["MinimumGradientLevel"] == 1
    assert found["Uniformity"] == pytest.approx((1 + 9 + 9) / 49)
    assert found["Entropy"] == pytest.approx(math.log2(7) - 6 / 7 * math.log2(3))
    assert histogram_statistics(np.ones(3, dtype=int))["MaximumGradient"] == 0


def test_volume_histogram_of_ten_voxels() -> None:
    # One voxel of each intensity 0 ... 9: the volume of at least i is (10 - i) / 10.
    found = volume_histogram(np.arange(10.0), IntensityGrid(0.0, 1.0, 10))
    assert found["VolumeAtIntensity10"] == pytest.approx(0.9), "i >= 0.9 is 1"
    assert found["VolumeAtIntensity90"] == pytest.approx(0.1), "i >= 8.1 is 9"
    assert found["IntensityAtVolume10"] == 9
    assert found["IntensityAtVolume90"] == 1
    assert found["VolumeDifference"] == pytest.approx(0.8)
    assert found["IntensityDifference"] == 8
    assert found["AreaUnderCurve"] == pytest.approx(0.55)


def test_volume_histogram_where_most_voxels_are_brightest() -> None:
    found = volume_histogram(np.array([1.0, 2.0, 2.0]), IntensityGrid(1.0, 1.0, 2))
    assert found["IntensityAtVolume10"] == 3, "the step after the last"
    alone = volume_histogram(np.array([1.0]), IntensityGrid(1.0, 1.0, 1))
    assert math.isnan(alone["VolumeAtIntensity10"])
    assert math.isnan(alone["AreaUnderCurve"])


def test_local_intensity_is_a_mean_over_voxels_within_six_millimetres() -> None:
    # Spacing of 5 mm: within 6.2 mm are the voxel and its six face neighbours.
    image = np.zeros((5, 5, 5))
    image[2, 2, 2], image[2, 2, 3] = 70, 14
    mask = image > 0
    found = local_intensity(image, mask, (5.0, 5.0, 5.0))
    assert pytest.approx(6.2035, abs=1e-4) == RADIUS_MM
    assert found["LocalPeak"] == pytest.approx(84 / 7)
    assert found["GlobalPeak"] == pytest.approx(84 / 7)


def test_local_intensity_counts_only_voxels_of_the_image() -> None:
    image = np.full((1, 1, 2), 3.0)
    found = local_intensity(image, image > 0, (5.0, 5.0, 5.0))
    assert found == pytest.approx({"LocalPeak": 3.0, "GlobalPeak": 3.0})


def test_global_peak_may_lie_off_the_brightest_voxel() -> None:
    image = np.zeros((3, 3, 9))
    image[1, 1, 0], image[1, 1, 4:7] = 10, 9
    found = local_intensity(image, image > 0, (5.0, 5.0, 5.0))
    # The brightest voxel lies at the border: itself and 5 neighbours of the image.
    assert found["LocalPeak"] == pytest.approx(10 / 6)
    assert found["GlobalPeak"] == pytest.approx(27 / 7)


def test_box_of_voxels() -> None:
    region = box((2, 3, 4))
    image = np.where(region, 5.0, 0.0)
    found = morphology(image, region, region, (2.0, 1.0, 1.0))
    assert found["VoxelVolume"] == pytest.approx(48)
    assert found["MeshVolume"] < 48, "marching cubes cut the edges"
    assert found["IntegratedIntensity"] == pytest.approx(5 * found["MeshVolume"])
    assert found["CentreOfMassShift"] == pytest.approx(0, abs=1e-12)
    # The mesh spans 4 x 3 x 4 mm and is convex.
    assert found["VolumeDensityAxisAlignedBox"] == pytest.approx(found["MeshVolume"] / 48)
    assert found["AreaDensityAxisAlignedBox"] == pytest.approx(found["SurfaceArea"] / 80)
    assert found["VolumeDensityConvexHull"] == pytest.approx(1, abs=1e-6)
    assert found["AreaDensityConvexHull"] == pytest.approx(1, abs=1e-6)
    assert found["VolumeDensityOrientedBox"] >= found["VolumeDensityAxisAlignedBox"] - 1e-9
    assert math.isnan(found["MoranI"]), "one intensity has no autocorrelation"


def test_axes_are_four_standard_deviations() -> None:
    # Ten voxels in a row of 2 mm: variance (n^2 - 1) / 12 * n / (n - 1) * 4 mm^2.
    row = np.ones((1, 1, 10), dtype=bool)
    variance = 99 / 12 * 10 / 9 * 4
    assert principal_axes(row, (1.0, 1.0, 2.0)) == pytest.approx([4 * math.sqrt(variance), 0, 0])
    assert principal_axes(np.ones((1, 1, 1), dtype=bool), (1.0, 1.0, 1.0)).tolist() == [0, 0, 0]


def test_ball_is_nearly_a_ball() -> None:
    region = ball(10)
    rng = np.random.default_rng(2026)
    found = morphology(rng.normal(size=region.shape), region, region, (1.0, 1.0, 1.0))
    assert found["Sphericity"] == pytest.approx(1 / found["SphericalDisproportion"])
    assert found["Asphericity"] == pytest.approx(found["SphericalDisproportion"] - 1)
    assert found["Compactness2"] == pytest.approx(found["Sphericity"] ** 3)
    assert found["Compactness1"] == pytest.approx(math.sqrt(found["Compactness2"]) / (6 * math.pi))
    assert found["Elongation"] == pytest.approx(1)
    assert found["Flatness"] == pytest.approx(1)
    assert found["Maximum3DDiameter"] == pytest.approx(21)
    assert found["VolumeDensityEnclosingEllipsoid"] == pytest.approx(0.9, abs=0.06)
    # The moments of a ball of radius r are those of an ellipsoid of half-axes 2 r / sqrt(5).
    semi_axis = found["MajorAxisLength"] / 2
    assert semi_axis == pytest.approx(2 * 10 / math.sqrt(5), rel=0.02)


def test_enclosing_ellipsoid_holds_every_vertex_of_a_box() -> None:
    surface = Surface.around(box((3, 5, 9)), (1.0, 1.0, 1.0))
    long, middle, short = surface.enclosing_semi_axes_mm
    assert long > middle > short
    # The box is symmetric, so the ellipsoid lies along its axes z, y, x around its centre.
    centred = surface.corners - (surface.corners.max(axis=0) + surface.corners.min(axis=0)) / 2
    reach = ((centred / [short, middle, long]) ** 2).sum(axis=1)
    assert reach.max() == pytest.approx(1, abs=0.01)
    assert ellipsoid_volume(np.array([long, middle, short])) > surface.hull.volume
    # Around the box with its corners the half-axes would be sides * sqrt(3) / 2.
    assert long < 9 * math.sqrt(3) / 2


def test_volume_and_area_of_a_sphere() -> None:
    assert ellipsoid_volume(np.array([3.0, 2.0, 1.0])) == pytest.approx(8 * math.pi)
    assert ellipsoid_area(np.array([2.0, 2.0, 2.0])) == pytest.approx(16 * math.pi)


@pytest.mark.parametrize("axes", [(2.0, 1.5, 1.0), (5.7, 4.65, 4.27), (3.0, 1.0, 1.0)])
def test_area_of_an_ellipsoid_is_the_series_of_the_manual(axes: tuple[float, ...]) -> None:
    a, b, c = axes
    alpha, beta = math.sqrt(1 - (b / a) ** 2), math.sqrt(1 - (c / a) ** 2)
    n = np.arange(21)
    polynomials = eval_legendre(n, (alpha**2 + beta**2) / (2 * alpha * beta))
    series = ((alpha * beta) ** n / (1 - 4 * n**2) * polynomials).sum()
    assert ellipsoid_area(np.array(axes)) == pytest.approx(4 * math.pi * a * b * series)


def test_area_of_an_ellipsoid_has_no_pole_where_two_axes_are_equal() -> None:
    near = ellipsoid_area(np.array([2.0, 2.0 - 1e-7, 1.0]))
    assert ellipsoid_area(np.array([2.0, 2.0, 1.0])) == pytest.approx(near, rel=1e-6)


def test_centre_of_mass_follows_intensity() -> None:
    region = np.ones((1, 1, 3), dtype=bool)
    image = np.array([[[1.0, 1.0, 2.0]]])
    found = morphology(image, region, region, (1.0, 1.0, 2.0))
    assert found["CentreOfMassShift"] == pytest.approx(2 * (1 + 2 * 2) / 4 - 2)


def test_a_single_voxel_has_a_shape_but_no_axes() -> None:
    region = box((1, 1, 1))
    found = morphology(np.where(region, 2.0, 0.0), region, region, (1.0, 1.0, 1.0))
    # Marching cubes make an octahedron with corners half a millimetre away.
    assert found["MeshVolume"] == pytest.approx(1 / 6)
    assert found["SurfaceArea"] == pytest.approx(math.sqrt(3))
    assert found["MajorAxisLength"] == 0
    assert math.isnan(found["Elongation"])
    assert math.isnan(found["VolumeDensityApproximateEllipsoid"])
    assert found["VolumeDensityConvexHull"] == pytest.approx(1)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=25)
def test_autocorrelation_is_the_sum_over_all_pairs(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((3, 4, 5)) < 0.6
    mask[0, 0, :2] = True
    image = rng.normal(1000, 3, mask.shape)
    spacing = (3.0, 1.0, 0.5)
    points, x = np.argwhere(mask) * spacing, image[mask] - image[mask].mean()
    distances = cdist(points, points)
    weights = np.divide(1, distances, out=np.zeros_like(distances), where=distances > 0)
    n, total, squares = x.size, weights.sum(), (x**2).sum()
    found = spatial_autocorrelation(image, mask, spacing)
    assert found["MoranI"] == pytest.approx(n / total * (x @ weights @ x) / squares, abs=1e-9)
    apart = (weights * (x[:, None] - x) ** 2).sum()
    assert found["GearyC"] == pytest.approx((n - 1) / (2 * total) * apart / squares, rel=1e-9)
