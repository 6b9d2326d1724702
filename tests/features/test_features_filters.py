"""Filtered images of a box: those of pyradiomics on the whole image, and answers by hand."""

import sys
import types
import warnings
from collections.abc import Iterator

import numpy as np
import pytest
import SimpleITK as sitk
from feature_images import image_of, pyradiomics_filters
from hypothesis import given, settings
from hypothesis import strategies as st
from radiomics import imageoperations
from scipy import ndimage, special

from radpipe.config import Handcrafted
from radpipe.features.boxes import Box, bounding_box
from radpipe.features.filters import filtered_images
from radpipe.features.image_filters import laplacian_of_gaussian, log_margin
from radpipe.features.spherical_patterns import icosphere

SPACING_MM = (1.0, 1.5, 2.5)
EVERY = Handcrafted(
    image_types=[
        *("original", "log", "wavelet", "square", "square_root", "logarithm", "exponential"),
        *("gradient", "lbp2d", "lbp3d"),
    ],
    log_sigma_mm=[1.0],
)


def walk(shape: tuple[int, ...], seed: int = 0) -> np.ndarray:
    noise = np.random.default_rng(seed).normal(size=shape).cumsum(axis=0).cumsum(axis=1)
    return (100 + 5 * noise).astype(np.float32)


@pytest.fixture
def missing_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """What pyradiomics' LBP in 3-D imports and the installed versions do not have.

    `trimesh`'s icosphere (here from its published corners and faces) and SciPy's former `sph_harm`.
    """
    trimesh, creation = types.ModuleType("trimesh"), types.ModuleType("trimesh.creation")
    interpolation = types.ModuleType("scipy.ndimage.interpolation")
    interpolation.map_coordinates = ndimage.map_coordinates  # type: ignore[attr-defined]
    creation.icosphere = trimesh_icosphere  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "trimesh", trimesh)
    monkeypatch.setitem(sys.modules, "trimesh.creation", creation)
    monkeypatch.setitem(sys.modules, "scipy.ndimage.interpolation", interpolation)
    monkeypatch.setattr(special, "sph_harm", former_sph_harm, raising=False)


def former_sph_harm(m: int, n: int, azimuth: np.ndarray, polar: np.ndarray) -> np.ndarray:
    """SciPy's function before 1.17, which saw the polar angle through its cosine only."""
    return special.sph_harm_y(n, m, np.arccos(np.cos(polar)), azimuth)


def trimesh_icosphere(subdivisions: int, radius: float) -> types.SimpleNamespace:
    t = (1 + 5**0.5) / 2
    corners = np.array(
        [
            *([-1, t, 0], [1, t, 0], [-1, -t, 0], [1, -t, 0], [0, -1, t], [0, 1, t]),
            *([0, -1, -t], [0, 1, -t], [t, 0, -1], [t, 0, 1], [-t, 0, -1], [-t, 0, 1]),
        ]
    )
    faces = [
        *((0, 11, 5), (0, 5, 1), (0, 1, 7), (0, 7, 10), (0, 10, 11), (1, 5, 9), (5, 11, 4)),
        *((11, 10, 2), (10, 7, 6), (7, 1, 8), (3, 9, 4), (3, 4, 2), (3, 2, 6), (3, 6, 8)),
        *((3, 8, 9), (4, 9, 5), (2, 4, 11), (6, 2, 10), (8, 6, 7), (9, 8, 1)),
    ]
    edges = sorted({tuple(sorted(pair)) for a, b, c in faces for pair in ((a, b), (b, c), (c, a))})
    assert (subdivisions, radius, len(edges)) == (1, 1, 30)
    corners /= np.linalg.norm(corners[0])
    middles = np.array([(corners[a] + corners[b]) / 2 for a, b in edges])
    middles /= np.linalg.norm(middles, axis=1, keepdims=True)
    return types.SimpleNamespace(vertices=np.concatenate([corners, middles]))


def pyradiomics_images(
    image: sitk.Image, mask: sitk.Image, config: Handcrafted
) -> Iterator[tuple[str, np.ndarray]]:
    """Every image type of the whole image by pyradiomics' own filters."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for kind, setting in pyradiomics_filters(config).items():
            generator = getattr(imageoperations, f"get{kind}Image")
            for found, name, _ in generator(image, mask, **setting):
                yield name, sitk.GetArrayFromImage(found)


def assert_images_equal(image: sitk.Image, box: Box, config: Handcrafted) -> None:
    region = np.zeros(image.GetSize()[::-1], dtype=np.uint8)
    region[box.slices] = 1
    mask = image_of(region)
    mask.CopyInformation(image)
    found = dict(filtered_images(image, box, config))
    wanted = dict(pyradiomics_images(image, mask, config))
    assert len(found) == len(wanted)
    for (name, values), (theirs, whole) in zip(found.items(), wanted.items(), strict=True):
        expected = whole[box.slices]
        if name.startswith("log_sigma"):
            assert np.abs(values - expected).max() < 2e-7 * np.abs(expected).max(), name
        elif name.startswith("lbp_3D"):
            # Kurtosis is computed in float32, in the order in which trimesh gives the points.
            rounding = {"rtol": 1e-2, "atol": 1e-4} if name.endswith("k") else {"rtol": 1e-12}
            np.testing.assert_allclose(values, expected, err_msg=theirs, **rounding)
        else:
            np.testing.assert_array_equal(values, expected, err_msg=f"{name} {theirs}")


@pytest.mark.usefixtures("missing_parts")
class TestEqualToPyradiomics:
    def test_every_image_type_far_from_the_border(self) -> None:
        image = image_of(walk((70, 60, 65)), SPACING_MM)
        assert_images_equal(image, Box((30, 25, 28), (36, 33, 35)), EVERY)

    def test_every_image_type_at_the_border_of_an_odd_sized_image(self) -> None:
        image = image_of(walk((31, 33, 35)), SPACING_MM)
        assert_images_equal(image, Box((0, 28, 3), (5, 33, 9)), EVERY)

    def test_flat_and_negative_intensities(self) -> None:
        """As in a CT: whole numbers, many of them equal."""
        array = np.round(walk((24, 26, 28)) / 40) * 40 - 200
        array[:, 5:12, 5:12] = -1000
        assert_images_equal(image_of(array), Box((4, 4, 4), (18, 20, 20)), EVERY)

    def test_wavelets_in_the_slice(self) -> None:
        config = Handcrafted(image_types=["wavelet"], dimension="2.5d")
        image = image_of(walk((7, 30, 33)))
        names = [name for name, _ in filtered_images(image, Box((1, 2, 3), (4, 9, 9)), config)]
        assert names == ["wavelet_LH", "wavelet_HL", "wavelet_HH", "wavelet_LL"]
        assert_images_equal(image, Box((1, 2, 3), (4, 9, 9)), config)

    @settings(max_examples=15, deadline=None)
    @given(st.integers(0, 999), st.tuples(*[st.integers(6, 19)] * 3), st.data())
    def test_any_box_of_any_image(
        self, seed: int, shape: tuple[int, int, int], data: st.DataObject
    ) -> None:
        start = [data.draw(st.integers(0, n - 1)) for n in shape]
        stop = [data.draw(st.integers(a + 1, n)) for a, n in zip(start, shape, strict=True)]
        box = Box((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
        config = Handcrafted(image_types=["log", "wavelet", "square", "gradient"])
        assert_images_equal(image_of(walk(shape, seed), SPACING_MM), box, config)


class TestLogMargin:
    def test_the_passes_are_those_of_itk_to_the_last_bit(self) -> None:
        image = image_of(walk((24, 25, 26)), SPACING_MM)
        box = Box((0, 0, 0), (24, 25, 26))
        whole = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, 2.5, True))
        np.testing.assert_array_equal(laplacian_of_gaussian(image, box, 2.5), whole)

    def test_a_margin_too_small_would_be_seen(self) -> None:
        """The test of the test: a tenth of the margin changes the image by far more."""
        image, box = image_of(walk((80, 80, 80))), Box((38, 38, 38), (42, 42, 42))
        whole = sitk.GetArrayFromImage(sitk.LaplacianRecursiveGaussian(image, 2.5, True))
        wanted = whole[box.slices]
        scale = np.abs(wanted).max()
        assert np.abs(laplacian_of_gaussian(image, box, 2.5) - wanted).max() < 2e-7 * scale
        small = log_margin(image, 0.25)
        outer = box.grown(small, (80, 80, 80))
        tight = sitk.LaplacianRecursiveGaussian(outer.crop(image), 2.5, True)
        middle = sitk.GetArrayFromImage(tight)[box.within(outer).slices]
        assert np.abs(middle - wanted).max() > 1e-3 * scale


class TestByHand:
    def test_square_of_half_the_maximum_is_a_quarter_of_it(self) -> None:
        array = np.zeros((4, 4, 4), dtype=np.float32)
        array[0, 0, 0], array[3, 3, 3] = 8, -4
        box = Box((3, 3, 3), (4, 4, 4))
        config = Handcrafted(image_types=["square", "square_root", "exponential"])
        found = {n: v.item() for n, v in filtered_images(image_of(array), box, config)}
        assert found["square"] == pytest.approx(2)  # 16 / 8
        assert found["squareroot"] == pytest.approx(-(32**0.5))
        assert found["exponential"] == pytest.approx(8**-0.5)

    def test_gradient_of_a_ramp_is_its_slope_per_mm(self) -> None:
        array = np.broadcast_to(np.arange(8, dtype=np.float32) * 3, (8, 8, 8)).copy()
        image, box = image_of(array, (1.5, 1.0, 1.0)), Box((2, 2, 2), (5, 5, 5))
        ((_, per_mm),) = filtered_images(image, box, Handcrafted(image_types=["gradient"]))
        config = Handcrafted(image_types=["gradient"], gradient_per_mm=False)
        ((_, per_voxel),) = filtered_images(image, box, config)
        np.testing.assert_allclose(per_mm, 2)
        np.testing.assert_allclose(per_voxel, 3)

    def test_uniform_pattern_of_a_peak_and_of_a_pit(self) -> None:
        """No neighbour reaches a peak: code 0; all eight reach a pit: code 8."""
        array = np.full((1, 9, 9), 5.0, dtype=np.float32)
        array[0, 2, 2], array[0, 6, 6] = 9.0, 1.0
        config = Handcrafted(image_types=["lbp2d"])
        ((_, codes),) = filtered_images(image_of(array), Box((0, 0, 0), (1, 9, 9)), config)
        assert (codes[0, 2, 2], codes[0, 6, 6]) == (0, 8)

    def test_sphere_of_a_peak_and_of_a_pit(self) -> None:
        """Degree 0: 42 points times 1 / (4 pi) times the root of 42, where all reach the centre."""
        array = np.full((15, 15, 15), 5.0, dtype=np.float32)
        array[7, 7, 7] = 9.0
        box = Box((7, 7, 7), (8, 8, 8))
        config = Handcrafted(image_types=["lbp3d"])
        peak = {n: v.item() for n, v in filtered_images(image_of(array), box, config)}
        pit = {n: v.item() for n, v in filtered_images(image_of(10 - array), box, config)}
        assert peak["lbp_3D_m1"] == 0
        assert pit["lbp_3D_m1"] == pytest.approx(42**1.5 / (4 * np.pi))

    def test_icosphere_is_that_of_trimesh(self) -> None:
        def rows(points: np.ndarray) -> list[tuple[float, ...]]:
            return sorted(tuple(row) for row in (np.round(points, 9) + 0.0).tolist())

        assert rows(icosphere()) == rows(trimesh_icosphere(1, 1).vertices)

    def test_only_the_region_has_spherical_patterns(self) -> None:
        image, box = image_of(walk((9, 9, 9))), Box((3, 3, 3), (6, 6, 6))
        voxels = np.zeros(box.shape, dtype=bool)
        voxels[1, 1, 1] = True
        images = filtered_images(image, box, Handcrafted(image_types=["lbp3d"]), voxels)
        assert all(np.count_nonzero(values[~voxels]) == 0 for _, values in images)


def test_one_filtered_image_at_a_time() -> None:
    """A filter runs when its image is asked for, not before: memory knows no number of filters."""
    image = image_of(walk((20, 20, 20)))
    config = Handcrafted(image_types=["log"], log_sigma_mm=[1.0, -1.0])
    images = filtered_images(image, Box((5, 5, 5), (9, 9, 9)), config)
    assert next(images)[0] == "log_sigma_1mm"
    with pytest.raises(RuntimeError, match="Sigma"):
        next(images)


@given(st.tuples(*[st.integers(1, 5)] * 3), st.tuples(*[st.integers(0, 3)] * 3))
def test_the_box_around_a_box(extent: tuple[int, int, int], first: tuple[int, int, int]) -> None:
    region = np.zeros((8, 8, 8), dtype=bool)
    region[tuple(slice(a, a + n) for a, n in zip(first, extent, strict=True))] = True
    box = bounding_box(region)
    assert (box.start, box.shape) == (first, extent)
    assert box.within(box) == Box((0, 0, 0), extent)
    assert box.grown((9, 9, 9), (8, 8, 8)) == Box((0, 0, 0), (8, 8, 8))
