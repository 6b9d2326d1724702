"""Grids, interpolation and normalisation."""

import math

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Normalisation, Resampling
from radpipe.errors import CaseError
from radpipe.imaging.normalisation import normalise
from radpipe.imaging.preparation import prepare_images, prepare_mask
from radpipe.imaging.resampling import resample_image, resample_mask, target_grid
from radpipe.io.images import array_of, image_like, labels_of

IDENTITY = sitk.Transform(3, sitk.sitkIdentity)


def image_of(values, spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0)):
    image = sitk.GetImageFromArray(np.asarray(values))
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    return image


def centre(image):
    middle = [(n - 1) / 2 for n in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(middle))


def ball(radius_mm, size=31, spacing=1.0):
    axis = (np.arange(size) - size // 2) * spacing
    z, y, x = np.meshgrid(axis, axis, axis, indexing="ij")
    inside = x**2 + y**2 + z**2 <= radius_mm**2
    return image_of(inside.astype(np.uint8), (spacing,) * 3)


class TestGrid:
    def test_size_by_hand(self):
        # 10 x 1 mm in voxels of 3 mm: 3.3, so 4; they reach 1 mm beyond each end.
        grid = target_grid(image_of(np.zeros((10, 10, 10))), (3.0, 3.0, 3.0))
        assert grid.GetSize() == (4, 4, 4)
        assert grid.GetOrigin() == pytest.approx((0.0, 0.0, 0.0))

    def test_axes_are_x_y_z(self):
        grid = target_grid(image_of(np.zeros((6, 4, 2))), (1.0, 2.0, 3.0))
        assert grid.GetSize() == (2, 2, 2)

    def test_no_spacing_means_the_same_grid(self):
        image = image_of(np.zeros((4, 5, 6)), (1.5, 2.0, 3.0), (7.0, 8.0, 9.0))
        grid = target_grid(image, None)
        assert grid.GetSize() == image.GetSize()
        assert grid.GetOrigin() == pytest.approx(image.GetOrigin())

    def test_rounding_of_the_header_adds_no_voxel(self):
        image = image_of(np.zeros((60, 60, 60)), (3.0000001,) * 3)
        assert target_grid(image, (3.0, 3.0, 3.0)).GetSize() == (60, 60, 60)

    @settings(max_examples=50, deadline=None)
    @given(
        size=st.tuples(*[st.integers(1, 40)] * 3),
        old=st.tuples(*[st.floats(0.3, 5)] * 3),
        new=st.tuples(*[st.floats(0.3, 5)] * 3),
        angle=st.floats(-math.pi, math.pi),
    )
    def test_centre_is_kept_and_the_field_of_view_covered(self, size, old, new, angle):
        image = sitk.Image(size, sitk.sitkUInt8)
        image.SetSpacing(old)
        image.SetOrigin((10.0, -20.0, 30.0))
        c, s = math.cos(angle), math.sin(angle)
        image.SetDirection((c, -s, 0.0, s, c, 0.0, 0.0, 0.0, 1.0))
        grid = target_grid(image, new)
        np.testing.assert_allclose(centre(grid), centre(image), atol=1e-6)
        extent = np.array(size) * old
        covered = np.array(grid.GetSize()) * new
        assert np.all(covered >= extent - 1e-3 * np.array(new))
        assert np.all(covered < extent + np.array(new))
        assert grid.GetDirection() == image.GetDirection()


class TestImages:
    @pytest.mark.parametrize("interpolation", ["linear", "bspline"])
    def test_the_same_grid_keeps_the_values(self, interpolation):
        image = image_of(np.random.default_rng(0).normal(100, 5, (8, 8, 8)).astype(np.float32))
        moved = resample_image(image, target_grid(image, None), IDENTITY, interpolation)
        np.testing.assert_allclose(array_of(moved), array_of(image), rtol=1e-5)

    @pytest.mark.parametrize("interpolation", ["linear", "bspline"])
    def test_a_ramp_stays_a_ramp(self, interpolation):
        values = np.broadcast_to(np.arange(1.0, 25.0), (24, 24, 24)).astype(np.float32)
        image = image_of(values)
        moved = resample_image(image, target_grid(image, (2.0, 2.0, 2.0)), IDENTITY, interpolation)
        # Centres of the new voxels lie between two old ones, in x at 0.5, 2.5, ...
        expected = np.arange(1.5, 25.0, 2.0)
        np.testing.assert_allclose(array_of(moved)[6, 6, 3:-3], expected[3:-3], atol=1e-2)

    def test_transform_maps_points_of_the_grid_to_points_of_the_image(self):
        values = np.zeros((5, 5, 9), dtype=np.float32)
        values[2, 2, 6] = 1.0
        shift = sitk.TranslationTransform(3, (2.0, 0.0, 0.0))
        image = image_of(values)
        moved = array_of(resample_image(image, target_grid(image, None), shift, "linear"))
        assert np.argwhere(moved).tolist() == [[2, 2, 4]]

    def test_zero_background_has_no_ringing(self):
        head = sitk.Cast(ball(9.0), sitk.sitkFloat32) * 1000.0
        grid = target_grid(head, (1.3, 1.3, 1.3))
        plain = sitk.Resample(head, grid, IDENTITY, sitk.sitkBSpline, 0.0)
        kept = resample_image(head, grid, IDENTITY, "bspline")
        tissue = array_of(sitk.Resample(head, grid, IDENTITY, sitk.sitkLinear, 0.0)) >= 500
        assert np.count_nonzero(array_of(plain)[~tissue]) > 1000
        assert np.count_nonzero(array_of(kept)[~tissue]) == 0
        np.testing.assert_array_equal(array_of(kept)[tissue], array_of(plain)[tissue])

    def test_outside_of_a_ct_is_air(self):
        ct = image_of(np.full((6, 6, 6), 40.0, dtype=np.float32))
        ct[0, 0, 0] = -1000.0
        shift = sitk.TranslationTransform(3, (100.0, 0.0, 0.0))
        moved = resample_image(ct, target_grid(ct, None), shift, "linear")
        assert set(np.unique(array_of(moved))) == {-1000.0}

    def test_zero_in_a_ct_is_water_and_no_background(self):
        values = np.where(np.indices((8, 8, 8)).sum(0) % 2, 100.0, 0.0).astype(np.float32)
        values[0, 0, 0] = -1000.0
        ct = image_of(values)
        half = sitk.TranslationTransform(3, (0.5, 0.0, 0.0))
        moved = array_of(resample_image(ct, target_grid(ct, None), half, "linear"))
        np.testing.assert_allclose(moved[4, 4, :7], 50.0)


class TestMasks:
    def test_the_same_grid_keeps_the_mask(self):
        values = np.random.default_rng(1).integers(0, 3, (7, 8, 9)).astype(np.uint8)
        mask = image_of(values)
        moved = resample_mask(mask, target_grid(mask, None), {"a": 1, "b": 2})
        np.testing.assert_array_equal(labels_of(moved), values)

    def test_half_a_voxel_is_inside(self):
        # Old voxels 0 0 1 1 in x; new ones of 2 mm lie over pairs, shifted by one: 0 .5 1.
        mask = image_of(np.broadcast_to([0, 0, 0, 1, 1, 1], (2, 2, 6)).astype(np.uint8))
        grid = target_grid(mask, (2.0, 1.0, 1.0))
        assert labels_of(resample_mask(mask, grid, {"a": 1}))[0, 0].tolist() == [0, 1, 1]

    @pytest.mark.parametrize("spacing_mm", [0.7, 1.0, 1.3, 2.0])
    def test_volume_of_a_ball_is_kept(self, spacing_mm):
        mask = ball(10.3)
        _, report = prepare_mask(mask, target_grid(mask, (spacing_mm,) * 3), {"lesion": 1})
        truth_ml = 4 / 3 * math.pi * 10.3**3 / 1000
        assert report["lesion"]["volume_before_ml"] == pytest.approx(truth_ml, rel=0.02)
        assert report["lesion"]["volume_after_ml"] == pytest.approx(truth_ml, rel=0.05)
        voxels = report["lesion"]["volume_after_ml"] * 1000 / spacing_mm**3
        assert report["lesion"]["voxels"] == round(voxels)

    def test_touching_labels_leave_no_gap(self):
        values = np.zeros((12, 12, 12), dtype=np.uint8)
        values[2:10, 2:10, 2:6], values[2:10, 2:10, 6:10] = 1, 2
        mask = image_of(values)
        grid = target_grid(mask, (0.7, 0.7, 0.7))
        both = labels_of(resample_mask(mask, grid, {"a": 1, "b": 2})) > 0
        union = labels_of(resample_mask(mask > 0, grid, {"any": 1})) > 0
        np.testing.assert_array_equal(both, union)

    def test_label_that_is_not_there_has_no_volume(self):
        mask = ball(5.0)
        _, report = prepare_mask(mask, target_grid(mask, None), {"lesion": 1, "oedema": 2})
        assert report["oedema"] == {"volume_before_ml": 0.0, "volume_after_ml": 0.0, "voxels": 0}


class TestNormalisation:
    def test_by_hand(self):
        # Non-zero values 2, 4, 6: mean 4, sd sqrt(8/3).
        image = image_of(np.array([[[0, 2, 4, 6, 0]]], dtype=np.float32))
        z = math.sqrt(1.5)
        np.testing.assert_allclose(array_of(normalise(image, "zscore"))[0, 0], [0, -z, 0, z, 0])

    def test_none_changes_nothing(self):
        image = image_of(np.array([[[0, 2, 4]]], dtype=np.float32))
        assert normalise(image, "none") is image

    @settings(max_examples=30, deadline=None)
    @given(scale=st.floats(0.1, 1e4), seed=st.integers(0, 99))
    def test_scale_of_a_scanner_does_not_matter(self, scale, seed):
        values = np.random.default_rng(seed).normal(100, 10, (4, 5, 6)).astype(np.float32)
        values[0] = 0
        plain = array_of(normalise(image_of(values), "zscore"))
        scaled = array_of(normalise(image_of(values * np.float32(scale)), "zscore"))
        np.testing.assert_allclose(scaled, plain, atol=1e-3)
        assert np.all(plain[0] == 0)
        assert plain[1:].mean() == pytest.approx(0, abs=1e-4)
        assert plain[1:].std() == pytest.approx(1, abs=1e-4)

    def test_image_without_contrast(self):
        image = image_of(np.full((3, 3, 3), 5.0, dtype=np.float32))
        with pytest.raises(
            CaseError, match=r"case 'c': .*cannot be normalised; found \d+ non-zero"
        ):
            normalise(image, "zscore", case="c")


class TestCase:
    def case(self):
        rng = np.random.default_rng(2)
        body = array_of(ball(10.0)) * rng.normal(100, 10, (31, 31, 31))
        fixed = image_of(body.astype(np.float32))
        moving = image_of(2 * body.astype(np.float32) + 50 * (body > 0), origin=(4.0, 0.0, 0.0))
        moving = sitk.Cast(moving, sitk.sitkFloat32)
        return {"T1w": fixed, "CT": moving}

    def prepare(self, images, transforms, **changes):
        options = {"resampling": Resampling(), "normalisation": Normalisation(), **changes}
        return prepare_images(images, transforms, reference="T1w", case="c", **options)

    def test_all_images_share_the_grid_of_the_reference(self):
        prepared, report = self.prepare(
            self.case(), {}, resampling=Resampling(spacing_mm=(2.0, 2.0, 2.0))
        )
        assert [image.GetSize() for image in prepared.values()] == [(16, 16, 16)] * 2
        assert report["grid_size_voxels"] == [16, 16, 16]
        assert prepared["CT"].GetOrigin() == prepared["T1w"].GetOrigin()

    def test_transform_undoes_a_shift(self):
        images = self.case()
        shift = {"CT": sitk.TranslationTransform(3, (4.0, 0.0, 0.0))}
        prepared, report = self.prepare(images, shift)
        assert report["CT"]["coverage"] == 1.0
        np.testing.assert_allclose(array_of(prepared["CT"]), array_of(prepared["T1w"]), atol=1e-3)

    def test_coverage_without_it_is_27_of_31_slices(self):
        _, report = self.prepare(self.case(), {})
        assert report["CT"]["coverage"] == pytest.approx(27 / 31)

    def test_a_modality_may_keep_its_scale(self):
        images = self.case()
        prepared, _ = self.prepare(
            images,
            {"CT": sitk.TranslationTransform(3, (4.0, 0.0, 0.0))},
            normalisation=Normalisation(overrides={"CT": "none"}),
        )
        np.testing.assert_allclose(array_of(prepared["CT"]), array_of(images["CT"]), atol=1e-2)

    def test_quality_is_that_of_the_image_before_normalisation(self):
        images = self.case()
        _, report = self.prepare(images, {})
        values = array_of(images["T1w"])
        assert report["T1w"]["mean"] == pytest.approx(values[values > 0].mean(), rel=1e-5)

    def test_image_elsewhere(self):
        images = self.case()
        images["CT"].SetOrigin((1000.0, 0.0, 0.0))
        match = "case 'c': the image of CT does not reach the image of T1w"
        with pytest.raises(CaseError, match=match):
            self.prepare(images, {})

    def test_twice_gives_the_same_bytes(self):
        first, _ = self.prepare(self.case(), {})
        second, _ = self.prepare(self.case(), {})
        for modality in first:
            assert array_of(first[modality]).tobytes() == array_of(second[modality]).tobytes()


def test_image_like_keeps_the_grid():
    image = image_of(np.zeros((2, 3, 4)), (1.0, 2.0, 3.0), (4.0, 5.0, 6.0))
    assert image_like(np.ones((2, 3, 4)), image).GetOrigin() == (4.0, 5.0, 6.0)
