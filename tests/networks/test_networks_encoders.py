"""What holds for networks that turn a crop into a few numbers."""

import math

import pytest
import torch
from torch import nn

from radpipe.networks.autoencoder import Autoencoder
from radpipe.networks.belief import BeliefNetwork, train_belief
from radpipe.networks.capsule import CapsuleNetwork, margin_loss, route, squash
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.devices import seed_everything
from radpipe.networks.heads import Head
from radpipe.networks.schedule import TrainingSettings
from radpipe.networks.slices import SliceNetwork
from radpipe.networks.variational import VariationalAutoencoder


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


@pytest.mark.parametrize("crop", [(24, 24, 24), (7, 12, 5), (1, 3, 8)])
@pytest.mark.parametrize("modalities", [1, 4])
def test_variational_autoencoder(crop: tuple[int, int, int], modalities: int) -> None:
    seed_everything(3)
    network = VariationalAutoencoder(modalities, [4, 8, 16], 6, crop)
    x = torch.randn(5, modalities, *crop)
    assert network.encode(x).shape == (5, 6)
    y, divergence = network.drawn(x)
    assert y.shape == network(x).shape == x.shape
    assert divergence.shape == (5,)
    assert (divergence >= 0).all()
    (((y - x) ** 2).mean() + divergence.mean()).backward()
    assert dead_parameters(network) == []
    assert torch.equal(network.encode(x), network.encode(x)), "the embedding is no draw"


HEADS = [Head("binary"), Head("multiclass", 3), Head("regression"), Head("survival")]
TARGETS = {
    "binary": {"y": torch.tensor([0.0, 1, 0, 1])},
    "multiclass": {"y": torch.tensor([0, 1, 2, 1])},
    "regression": {"y": torch.tensor([0.5, -1, 0, 2])},
    "survival": {"time": torch.tensor([1.0, 2, 3, 4]), "event": torch.tensor([1, 0, 1, 1]) > 0},
}


@pytest.mark.parametrize("head", HEADS, ids=lambda h: h.kind)
@pytest.mark.parametrize("crop", [(7, 12, 5), (2, 3, 8)])  # of one slice an LSTM has no memory
@pytest.mark.parametrize("kind", ["lstm", "transformer", "capsule"])
def test_supervised_networks(kind: str, crop: tuple[int, int, int], head: Head) -> None:
    seed_everything(3)
    network: nn.Module = (
        CapsuleNetwork(2, [4, 8], head.classes or 4, 4, head)
        if kind == "capsule"
        else SliceNetwork(2, [4, 8], crop[0], 8, kind, head.outputs)
    )
    x = torch.randn(4, 2, *crop)
    assert network(x).shape == (4, head.outputs)
    assert network.encode(x).shape == (4, network.width)
    batch = TARGETS[head.kind]
    loss = network.loss(x, batch) if kind == "capsule" else head.loss(network(x), batch)
    loss.backward()
    assert dead_parameters(network) == []


def test_a_squashed_vector_keeps_its_direction_and_is_shorter_than_one() -> None:
    vectors = torch.tensor([[3.0, 4.0], [0.3, 0.4], [0.0, 0.0]])
    squashed = squash(vectors)
    lengths = squashed.norm(dim=1)
    assert lengths.tolist() == pytest.approx([25 / 26, 0.25 / 1.25, 0], abs=1e-4)
    assert squashed[0].tolist() == pytest.approx([0.6 * 25 / 26, 0.8 * 25 / 26], abs=1e-4)


def test_routing_favours_the_capsule_that_votes_agree_on() -> None:
    """Three capsules below say the same of the first above and contradict on the second."""
    same = torch.tensor([[1.0, 0.0]] * 3)
    mixed = torch.tensor([[1.0, 0.0], [-0.5, 0.9], [-0.5, -0.9]])
    votes = torch.stack([same, mixed], dim=1)[None]
    lengths = [route(votes, rounds)[0].norm(dim=1) for rounds in (1, 3)]
    assert lengths[0][0] > lengths[0][1]
    assert lengths[1][0] > lengths[0][0], "agreement draws the coupling to itself"
    assert route(votes, 1)[0, 0].tolist() == pytest.approx(
        squash(torch.tensor([1.5, 0.0])).tolist()
    )


def test_margin_loss_by_hand() -> None:
    lengths = torch.tensor([[0.95, 0.05], [0.5, 0.3]])
    expected = (0 + (0.9 - 0.5) ** 2 + 0.5 * (0.3 - 0.1) ** 2) / 2
    assert margin_loss(lengths, torch.tensor([0, 0])).item() == pytest.approx(expected)


def test_chances_of_capsules_are_shares_of_their_lengths() -> None:
    seed_everything(0)
    head = Head("binary")
    network = CapsuleNetwork(1, [4, 8], 2, 4, head)
    x = torch.randn(3, 1, 5, 5, 5)
    lengths = network.capsules(x).norm(dim=2)
    assert torch.allclose(
        head.predictions(network(x))[:, 1], lengths[:, 1] / lengths.sum(dim=1), atol=1e-2
    )


@pytest.mark.parametrize("crop", [(8, 8, 8), (7, 12, 5), (1, 3, 8)])
@pytest.mark.parametrize("modalities", [1, 4])
def test_belief_network(crop: tuple[int, int, int], modalities: int) -> None:
    """Contrastive divergence moves every number there is, and the loss falls."""
    seed_everything(3)
    network = BeliefNetwork(modalities + 1, 1, crop, [12, 6])
    start = [p.clone() for p in network.parameters()]
    x = torch.randn(6, modalities + 1, *crop)
    x[:, -1] = (x[:, -1] > 0).float()
    log = train_belief(network, x, TrainingSettings(60, 6, 0.1, seed=1))
    assert len(log) == 2 * 60
    assert log["loss"][50:60].mean() < log["loss"][:5].mean()
    assert all((a != b).any() for a, b in zip(start, network.parameters(), strict=True))
    assert network.encode(x).shape == (6, 6)
    assert network(x).shape == x.shape
    assert ((network.encode(x) > 0) & (network.encode(x) < 1)).all()


def test_visible_units_are_chances_by_the_normal_distribution() -> None:
    network = BeliefNetwork(2, 1, (2, 2, 2), [3])
    x = torch.zeros(1, 2, 2, 2, 2)
    x[0, 0] = 1.0  # one standard deviation above the mean
    x[0, 1, 0] = 1.0  # half of the block is in the mask
    chances = network.visible(x)[0].tolist()
    assert chances == pytest.approx([0.5 * (1 + math.erf(1 / math.sqrt(2))), 0.5], abs=1e-6)


@pytest.mark.parametrize(
    "network",
    [
        Classifier3D(2, [4, 8]),
        Autoencoder(2, [4, 8], 3, (6, 6, 6)),
        VariationalAutoencoder(2, [4, 8], 3, (6, 6, 6)),
        SliceNetwork(2, [4, 8], 6, 8, "lstm"),
        SliceNetwork(2, [4, 8], 6, 8, "transformer"),
        CapsuleNetwork(2, [4, 8], 2, 4, Head("binary")),
        BeliefNetwork(2, 1, (6, 6, 6), [8, 4]),
    ],
    ids=["cnn", "ae", "vae", "lstm", "transformer", "capsule", "belief"],
)
@pytest.mark.parametrize("training", [False, True])
def test_a_row_does_not_see_the_other_rows(network: nn.Module, training: bool) -> None:
    """Guardrail G03, and no statistics of the batch while training either (dropout set aside)."""
    network.train(training)
    for module in network.modules():
        if isinstance(module, nn.Dropout | nn.TransformerEncoderLayer | nn.MultiheadAttention):
            module.eval()
    x = torch.randn(6, 2, 6, 6, 6)
    x[1:] *= 100
    with torch.no_grad():
        assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-5)
