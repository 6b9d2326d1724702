"""Perturbations change what they should, by as much as they say, and nothing else."""

import numpy as np
import pytest
import SimpleITK as sitk
from feature_images import image_of
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Stability
from radpipe.features.perturbations import (
    noise_level,
    perturb,
    perturbation_sources,
    redrawn,
    resized,
)
from radpipe.io.images import array_of, labels_of

SHAPE = (16, 18, 20)


def mask_of(spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)) -> sitk.Image:
    """A box of 6 x 6 x 6 voxels, its upper half of label 2."""
    array = np.zeros(SHAPE, dtype=np.uint8)
    array[5:11, 6:12, 7:13] = 1
    array[8:11, 6:12, 7:13] = 2
    return image_of(array, spacing_mm)


def ramp() -> sitk.Image:
    """Intensity is x, nowhere zero."""
    array = np.broadcast_to(np.arange(SHAPE[2], dtype=np.float32) + 1, SHAPE)
    return sitk.GetImageFromArray(array.copy())


def drawn(seed: int = 1, **keys: object) -> list:
    return list(perturb({"CT": ramp()}, mask_of(), Stability(**keys), seed))


def test_the_number_and_the_names_of_the_versions() -> None:
    together = drawn(perturbations=["rotation", "noise"], repeats=3)
    assert [(p.source, p.repeat) for p in together] == [("rotation+noise", i) for i in (1, 2, 3)]
    alone = drawn(perturbations=["rotation", "noise"], repeats=2, together=False)
    assert [p.source for p in alone] == ["rotation"] * 2 + ["noise"] * 2
    assert perturbation_sources(Stability()) == []
    assert drawn() == []


def test_versions_repeat_with_their_seed_and_do_not_hang_on_their_number() -> None:
    keys = {"perturbations": ["rotation", "translation", "noise", "volume", "contour"]}
    few, many, other = drawn(**keys, repeats=2), drawn(**keys, repeats=4), drawn(2, **keys)
    for a, b in zip(few, many, strict=False):
        assert np.array_equal(array_of(a.images["CT"]), array_of(b.images["CT"]))
        assert np.array_equal(labels_of(a.mask), labels_of(b.mask))
    assert not np.array_equal(array_of(few[0].images["CT"]), array_of(other[0].images["CT"]))
    assert not np.array_equal(array_of(few[0].images["CT"]), array_of(few[1].images["CT"]))


def test_a_translation_moves_a_ramp_by_less_than_a_voxel() -> None:
    """Where intensity is x, a shift of d voxels changes it by d, the same everywhere inside."""
    (version,) = drawn(perturbations=["translation"], repeats=1, translation_voxels=0.5)
    change = (array_of(version.images["CT"]) - array_of(ramp()))[:, :, 5:15]
    assert change.std() < 1e-3
    assert 0 < abs(change.mean()) <= 0.5


def test_a_rotation_keeps_the_middle_and_the_volume() -> None:
    (version,) = drawn(perturbations=["rotation"], repeats=1, rotation_deg=10)
    before, after = labels_of(mask_of()), labels_of(version.mask)
    assert np.argwhere(after).mean(axis=0) == pytest.approx(
        np.argwhere(before).mean(axis=0), abs=0.1
    )
    assert abs(int((after > 0).sum()) - 216) < 0.1 * 216
    assert set(np.unique(after)) == {0, 1, 2}
    # It turns in the slice: every slice keeps its label.
    assert np.array_equal(after.max(axis=(1, 2)), before.max(axis=(1, 2)))


def test_noise_is_as_strong_as_that_of_the_image_and_leaves_the_background() -> None:
    rng = np.random.default_rng(0)
    array = (ramp_values() + rng.normal(0, 3.0, SHAPE)).astype(np.float32)
    array[:2] = 0
    images = {"CT": sitk.GetImageFromArray(array)}
    chosen = Stability(perturbations=["noise"], repeats=1)
    (version,) = perturb(images, mask_of(), chosen, 1)
    change = array_of(version.images["CT"]) - array
    assert (change[:2] == 0).all()
    assert change[4:].std() == pytest.approx(3.0, rel=0.15)
    assert np.array_equal(labels_of(version.mask), labels_of(mask_of()))


def ramp_values() -> np.ndarray:
    return array_of(ramp()) + 100


@pytest.mark.parametrize("sd", [0.5, 20.0])
def test_the_noise_level_of_a_smooth_image(sd: float) -> None:
    rng = np.random.default_rng(1)
    z, y, x = np.meshgrid(*(np.linspace(0, 3, 40),) * 3, indexing="ij")
    smooth = 100 * np.sin(z) * np.cos(y) + 50 * x + 500
    assert noise_level(smooth) < 0.05
    assert noise_level(smooth + rng.normal(0, sd, smooth.shape)) == pytest.approx(sd, rel=0.05)


def test_an_image_of_zeros_has_no_noise() -> None:
    assert noise_level(np.zeros((4, 5, 6), dtype=np.float32)) == 0


@settings(max_examples=25, deadline=None)
@given(st.floats(0.2, 3.0), st.tuples(*[st.floats(0.5, 4.0)] * 3))
def test_a_new_volume_is_met_to_the_voxel(factor: float, spacing_mm: tuple[float, ...]) -> None:
    mask = mask_of(spacing_mm)
    before, after = labels_of(mask), labels_of(resized(mask, factor))
    assert int((after > 0).sum()) == round(216 * factor)
    if factor <= 1:
        assert np.array_equal(after[after > 0], before[after > 0])
    else:
        assert np.array_equal(after[before > 0], before[before > 0])


def test_growing_goes_where_the_voxels_are_small() -> None:
    """Slices of 5 mm: the first mm of growth lies within the slices."""
    grown = labels_of(resized(mask_of((1.0, 1.0, 5.0)), 1.2)) > 0
    assert grown.any(axis=(1, 2)).sum() == 6


def test_a_mask_never_vanishes_nor_leaves_the_image() -> None:
    assert int((labels_of(resized(mask_of(), 1e-6)) > 0).sum()) == 1
    assert (labels_of(resized(mask_of(), 1e6)) > 0).all()


def test_a_contour_drawn_again_stays_near_the_old_one() -> None:
    chosen = Stability(contour_mm=0.8, contour_smoothness_mm=3.0)
    mask = mask_of()
    before = labels_of(mask) > 0
    masks = [labels_of(redrawn(mask, chosen, np.random.default_rng(i))) > 0 for i in range(20)]
    dice = [2 * (before & m).sum() / (before.sum() + m.sum()) for m in masks]
    assert 0.6 < min(dice) <= max(dice) < 1
    # Inwards and outwards alike, on the average.
    assert np.mean([m.sum() for m in masks]) == pytest.approx(216, rel=0.2)
    tiny = Stability(contour_mm=1e-3)
    assert np.array_equal(labels_of(redrawn(mask, tiny, np.random.default_rng(0))) > 0, before)


def test_an_empty_mask_has_no_versions() -> None:
    chosen = Stability(perturbations=["rotation", "contour"])
    assert list(perturb({"CT": ramp()}, mask_of() * 0, chosen, 1)) == []
