"""What is special in the networks that no library has; what holds for all is in the contract."""

import pytest
import torch
from torch import Tensor, nn

from radpipe.errors import ConfigError
from radpipe.networks import dense, variants, volumetric
from radpipe.networks.blocks import DenseBlock, neighbours, resize
from radpipe.networks.devices import seed_everything
from radpipe.networks.registry import count_parameters
from radpipe.networks.spec import NetworkSpec

BUILDERS = {**volumetric.BUILDERS, **dense.BUILDERS, **variants.BUILDERS}
STREAMS = ["one", "early", "late"]
CASES = [(name, "one") for name in BUILDERS] + [("densenet_seg", s) for s in STREAMS[1:]]


def build(name: str, **settings: object) -> nn.Module:
    """A small network for two modalities and two labels unless told otherwise; seeded."""
    seed_everything(4)
    told = {"inputs": 2, "outputs": 3, "channels": [4, 8, 16], **settings}
    if name == "densenet_seg" and "channels" not in settings:
        told["channels"] = [4]
    return BUILDERS[name](NetworkSpec(**told))  # type: ignore[arg-type]


def spy(module: nn.Module) -> dict[str, Tensor]:
    """What goes in and comes out of a part at the next pass."""
    seen: dict[str, Tensor] = {}

    def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        seen.update(into=inputs[0], out=output)

    module.register_forward_hook(note)
    return seen


def phantom(size: int = 16) -> tuple[Tensor, Tensor]:
    """A bright box in both modalities, a darker one in the second alone, in noise."""
    generator = torch.Generator().manual_seed(7)
    image = 0.3 * torch.randn(1, 2, size, size, size, generator=generator)
    target = torch.zeros(1, size, size, size, dtype=torch.long)
    target[:, 2:9, 3:10, 2:11] = 1
    target[:, 10:15, 4:14, 8:15] = 2
    image += (target == 1).float()[:, None]
    image[:, 1] -= (target == 2).float()
    return image, target


@pytest.mark.parametrize(("name", "streams"), CASES)
def test_a_short_training_lowers_the_loss(name: str, streams: str) -> None:
    network = build(name, streams=streams, channels=[4] if name == "densenet_seg" else [4, 8])
    image, target = phantom()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(16):
        loss = nn.functional.cross_entropy(network(image), target)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
    assert min(losses[-3:]) < 0.75 * losses[0]


@pytest.mark.parametrize(("name", "streams"), CASES)
def test_a_patch_does_not_see_the_others_of_its_batch(name: str, streams: str) -> None:
    network = build(name, streams=streams).train()
    x = torch.randn(3, 2, 12, 8, 10)
    x[1:] *= 100
    with torch.no_grad():
        assert torch.allclose(network(x)[:1], network(x[:1]), atol=1e-4)


@pytest.mark.parametrize(("name", "streams"), CASES)
def test_dropout_is_there_in_training_alone(name: str, streams: str) -> None:
    network = build(name, streams=streams, dropout=0.5)
    x = torch.randn(1, 2, 8, 8, 8)
    with torch.no_grad():
        assert not torch.equal(network(x), network(x))
        network.eval()
        assert torch.equal(network(x), network(x))


def test_3d_unet_has_the_parameters_of_its_paper() -> None:
    """The paper counts convolutions and one shift a feature, but no scales of normalisations."""
    network = build("unet3d_cicek", inputs=3, outputs=3, channels=None)
    scales = sum(m.weight.numel() for m in network.modules() if isinstance(m, nn.InstanceNorm3d))
    assert count_parameters(network) - scales == 19_069_955
    assert count_parameters(network) / 1e6 == pytest.approx(19.07, abs=0.005)


@pytest.mark.parametrize(
    ("streams", "modalities", "millions"),
    [("one", 2, 2.7), ("early", 2, 3.0), ("late", 2, 5.4), ("early", 3, 3.3)],
)
def test_3d_densenet_has_its_known_size(streams: str, modalities: int, millions: float) -> None:
    network = build("densenet_seg", inputs=modalities, outputs=4, channels=None, streams=streams)
    assert round(count_parameters(network) / 1e6, 1) == millions


def test_a_late_path_more_costs_a_whole_path() -> None:
    two, three = (
        count_parameters(build("densenet_seg", inputs=n, channels=None, streams="late"))
        for n in (2, 3)
    )
    one = count_parameters(build("densenet_seg", inputs=1, channels=None))
    assert three - two == one - 3  # the biases of three logits are there once


def test_segnet_has_the_encoder_of_vgg16() -> None:
    """14.7 M parameters as the paper says: 13 convolutions on 3 colours, in 2-D."""
    encoder = build("segnet", inputs=3, channels=None, dims=2).network.encoder
    weights = [m.weight for m in encoder.modules() if isinstance(m, nn.Conv2d)]
    assert len(weights) == 13
    assert sum(w.numel() for w in weights) == 14_710_464


@pytest.mark.parametrize("dims", [2, 3])
def test_segnet_puts_values_back_where_the_maxima_were(dims: int) -> None:
    segnet = build("segnet", channels=[4, 8], dims=dims).network
    pooled, back = spy(segnet.encoder[0]), spy(segnet.decoder[-1])
    segnet(torch.randn(1, 2, *[8] * dims))
    full, sparse = pooled["out"], back["into"]
    # A value in every window of the last stage, ReLU zeros aside, stands at the window's maximum.
    pool = nn.functional.max_pool3d if dims == 3 else nn.functional.max_pool2d
    highest = nn.functional.interpolate(pool(full, 2), scale_factor=2, mode="nearest")
    assert sparse.any()
    assert (full == highest)[sparse != 0].all()
    assert pool((sparse != 0).float(), 2).sum() == (sparse != 0).sum()


def test_fcn8s_adds_the_scores_of_three_depths() -> None:
    """Of 1/8, 1/4 and 1/2 of the resolution here (1/32, 1/16, 1/8 with the five levels of VGG)."""
    fcn = build("fcn8s").network.eval()
    deep, middle = spy(fcn.score), spy(fcn.skips[0])
    fine = spy(fcn.skips[1])
    x = torch.randn(1, 2, 16, 16, 16)
    y = fcn(x)
    assert [seen["out"].shape[2] for seen in (deep, middle, fine)] == [2, 4, 8]
    coarse = resize(deep["out"], middle["out"]) + middle["out"]
    assert torch.allclose(y, resize(resize(coarse, fine["out"]) + fine["out"], x))


def test_deeplab_separates_space_from_features() -> None:
    """Beyond the stem, a convolution of size 3 never joins features."""
    deeplab = build("deeplabv3plus").network
    for name, module in deeplab.named_modules():
        if isinstance(module, nn.Conv3d) and not name.startswith("stem"):
            assert module.groups == module.in_channels or module.kernel_size == (1, 1, 1)


def test_deeplab_sees_the_mean_of_the_window_everywhere() -> None:
    pyramid = build("deeplabv3plus").network.pyramid
    for branch in pyramid.branches:
        nn.init.zeros_(branch[-1].weight if len(branch) == 4 else branch[1].weight)
    x = torch.randn(1, 16, 9, 9, 9)
    far = x.clone()
    far[..., 8, 8, 8] += 50
    change = (pyramid(far) - pyramid(x))[0].abs().amax(dim=(1, 2, 3))
    assert (pyramid(far) - pyramid(x)).std(dim=(2, 3, 4)).max() < 1e-5
    assert change.max() > 1e-3


def test_deeplab_hands_on_what_the_mean_of_the_window_is() -> None:
    """Features just normalised have the same mean in every window, so a ReLU has to come first."""
    deeplab = build("deeplabv3plus").network
    mean = spy(deeplab.pyramid.mean)
    seen = []
    for image in (phantom()[0], torch.randn(1, 2, 16, 16, 16)):
        deeplab(image)
        seen.append(mean["into"])
    assert (seen[0] - seen[1]).abs().max() > 1e-3


def test_vnet_light_is_vnet_without_its_lowest_level() -> None:
    light = build("vnet_light", channels=None)
    assert max(m.in_channels for m in light.modules() if isinstance(m, nn.Conv3d)) == 128
    with pytest.raises(ConfigError, match="vnet_light doubles its channels from level to level"):
        build("vnet_light", channels=[4, 8, 12])


def test_late_streams_do_not_see_each_other_before_the_join() -> None:
    network = build("densenet_seg", streams="late").network
    paths = [spy(path) for path in network[0][0].paths]
    x = torch.randn(1, 2, 6, 6, 6, requires_grad=True)
    y = network(x)
    for own, path in enumerate(paths):
        (slope,) = torch.autograd.grad(path["out"].square().sum(), x, retain_graph=True)
        assert slope[:, own].any()
        assert not slope[:, 1 - own].any()
    (slope,) = torch.autograd.grad(y.square().sum(), x)
    assert slope[:, 0].any()
    assert slope[:, 1].any()


def test_early_streams_are_one_layer_deep() -> None:
    network = build("densenet_seg", streams="early", channels=[4]).network
    first = spy(network[0][0])
    x = torch.randn(1, 2, 6, 6, 6)
    network(x)
    # Side by side, an image and its own four features, then the other image and its own.
    assert first["out"].shape[1] == 2 * (1 + 4)
    assert torch.equal(first["out"][:, [0, 5]], x)


def test_a_dense_layer_sees_all_before_it() -> None:
    """Layers that sum up their input: 1, then 1 + 1, then 1 + 1 + 2."""

    class Sum(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.sum(dim=1, keepdim=True)

    x = torch.ones(1, 1, 2, 2)
    assert DenseBlock([Sum()] * 3)(x)[0, :, 0, 0].tolist() == [1, 1, 2, 4]
    assert DenseBlock([Sum()] * 3, keep=False)(x)[0, :, 0, 0].tolist() == [1, 2, 4]


def test_dense_unet_sends_up_only_what_a_block_has_added() -> None:
    """Growth 12, four layers: 48 features at every way up, however wide the encoder is."""
    network = build("dense_unet", channels=None).network
    assert [up.in_channels for up in network.ups] == [48] * 4
    assert [skip.in_channels for skip in (down[0][2] for down in network.downs)] == [
        96,
        144,
        192,
        240,
    ]


def test_a_recurrent_convolution_shares_its_weights() -> None:
    seed_everything(1)
    recurrent = variants.Recurrent(3, 5)
    assert count_parameters(recurrent) == 5 * 5 * 27 + 2 * 5
    f, x = recurrent.unit, torch.randn(1, 5, 4, 4, 4)
    assert torch.equal(recurrent(x), f(x + f(x + f(x))))


@pytest.mark.parametrize(("asked", "rounded"), [(4, 8), (9, 16), (16, 16)])
def test_inception_gives_each_branch_a_quarter(asked: int, rounded: int) -> None:
    inception = build("inception_unet", channels=[asked, asked]).network.encoder[0][0]
    seen = [spy(branch) for branch in (*inception.branches, inception.of_maximum)]
    x = torch.randn(1, 2, 5, 6, 4)
    inception(x)
    assert [s["out"].shape[1] for s in seen] == [rounded // 4] * 4
    assert torch.equal(seen[-1]["into"], nn.functional.max_pool3d(x, 3, stride=1, padding=1))


def test_neighbours_at_the_ends_are_the_voxel_itself() -> None:
    x = torch.tensor([[[1.0, 2.0, 3.0]]])
    before, after = neighbours(x, 2)
    assert before[0, 0].tolist() == [1, 1, 2]
    assert after[0, 0].tolist() == [2, 3, 3]


@pytest.mark.parametrize("size", [(3, 4), (1, 5), (2, 3, 4), (1, 1, 6)])
def test_resizing_is_linear_interpolation(size: tuple[int, ...]) -> None:
    x = torch.randn(2, 3, *size)
    mode = "trilinear" if len(size) == 3 else "bilinear"
    expected = nn.functional.interpolate(x, scale_factor=2, mode=mode, align_corners=False)
    assert torch.allclose(resize(x, expected), expected, atol=1e-6)
    cut = expected[:, :, :-1]
    assert torch.allclose(resize(x, cut), cut, atol=1e-6)
