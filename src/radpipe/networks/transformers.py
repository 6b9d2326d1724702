"""U-Nets with a transformer as their encoder: UNETR and Swin UNETR (MONAI).

MONAI builds both with einops, which is a dependency of radpipe for their sake.
"""

from collections.abc import Sequence

from monai.networks.nets.swin_unetr import SwinUNETR
from monai.networks.nets.unetr import UNETR
from torch import Tensor, nn

from radpipe.errors import ConfigError
from radpipe.networks.spec import AnySize, NetworkSpec, cut_end, pad_end

INSTANCE = ("instance", {"affine": True})

TOKEN = 16
"""Voxels an axis that become one token of UNETR."""

HEADS = 12
"""Attention heads of UNETR."""

UNETR_CHANNELS = (16, 32, 64, 128, 768)
SWIN_CHANNELS = (48, 96, 192, 384, 768)
SWIN_MULTIPLE = 32
SWIN_FIRST = 12
"""MONAI's Swin UNETR wants a multiple of this many features at the first level."""

PATCH = {2: (224, 224), 3: (96, 96, 96)}
"""Size of a patch where none is given: as published."""


class FixedSize(nn.Module):
    """A network of one input size; a smaller input is padded with its edge values and cut back."""

    def __init__(self, network: nn.Module, size: Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.size = list(size)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, C, …)` to `(N, outputs, …)` of the same spatial size.

        Raises:
            ValueError: an axis is longer than that of the network.
        """
        given = x.shape[2:]
        if any(n > most for n, most in zip(given, self.size, strict=True)):
            raise ValueError(
                f"the input has {list(given)} voxels, this network sees {self.size} at most: "
                "draw by sliding windows of the size of its patches"
            )
        return cut_end(self.network(pad_end(x, self.size)), given, self.size)


def build_unetr(spec: NetworkSpec) -> nn.Module:
    """UNETR (Hatamizadeh et al. 2022), of the size of the patch rounded up to tokens of 16 voxels.

    `channels` has five numbers: the features of the decoder at 1, 1/2, 1/4 and 1/8 of the
    resolution, doubling, and the width of the transformer at 1/16, a multiple of its 12 heads.

    Raises:
        ConfigError: channels of another kind.
    """
    channels = list(spec.channels or UNETR_CHANNELS)
    first, width = channels[0], channels[-1]
    if channels[:-1] != [first * 2**n for n in range(4)] or width % HEADS:
        raise ConfigError(
            "unetr: channels do not fit the network",
            found=channels,
            expected=f"four numbers that double and a multiple of {HEADS}, as {UNETR_CHANNELS}",
        )
    size = [-(-n // TOKEN) * TOKEN for n in spec.patch or PATCH[spec.dims]]
    if max(size) == TOKEN:
        # Instance normalisation at the level of the tokens needs more than one of them.
        size = [2 * TOKEN] * spec.dims
    network = UNETR(
        spec.inputs,
        spec.outputs,
        size,
        feature_size=first,
        hidden_size=width,
        mlp_dim=4 * width,
        num_heads=HEADS,
        norm_name=INSTANCE,
        dropout_rate=spec.dropout,
        spatial_dims=spec.dims,
    )
    for block in network.vit.blocks:
        # Made by MONAI for an attention to other images that is not there.
        block.norm_cross_attn = nn.Identity()
    return FixedSize(network, size)


def build_swin_unetr(spec: NetworkSpec) -> nn.Module:
    """Swin UNETR (Hatamizadeh et al. 2022); made for patches of 64 voxels an axis or more.

    `channels` has five numbers that double, the first a multiple of 12: the features at full and
    half resolution, and at 1/4, 1/8, 1/16 and 1/32 of it.

    Raises:
        ConfigError: channels of another kind.
    """
    channels = list(spec.channels or SWIN_CHANNELS)
    first = channels[0]
    if channels != [first * 2**n for n in range(5)] or first % SWIN_FIRST:
        raise ConfigError(
            "swin_unetr: channels do not fit the network",
            found=channels,
            expected=f"five numbers that double from a multiple of {SWIN_FIRST}, "
            f"as {SWIN_CHANNELS}",
        )
    network = SwinUNETR(
        spec.inputs,
        spec.outputs,
        feature_size=first,
        norm_name=INSTANCE,
        drop_rate=spec.dropout,
        spatial_dims=spec.dims,
    )
    return AnySize(network, SWIN_MULTIPLE)
