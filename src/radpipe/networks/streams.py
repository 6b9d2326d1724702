"""From encoders of crops to predictors: one encoder of all channels, or one a modality."""

from collections.abc import Iterable, Sequence
from typing import cast

import torch
from torch import Tensor, nn

from radpipe.networks.views import Encoder

DROPOUT = 0.2


class Encoded(nn.Module):
    """An encoder of all channels of a crop, dropout, and a linear layer.

    Args:
        encoder: of crops.
        outputs: numbers that the head gives; see `heads.Head` for their meaning.
    """

    def __init__(self, encoder: Encoder, outputs: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(encoder.width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)` to `(N, outputs)`."""
        outputs: Tensor = self.head(self.encoder.encode(x))
        return outputs


class Streams(nn.Module):
    """An encoder a modality, each with the mask beside it; their features meet in the head.

    Args:
        encoders: one a modality, of two channels.
        outputs: numbers that the head gives.
    """

    def __init__(self, encoders: Sequence[Encoder], outputs: int) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(e for e in encoders if isinstance(e, nn.Module))
        width = sum(encoder.width for encoder in encoders)
        self.head = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(width, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)`, the mask last, to `(N, outputs)`."""
        last = x.shape[1] - 1
        encoders = cast("Iterable[Encoder]", self.encoders)
        codes = [e.encode(x[:, [i, last]]) for i, e in enumerate(encoders)]
        outputs: Tensor = self.head(torch.cat(codes, dim=1))
        return outputs
