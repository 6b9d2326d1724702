"""Occlusion maps of scores whose answer is known."""

import numpy as np
import pytest

from radpipe.errors import RadpipeError
from radpipe.explanation.occlusion import occlusion_map


def bright_box():
    """Two channels; the first is 1 in a box of 2 x 2 x 2 voxels."""
    volume = np.zeros((2, 8, 6, 6), dtype=np.float32)
    volume[0, 2:4, 2:4, 2:4] = 1
    return volume


def total(batch):
    return batch[:, 0].sum(axis=(1, 2, 3))


def test_the_map_is_bright_where_the_score_comes_from():
    volume = bright_box()
    found = occlusion_map(total, volume, patch=(2, 2, 2), stride=(2, 2, 2))
    assert found.shape == (8, 6, 6)
    # Each patch is filled with the mean, 8 / 288: the box loses 8 - 8 / 36, others gain 8 / 36.
    inside = volume[0] == 1
    assert found[inside] == pytest.approx(8 - 8 * 8 / 288)
    assert found[~inside] == pytest.approx(-8 * 8 / 288)


def test_a_score_that_sees_nothing_has_an_empty_map():
    found = occlusion_map(lambda batch: np.full(len(batch), 0.7), bright_box(), patch=(3, 3, 3))
    assert (found == 0).all()


def test_other_channels_stay_as_they_are():
    found = occlusion_map(total, bright_box(), patch=(2, 2, 2), channels=[1])
    assert (found == 0).all()


def test_every_voxel_is_covered_whatever_the_sizes():
    seen = []

    def score(batch):
        seen.append(len(batch))
        return batch.reshape(len(batch), -1).max(axis=1)

    volume = np.random.default_rng(1).random((1, 5, 7, 3))
    found = occlusion_map(score, volume, patch=(3, 4, 9), stride=(2, 3, 1), batch=2)
    assert max(seen) <= 2
    assert found[np.unravel_index(volume[0].argmax(), (5, 7, 3))] > 0


def test_batches_do_not_change_the_map():
    volume = np.random.default_rng(2).random((2, 6, 6, 6))
    maps = [occlusion_map(total, volume, patch=(3, 3, 3), batch=b) for b in (1, 7, 100)]
    assert maps[0] == pytest.approx(maps[1])
    assert maps[0] == pytest.approx(maps[2])


def test_the_volume_is_not_touched():
    volume = bright_box()
    occlusion_map(total, volume, patch=(2, 2, 2))
    assert (volume == bright_box()).all()


@pytest.mark.parametrize(("shape", "patch"), [((4, 4, 4), (2, 2, 2)), ((1, 4, 4, 4), (0, 2, 2))])
def test_impossible_requests_are_refused(shape, patch):
    with pytest.raises(RadpipeError, match="cannot be occluded"):
        occlusion_map(total, np.zeros(shape), patch=patch)
