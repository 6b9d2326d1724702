"""Published classifiers as encoders of crops or slices, built on MONAI (imports MONAI).

Their batch normalisations become group normalisations over all features, as in `Classifier3D`:
what is predicted of a case, in training too, does not depend on the cases beside it, and small
batches do no harm. Weights of the original networks therefore do not fit.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from monai.networks.blocks.squeeze_and_excitation import ChannelSELayer
from monai.networks.nets.densenet import DenseNet
from monai.networks.nets.efficientnet import EfficientNet
from monai.networks.nets.resnet import ResNet, ResNetBlock
from torch import Tensor, nn

LEVELS = 4
REDUCTION = 16
"""Squeeze and excitation: features for each feature of the layer between."""
EFFICIENT_STEM = 32
"""Features of the first layer of EfficientNet-B0, to which all others are in proportion."""
EFFICIENT_B0 = (
    "r1_k3_s11_e1_i32_o16_se0.25",
    "r2_k3_s22_e6_i16_o24_se0.25",
    "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25",
    "r3_k5_s11_e6_i80_o112_se0.25",
    "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
)
"""Blocks of EfficientNet-B0 (Tan & Le 2019, table 1) in MONAI's shorthand."""


EFFICIENT_WIDTH, EFFICIENT_DEPTH = 1.1, 1.2
"""Compound scaling of EfficientNet: what one step makes of widths and of depths."""


class Backbone(nn.Module):
    """A classifier without its last layer.

    Args:
        network: from `(N, C, …)` to features `(N, width)`.
        width: number of features.
        least: shorter axes are padded with the mean (0 of standardised crops) on both sides.
        even: whether all axes must be as long as the longest one.
    """

    def __init__(self, network: nn.Module, width: int, least: int = 1, *, even: bool = False):
        super().__init__()
        self.network = _by_group(network)
        self.width = width
        self.least = least
        self.even = even

    def encode(self, x: Tensor) -> Tensor:
        """Features of crops or slices, `(N, width)`."""
        features: Tensor = self.network(self._padded(x))
        return features

    def _padded(self, x: Tensor) -> Tensor:
        sizes = x.shape[2:]
        wanted = [max(self.least, max(sizes) if self.even else n) for n in sizes]
        both = [(w - n) // 2 for w, n in zip(wanted, sizes, strict=True)]
        pads = [(b, w - n - b) for b, w, n in zip(both, wanted, sizes, strict=True)]
        if not any(map(any, pads)):
            return x
        return nn.functional.pad(x, [n for pair in reversed(pads) for n in pair])


def build_backbone(
    name: str,
    inputs: int,
    size: Sequence[int],
    channels: Sequence[int],
    layers: Sequence[int] | None = None,
) -> Backbone:
    """An encoder with random weights.

    Args:
        name: a key of `BUILDERS`.
        inputs: channels.
        size: of what it will see, two or three axes.
        channels: features a level, filled up to four by doubling; densenet and efficientnet take
            the first.
        layers: blocks a level; none: the fewest.
    """
    widths = [*channels]
    while len(widths) < LEVELS:
        widths.append(2 * widths[-1])
    return BUILDERS[name](inputs, size, widths, layers)


class _SqueezedBlock(ResNetBlock):
    """The basic block of a residual network with squeeze and excitation before the shortcut."""

    def __init__(self, in_planes: int, planes: int, spatial_dims: int = 3, **rest: Any) -> None:
        super().__init__(in_planes, planes, spatial_dims, **rest)
        between = max(1, planes // max(1, planes // REDUCTION))
        self.excitation = ChannelSELayer(spatial_dims, planes, r=min(planes, between))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        y = self.bn2(self.conv2(self.act(self.bn1(self.conv1(x)))))
        return self.act(self.excitation(y) + shortcut)


def _residual(block: type[ResNetBlock]) -> Callable[..., Backbone]:
    """ResNet (He et al., CVPR 2016) of basic blocks, or its sibling with excitation."""

    def build(
        inputs: int, size: Sequence[int], channels: Sequence[int], layers: Sequence[int] | None
    ) -> Backbone:
        network = ResNet(
            block,
            list(layers or [1] * LEVELS),
            list(channels),
            spatial_dims=len(size),
            n_input_channels=inputs,
            bias_downsample=False,
            feed_forward=False,
        )
        return Backbone(network, channels[-1])

    return build


def _densenet(
    inputs: int, size: Sequence[int], channels: Sequence[int], layers: Sequence[int] | None
) -> Backbone:
    """DenseNet (Huang et al., CVPR 2017); `channels[0]` is the growth, the stem has twice it."""
    blocks = tuple(layers or [2] * LEVELS)
    network = DenseNet(
        len(size),
        inputs,
        out_channels=1,
        init_features=2 * channels[0],
        growth_rate=channels[0],
        block_config=blocks,
    )
    last = network.get_submodule("class_layers.out")
    assert isinstance(last, nn.Linear)
    network.class_layers.add_module("out", nn.Identity())
    # The stem halves the size twice, each transition once more.
    return Backbone(network, last.in_features, least=2 ** (len(blocks) + 1))


def _efficientnet(
    inputs: int, size: Sequence[int], channels: Sequence[int], _layers: Sequence[int] | None
) -> Backbone:
    """EfficientNet-B0 (Tan & Le, ICML 2019), scaled to `channels[0]` of its 32 features.

    Widths and depths go together, as in the paper. A quarter of the width at the full depth of 16
    blocks did not train on small crops (half of the seeds ended at chance); with one block a stage
    all did.
    """
    share = channels[0] / EFFICIENT_STEM
    network = EfficientNet(
        list(EFFICIENT_B0),
        spatial_dims=len(size),
        in_channels=inputs,
        num_classes=1,
        width_coefficient=share,
        depth_coefficient=EFFICIENT_DEPTH ** (math.log(share) / math.log(EFFICIENT_WIDTH)),
        image_size=max(size),
    )
    width = network._fc.in_features
    # The head that follows has a dropout of its own.
    for name in ("_fc", "_dropout"):
        network.add_module(name, nn.Identity())
    return Backbone(network, width, even=True)


def _by_group(network: nn.Module) -> nn.Module:
    """Put group normalisation over all features where there is batch normalisation, in place."""
    for name, part in network.named_children():
        if isinstance(part, nn.BatchNorm2d | nn.BatchNorm3d):
            setattr(network, name, nn.GroupNorm(1, part.num_features))
        else:
            _by_group(part)
    return network


BUILDERS: dict[str, Callable[..., Backbone]] = {
    "resnet": _residual(ResNetBlock),
    "se_resnet": _residual(_SqueezedBlock),
    "densenet": _densenet,
    "efficientnet": _efficientnet,
}
