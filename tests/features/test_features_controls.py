"""Negative controls keep what they should and lose what they should."""

import numpy as np
import SimpleITK as sitk
from feature_images import image_of
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.features.controls import displaced, noise_filled, shuffled
from radpipe.io.images import array_of, labels_of

SHAPE = (16, 18, 20)


def scene(seed: int = 0) -> tuple[dict[str, sitk.Image], sitk.Image]:
    """Two modalities that are zero outside a body, and a mask of two labels inside it."""
    rng = np.random.default_rng(seed)
    body = np.zeros(SHAPE, dtype=bool)
    body[2:14, 2:16, 2:18] = True
    first = np.where(body, rng.normal(size=SHAPE), 0).astype(np.float32)
    images = {"T1w": image_of(first), "FLAIR": image_of(first * 2)}
    mask = np.zeros(SHAPE, dtype=np.uint8)
    mask[3:6, 3:7, 3:6] = 1
    mask[3, 3:5, 3:6] = 2
    return images, image_of(mask)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63))
def test_shuffling_keeps_the_values_and_the_outside(seed: int) -> None:
    images, mask = scene()
    region = labels_of(mask) > 0
    before, after = array_of(images["T1w"]), array_of(shuffled(images, mask, seed)["T1w"])
    assert np.array_equal(before[~region], after[~region])
    assert np.array_equal(np.sort(before[region]), np.sort(after[region]))
    assert not np.array_equal(before[region], after[region])


def test_shuffling_moves_the_voxels_of_all_modalities_alike() -> None:
    images, mask = scene()
    result = shuffled(images, mask, 1)
    assert np.array_equal(array_of(result["FLAIR"]), 2 * array_of(result["T1w"]))


def test_shuffling_leaves_its_input_and_an_empty_region_alone() -> None:
    images, mask = scene()
    before = array_of(images["T1w"]).copy()
    shuffled(images, mask, 1)
    assert np.array_equal(array_of(images["T1w"]), before)
    for control in (shuffled, noise_filled):
        empty = control(images, mask * 0, 1)
        assert np.array_equal(array_of(empty["T1w"]), before)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**63))
def test_a_displaced_mask_has_the_same_shape_elsewhere_in_the_body(seed: int) -> None:
    images, mask = scene()
    moved_mask = displaced(images, mask, seed)
    assert moved_mask is not None
    region, moved = labels_of(mask), labels_of(moved_mask)
    offsets = np.argwhere(moved) - np.argwhere(region)
    assert (offsets == offsets[0]).all()
    assert np.array_equal(region[region > 0], moved[moved > 0])
    assert not (moved[region > 0] > 0).any()
    outside = array_of(images["T1w"]) == 0
    assert (moved[outside] > 0).sum() <= 0.05 * (region > 0).sum()


def test_noise_has_the_mean_and_the_spread_of_the_region_and_spares_the_outside() -> None:
    rng = np.random.default_rng(0)
    array = rng.gamma(2.0, 50.0, (20, 20, 20)).astype(np.float32)
    mask = np.zeros(array.shape, dtype=np.uint8)
    mask[2:18, 2:18, 2:18] = 1
    region = mask > 0
    filled = array_of(noise_filled({"CT": image_of(array)}, image_of(mask), 3)["CT"])
    assert np.array_equal(filled[~region], array[~region])
    assert abs(filled[region].mean() - array[region].mean()) < 0.1 * array[region].std()
    assert abs(filled[region].std() / array[region].std() - 1) < 0.05
    assert abs(np.corrcoef(filled[region], array[region])[0, 1]) < 0.05


def test_controls_repeat_with_their_seed() -> None:
    images, mask = scene()
    for seed in (1, 2**63):
        again = [labels_of(displaced(images, mask, seed) or mask) for _ in range(2)]
        assert np.array_equal(*again)
        for control in (shuffled, noise_filled):
            twice = [array_of(control(images, mask, seed)["T1w"]) for _ in range(2)]
            assert np.array_equal(*twice)


def test_without_room_elsewhere_the_least_overlap_is_taken() -> None:
    """A region of 6 in a body of 10 voxels can move by 4 at most: it overlaps itself by 2."""
    body = np.zeros((4, 4, 12), dtype=np.float32)
    body[:, :, 1:11] = 1.0
    mask = np.zeros(body.shape, dtype=np.uint8)
    mask[:, :, 1:7] = 1
    moved = displaced({"CT": image_of(body)}, image_of(mask), 0)
    assert moved is not None
    assert np.flatnonzero(labels_of(moved).any(axis=(0, 1))).tolist() == [5, 6, 7, 8, 9, 10]


def test_without_any_room_there_is_no_displaced_mask() -> None:
    body = np.ones((6, 6, 6), dtype=np.float32)
    mask = np.ones((6, 6, 6), dtype=np.uint8)
    assert displaced({"CT": image_of(body)}, image_of(mask), 0) is None


def test_an_empty_mask_stays_empty() -> None:
    images, mask = scene()
    empty = displaced(images, mask * 0, 0)
    assert empty is not None
    assert not labels_of(empty).any()
