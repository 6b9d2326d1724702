"""The U-Net of nnU-Net, whose depth, strides and kernels are made from the size of a patch."""

from collections.abc import Sequence
from dataclasses import dataclass

from monai.networks.blocks.dynunet_block import UnetOutBlock
from monai.networks.nets.dynunet import DynUNet
from torch import Tensor, nn

from radpipe.errors import ConfigError
from radpipe.networks.spec import NetworkSpec

SMALLEST = 4
"""Voxels an axis keeps at the coarsest level, where the depth is free."""

DEEPEST = 6
"""Levels at most, where the depth is free."""

SHALLOWEST = 3
"""Levels that MONAI's network has at least."""

FIRST, WIDEST = 32, {2: 512, 3: 320}
"""Features of the first level, and the limit of their doubling by dimensions."""

PATCH = {2: (512, 512), 3: (128, 128, 128)}
"""Size of a patch where none is given."""


@dataclass(frozen=True)
class Topology:
    """Features, kernel and stride of each level, the first with stride 1; one entry an axis."""

    channels: list[int]
    kernels: list[list[int]]
    strides: list[list[int]]

    @property
    def multiple(self) -> list[int]:
        """What the size of an input must be a multiple of, an entry an axis."""
        product = [1] * len(self.strides[0])
        for stride in self.strides:
            product = [p * s for p, s in zip(product, stride, strict=True)]
        return product


def topology(spec: NetworkSpec) -> Topology:
    """Strides and kernels as given, or made from the patch; features as given, or as published.

    Raises:
        ConfigError: strides, kernels and channels do not have the same levels and axes.
    """
    if spec.strides is not None:
        strides = [[1] * spec.dims, *(list(s) for s in spec.strides)]
        kernels = [[3] * spec.dims for _ in strides]
    else:
        strides, kernels = from_patch(
            spec.patch or PATCH[spec.dims], None if spec.channels is None else len(spec.channels)
        )
    if spec.kernels is not None:
        kernels = [list(k) for k in spec.kernels]
    channels = spec.channels or [min(FIRST * 2**n, WIDEST[spec.dims]) for n in range(len(strides))]
    _check_levels(channels, strides, kernels, spec.dims)
    return Topology(list(channels), kernels, strides)


def from_patch(
    patch: Sequence[int], levels: int | None = None
) -> tuple[list[list[int]], list[list[int]]]:
    """Strides and kernels of each level, in the manner of nnU-Net (Isensee et al. 2021).

    A patch covers about the same way along each axis, so an axis with less than half the voxels of
    another has thick slices: it is neither halved nor convolved over until the other has come down
    to twice its voxels. An axis stops being halved at `SMALLEST` voxels. With `levels` given, the
    largest axis goes on being halved.

    Args:
        patch: size in voxels.
        levels: number of levels; none: until no axis can be halved, `DEEPEST` at most.

    Returns:
        `(strides, kernels)`, an entry a level, the first stride being 1.
    """
    size = list(patch)
    strides, kernels = [[1] * len(size)], []
    while True:
        largest = max(size)
        fine = [2 * n >= largest for n in size]
        kernels.append([3 if f else 1 for f in fine])
        if len(strides) == (levels or DEEPEST):
            break
        stride = [2 if f and n >= 2 * SMALLEST else 1 for f, n in zip(fine, size, strict=True)]
        if max(stride) == 1:
            if levels is None and len(strides) >= SHALLOWEST:
                break
            stride = [2 if n == largest else 1 for n in size]
        strides.append(stride)
        size = [-(-n // s) for n, s in zip(size, stride, strict=True)]
    return strides, kernels


def _check_levels(
    channels: Sequence[int], strides: list[list[int]], kernels: list[list[int]], dims: int
) -> None:
    if not len(channels) == len(strides) == len(kernels):
        raise ConfigError(
            "dynunet: channels, strides and kernels are of different depths",
            found=f"{len(channels)} channels, {len(strides) - 1} strides, {len(kernels)} kernels",
            expected="a channel and a kernel a level, a stride a level below the first",
        )
    if len(channels) < SHALLOWEST:
        raise ConfigError(
            "dynunet has too few levels", found=len(channels), expected=f"{SHALLOWEST} or more"
        )
    for entry in (*strides, *kernels):
        if len(entry) != dims or min(entry) < 1:
            raise ConfigError(
                "dynunet: a stride or a kernel does not fit the axes",
                found=entry,
                expected=f"{dims} numbers of 1 or more",
            )

    if any(k % 2 == 0 for kernel in kernels for k in kernel):
        raise ConfigError("dynunet: kernels must be odd", found=kernels)


class DynamicUNet(DynUNet):
    """MONAI's DynUNet with each tensor held once and lower outputs at their own resolution.

    MONAI walks through the levels by recursion, made for TorchScript: every weight is then named
    twice, and outputs of lower levels outlive a pass. In training mode with deep supervision the
    output is a list, full resolution first; all levels but the two coarsest have an output, one of
    three levels has two.

    Args:
        spec: inputs, outputs, dims, dropout, deep supervision.
        shape: levels.
    """

    def __init__(self, spec: NetworkSpec, shape: Topology) -> None:
        super().__init__(
            spatial_dims=spec.dims,
            in_channels=spec.inputs,
            out_channels=spec.outputs,
            kernel_size=shape.kernels,
            strides=shape.strides,
            upsample_kernel_size=shape.strides[1:],
            filters=shape.channels,
            dropout=spec.dropout or None,
            deep_supervision=spec.deep_supervision,
            deep_supr_num=max(1, len(shape.channels) - 3),
        )
        del self.skip_layers, self.heads

    def get_output_block(self, idx: int) -> nn.Module:
        """The convolution to logits of level `idx`; logits are not dropped."""
        return UnetOutBlock(self.spatial_dims, self.filters[idx], self.out_channels)

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From `(N, inputs, *size)` to logits; `size` is a multiple of all strides together."""
        skips = []
        for down in (self.input_block, *self.downsamples):
            x = down(x)
            skips.append(x)
        x = self.bottleneck(x)
        lower: list[Tensor] = []
        for level, up in zip(reversed(range(len(skips))), self.upsamples, strict=True):
            x = up(x, skips[level])
            if self.training and self.deep_supervision and 1 <= level <= self.deep_supr_num:
                lower.append(self.deep_supervision_heads[level - 1](x))
        logits: Tensor = self.output_block(x)
        return [logits, *reversed(lower)] if lower else logits
