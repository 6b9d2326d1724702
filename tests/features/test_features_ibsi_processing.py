"""The image that IBSI measures: grids, masks, re-segmentation and grey levels by hand."""

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radpipe.errors import RadpipeError
from radpipe.features.ibsi.processing import (
    discretise_fixed_number,
    discretise_fixed_size,
    exclude_outliers,
    resample_ibsi,
    resample_mask_ibsi,
    resegment,
    round_intensities,
)

VALUES = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-500, 500, width=32))


def image_of(array: np.ndarray, spacing_xyz: tuple[float, float, float]) -> sitk.Image:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_xyz)
    image.SetOrigin((10.0, -20.0, 30.0))
    return image


def centre(image: sitk.Image) -> tuple[float, ...]:
    return image.TransformContinuousIndexToPhysicalPoint([(n - 1) / 2 for n in image.GetSize()])


def test_grid_has_the_ceiling_of_its_size_and_the_old_centre() -> None:
    image = image_of(np.zeros((7, 5, 9)), (1.0, 1.5, 3.0))
    grid = resample_ibsi(image, (2.0, 2.0, 2.0), "linear")
    # x: 9 of 1 mm are 4.5 of 2 mm; y: 5 of 1.5 mm are 3.75; z: 7 of 3 mm are 10.5.
    assert grid.GetSize() == (5, 4, 11)
    assert grid.GetSpacing() == (2.0, 2.0, 2.0)
    assert centre(grid) == pytest.approx(centre(image))


def test_grid_of_a_turned_image_keeps_its_centre_and_direction() -> None:
    image = image_of(np.zeros((4, 5, 6)), (1.0, 1.0, 1.0))
    image.SetDirection((0.0, -1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0))
    grid = resample_ibsi(image, (3.0, 2.0, 1.0))
    assert grid.GetDirection() == image.GetDirection()
    assert centre(grid) == pytest.approx(centre(image))


def test_a_spacing_of_float32_makes_no_voxel_too_many() -> None:
    image = image_of(np.zeros((3, 3, 10)), (float(np.float32(0.1)) * 10, 1.0, 1.0))
    assert image.GetSpacing()[0] > 1.0
    assert resample_ibsi(image, (1.0, 1.0, 1.0)).GetSize() == (10, 3, 3)


@pytest.mark.parametrize("interpolation", ["linear", "cubic"])
def test_a_ramp_stays_a_ramp_inside_the_image(interpolation: str) -> None:
    ramp = np.broadcast_to(np.arange(40.0), (3, 3, 40))
    grid = resample_ibsi(image_of(ramp, (1.0, 1.0, 1.0)), (1.0, 1.0, 2.0), interpolation)
    # The new centres lie half-way between the old voxels 0 and 1, 2 and 3, ...
    found = sitk.GetArrayFromImage(grid)[1, 1]
    assert found[5:-5] == pytest.approx(np.arange(0.5, 40, 2)[5:-5], abs=1e-3)


def test_intensity_beyond_the_outermost_voxel_is_the_nearest() -> None:
    image = image_of(np.full((3, 3, 3), 7.0), (1.0, 1.0, 1.0))
    grid = resample_ibsi(image, (0.4, 0.4, 0.4), "linear")
    assert sitk.GetArrayFromImage(grid) == pytest.approx(7.0)


def test_mask_keeps_voxels_of_which_half_lies_inside() -> None:
    mask = np.zeros((1, 1, 6), dtype=np.uint8)
    mask[..., 2:] = 3
    image = image_of(mask, (1.0, 1.0, 1.0))
    grid = resample_ibsi(image, (1.0, 1.0, 1.5), "linear")
    # New centres at 0.25, 1.75, 3.25, 4.75: the second has a partial volume of 0.75.
    assert sitk.GetArrayFromImage(resample_mask_ibsi(image, grid)).ravel().tolist() == [0, 1, 1, 1]
    half = resample_ibsi(image, (1.0, 1.0, 2.0), "linear")
    shifted = np.zeros((1, 1, 6), dtype=np.uint8)
    shifted[..., 1:] = 1
    moved = image_of(shifted, (1.0, 1.0, 1.0))
    # Centres at 0.5, 2.5, 4.5: the first has a partial volume of exactly 0.5, which counts.
    assert sitk.GetArrayFromImage(resample_mask_ibsi(moved, half)).ravel().tolist() == [1, 1, 1]


def test_a_spacing_must_be_positive() -> None:
    with pytest.raises(RadpipeError, match="voxel size must be positive"):
        resample_ibsi(image_of(np.zeros((2, 2, 2)), (1.0, 1.0, 1.0)), (1.0, 0.0, 1.0))


def test_rounding_gives_whole_units() -> None:
    image = image_of(np.array([[[-1.6, 0.4, 99.7]]]), (1.0, 1.0, 1.0))
    assert sitk.GetArrayFromImage(round_intensities(image)).ravel().tolist() == [-2, 0, 100]


def test_resegmentation_includes_its_limits() -> None:
    image = np.array([[[-501.0, -500, 0, 400, 401]]])
    mask = np.array([[[True, True, False, True, True]]])
    kept = resegment(image, mask, -500, 400)
    assert kept.ravel().tolist() == [False, True, False, True, False]
    assert resegment(image, mask, None, 0).ravel().tolist() == [True, True, False, False, False]
    assert mask.sum() == 4, "the mask that was given is left as it is"


def test_outliers_are_those_beyond_three_standard_deviations() -> None:
    # 99 zeros and one 100: mean 1, standard deviation 9.95, so the 100 is out.
    image = np.zeros((1, 10, 10))
    image[0, 0, 0] = 100
    kept = exclude_outliers(image, np.ones(image.shape, dtype=bool), 3.0)
    assert kept.sum() == 99
    assert not kept[0, 0, 0]
    assert not exclude_outliers(image, np.zeros(image.shape, dtype=bool), 3.0).any()


def test_bins_of_a_size_start_at_the_origin() -> None:
    values = np.array([-500.0, -476, -475, 400])
    assert discretise_fixed_size(values, 25, -500).tolist() == [1, 1, 2, 37]
    assert discretise_fixed_size(values[1:], 25, -500).tolist() == [1, 2, 37], "same levels"
    assert discretise_fixed_size(np.array([3.0, 5.0, 6.9]), 2).tolist() == [1, 2, 2]


def test_bins_in_a_number_span_the_range() -> None:
    values = np.array([0.0, 24.9, 25.0, 99.0, 100.0])
    assert discretise_fixed_number(values, 4).tolist() == [1, 1, 2, 4, 4]
    assert discretise_fixed_number(np.array([5.0, 5.0]), 4).tolist() == [1, 1]


def test_bins_refuse_what_has_no_level() -> None:
    with pytest.raises(RadpipeError, match="bin width must be positive"):
        discretise_fixed_size(np.array([1.0]), 0.0)
    with pytest.raises(RadpipeError, match="lies below the origin"):
        discretise_fixed_size(np.array([-1.0]), 1.0, 0.0)


@given(VALUES, st.integers(2, 64))
def test_levels_rise_with_intensity_and_fill_their_range(values: np.ndarray, count: int) -> None:
    order = np.argsort(values, kind="stable")
    for levels in (discretise_fixed_number(values, count), discretise_fixed_size(values, 7.5)):
        assert levels.min() == 1
        assert (np.diff(levels[order]) >= 0).all()
    assert discretise_fixed_number(values, count).max() <= count


@given(VALUES, st.integers(-20, 20))
def test_fixed_size_levels_move_with_the_origin(values: np.ndarray, bins: int) -> None:
    # Sixty-fourths: sums of these are exact, so that no value is rounded over an edge.
    values = np.round(values * 64) / 64
    low = np.floor(values.min())
    moved = discretise_fixed_size(values, 1.0, low - abs(bins))
    assert (moved == discretise_fixed_size(values, 1.0, low) + abs(bins)).all()
