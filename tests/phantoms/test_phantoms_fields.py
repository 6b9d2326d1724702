import numpy as np
import pytest

from radpipe.phantoms.fields import CENTRE_MM, HALF_FIELD_MM, Grid, generator, smooth_field


def test_grid_covers_the_field_of_view_around_the_centre():
    grid = Grid.around_centre((3.0, 3.0, 4.0))
    for axis, centre, half in zip(grid.axes_mm, CENTRE_MM[::-1], HALF_FIELD_MM[::-1], strict=True):
        step = axis[1] - axis[0]
        assert axis.mean() == pytest.approx(centre)
        assert len(axis) * step >= 2 * half
    assert grid.voxel_ml == pytest.approx(0.036)


def test_image_of_a_grid_puts_voxels_where_the_axes_say():
    grid = Grid.around_centre((5.0, 6.0, 7.0), shift_mm=(1.0, 0.0, 0.0))
    image = grid.image(np.zeros(grid.size[::-1], dtype=np.uint8))
    z, y, x = grid.axes_mm
    assert image.TransformIndexToPhysicalPoint((2, 3, 4)) == pytest.approx((x[2], y[3], z[4]))


def test_a_field_is_the_same_at_any_resolution():
    coarse = Grid((5, 6, 7), (4.0, 4.0, 4.0), (-8.0, 0.0, 4.0))
    fine = Grid((9, 11, 13), (2.0, 2.0, 2.0), (-8.0, 0.0, 4.0))
    a = smooth_field(generator(1, "field"), coarse, 20.0)
    b = smooth_field(generator(1, "field"), fine, 20.0)
    np.testing.assert_allclose(a, b[::2, ::2, ::2], atol=1e-5)


def test_a_field_has_mean_zero_and_unit_variance():
    grid = Grid.around_centre((4.0, 4.0, 4.0))
    field = smooth_field(generator(1, "field"), grid, 8.0)
    assert field.mean() == pytest.approx(0.0, abs=0.05)
    assert field.var() == pytest.approx(1.0, abs=0.08)


def test_streams_differ_by_seed_and_by_name():
    draws = {
        float(generator(*key).random())
        for key in ((1, "a", 2), (1, "a", 3), (1, "b", 2), (2, "a", 2))
    }
    assert len(draws) == 4
    assert generator(1, "a", 2).random() == generator(1, "a", 2).random()
