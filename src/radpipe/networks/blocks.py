"""Parts that several networks share, each in two and in three dimensions.

Normalisation is by instance with a learned scale and shift, also where a paper took it over the
batch: patches of volumes leave room for small batches only, and what is drawn in a case must not
depend on the cases beside it. The number of parameters is the same.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

CONV: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
TRANSPOSED: dict[int, type[nn.ConvTranspose2d] | type[nn.ConvTranspose3d]] = {
    2: nn.ConvTranspose2d,
    3: nn.ConvTranspose3d,
}
NORM: dict[int, type[nn.InstanceNorm2d] | type[nn.InstanceNorm3d]] = {
    2: nn.InstanceNorm2d,
    3: nn.InstanceNorm3d,
}
MAX_POOL: dict[int, type[nn.MaxPool2d] | type[nn.MaxPool3d]] = {2: nn.MaxPool2d, 3: nn.MaxPool3d}


def norm(dims: int, features: int) -> nn.Module:
    """Instance normalisation with a learned scale and shift."""
    return NORM[dims](features, affine=True)


def conv(dims: int, before: int, after: int, kernel: int = 3) -> nn.Module:
    """A convolution that keeps the size; no bias, since a normalisation follows or went before."""
    return CONV[dims](before, after, kernel, padding=kernel // 2, bias=False)


def unit(dims: int, before: int, after: int, kernel: int = 3) -> nn.Sequential:
    """Convolution, normalisation, ReLU."""
    return nn.Sequential(conv(dims, before, after, kernel), norm(dims, after), nn.ReLU())


def units(dims: int, before: int, after: int, count: int) -> nn.Sequential:
    """`count` units, the first from `before` to `after` features."""
    widths = [before] + [after] * count
    return nn.Sequential(*(unit(dims, b, a) for b, a in pairwise(widths)))


def plain_levels(dims: int, inputs: int, channels: Sequence[int]) -> list[nn.Module]:
    """A convolution, group normalisation over all features, and ReLU a level.

    Each level but the first halves the size (rounding up). The normalisation keeps apart what the
    mean of each feature tells, which a normalisation by instance would take away.
    """
    layers: list[nn.Module] = []
    for level, (before, after) in enumerate(pairwise([inputs, *channels])):
        layers += [
            CONV[dims](before, after, 3, stride=1 if level == 0 else 2, padding=1),
            nn.GroupNorm(1, after),
            nn.ReLU(),
        ]
    return layers


def preactivated(
    dims: int, before: int, after: int, kernel: int = 3, dropout: float = 0.0
) -> nn.Sequential:
    """Normalisation, ReLU, convolution, dropout: the layer of DenseNet."""
    return nn.Sequential(
        norm(dims, before), nn.ReLU(), conv(dims, before, after, kernel), nn.Dropout(dropout)
    )


def classifier(dims: int, features: int, outputs: int) -> nn.Module:
    """The last layer: logits voxel by voxel."""
    return CONV[dims](features, outputs, 1)


def neighbours(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """What stands before and after each voxel along `axis`; at the ends the voxel itself."""
    size = x.shape[axis]
    before = torch.cat([x.narrow(axis, 0, 1), x.narrow(axis, 0, size - 1)], dim=axis)
    after = torch.cat([x.narrow(axis, 1, size - 1), x.narrow(axis, size - 1, 1)], dim=axis)
    return before, after


def resize(x: Tensor, like: Tensor) -> Tensor:
    """`x` doubled along each axis, linearly and as often as needed, and cut to the size of `like`.

    Equal to torch's interpolation, whose gradient is not repeatable on a GPU.
    """
    for axis in range(2, x.ndim):
        while x.shape[axis] < like.shape[axis]:
            before, after = neighbours(x, axis)
            pair = [0.75 * x + 0.25 * before, 0.75 * x + 0.25 * after]
            x = torch.stack(pair, dim=axis + 1).flatten(axis, axis + 1)
        x = x.narrow(axis, 0, like.shape[axis])
    return x


class DenseBlock(nn.Module):
    """Layers that each see the features of all layers before them (Huang et al. 2017).

    Args:
        layers: each from all features so far to its own new ones.
        keep: whether the features of the input stand in the output, before the new ones.
    """

    def __init__(self, layers: Sequence[nn.Module], *, keep: bool = True) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)
        self.keep = keep

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, C, …)` to `(N, C + new, …)`, or to the new features alone."""
        features = [x]
        for layer in self.layers:
            features.append(layer(torch.cat(features, dim=1)))
        return torch.cat(features if self.keep else features[1:], dim=1)


class UShape(nn.Module):
    """An encoder and a decoder joined at each level, whatever their blocks are.

    Args:
        encoder: a block a level, from full resolution down.
        downs: what leads from each level to the next lower one.
        ups: what leads up again, lowest first.
        decoder: blocks of the joined features (what came up, then the skip), lowest first.
        head: from the features of the last block to logits.
        dropout: at the lowest level, as in the U-Net of 2015.
    """

    def __init__(
        self,
        encoder: Sequence[nn.Module],
        decoder: Sequence[nn.Module],
        *,
        downs: Sequence[nn.Module],
        ups: Sequence[nn.Module],
        head: nn.Module,
        dropout: float,
    ) -> None:
        super().__init__()
        self.encoder = nn.ModuleList(encoder)
        self.downs = nn.ModuleList(downs)
        self.ups = nn.ModuleList(ups)
        self.decoder = nn.ModuleList(decoder)
        self.head = head
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, inputs, …)` to logits; sizes must be multiples of what `downs` divide by."""
        skips = [self.encoder[0](x)]
        for down, block in zip(self.downs, self.encoder[1:], strict=True):
            skips.append(block(down(skips[-1])))
        x = self.dropout(skips.pop())
        for up, block in zip(self.ups, self.decoder, strict=True):
            x = block(torch.cat([up(x), skips.pop()], dim=1))
        logits: Tensor = self.head(x)
        return logits


def doubling(dims: int, before: int, after: int) -> nn.Module:
    """A transposed convolution of size and stride 2, which doubles the spatial size."""
    return TRANSPOSED[dims](before, after, 2, stride=2, bias=False)


Block = Callable[[int, int], nn.Module]
"""From the features before and after to a block that keeps the spatial size."""
