"""What holds for every network of the registry, and for the encoder and the classifier."""

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import nn

from radpipe.errors import ConfigError
from radpipe.networks.autoencoder import Autoencoder
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.inference import sliding_window
from radpipe.networks.registry import NETWORKS, AnySize, build_network, count_parameters
from radpipe.networks.training import seed_everything

SMALL = [4, 8, 16]


def dead_parameters(network: nn.Module) -> list[str]:
    """Parameters that the loss does not reach; a bias before a normalisation is told apart."""
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is None or (p.ndim > 1 and not p.grad.any())
    ]


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("residual_units", [0, 2])
@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
def test_shapes_and_gradients(name: str, residual_units: int, modalities: int) -> None:
    seed_everything(modalities)
    outputs = 1 + modalities
    network = build_network(
        name, inputs=modalities, outputs=outputs, channels=SMALL, residual_units=residual_units
    )
    x = torch.randn(2, modalities, 13, 16, 9)
    y = network(x)
    assert y.shape == (2, outputs, 13, 16, 9)
    (y**2).sum().backward()
    assert dead_parameters(network) == []


@pytest.mark.parametrize("name", NETWORKS)
def test_in_two_dimensions(name: str) -> None:
    network = build_network(name, inputs=1, outputs=5, channels=SMALL, dims=2)
    assert network(torch.randn(1, 1, 17, 5)).shape == (1, 5, 17, 5)


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.integers(1, 19)] * 3))
def test_every_size_is_accepted(size: tuple[int, int, int]) -> None:
    network = build_network("unet", inputs=1, outputs=2, channels=SMALL)
    assert network(torch.randn(1, 1, *size)).shape == (1, 2, *size)


def test_padding_goes_to_the_end_of_its_own_axis() -> None:
    """An identity in place of the network: what comes out is what went in, on every axis."""
    x = torch.randn(1, 1, 5, 9, 3)
    seen = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(x)
            return x

    assert torch.equal(AnySize(Spy(), 4)(x), x)
    assert seen[0].shape == (1, 1, 8, 12, 8)
    assert torch.equal(seen[0][..., :, -1, 0], seen[0][..., :, 8, 0])


def test_the_unet_of_the_plan_has_its_known_size() -> None:
    """27 weights a channel pair and level down, as many up, two convolutions at the bottom."""
    network = build_network("unet", inputs=1, outputs=3, channels=[16, 32, 64, 128])
    assert 480_000 < count_parameters(network) < 500_000


def test_an_unknown_network_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown network; found 'unett', expected unet"):
        build_network("unett", inputs=1, outputs=2, channels=SMALL)


@pytest.mark.parametrize("crop", [(24, 24, 24), (7, 12, 5), (1, 3, 8)])
@pytest.mark.parametrize("modalities", [1, 4])
def test_autoencoder(crop: tuple[int, int, int], modalities: int) -> None:
    seed_everything(3)
    network = Autoencoder(modalities, [4, 8, 16], 6, crop)
    x = torch.randn(5, modalities, *crop)
    assert network.encode(x).shape == (5, 6)
    y = network(x)
    assert y.shape == x.shape
    ((y - x) ** 2).mean().backward()
    assert dead_parameters(network) == []


@pytest.mark.parametrize("modalities", [1, 4])
def test_classifier(modalities: int) -> None:
    seed_everything(3)
    network = Classifier3D(modalities, [4, 8, 16])
    x = torch.randn(5, modalities, 7, 12, 5)
    assert network.features(x).shape == (5, 16, 2, 3, 2)
    y = network(x)
    assert y.shape == (5, 1)
    (y**2).sum().backward()
    assert dead_parameters(network) == []


@pytest.mark.parametrize(
    "network", [Classifier3D(2, [4, 8]), Autoencoder(2, [4, 8], 3, (6, 6, 6))], ids=["cnn", "ae"]
)
@pytest.mark.parametrize("training", [False, True])
def test_a_row_does_not_see_the_other_rows(network: nn.Module, training: bool) -> None:
    """Guardrail G03, and no statistics of the batch while training either (dropout set aside)."""
    network.train(training)
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    x = torch.randn(6, 2, 6, 6, 6)
    x[1:] *= 100
    with torch.no_grad():
        assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-5)


class Channel(nn.Module):
    """Logits that say 'label 1' where the image is above zero: sees no neighbours."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([-x, x], dim=1)


@pytest.mark.parametrize("size", [(9, 9, 9), (3, 20, 5), (8, 8, 8), (1, 1, 1)])
@pytest.mark.parametrize("overlap", [0.0, 0.5])
def test_sliding_windows_give_the_volume_back(size: tuple[int, int, int], overlap: float) -> None:
    """Of a network without neighbours, windows of any size must give the voxel-wise answer."""
    image = torch.randn(1, *size)
    got = sliding_window(Channel(), image, (8, 8, 8), overlap)
    assert got.shape == (2, *size)
    assert torch.allclose(got, torch.softmax(torch.cat([-image, image]), dim=0), atol=1e-5)
