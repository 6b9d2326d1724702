"""The random field: what it removes, what it follows, what it leaves alone."""

import time

import numpy as np
import pytest
import torch

from radpipe.config.segmentation import Crf
from radpipe.segmentation import crf
from radpipe.segmentation.crf import refine

UNIT_MM = (1.0, 1.0, 1.0)


def two_classes(label: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([1 - label, label])).half()


def half_space(noise: float = 0.0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Bright where x > 8 of 18, in voxels; and the image of one modality."""
    bright = np.zeros((18, 18, 18), bool)
    bright[:, :, 9:] = True
    image = bright + noise * np.random.default_rng(seed).standard_normal(bright.shape)
    return bright, image[None].astype(np.float32)


def test_isolated_false_positives_go_and_isolated_holes_close() -> None:
    bright, image = half_space(noise=0.1)
    label = np.where(bright, 0.95, 0.05)
    label[9, 9, 3] = 0.9
    label[4, 4, 14] = 0.1
    drawn = refine(two_classes(label), image, UNIT_MM, Crf())[1] > 0.5
    assert np.array_equal(drawn.numpy(), bright)


def test_it_follows_the_edge_of_the_image() -> None:
    """The network's edge is three voxels off; the image says where it is."""
    bright, image = half_space(noise=0.1)
    label = np.full(bright.shape, 0.05)
    label[:, :, 6:9] = 0.55
    label[:, :, 9:] = 0.95
    before = two_classes(label)
    after = refine(before, image, UNIT_MM, Crf())
    assert (before[1] > 0.5).sum() > bright.sum()
    assert np.array_equal((after[1] > 0.5).numpy(), bright)
    # Without an edge in the image there is nothing to follow.
    flat = refine(before, np.zeros_like(image), UNIT_MM, Crf())
    assert (flat[1] > 0.5)[:, :, 7:9].float().mean() > 0.9


def test_without_weight_nothing_changes() -> None:
    bright, image = half_space(noise=0.3)
    label = two_classes(np.random.default_rng(0).random(bright.shape))
    assert torch.allclose(refine(label, image, UNIT_MM, Crf(weight=0)), label, atol=2e-3)


def test_more_weight_smooths_more() -> None:
    bright, image = half_space(noise=0.1)
    noise = 0.3 * np.random.default_rng(1).standard_normal(bright.shape)
    said = two_classes(np.clip(0.5 * bright + 0.25 + noise, 0.02, 0.98))
    wrong = []
    for weight in (0, 0.2, 2):
        drawn = refine(said, image, UNIT_MM, Crf(weight=weight))[1] > 0.5
        wrong.append(int((drawn.numpy() != bright).sum()))
    assert wrong[0] > wrong[1] > wrong[2] == 0


def test_modalities_and_labels_in_any_number() -> None:
    rng = np.random.default_rng(0)
    said = torch.softmax(torch.from_numpy(rng.standard_normal((4, 6, 7, 8))), dim=0).half()
    image = rng.standard_normal((3, 6, 7, 8)).astype(np.float32)
    refined = refine(said, image, (2.0, 1.0, 0.5), Crf())
    assert refined.shape == said.shape
    assert torch.allclose(refined.float().sum(0), torch.ones(6, 7, 8), atol=2e-3)


def test_the_sum_over_levels_is_a_gaussian_of_intensities() -> None:
    """The filtered appearance kernel against the sum over all pairs of voxels."""
    rng = np.random.default_rng(0)
    image = torch.from_numpy(4 * rng.random((2, 3, 4, 5))).float()
    values = torch.from_numpy(rng.random((1, 3, 4, 5))).float()
    sigmas = [0.8, 1.1, 1.7]
    axes = [crf._gaussian(n, s) for n, s in zip((3, 4, 5), sigmas, strict=True)]
    got = crf._appearance(axes, image)(values)
    # The level sum of one voxel with itself is the constant that both sides share.
    unit = sum(np.exp(-2.0 * (0.3 - c) ** 2) for c in range(-5, 6))
    places = np.stack(np.indices((3, 4, 5)), -1).reshape(-1, 3) / sigmas
    expected = np.zeros(60)
    for channel in image.numpy().reshape(2, -1):
        near = -0.5 * ((places[:, None] - places) ** 2).sum(-1)
        alike = -0.5 * (channel[:, None] - channel) ** 2
        kernel = np.exp(near + alike)
        np.fill_diagonal(kernel, 0)
        expected += unit * kernel @ values.numpy().ravel() / 2
    assert got.numpy().ravel() == pytest.approx(expected, rel=0.02)


def test_far_background_is_left_alone_and_nothing_stays_nothing() -> None:
    label = np.zeros((30, 30, 30))
    label[2:5, 2:5, 2:5] = 0.9
    image = np.random.default_rng(0).random((1, 30, 30, 30)).astype(np.float32)
    before = two_classes(label)
    after = refine(before, image, UNIT_MM, Crf(smoothness_mm=1))
    assert torch.equal(after[:, 12:], before[:, 12:])
    assert not torch.equal(after, before)
    nothing = two_classes(np.zeros((4, 4, 4)))
    assert torch.equal(refine(nothing, image[:, :4, :4, :4], UNIT_MM, Crf()), nothing)


def test_slabs_give_what_the_whole_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    bright, image = half_space(noise=0.2)
    label = two_classes(np.where(bright, 0.8, 0.3))
    settings = Crf(smoothness_mm=1.0, iterations=1)
    whole = refine(label, image, UNIT_MM, settings)
    monkeypatch.setattr(crf, "TILE_VOXELS", 18 * 18 * 5)
    parts = refine(label, image, UNIT_MM, settings)
    # One iteration reaches three standard deviations; beyond it a Gaussian is 1 % of its top.
    assert (whole - parts).abs().max() < 5e-3


def test_a_volume_of_48_voxels_a_side_takes_below_1500_ms() -> None:
    rng = np.random.default_rng(0)
    label = two_classes(rng.random((48, 48, 48)))
    image = rng.standard_normal((1, 48, 48, 48)).astype(np.float32)
    took = []
    for _ in range(3):
        start = time.process_time()
        refine(label, image, UNIT_MM, Crf())
        took.append(time.process_time() - start)
    assert min(took) < 1.5
