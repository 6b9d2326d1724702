"""Sliding windows: their weights, mirror images, dropout passes."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from monai.inferers.utils import sliding_window_inference
from torch import nn

from radpipe.errors import ConfigError
from radpipe.networks.inference import Passes, entropy, sliding_window


class Sign(nn.Module):
    """Logits that say 'label 1' where the image is above zero: sees no neighbours."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([-x, x], dim=1)


class Ramp(nn.Module):
    """Logits that grow along one axis of the window, whatever the image."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis + 2

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        n = x.shape[self.axis]
        shape = [n if k == self.axis else 1 for k in range(x.ndim)]
        rising = torch.linspace(-1, 1, n).reshape(shape) + 0 * x
        return torch.cat([-rising, rising], dim=1)


def blurring(dropout: float = 0.0) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv3d(1, 6, 3, padding=1), nn.ReLU(), nn.Dropout3d(dropout), nn.Conv3d(6, 3, 3, 1, 1)
    )


@settings(max_examples=40, deadline=None)
@given(
    size=st.tuples(*[st.integers(1, 25)] * 3),
    patch=st.tuples(*[st.integers(1, 12)] * 3),
    overlap=st.sampled_from([0.0, 0.25, 0.5, 0.8]),
    flips=st.sets(st.integers(0, 2)),
)
def test_weights_of_windows_sum_to_one(
    size: tuple[int, int, int], patch: tuple[int, int, int], overlap: float, flips: set[int]
) -> None:
    """A network without neighbours gives its voxel-wise answer, however windows lie."""
    image = torch.randn(1, *size, generator=torch.Generator().manual_seed(1))
    passes = Passes(flips=tuple(sorted(flips)))
    got = sliding_window(Sign(), image, patch, overlap, passes=passes)
    assert torch.allclose(got, torch.softmax(torch.cat([-image, image]), dim=0), atol=1e-5)


@pytest.mark.parametrize("size", [(20, 24, 16), (36, 12, 16)])
def test_agrees_with_monai_where_its_windows_are_the_same(size: tuple[int, int, int]) -> None:
    """Half overlap of sizes that windows fill evenly; the Gaussian is separable here."""
    image, network = torch.randn(1, *size), blurring().eval()
    bell = torch.exp(-0.5 * (torch.arange(8) - 3.5) ** 2)
    weight = bell[:, None, None] * bell[:, None] * bell
    got = sliding_window(network, image, (8, 8, 8), 0.5)
    with torch.inference_mode():
        expected = sliding_window_inference(
            image[None],
            (8, 8, 8),
            1,
            lambda w: torch.softmax(network(w), dim=1),
            overlap=0.5,
            roi_weight_map=weight,
        )[0]
    assert torch.allclose(got, expected, atol=1e-5)


def test_half_precision_is_the_rounded_result() -> None:
    image, network = torch.randn(1, 20, 9, 13), blurring()
    full = sliding_window(network, image, (8, 8, 8), 0.5)
    half = sliding_window(network, image, (8, 8, 8), 0.5, dtype=torch.half)
    assert torch.equal(half, full.half())


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_mirror_images_are_averaged(axis: int) -> None:
    """What rises along an axis in every window cancels against its mirror image, and only there."""
    image = torch.zeros(1, 8, 8, 8)
    plain = sliding_window(Ramp(axis), image, (8, 8, 8), 0.5)
    assert plain[1].movedim(axis, 0)[-1].min() > 0.8
    for flips in [(axis,), (0, 1, 2)]:
        mirrored = sliding_window(Ramp(axis), image, (8, 8, 8), 0.5, passes=Passes(flips))
        assert torch.allclose(mirrored, torch.full_like(mirrored, 0.5), atol=1e-6)
    others = tuple({0, 1, 2} - {axis})
    assert torch.equal(
        sliding_window(Ramp(axis), image, (8, 8, 8), 0.5, passes=Passes(others)), plain
    )


def test_a_mirrored_image_gives_the_mirrored_answer() -> None:
    image, passes = torch.randn(1, 8, 8, 8), Passes(flips=(0, 2))
    one = sliding_window(blurring(), image, (8, 8, 8), 0.5, passes=passes)
    other = sliding_window(blurring(), image.flip(1), (8, 8, 8), 0.5, passes=passes)
    assert torch.allclose(one, other.flip(1), atol=1e-5)


def test_dropout_is_seeded_and_leaves_the_rest_of_the_dice_alone() -> None:
    image, network = torch.randn(1, 9, 9, 9), blurring(0.5)
    torch.manual_seed(7)
    untouched = torch.rand(3)
    torch.manual_seed(7)
    first, again, other = (
        sliding_window(network, image, (8, 8, 8), 0.5, passes=Passes(dropout=4, seed=s))
        for s in (1, 1, 2)
    )
    assert torch.equal(torch.rand(3), untouched)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert not any(m.training for m in network.modules())


def test_mutual_information_is_what_dropout_changes() -> None:
    """Between 0 and the entropy; the mean is a probability; without chance there is none."""
    image = torch.randn(1, 9, 9, 9)
    passes = Passes(dropout=6, seed=1)
    got = sliding_window(blurring(0.5), image, (16, 16, 16), 0.5, passes=passes)
    assert got.shape == (4, 9, 9, 9)
    assert torch.allclose(got[:3].sum(dim=0), torch.ones(9, 9, 9), atol=1e-5)
    assert (got[3] >= 0).all()
    assert (got[3] <= entropy(got[:3], 0) + 1e-6).all()
    assert got[3].max() > 0.01
    hardly = sliding_window(blurring(1e-9), image, (16, 16, 16), 0.5, passes=passes)
    assert hardly[3].max() < 1e-6


def test_only_dropout_learns_anew() -> None:
    """Batch normalisation keeps its running statistics in passes with dropout."""
    network = nn.Sequential(nn.BatchNorm3d(1), nn.Dropout(0.5), nn.Conv3d(1, 2, 1))
    before = network[0].running_mean.clone()
    sliding_window(network, torch.randn(1, 8, 8, 8) + 5, (8, 8, 8), 0.5, passes=Passes(dropout=2))
    assert torch.equal(network[0].running_mean, before)


def test_dropout_of_a_network_without_it_is_told() -> None:
    image = torch.zeros(1, 4, 4, 4)
    for network in (Sign(), blurring(0.0)):
        with pytest.raises(ConfigError, match="mc_dropout needs a network that was built"):
            sliding_window(network, image, (4, 4, 4), 0, passes=Passes(dropout=2))


def test_entropy_by_hand() -> None:
    chances = torch.tensor([[1.0, 0.5], [0.0, 0.5]])
    assert entropy(chances, 0).tolist() == pytest.approx([0, 0.6931472])
