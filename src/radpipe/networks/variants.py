"""U-Nets with other blocks: recurrent residual, dense, inception."""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import (
    CONV,
    MAX_POOL,
    TRANSPOSED,
    Block,
    DenseBlock,
    UShape,
    classifier,
    conv,
    doubling,
    neighbours,
    preactivated,
    unit,
)
from radpipe.networks.spec import AnySize, Builder, NetworkSpec

RECURRENCES = 2
"""How often a recurrent convolution is fed its own output (t of the paper)."""

LAYERS = 4
"""Layers of a dense block (FC-DenseNet56)."""


def _with_blocks(spec: NetworkSpec, channels: Sequence[int], block: Block) -> nn.Module:
    """A U-Net with `block` in place of the two convolutions of each level."""
    dims = spec.dims
    upwards = list(pairwise(reversed(channels)))
    return AnySize(
        UShape(
            encoder=[block(before, c) for before, c in pairwise([spec.inputs, *channels])],
            downs=[MAX_POOL[dims](2) for _ in channels[1:]],
            ups=[doubling(dims, low, c) for low, c in upwards],
            decoder=[block(2 * c, c) for _, c in upwards],
            head=classifier(dims, channels[0], spec.outputs),
            dropout=spec.dropout,
        ),
        2 ** (len(channels) - 1),
    )


class Recurrent(nn.Module):
    """A convolution that is fed its own output, with the same weights each time."""

    def __init__(self, dims: int, features: int) -> None:
        super().__init__()
        self.unit = unit(dims, features, features)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, C, …)` to the same; each recurrence sees the input and the last output."""
        y: Tensor = self.unit(x)
        for _ in range(RECURRENCES):
            y = self.unit(x + y)
        return y


class _RecurrentResidual(nn.Module):
    """Two recurrent convolutions with a shortcut around both."""

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        self.project = CONV[dims](before, after, 1)
        self.body = nn.Sequential(Recurrent(dims, after), Recurrent(dims, after))

    def forward(self, x: Tensor) -> Tensor:
        x = self.project(x)
        y: Tensor = x + self.body(x)
        return y


def _r2_unet(spec: NetworkSpec) -> nn.Module:
    """R2U-Net (Alom et al. 2018, arXiv:1802.06955): recurrent residual blocks, two recurrences.

    `channels` are the features of each level, 64, 128, 256, 512.
    """
    channels = spec.channels or (64, 128, 256, 512)
    return _with_blocks(
        spec, channels, lambda before, after: _RecurrentResidual(spec.dims, before, after)
    )


class _Inception(nn.Module):
    """Sizes 1, 3 and 5 and a maximum side by side, a quarter of the features each."""

    def __init__(self, dims: int, before: int, after: int) -> None:
        super().__init__()
        part = after // 4
        self.branches = nn.ModuleList(
            [
                unit(dims, before, part, 1),
                nn.Sequential(unit(dims, before, part, 1), unit(dims, part, part)),
                # Two convolutions of size 3 see what one of size 5 sees, with fewer weights.
                nn.Sequential(
                    unit(dims, before, part, 1), unit(dims, part, part), unit(dims, part, part)
                ),
            ]
        )
        self.of_maximum = unit(dims, before, part, 1)

    def forward(self, x: Tensor) -> Tensor:
        # The maximum of 3 along each axis; a pooling's gradient is not repeatable on a GPU.
        highest = x
        for axis in range(2, x.ndim):
            before, after = neighbours(highest, axis)
            highest = torch.maximum(highest, torch.maximum(before, after))
        parts = [branch(x) for branch in self.branches]
        return torch.cat([*parts, self.of_maximum(highest)], dim=1)


def _inception_unet(spec: NetworkSpec) -> nn.Module:
    """U-Net of inception modules (Cahall et al. 2019; Punn and Agarwal 2020 in 3-D).

    Modules are those of GoogLeNet with the size 5 factorised (Szegedy et al. 2015, 2016), two in
    place of the two convolutions of a level. `channels` are the features of each level, rounded up
    to multiples of eight, since a branch of a single feature often dies; equal branches and 32,
    64, 128, 256, 512 features are radpipe's choice.
    """
    channels = [8 * -(-c // 8) for c in spec.channels or (32, 64, 128, 256, 512)]

    def block(before: int, after: int) -> nn.Module:
        return nn.Sequential(
            _Inception(spec.dims, before, after), _Inception(spec.dims, after, after)
        )

    return _with_blocks(spec, channels, block)


def _dense_unet(spec: NetworkSpec) -> nn.Module:
    """U-Net of dense blocks: FC-DenseNet56 (Jégou et al., CVPR workshops 2017).

    `channels` are the features that the four layers of a level add together, published 48 at each
    of six levels (growth 12), and in the first convolution; that makes 1.4 M parameters in 2-D,
    where the paper says 1.5 M. In 3-D there are five levels: a patch of 32 voxels would leave one
    voxel at the sixth. Only what a block has added goes up, which keeps the decoder narrow.
    """
    dims = spec.dims
    channels = spec.channels or (48,) * (6 if dims == 2 else 5)
    grown = [LAYERS * max(1, c // LAYERS) for c in channels]
    stem = channels[0]

    def block(before: int, level: int, *, keep: bool) -> nn.Module:
        step = grown[level] // LAYERS
        layers = [
            preactivated(dims, before + i * step, step, dropout=spec.dropout) for i in range(LAYERS)
        ]
        return DenseBlock(layers, keep=keep)

    lowest, widths = len(channels) - 1, [stem]
    for added in grown[:-1]:
        widths.append(widths[-1] + added)
    encoder = [block(before, i, keep=i < lowest) for i, before in enumerate(widths)]
    encoder[0] = nn.Sequential(conv(dims, spec.inputs, stem), encoder[0])
    joined = [grown[i + 1] + widths[i + 1] for i in range(lowest)]
    return AnySize(
        UShape(
            encoder=encoder,
            downs=[
                nn.Sequential(preactivated(dims, width, width, 1, spec.dropout), MAX_POOL[dims](2))
                for width in widths[1:]
            ],
            ups=[
                TRANSPOSED[dims](added, added, 3, stride=2, padding=1, output_padding=1)
                for added in grown[:0:-1]
            ],
            decoder=[block(joined[i], i, keep=i == 0) for i in reversed(range(lowest))],
            head=classifier(dims, joined[0] + grown[0], spec.outputs),
            dropout=0.0,
        ),
        2**lowest,
    )


BUILDERS: dict[str, Builder] = {
    "r2_unet": _r2_unet,
    "dense_unet": _dense_unet,
    "inception_unet": _inception_unet,
}
