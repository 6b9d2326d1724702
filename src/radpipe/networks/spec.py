"""What every network is built from, and what makes one accept every size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn


@dataclass(frozen=True)
class NetworkSpec:
    """What a builder of a network is told; each reads what it has a use for.

    Attributes:
        inputs: modalities.
        outputs: labels and background.
        dims: 2 or 3.
        channels: features a level, from full resolution down; none: as the network was published.
        residual_units: convolutions a level with a shortcut around them; 0: plain.
        dropout: chance that a feature is dropped, where the network has dropout.
        deep_supervision: whether lower levels give an output too, in training mode.
        streams: one path for all modalities, or one path each, joined early or late.
        patch: size of a window in voxels, `(z, y, x)` or `(y, x)`, for networks of a fixed size.
        strides: how far each level below the first is coarser, an entry an axis.
        kernels: size of the convolutions of each level, an entry an axis.
    """

    inputs: int
    outputs: int
    dims: int = 3
    channels: Sequence[int] | None = None
    residual_units: int = 0
    dropout: float = 0.0
    deep_supervision: bool = False
    streams: Literal["one", "early", "late"] = "one"
    patch: Sequence[int] | None = None
    strides: Sequence[Sequence[int]] | None = None
    kernels: Sequence[Sequence[int]] | None = None


Builder = Callable[[NetworkSpec], nn.Module]
"""From a specification to a network with random weights.

The network takes `(N, inputs, *size)` of any size and gives logits `(N, outputs, *size)`. In
training mode one with deep supervision gives a list of logits, full resolution first; in evaluation
mode the full resolution alone.
"""


def pad_end(x: Tensor, size: Sequence[int]) -> Tensor:
    """Pad `(N, C, *smaller)` at the far ends with its edge values to `(N, C, *size)`."""
    if list(x.shape[2:]) == list(size):
        return x
    ends = [e for n, p in zip(x.shape[2:], size, strict=True) for e in (p - n, 0)]
    return nn.functional.pad(x, ends[::-1], mode="replicate")


def cut_end(y: Tensor, size: Sequence[int], padded: Sequence[int]) -> Tensor:
    """Undo `pad_end` for an output `y`, which may be coarser than the `padded` input.

    A coarser output keeps every voxel that covers a part of `size`.
    """
    kept = [-(-n * k // p) for n, k, p in zip(size, y.shape[2:], padded, strict=True)]
    return y[(slice(None), slice(None), *(slice(n) for n in kept))]


class AnySize(nn.Module):
    """A network that halves its input several times, made to accept every size.

    The input is padded at the far ends with its edge values to multiples of `multiple` (and
    doubled once if the coarsest level would have one voxel, as instance normalisation needs more);
    the output, or each of a list of outputs, is cut to what covers the input.

    Args:
        network: from `(N, C, *size)` to logits, or to a list of them, full resolution first.
        multiple: what a size must be a multiple of, one number or one an axis.
    """

    def __init__(self, network: nn.Module, multiple: int | Sequence[int]) -> None:
        super().__init__()
        self.network = network
        self.multiple = multiple

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        """From `(N, C, …)` to `(N, outputs, …)` of the same spatial size."""
        size = x.shape[2:]
        given = self.multiple
        multiples = [given] * len(size) if isinstance(given, int) else list(given)
        padded = [-(-n // m) * m for n, m in zip(size, multiples, strict=True)]
        if padded == multiples:
            padded = [2 * m for m in multiples]
        y: Tensor | list[Tensor] = self.network(pad_end(x, padded))
        if isinstance(y, list):
            return [cut_end(level, size, padded) for level in y]
        return cut_end(y, size, padded)
