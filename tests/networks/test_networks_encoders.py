"""What holds for the autoencoder and for the classifier."""

import pytest
import torch
from torch import nn

from radpipe.networks.autoencoder import Autoencoder
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.devices import seed_everything


def dead_parameters(network: nn.Module) -> list[str]:
    """Parameters that the loss does not reach; a bias before a normalisation is told apart."""
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is None or (p.ndim > 1 and not p.grad.any())
    ]


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
