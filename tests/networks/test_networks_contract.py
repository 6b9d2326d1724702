"""What holds for every network of the registry.

Everything here is tiny: few features, a few thousand voxels. Tests marked slow repeat it at the
published widths.
"""

import dataclasses
from pathlib import Path
from typing import Any, get_args

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor, nn

from radpipe.config.segmentation import NetworkName
from radpipe.errors import ConfigError
from radpipe.networks.devices import seed_everything
from radpipe.networks.losses import build_loss
from radpipe.networks.registry import NETWORKS, build_network, count_parameters
from radpipe.networks.spec import AnySize, NetworkSpec
from radpipe.networks.weights import load_weights, save_weights

SMALL = [4, 8, 16]
CHANNELS = {
    "unetpp": [4, 4, 4, 4, 4],
    "unetr": [4, 8, 16, 32, 24],
    "swin_unetr": [12, 24, 48, 96, 192],
    "densenet_seg": [2, 3, 4],
    "dense_unet": [4, 4, 4],
    "inception_unet": [8, 16, 16],
    "deeplabv3plus": [8, 16, 16],
}
"""Small features of networks that cannot have `SMALL`, or that take long or too few from it."""

ODD = {3: (9, 13, 17), 2: (33, 17)}
WIDE = {"swin_unetr": {3: (33, 7, 5), 2: (33, 17)}}
"""Swin UNETR works on 64 voxels along the longest axis, so the others are kept short."""

Variant = tuple[str, dict[str, Any]]
VARIANTS: list[Variant] = [
    *[(name, {}) for name in NETWORKS],
    ("unet", {"residual_units": 2}),
    ("unetpp", {"deep_supervision": True}),
    ("dynunet", {"deep_supervision": True}),
    ("dynunet", {"strides": [(1, 2, 2), (2, 2, 2)], "kernels": [(1, 3, 3), (3, 3, 3), (3, 3, 3)]}),
    ("densenet_seg", {"streams": "early"}),
    ("densenet_seg", {"streams": "late"}),
]
EACH = pytest.mark.parametrize("name", NETWORKS)
EACH_VARIANT = pytest.mark.parametrize(
    ("name", "options"),
    VARIANTS,
    ids=lambda part: part if isinstance(part, str) else "-".join(part),
)
EACH_TRAINED = pytest.mark.parametrize(
    ("name", "options"),
    # Variants share the training of their network; seconds each.
    [pytest.param(n, o, marks=[pytest.mark.slow] if o else []) for n, o in VARIANTS],
    ids=lambda part: part if isinstance(part, str) else "-".join(part),
)


def small(name: str, **changes: Any) -> NetworkSpec:
    """A tiny specification of a network; the patch holds every size that is used here."""
    dims = changes.get("dims", 3)
    spec = NetworkSpec(1, 2, channels=CHANNELS.get(name, SMALL), patch=ODD[dims])
    return dataclasses.replace(spec, **changes)


def odd(name: str, dims: int = 3) -> tuple[int, ...]:
    return WIDE.get(name, ODD)[dims]


def as_list(logits: Tensor | list[Tensor]) -> list[Tensor]:
    return logits if isinstance(logits, list) else [logits]


def dead_parameters(network: nn.Module) -> list[str]:
    """Parameters that the loss does not reach; a bias before a normalisation is told apart."""
    return [
        name
        for name, p in network.named_parameters()
        if p.grad is None or (p.ndim > 1 and not p.grad.any())
    ]


def check_pass(name: str, dims: int, spec: NetworkSpec, size: tuple[int, ...]) -> None:
    """Shapes in both modes, and a gradient at every parameter."""
    network = build_network(name, spec)
    x = torch.randn(1, spec.inputs, *size)
    outputs = as_list(network.train()(x))
    assert outputs[0].shape == (1, spec.outputs, *size)
    assert (len(outputs) > 1) == spec.deep_supervision
    for lower in outputs[1:]:
        assert lower.shape[:2] == (1, spec.outputs)
        assert lower.ndim == dims + 2
    sum((output**2).sum() for output in outputs).backward()
    assert dead_parameters(network) == []
    with torch.no_grad():
        drawn = network.eval()(x)
    assert isinstance(drawn, Tensor)
    assert drawn.shape == (1, spec.outputs, *size)


def test_the_registry_has_the_networks_that_a_config_may_name() -> None:
    assert set(NETWORKS) == set(get_args(NetworkName)) - {"auto"}


@EACH_VARIANT
@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
def test_shapes_and_gradients(name: str, options: dict[str, Any], modalities: int) -> None:
    if modalities == 1 and options.get("streams"):
        pytest.skip("one stream a modality needs more than one")
    if name == "swin_unetr" and modalities != 3:
        pytest.skip("seconds a pass: one number of modalities here, the others in 2-D")
    seed_everything(modalities)
    spec = small(name, inputs=modalities, outputs=modalities + 1, **options)
    check_pass(name, 3, spec, odd(name))


@EACH
@pytest.mark.parametrize("modalities", [1, 2, 3, 4])
def test_in_two_dimensions(name: str, modalities: int) -> None:
    spec = small(name, inputs=modalities, outputs=modalities + 1, dims=2)
    seed_everything(modalities)
    check_pass(name, 2, spec, odd(name, 2))


@EACH_VARIANT
def test_a_row_does_not_see_the_other_rows(name: str, options: dict[str, Any]) -> None:
    """Guardrail G03: neither when masks are drawn nor through statistics of a training batch."""
    dims = 2 if name == "swin_unetr" else 3
    seed_everything(1)
    network = build_network(name, small(name, inputs=2, dims=dims, **options))
    x = torch.randn(2, 2, *odd(name, dims))
    x[1] *= 100
    for mode in (False, True):
        with torch.no_grad():
            both, alone = as_list(network.train(mode)(x)), as_list(network(x[:1]))
        for one, other in zip(both, alone, strict=True):
            assert torch.allclose(one[:1], other, atol=1e-4)


@EACH_VARIANT
def test_equal_seeds_give_equal_networks_and_weights_go_to_disk_and_back(
    name: str, options: dict[str, Any], tmp_path: Path
) -> None:
    dims = 2 if name == "swin_unetr" else 3
    spec = small(name, inputs=2, dims=dims, **options)
    networks = []
    for seed in (5, 5, 6):
        seed_everything(seed)
        networks.append(build_network(name, spec).eval())
    x = torch.randn(1, 2, *odd(name, dims))
    with torch.no_grad():
        first, again, other = (network(x) for network in networks)
        assert torch.equal(first, again)
        assert not torch.allclose(first, other, atol=1e-3)
        save_weights(networks[0], tmp_path / "weights.safetensors")
        load_weights(networks[2], tmp_path / "weights.safetensors")
        assert torch.equal(networks[2](x), first)


@EACH
def test_dropout_is_random_in_training_and_off_when_masks_are_drawn(name: str) -> None:
    """Monte Carlo dropout needs every network to have some, and none on the logits."""
    dims = 2 if name == "swin_unetr" else 3
    seed_everything(2)
    network = build_network(name, small(name, dims=dims, dropout=0.5))
    x = torch.randn(1, 1, *odd(name, dims))
    with torch.no_grad():
        one, two = network.train()(x), network(x)
        assert not torch.equal(one, two)
        assert (one == 0).float().mean() < 0.1
        network.eval()
        assert torch.equal(network(x), network(x))


def phantom(size: tuple[int, ...], seed: int, batch: int = 1) -> tuple[Tensor, Tensor]:
    """Noise with a brighter ball somewhere: images and labels, both `(batch, 1, *size)`."""
    generator = torch.Generator().manual_seed(seed)
    axes = torch.meshgrid(*[torch.arange(n) for n in size], indexing="ij")
    radius = min(size) / 3
    labels = torch.zeros(batch, 1, *size)
    for one in labels:
        centre = [radius + torch.rand((), generator=generator) * (n - 2 * radius) for n in size]
        distance = sum((axis - c) ** 2 for axis, c in zip(axes, centre, strict=True))
        one[0] = (distance < radius**2).float()
    noise = torch.randn(labels.shape, generator=generator)
    return 2 * labels + 0.7 * noise, labels


def dice(a: Tensor, b: Tensor) -> float:
    return (2 * (a * b).sum() / (a.sum() + b.sum())).item()


def trained(name: str, spec: NetworkSpec, size: tuple[int, ...], steps: int) -> tuple[Any, Any]:
    seed_everything(7)
    network = build_network(name, spec).train()
    loss = build_loss("dice_ce", 1)
    optimiser = torch.optim.AdamW(network.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 0.03, total_steps=steps)
    losses = []
    for step in range(steps):
        image, labels = phantom(size, step)
        value = loss(network(image), labels)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        losses.append(value.item())
    return network.eval(), losses


@EACH_TRAINED
def test_a_short_training_lowers_the_loss_and_beats_chance(
    name: str, options: dict[str, Any]
) -> None:
    """On balls it never saw; the best that can be had without looking is the whole image."""
    dims = 2 if name == "swin_unetr" else 3
    size = {2: (64, 32), 3: (16, 16, 32)}[dims]
    spec = small(name, dims=dims, patch=size, **options)
    network, losses = trained(name, spec, size, steps=40)
    assert sum(losses[-5:]) < 0.7 * sum(losses[:5])
    image, labels = phantom(size, 1000, batch=4)
    with torch.no_grad():
        drawn = network(image).argmax(dim=1, keepdim=True).float()
    assert dice(torch.ones_like(labels), labels) < 0.3
    assert dice(drawn, labels) > 0.5


PUBLISHED: list[tuple[str, NetworkSpec, float, float]] = [
    # name, configuration, millions of parameters in the paper, tolerance
    ("vnet", NetworkSpec(1, 2), 45.6, 0.05),
    ("unet3d_cicek", NetworkSpec(3, 3), 19.07, 0.005),
    ("densenet_seg", NetworkSpec(2, 4), 2.7, 0.05),
    ("densenet_seg", NetworkSpec(2, 4, streams="early"), 3.0, 0.05),
    ("densenet_seg", NetworkSpec(2, 4, streams="late"), 5.4, 0.05),
    ("densenet_seg", NetworkSpec(3, 4, streams="early"), 3.3, 0.05),
    # MONAI's UNETR and Swin UNETR are within 0.5 % of the figures of their papers.
    ("unetr", NetworkSpec(1, 14), 92.58, 0.45),
    ("unetpp", NetworkSpec(1, 2, dims=2), 9.04, 0.1),
    ("dynunet", NetworkSpec(1, 2), 31.2, 0.05),
]


@pytest.mark.parametrize(("name", "spec", "millions", "tolerance"), PUBLISHED)
def test_the_published_configuration_has_the_published_size(
    name: str, spec: NetworkSpec, millions: float, tolerance: float
) -> None:
    with torch.device("meta"):
        network = build_network(name, spec)
    assert count_parameters(network) / 1e6 == pytest.approx(millions, abs=tolerance)


def test_the_published_vnet_has_the_widths_and_the_head_of_the_paper() -> None:
    with torch.device("meta"):
        network = build_network("vnet", NetworkSpec(1, 2)).network
    assert network.enter.conv_block.conv.weight.shape == (16, 1, 5, 5, 5)
    assert [down.down_conv.out_channels for down in network.down] == [32, 64, 128, 256]
    assert network.head.weight.shape == (2, 32, 1, 1, 1)


@pytest.mark.slow
@EACH
def test_published_widths_forward(name: str) -> None:
    seed_everything(1)
    network = build_network(name, NetworkSpec(1, 3, patch=(32, 32, 32))).eval()
    with torch.no_grad():
        assert network(torch.randn(1, 1, 32, 17, 32)).shape == (1, 3, 32, 17, 32)


@pytest.mark.slow
def test_swin_unetr_has_its_published_size_and_every_parameter_a_gradient() -> None:
    network = build_network("swin_unetr", NetworkSpec(1, 14))
    assert count_parameters(network) / 1e6 == pytest.approx(61.98, rel=0.005)
    for modalities in (1, 2, 4):
        seed_everything(modalities)
        spec = small("swin_unetr", inputs=modalities, outputs=modalities + 1)
        check_pass("swin_unetr", 3, spec, (64, 64, 64))


@settings(max_examples=15, deadline=None)
@given(st.tuples(*[st.integers(1, 19)] * 3))
def test_every_size_is_accepted(size: tuple[int, int, int]) -> None:
    network = build_network("unet", small("unet"))
    assert network(torch.randn(1, 1, *size)).shape == (1, 2, *size)


class Spy(nn.Module):
    """An identity that notes what it is given; the second output is half as fine."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor) -> list[Tensor]:
        self.seen.append(x)
        return [x, x[:, :, ::2, ::2, ::2]]


def test_padding_goes_to_the_end_of_its_own_axis() -> None:
    """An identity in place of the network: what comes out is what went in, on every axis."""
    x, spy = torch.randn(1, 1, 5, 9, 3), Spy()
    full, half = AnySize(spy, 4)(x)
    assert spy.seen[0].shape == (1, 1, 8, 12, 4)
    assert torch.equal(spy.seen[0][..., :, -1, 0], spy.seen[0][..., :, 8, 0])
    assert torch.equal(full, x)
    # Half as fine, 3 voxels are needed to cover 5, 5 to cover 9, 2 to cover 3.
    assert half.shape == (1, 1, 3, 5, 2)
    assert torch.equal(half, x[:, :, ::2, ::2, ::2])


def test_padding_leaves_more_than_one_voxel_to_the_coarsest_level() -> None:
    spy = Spy()
    AnySize(spy, 4)(torch.randn(1, 1, 4, 4, 1))
    AnySize(spy, (1, 4, 2))(torch.randn(1, 1, 3, 5, 2))
    assert [tuple(x.shape[2:]) for x in spy.seen] == [(8, 8, 8), (3, 8, 2)]


def test_a_unet_halves_the_axes_it_is_told() -> None:
    thick = NetworkSpec(1, 2, channels=[4, 8, 8], strides=[[1, 2, 2], [2, 2, 2]])
    network = build_network("unet", thick)
    assert network.multiple == [2, 4, 4]
    assert network(torch.zeros(1, 1, 3, 10, 9)).shape == (1, 2, 3, 10, 9)
    with pytest.raises(ConfigError, match="found 2 strides for 2 levels of channels, expected 1"):
        build_network("unet", dataclasses.replace(thick, channels=[4, 8]))


def test_the_unet_of_the_plan_has_its_known_size() -> None:
    """27 weights a channel pair and level down, as many up, two convolutions at the bottom."""
    network = build_network("unet", NetworkSpec(1, 3, channels=[16, 32, 64, 128]))
    assert 480_000 < count_parameters(network) < 500_000


REFUSED: list[tuple[str, dict[str, Any], str]] = [
    ("unett", {}, "unknown network; found 'unett', expected unet"),
    ("unet", {"dims": 4}, "2 or 3 dimensions; found 4"),
    ("unet", {"channels": [4, 0]}, r"channels .* do not make sense; found \[4, 0\]"),
    ("unet", {"channels": [4]}, "two levels or more"),
    ("vnet", {"channels": [4, 8, 12]}, r"found \[4, 8, 12\], expected \[4, 8, 16\]"),
    ("vnet", {"channels": [1, 2, 4, 8, 16, 32]}, "too many levels; found 6"),
    ("unetpp", {"channels": SMALL}, r"found \[4, 8, 16\], expected five numbers"),
    ("attention_unet", {"channels": [1, 2]}, "too few channels; found"),
    ("segresnet", {"channels": [4, 8, 8]}, "doubles its channels"),
    ("unetr", {"channels": [4, 8, 16, 32, 25]}, "a multiple of 12"),
    ("swin_unetr", {"channels": [4, 8, 16, 32, 64]}, "double from a multiple of 12"),
    ("dynunet", {"channels": [4, 8]}, "too few levels; found 2, expected 3"),
    ("dynunet", {"channels": SMALL, "strides": [(2, 2, 2)]}, "3 channels, 1 strides, 2 kernels"),
    ("dynunet", {"channels": SMALL, "strides": [(2, 2)] * 2}, r"found \[2, 2\], expected 3"),
    ("dynunet", {"channels": SMALL, "kernels": [(2, 2, 2)] * 3}, "kernels must be odd"),
]


@pytest.mark.parametrize(("name", "changes", "message"), REFUSED)
def test_what_a_network_cannot_be_is_told(name: str, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_network(name, dataclasses.replace(NetworkSpec(1, 2), **changes))


def test_unetr_refuses_what_is_larger_than_its_patch() -> None:
    network = build_network("unetr", small("unetr", patch=(16, 20, 32)))
    with pytest.raises(ValueError, match=r"has \[16, 33, 8\] voxels, .* sees \[16, 32, 32\]"):
        network(torch.randn(1, 1, 16, 33, 8))
