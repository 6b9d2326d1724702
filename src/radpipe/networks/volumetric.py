"""Published networks of volumes that no library has: 3-D U-Net, light V-Net, SegNet, FCN, DeepLab.

`spec.channels` are the features of each level; every builder says what its paper took and what is
counted. All of them work on slices too.
"""

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import (
    CONV,
    MAX_POOL,
    UShape,
    classifier,
    conv,
    doubling,
    norm,
    resize,
    unit,
    units,
)
from radpipe.networks.from_monai import VNET_CHANNELS, check_doubling
from radpipe.networks.spec import AnySize, Builder, NetworkSpec
from radpipe.networks.vnet import VNet

VGG = (64, 128, 256, 512, 512)
"""Features a level of VGG-16."""

MIDDLE = 8
"""Blocks of the middle flow of Xception-41."""

RATES = (2, 4, 6)
"""How far apart the voxels of the atrous convolutions stand."""


def _unet3d_cicek(spec: NetworkSpec) -> nn.Module:
    """3-D U-Net (Çiçek et al., MICCAI 2016): features double before each pooling.

    `channels` are the features of the first convolution of each level, published 32, 64, 128, 256;
    the second has twice as many. With 3 inputs and 3 outputs that makes the 19,069,955 parameters
    of the paper, and 2,336 more: it counts no scales of the normalisations, of which only the
    shifts matter before a ReLU and another convolution.
    """
    dims, channels = spec.dims, spec.channels or (32, 64, 128, 256)
    befores = [spec.inputs, *(2 * c for c in channels[:-1])]
    return AnySize(
        UShape(
            encoder=[
                nn.Sequential(unit(dims, before, c), unit(dims, c, 2 * c))
                for before, c in zip(befores, channels, strict=True)
            ],
            downs=[MAX_POOL[dims](2) for _ in channels[1:]],
            ups=[doubling(dims, 2 * c, 2 * c) for c in channels[:0:-1]],
            decoder=[
                units(dims, 2 * (low + c), 2 * c, 2) for low, c in pairwise(reversed(channels))
            ],
            head=classifier(dims, 2 * channels[0], spec.outputs),
            dropout=spec.dropout,
        ),
        2 ** (len(channels) - 1),
    )


def _vnet_light(spec: NetworkSpec) -> nn.Module:
    """V-Net (Milletari et al., 3DV 2016) without its lowest level of 256 features.

    `channels` of two to five levels, each twice the one before; 16, 32, 64, 128.

    Raises:
        ConfigError: channels that do not double, or more levels.
    """
    channels = list(spec.channels or VNET_CHANNELS[:-1])
    check_doubling("vnet_light", channels, most=len(VNET_CHANNELS))
    network = VNet(spec.inputs, spec.outputs, channels, dims=spec.dims, dropout=spec.dropout)
    return AnySize(network, 2 ** (len(channels) - 1))


def _vgg(dims: int, inputs: int, channels: Sequence[int]) -> list[nn.Module]:
    """The stages of VGG-16: two convolutions at the first two levels, three below."""
    widths = pairwise([inputs, *channels])
    return [units(dims, b, a, 2 if i < 2 else 3) for i, (b, a) in enumerate(widths)]


class _SegNet(nn.Module):
    def __init__(self, spec: NetworkSpec, channels: Sequence[int]) -> None:
        super().__init__()
        dims = spec.dims
        self.encoder = nn.ModuleList(_vgg(dims, spec.inputs, channels))
        self.decoder = nn.ModuleList(
            nn.Sequential(units(dims, c, c, 1 if i < 2 else 2), unit(dims, c, up))
            for i, (up, c) in reversed(list(enumerate(pairwise([channels[0], *channels]))))
        )
        self.head = classifier(dims, channels[0], spec.outputs)
        self.pool = MAX_POOL[dims](2, return_indices=True, ceil_mode=True)
        self.unpool = nn.MaxUnpool3d(2) if dims == 3 else nn.MaxUnpool2d(2)
        self.dropout = nn.Dropout(spec.dropout)

    def forward(self, x: Tensor) -> Tensor:
        places = []
        for stage in self.encoder:
            full = stage(x)
            x, index = self.pool(full)
            places.append((index, full.shape[2:]))
        x = self.dropout(x)
        for stage in self.decoder:
            index, size = places.pop()
            x = stage(self.unpool(x, index, output_size=size))
        logits: Tensor = self.head(x)
        return logits


def _segnet(spec: NetworkSpec) -> nn.Module:
    """SegNet (Badrinarayanan, Kendall, Cipolla, PAMI 2017): maxima go back where they were.

    `channels` are the features of each level, published 64, 128, 256, 512, 512: the 13
    convolutions of VGG-16 (14.7 M parameters in 2-D with 3 inputs), mirrored in the decoder.
    Dropout stands at the lowest level (Bayesian SegNet, Kendall et al. 2017).
    """
    channels = spec.channels or VGG
    # The lowest level is pooled and unpooled at once, so that it may have an odd size.
    return AnySize(_SegNet(spec, channels), 2 ** (len(channels) - 1))


class _FCN8s(nn.Module):
    def __init__(self, spec: NetworkSpec, channels: Sequence[int]) -> None:
        super().__init__()
        dims, last = spec.dims, channels[-1]
        self.encoder = nn.ModuleList(_vgg(dims, spec.inputs, channels))
        # The last pooling may leave a part of a window; one voxel is enough without normalisation.
        self.pool = MAX_POOL[dims](2, ceil_mode=True)
        self.fully = nn.Sequential(
            CONV[dims](last, 2 * last, 3, padding=1),
            nn.ReLU(),
            nn.Dropout(spec.dropout),
            CONV[dims](2 * last, 2 * last, 1),
            nn.ReLU(),
            nn.Dropout(spec.dropout),
        )
        self.score = classifier(dims, 2 * last, spec.outputs)
        self.skips = nn.ModuleList(classifier(dims, c, spec.outputs) for c in channels[-2:-4:-1])

    def forward(self, x: Tensor) -> Tensor:
        pooled = [x]
        for stage in self.encoder:
            pooled.append(self.pool(stage(pooled[-1])))
        y = self.score(self.fully(pooled[-1]))
        for skip, finer in zip(self.skips, pooled[-2:0:-1], strict=False):
            y = resize(y, finer) + skip(finer)
        return resize(y, x)


def _fcn8s(spec: NetworkSpec) -> nn.Module:
    """FCN-8s (Long, Shelhamer, Darrell, CVPR 2015): scores of three depths added up.

    `channels` are the features of each level, those of VGG-16. The fully connected layers are
    convolutions of size 3 and 1 with 1024 features (twice the last level), as in DeepLab (Chen et
    al., ICLR 2015): 4096 features of size 7 would take 719 M weights in 3-D. Scores are brought up
    by linear interpolation, at which the paper starts its learned upsampling.
    """
    channels = spec.channels or VGG
    return AnySize(_FCN8s(spec, channels), 2 ** (len(channels) - 1))


def _separable(dims: int, before: int, after: int, stride: int = 1, rate: int = 1) -> nn.Module:
    """ReLU, a convolution within each feature, one across features, normalisation."""
    within = CONV[dims](
        before, before, 3, stride=stride, padding=rate, dilation=rate, groups=before, bias=False
    )
    return nn.Sequential(nn.ReLU(), within, conv(dims, before, after, 1), norm(dims, after))


class _XceptionBlock(nn.Module):
    """Three separable convolutions with a shortcut; `stride` at the last of them."""

    def __init__(self, dims: int, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            _separable(dims, before, after),
            _separable(dims, after, after),
            _separable(dims, after, after, stride),
        )
        self.shortcut = (
            nn.Identity()
            if (before, stride) == (after, 1)
            else nn.Sequential(
                CONV[dims](before, after, 1, stride=stride, bias=False), norm(dims, after)
            )
        )

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.body(x) + self.shortcut(x)
        return y


class _Pyramid(nn.Module):
    """Atrous spatial pyramid pooling: several rates and the mean of the window, side by side."""

    def __init__(self, dims: int, before: int, after: int, dropout: float) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            [unit(dims, before, after, 1)]
            + [_separable(dims, before, after, rate=rate) for rate in RATES]
        )
        # A normalisation by instance here would take away again what the mean tells.
        self.mean = CONV[dims](before, after, 1)
        joined = (len(RATES) + 2) * after
        self.join = nn.Sequential(CONV[dims](joined, after, 1), nn.ReLU(), nn.Dropout(dropout))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(x)  # the mean of what was normalised is the same in every window
        mean = self.mean(x.mean(tuple(range(2, x.ndim)), keepdim=True))
        mean = mean.expand(-1, -1, *x.shape[2:])
        y: Tensor = self.join(torch.cat([*(b(x) for b in self.branches), mean], dim=1))
        return y


class _DeepLab(nn.Module):
    def __init__(self, spec: NetworkSpec, channels: Sequence[int]) -> None:
        super().__init__()
        dims, width, low = spec.dims, channels[-2], max(1, channels[0] * 3 // 4)
        self.stem = nn.Sequential(
            unit(dims, spec.inputs, max(1, channels[0] // 2)),
            unit(dims, max(1, channels[0] // 2), channels[0]),
        )
        self.first = _XceptionBlock(dims, channels[0], channels[1], 2)
        self.deeper = nn.Sequential(
            *(_XceptionBlock(dims, b, a, 2) for b, a in pairwise(channels[1:])),
            *(_XceptionBlock(dims, channels[-1], channels[-1], 1) for _ in range(MIDDLE)),
        )
        self.pyramid = _Pyramid(dims, channels[-1], width, spec.dropout)
        self.low = unit(dims, channels[1], low, 1)
        self.decoder = nn.Sequential(
            _separable(dims, width + low, width),
            _separable(dims, width, width),
            nn.ReLU(),
            classifier(dims, width, spec.outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        fine = self.first(self.stem(x))
        y = resize(self.pyramid(self.deeper(fine)), fine)
        return resize(self.decoder(torch.cat([y, self.low(fine)], dim=1)), x)


def _deeplabv3plus(spec: NetworkSpec) -> nn.Module:
    """DeepLabv3+ (Chen et al., ECCV 2018): Xception, atrous pyramid, decoder, all separable.

    `channels` are the features of the stem and of each block that halves the size, published 64,
    128, 256, 728; pyramid and decoder have 256 (the last but one), the fine features 48 (3/4 of the
    first). The encoder is that of Xception-41 up to its middle flow. Lesions are small and patches
    are 32 to 128 voxels wide, not 513: the stem keeps the full size, the output stride is 8 (the
    paper: 16 or 8), fine features have half the resolution (a quarter), and the rates are 2, 4, 6
    (6, 12, 18), as in MONAI's pyramid.
    """
    channels = spec.channels or (64, 128, 256, 728)
    return AnySize(_DeepLab(spec, channels), 2 ** (len(channels) - 1))


BUILDERS: dict[str, Builder] = {
    "unet3d_cicek": _unet3d_cicek,
    "vnet_light": _vnet_light,
    "segnet": _segnet,
    "fcn8s": _fcn8s,
    "deeplabv3plus": _deeplabv3plus,
}
