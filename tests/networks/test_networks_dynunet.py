"""Strides and kernels that a patch leads to, worked out by hand."""

import hypothesis.strategies as st
import numpy as np
from hypothesis import given

from radpipe.networks.dynunet import SMALLEST, from_patch, topology
from radpipe.networks.spec import NetworkSpec


def test_a_cube_is_halved_on_all_axes_until_four_voxels_are_left() -> None:
    """32, 16, 8, 4."""
    strides, kernels = from_patch((32, 32, 32))
    assert strides == [[1, 1, 1], [2, 2, 2], [2, 2, 2], [2, 2, 2]]
    assert kernels == [[3, 3, 3]] * 4


def test_thick_slices_wait_for_the_others() -> None:
    """8×64×64, 8×32×32, 8×16×16, 4×8×8, 4×4×4: z joins in when the others have twice its voxels."""
    strides, kernels = from_patch((8, 64, 64))
    assert strides == [[1, 1, 1], [1, 2, 2], [1, 2, 2], [2, 2, 2], [1, 2, 2]]
    assert kernels == [[1, 3, 3]] * 2 + [[3, 3, 3]] * 3


def test_features_double_up_to_the_published_limit() -> None:
    made = topology(NetworkSpec(1, 2))
    assert made.channels == [32, 64, 128, 256, 320, 320]
    assert made.multiple == [32, 32, 32]
    assert topology(NetworkSpec(1, 2, dims=2)).channels == [32, 64, 128, 256, 512, 512]


def test_given_features_set_the_depth() -> None:
    """16 voxels are halved to 4 by themselves; the fourth and fifth level ask for more."""
    made = topology(NetworkSpec(1, 2, channels=[4, 8, 16, 16, 16], patch=(16, 16, 16)))
    assert made.strides == [[1, 1, 1]] + [[2, 2, 2]] * 4


def test_given_strides_and_kernels_are_used() -> None:
    strides, kernels = [[1, 2, 2], [2, 2, 2]], [[1, 3, 3], [3, 3, 3], [3, 3, 3]]
    made = topology(NetworkSpec(1, 2, strides=strides, kernels=kernels))
    assert made.strides == [[1, 1, 1], *strides]
    assert made.kernels == kernels
    assert made.channels == [32, 64, 128]
    assert made.multiple == [2, 4, 4]


@given(st.lists(st.integers(1, 200), min_size=2, max_size=3))
def test_a_free_depth_leaves_no_axis_too_coarse(patch: list[int]) -> None:
    strides, kernels = from_patch(patch)
    assert 3 <= len(strides) == len(kernels) <= 6
    multiple = np.prod(strides, axis=0)
    for size, m in zip(patch, multiple, strict=True):
        assert size / m > SMALLEST - 1 or m == 1 or max(patch) < 4 * SMALLEST
