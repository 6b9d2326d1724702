"""A crop as a sequence of slices: features of each by a 2-D network, joined by another network."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import plain_levels

DROPOUT = 0.2
HEADS = 4

Joint = Literal["lstm", "transformer"]


class SliceNetwork(nn.Module):
    """Axial slices through one 2-D network, then an LSTM or a transformer along the axis.

    The 2-D network normalises over all channels of a slice (as `Classifier3D` does, and for its
    reasons) and ends in the mean over the slice. The LSTM (Hochreiter & Schmidhuber 1997) reads in
    both directions and keeps its two last states; the transformer (Vaswani et al. 2017) has one
    layer of pre-normalised attention with learned places, and the mean over the slices is kept.

    Args:
        inputs: channels of a crop.
        channels: features a level of the 2-D network; each but the first halves the slice.
        slices: depth of the crop; every input must have it.
        width: size of the embedding; even, for the transformer a multiple of 4.
        joint: which network joins the slices.
        outputs: numbers that the head gives.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        slices: int,
        width: int,
        joint: Joint,
        outputs: int = 1,
    ) -> None:
        super().__init__()
        self.slice_network = nn.Sequential(
            *plain_levels(2, inputs, channels), nn.AdaptiveAvgPool2d(1), nn.Flatten()
        )
        self.joint: nn.Module = (
            nn.LSTM(channels[-1], width // 2, batch_first=True, bidirectional=True)
            if joint == "lstm"
            else _Attention(channels[-1], slices, width)
        )
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(width, outputs))
        self.width = width

    def encode(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)` to embeddings `(N, width)`."""
        count, _, depth = x.shape[:3]
        slices = x.transpose(1, 2).flatten(0, 1)
        sequence = self.slice_network(slices).unflatten(0, (count, depth))
        if isinstance(self.joint, nn.LSTM):
            _, (states, _) = self.joint(sequence)
            return torch.cat([states[0], states[1]], dim=1)
        joined: Tensor = self.joint(sequence)
        return joined

    def forward(self, x: Tensor) -> Tensor:
        """From crops to outputs `(N, outputs)`; see `heads.Head` for their meaning."""
        outputs: Tensor = self.head(self.encode(x))
        return outputs


class _Attention(nn.Module):
    def __init__(self, features: int, slices: int, width: int) -> None:
        super().__init__()
        self.enter = nn.Linear(features, width)
        self.place = nn.Parameter(0.02 * torch.randn(1, slices, width))
        self.layer = nn.TransformerEncoderLayer(
            width, HEADS, 2 * width, DROPOUT, activation="gelu", batch_first=True, norm_first=True
        )
        self.norm = nn.LayerNorm(width)

    def forward(self, sequence: Tensor) -> Tensor:
        mixed: Tensor = self.norm(self.layer(self.enter(sequence) + self.place))
        return mixed.mean(dim=1)
