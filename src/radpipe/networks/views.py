"""What a 2-D network sees of a crop: one slice, all of them, or three planes.

Each of these is an encoder of crops: `encode` leads from `(N, C, D, H, W)` to `(N, width)`. The
last channel of a crop is the mask of the region.
"""

from collections.abc import Callable, Iterable
from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import plain_levels


class Encoder(Protocol):
    """A module from crops, or slices, to features.

    Attributes:
        width: number of features.
    """

    width: int

    def encode(self, x: Tensor) -> Tensor:
        """From `(N, C, …)` to `(N, width)`."""


class PlainEncoder(nn.Module):
    """The levels of `Classifier3D` in two or three dimensions and the mean of the last maps.

    Args:
        dims: 2 or 3.
        inputs: channels.
        channels: features a level.
    """

    def __init__(self, dims: int, inputs: int, channels: list[int]) -> None:
        super().__init__()
        self.features = nn.Sequential(*plain_levels(dims, inputs, channels))
        self.width = channels[-1]

    def encode(self, x: Tensor) -> Tensor:
        """The mean of each of the last maps, `(N, width)`."""
        maps: Tensor = self.features(x)
        return maps.flatten(2).mean(dim=2)


class AxialSlices(nn.Module):
    """A 2-D encoder of axial slices.

    Args:
        encoder: of slices `(N, C, H, W)`.
        which: `largest`: the slice with most of the region, the one nearest to the middle of the
            crop if there are several; `mean`: the mean of the features of all slices.
    """

    def __init__(self, encoder: Encoder, which: Literal["largest", "mean"]) -> None:
        super().__init__()
        self.encoder = encoder
        self.which = which
        self.width = encoder.width

    def encode(self, x: Tensor) -> Tensor:
        """Features of crops `(N, C, D, H, W)`, `(N, width)`."""
        if self.which == "largest":
            return self.encoder.encode(x[torch.arange(len(x)), :, largest_slice(x[:, -1])])
        count, _, depth = x.shape[:3]
        codes = self.encoder.encode(x.transpose(1, 2).flatten(0, 1))
        return codes.unflatten(0, (count, depth)).mean(dim=1)


class ThreePlanes(nn.Module):
    """The axial, coronal and sagittal plane through the centre of a crop, an encoder each.

    Args:
        build: makes one encoder of slices from the height and the width of its plane.
        size: of the crop, (D, H, W).
    """

    def __init__(
        self, build: Callable[[tuple[int, int]], Encoder], size: tuple[int, int, int]
    ) -> None:
        super().__init__()
        encoders = [build(plane) for plane in planes_of(size)]
        self.width = sum(encoder.width for encoder in encoders)
        self.encoders = nn.ModuleList(e for e in encoders if isinstance(e, nn.Module))

    def encode(self, x: Tensor) -> Tensor:
        """Features of the three planes side by side, `(N, width)`."""
        z, y, x_ = (n // 2 for n in x.shape[2:])
        planes = (x[:, :, z], x[:, :, :, y], x[..., x_])
        encoders = cast("Iterable[Encoder]", self.encoders)
        codes = [e.encode(plane) for e, plane in zip(encoders, planes, strict=True)]
        return torch.cat(codes, dim=1)


def planes_of(size: tuple[int, int, int]) -> tuple[tuple[int, int], ...]:
    """Sizes of the axial, the coronal and the sagittal plane of a crop (D, H, W)."""
    depth, height, width = size
    return (height, width), (depth, width), (depth, height)


def largest_slice(mask: Tensor) -> Tensor:
    """The axial slice with most of the region, `(N,)`, for masks `(N, D, H, W)` on any scale."""
    depth = mask.shape[1]
    # From the middle outwards: of slices that are alike the first one is taken.
    order = sorted(range(depth), key=lambda i: (abs(i - depth // 2), i))
    areas = mask.sum(dim=(2, 3))[:, order]
    return torch.as_tensor(order, device=mask.device)[areas.argmax(dim=1)]
