"""Networks whose parts are MONAI's, each from a specification.

`channels` stands for the features a level from full resolution down in all of them; where a
network cannot have the given ones, its builder says so in a `ConfigError`.
"""

import math
from collections.abc import Sequence
from typing import Any

from monai.networks.nets.attentionunet import AttentionUnet
from monai.networks.nets.basic_unetplusplus import BasicUNetPlusPlus
from monai.networks.nets.segresnet import SegResNet
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

from radpipe.errors import ConfigError
from radpipe.networks.dynunet import DynamicUNet, topology
from radpipe.networks.norms import instance_norms
from radpipe.networks.spec import AnySize, Builder, NetworkSpec
from radpipe.networks.transformers import INSTANCE, build_swin_unetr, build_unetr
from radpipe.networks.vnet import VNet

UNET_CHANNELS = {2: (64, 128, 256, 512, 1024), 3: (16, 32, 64, 128, 256)}
VNET_CHANNELS = (16, 32, 64, 128, 256)
UNETPP_CHANNELS = (32, 64, 128, 256, 512)
ATTENTION_CHANNELS = (16, 32, 64, 128, 256)
SEGRESNET_CHANNELS = (32, 64, 128, 256)

SEGRESNET_BLOCKS = (1, 2, 2, 4)
"""Residual blocks a level; levels below have as many as the last."""


def build_unet(spec: NetworkSpec) -> nn.Module:
    """U-Net (Ronneberger et al. 2015; Kerfoot et al. 2018 in 3-D and with residual units).

    `channels` of two levels or more, and `strides` between them (none: every axis is halved). A
    U-Net of MONAI halves by strided convolutions and joins what comes up by one convolution, which
    makes it fast and small for its widths.

    Raises:
        ConfigError: strides that do not lie between the levels of the channels.
    """
    channels = list(spec.channels or UNET_CHANNELS[spec.dims])
    # MONAI takes a stride an axis as well; its annotation names one number only.
    strides: list[Any] = [tuple(s) for s in spec.strides or [[2] * spec.dims] * (len(channels) - 1)]
    if len(strides) != len(channels) - 1:
        raise ConfigError(
            "a U-Net has a stride between every two of its levels",
            found=f"{len(strides)} strides for {len(channels)} levels of channels",
            expected=f"{len(channels) - 1}",
        )
    network = UNet(
        spatial_dims=spec.dims,
        in_channels=spec.inputs,
        out_channels=spec.outputs,
        channels=channels,
        strides=strides,
        num_res_units=spec.residual_units,
        norm=INSTANCE,
        dropout=spec.dropout,
    )
    return AnySize(network, [math.prod(axis) for axis in zip(*strides, strict=True)])


def build_vnet(spec: NetworkSpec) -> nn.Module:
    """V-Net (Milletari et al. 2016), 45.6 M parameters as published.

    `channels` of two to five levels, each twice the one before.

    Raises:
        ConfigError: channels that do not double, or more levels.
    """
    channels = list(spec.channels or VNET_CHANNELS)
    check_doubling("vnet", channels, most=len(VNET_CHANNELS))
    network = VNet(spec.inputs, spec.outputs, channels, dims=spec.dims, dropout=spec.dropout)
    return AnySize(network, 2 ** (len(channels) - 1))


def build_unetpp(spec: NetworkSpec) -> nn.Module:
    """U-Net++ (Zhou et al. 2018); with deep supervision each nested U-Net has an output.

    `channels` of five levels, even below the first because they are halved on the way up.

    Raises:
        ConfigError: channels of another number, or odd ones.
    """
    channels = list(spec.channels or UNETPP_CHANNELS)
    if len(channels) != len(UNETPP_CHANNELS) or any(c % 2 for c in channels[1:]):
        raise ConfigError(
            "unetpp: channels do not fit the network",
            found=channels,
            expected=f"five numbers, even from the second on, as {UNETPP_CHANNELS}",
        )
    return AnySize(NestedUNet(spec, channels), 2 ** (len(channels) - 1))


def build_attention_unet(spec: NetworkSpec) -> nn.Module:
    """Attention U-Net (Oktay et al. 2018), with instance normalisation.

    `channels` of two levels or more, each of two features or more.

    Raises:
        ConfigError: a level of one feature, which leaves none for its attention.
    """
    channels = list(spec.channels or ATTENTION_CHANNELS)
    if min(channels) < 2:
        raise ConfigError(
            "attention_unet: a level has too few channels", found=channels, expected="2 or more"
        )
    network = AttentionUnet(
        spatial_dims=spec.dims,
        in_channels=spec.inputs,
        out_channels=spec.outputs,
        channels=channels,
        strides=[2] * (len(channels) - 1),
        dropout=spec.dropout,
    )
    instance_norms(network)
    return AnySize(network, 2 ** (len(channels) - 1))


def build_dynunet(spec: NetworkSpec) -> nn.Module:
    """U-Net with the topology of nnU-Net (Isensee et al. 2021), see `dynunet`.

    `channels` of three levels or more; none: doubling from 32 to at most 320 (512 in 2-D).
    `strides` and `kernels` as given, else made from `patch`.

    Raises:
        ConfigError: channels, strides and kernels that do not fit together.
    """
    shape = topology(spec)
    return AnySize(DynamicUNet(spec, shape), shape.multiple)


def build_segresnet(spec: NetworkSpec) -> nn.Module:
    """Residual encoder and a light decoder (Myronenko 2018), without its autoencoder branch.

    `channels` of two levels or more, each twice the one before. Upsampled by transposed
    convolutions: the gradient of interpolation is not repeatable on a GPU.

    Raises:
        ConfigError: channels that do not double.
    """
    channels = list(spec.channels or SEGRESNET_CHANNELS)
    check_doubling("segresnet", channels)
    last = len(SEGRESNET_BLOCKS) - 1
    network = SegResNet(
        spatial_dims=spec.dims,
        init_filters=channels[0],
        in_channels=spec.inputs,
        out_channels=spec.outputs,
        dropout_prob=spec.dropout or None,
        norm=INSTANCE,
        blocks_down=tuple(SEGRESNET_BLOCKS[min(n, last)] for n in range(len(channels))),
        blocks_up=(1,) * (len(channels) - 1),
        upsample_mode="deconv",
    )
    return AnySize(network, 2 ** (len(channels) - 1))


class NestedUNet(nn.Module):
    """MONAI's U-Net++ with as many outputs as are used.

    In training mode with deep supervision the output is a list, the deepest of the nested U-Nets
    first; all of them are of full resolution.
    """

    def __init__(self, spec: NetworkSpec, channels: Sequence[int]) -> None:
        super().__init__()
        self.deep_supervision = spec.deep_supervision
        self.network = BasicUNetPlusPlus(
            spatial_dims=spec.dims,
            in_channels=spec.inputs,
            out_channels=spec.outputs,
            features=(*channels, channels[0]),
            deep_supervision=True,
            norm=INSTANCE,
            dropout=spec.dropout,
        )
        if not spec.deep_supervision:
            for head in ("final_conv_0_1", "final_conv_0_2", "final_conv_0_3"):
                setattr(self.network, head, nn.Identity())

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From `(N, inputs, *size)`, multiples of 16, to logits."""
        outputs: list[Tensor] = self.network(x)
        return outputs[::-1] if self.training and self.deep_supervision else outputs[-1]


def check_doubling(name: str, channels: Sequence[int], *, most: int | None = None) -> None:
    """Refuse channels that a network which doubles its features a level cannot have.

    Raises:
        ConfigError: channels that do not double, or more than `most` levels.
    """
    expected = [channels[0] * 2**n for n in range(len(channels))]
    if list(channels) != expected:
        raise ConfigError(
            f"{name} doubles its channels from level to level", found=channels, expected=expected
        )
    if most is not None and len(channels) > most:
        raise ConfigError(f"{name} has too many levels", found=len(channels), expected=f"≤ {most}")


BUILDERS: dict[str, Builder] = {
    "unet": build_unet,
    "vnet": build_vnet,
    "unetpp": build_unetpp,
    "attention_unet": build_attention_unet,
    "dynunet": build_dynunet,
    "segresnet": build_segresnet,
    "unetr": build_unetr,
    "swin_unetr": build_swin_unetr,
}
