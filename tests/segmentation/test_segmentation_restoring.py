"""Masks and probabilities on other grids."""

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.imaging.resampling import target_grid
from radpipe.segmentation.restoring import restore_mask, restore_probabilities, same_grid


def grid(
    size: tuple[int, int, int], spacing_mm: tuple[float, float, float], angle: float = 0.0
) -> sitk.Image:
    """An empty image, x y z, turned about the axis (1, 1, 1)."""
    image = sitk.Image(size, sitk.sitkFloat32)
    image.SetSpacing(spacing_mm)
    turn = sitk.VersorTransform((1.0, 1.0, 1.0), angle)
    image.SetDirection(turn.GetMatrix())
    image.SetOrigin((-31.7, 12.3, 101.9))
    return image


def ball(image: sitk.Image, radius_mm: float) -> sitk.Image:
    """Label 1 in a ball around the centre, label 4 in its upper half (along z of the array)."""
    size, spacing = image.GetSize(), image.GetSpacing()
    z, y, x = (
        (np.arange(n) - (n - 1) / 2) * s for n, s in zip(size[::-1], spacing[::-1], strict=True)
    )
    inside = z[:, None, None] ** 2 + y[:, None] ** 2 + x**2 <= radius_mm**2
    labels = np.where(z[:, None, None] > 0, 4, 1) * inside
    mask = sitk.GetImageFromArray(labels.astype(np.uint8))
    mask.CopyInformation(image)
    return mask


def volumes_ml(mask: sitk.Image) -> dict[int, float]:
    labels = sitk.GetArrayFromImage(mask)
    voxel_ml = float(np.prod(mask.GetSpacing())) / 1000
    return {int(v): (labels == v).sum() * voxel_ml for v in np.unique(labels) if v}


def test_an_oblique_anisotropic_grid_gets_its_mask_back() -> None:
    """A ball of 12 mm keeps its volume within 3 %, its halves within 8, and its centre."""
    native = grid((52, 47, 16), (0.9, 1.0, 3.3), angle=0.6)
    mask = ball(target_grid(native, (1.0, 1.0, 1.0)), 12.0)
    restored = restore_mask(mask, native)
    assert restored.GetPixelID() == sitk.sitkUInt8
    assert restored.GetSize() == native.GetSize()
    assert restored.GetOrigin() == native.GetOrigin()
    assert restored.GetSpacing() == native.GetSpacing()
    assert restored.GetDirection() == native.GetDirection()
    before, after = volumes_ml(mask), volumes_ml(restored)
    assert sum(before.values()) == pytest.approx(4 / 3 * np.pi * 1.2**3, rel=0.02)
    assert sum(after.values()) == pytest.approx(sum(before.values()), rel=0.03)
    assert after == pytest.approx(before, rel=0.08)
    centres = []
    for image in (mask, restored):
        shape = sitk.LabelShapeStatisticsImageFilter()
        shape.Execute(image > 0)
        centres.append(shape.GetCentroid(1))
    assert centres[0] == pytest.approx(centres[1], abs=0.2)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 3))
def test_its_own_grid_gives_a_mask_back_exactly(seed: int, angle: float) -> None:
    labels = np.random.default_rng(seed).integers(0, 4, (5, 6, 7)).astype(np.uint8)
    mask = sitk.GetImageFromArray(labels)
    mask.CopyInformation(grid((7, 6, 5), (0.7, 1.0, 3.0), angle))
    native = grid((7, 6, 5), (0.7, 1.0, 3.0), angle)
    assert np.array_equal(sitk.GetArrayFromImage(restore_mask(mask, native)), labels)


@pytest.mark.parametrize("shift", [(2, 3, 1), (-2, 0, 4)])
def test_whole_voxels_of_displacement_move_a_mask_exactly(shift: tuple[int, int, int]) -> None:
    """The part that is looked at is cut right: also where the mask leaves the field of view."""
    native = grid((9, 8, 7), (1.0, 1.5, 2.0), angle=1.0)
    labels = np.random.default_rng(1).integers(0, 3, (7, 8, 9)).astype(np.uint8)
    mask = sitk.GetImageFromArray(labels)
    mask.CopyInformation(native)
    mask.SetOrigin(native.TransformIndexToPhysicalPoint(shift))
    restored = sitk.GetArrayFromImage(restore_mask(mask, native))
    expected = np.zeros_like(labels)
    for z, y, x in np.ndindex(labels.shape):
        source = (z - shift[2], y - shift[1], x - shift[0])
        if all(0 <= i < n for i, n in zip(source, labels.shape, strict=True)):
            expected[z, y, x] = labels[source]
    assert np.array_equal(restored, expected)


def test_an_empty_mask_stays_empty_and_one_outside_is_lost() -> None:
    native = grid((9, 8, 7), (1.0, 1.5, 2.0))
    empty = grid((4, 4, 4), (2.0, 3.0, 3.5))
    assert not sitk.GetArrayFromImage(restore_mask(sitk.Cast(empty, sitk.sitkUInt8), native)).any()
    far = ball(empty, 3.0)
    far.SetOrigin((1000.0, 0.0, 0.0))
    assert not sitk.GetArrayFromImage(restore_mask(far, native)).any()


def test_probabilities_sum_to_one_on_another_grid() -> None:
    source = grid((11, 10, 9), (2.0, 2.0, 2.0), angle=0.3)
    wanted = target_grid(source, (0.9, 1.1, 3.0))
    values = torch.softmax(4 * torch.randn(3, 9, 10, 11), dim=0).half()
    restored = restore_probabilities(values, source, wanted)
    assert restored.shape == (3, *wanted.GetSize()[::-1])
    assert restored.dtype == torch.half
    assert torch.allclose(restored.float().sum(0), torch.ones(restored.shape[1:]), atol=3e-3)
    assert restored.min() >= 0


def test_probabilities_are_interpolated_linearly() -> None:
    """A ramp along x of a grid twice as fine; the outermost voxels take the nearest value."""
    source = grid((4, 1, 1), (2.0, 1.0, 1.0))
    wanted = target_grid(source, (1.0, 1.0, 1.0))
    ramp = torch.tensor([0.0, 0.2, 0.4, 0.6]).reshape(1, 1, 1, 4).half()
    got = restore_probabilities(ramp, source, wanted).ravel().tolist()
    assert got == pytest.approx([0.0, 0.05, 0.15, 0.25, 0.35, 0.45, 0.55, 0.6], abs=1e-3)


def test_grids_are_one_up_to_rounding() -> None:
    one, other = grid((4, 5, 6), (1.0, 1.0, 2.0)), grid((4, 5, 6), (1.0, 1.0, 2.0))
    assert same_grid(one, other)
    other.SetOrigin([o + 1e-9 for o in one.GetOrigin()])
    assert same_grid(one, other)
    other.SetOrigin([o + 1e-3 for o in one.GetOrigin()])
    assert not same_grid(one, other)
    assert not same_grid(one, grid((4, 5, 6), (1.0, 1.0, 2.0), angle=0.01))
    assert not same_grid(one, grid((4, 5, 7), (1.0, 1.0, 2.0)))
