"""Networks by the name a config gives them."""

from collections.abc import Callable, Sequence

import torch
from monai.networks.nets.unet import UNet
from torch import Tensor, nn

from radpipe.errors import ConfigError

Builder = Callable[[int, int, Sequence[int], int, int], nn.Module]
"""From inputs, outputs, channels, residual units and dimensions to a network."""


class AnySize(nn.Module):
    """A network that halves its input several times, made to accept every size.

    The input is padded at the far ends with its edge values to a multiple of `multiple` (and to
    two of them at least, as instance normalisation needs more than one voxel); the output is cut
    to the size of the input.
    """

    def __init__(self, network: nn.Module, multiple: int) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, C, …)` to `(N, outputs, …)` of the same spatial size."""
        size = x.shape[2:]
        padded = [max(2, -(-n // self.multiple)) * self.multiple for n in size]
        if list(size) != padded:
            ends = [e for n, p in zip(size, padded, strict=True) for e in (p - n, 0)]
            x = nn.functional.pad(x, ends[::-1], mode="replicate")
        y: Tensor = self.network(x)
        return y[(slice(None), slice(None), *(slice(n) for n in size))]


def _unet(
    inputs: int, outputs: int, channels: Sequence[int], residual_units: int, dims: int
) -> nn.Module:
    """U-Net (Ronneberger et al. 2015; Kerfoot et al. 2018 with residual units)."""
    network = UNet(
        spatial_dims=dims,
        in_channels=inputs,
        out_channels=outputs,
        channels=list(channels),
        strides=[2] * (len(channels) - 1),
        num_res_units=residual_units,
        norm=("instance", {"affine": True}),
    )
    return AnySize(network, 2 ** (len(channels) - 1))


NETWORKS: dict[str, Builder] = {"unet": _unet}


def build_network(
    name: str,
    *,
    inputs: int,
    outputs: int,
    channels: Sequence[int],
    residual_units: int = 0,
    dims: int = 3,
) -> nn.Module:
    """Build a network by name, with random weights; seed before (`training.seed_everything`).

    Args:
        name: a key of `NETWORKS`.
        inputs: modalities.
        outputs: labels and background.
        channels: features a level, from full resolution down.
        residual_units: convolutions a level with a shortcut around them; 0: plain.
        dims: 2 or 3.

    Raises:
        ConfigError: no network has that name.
    """
    if name not in NETWORKS:
        raise ConfigError("unknown network", found=f"'{name}'", expected=", ".join(NETWORKS))
    return NETWORKS[name](inputs, outputs, channels, residual_units, dims)


def count_parameters(network: nn.Module) -> int:
    """The number of trainable values."""
    return sum(int(torch.numel(p)) for p in network.parameters() if p.requires_grad)
