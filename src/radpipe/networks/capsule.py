"""A capsule network: groups of features that agree on what they see (Sabour et al. 2017)."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import plain_levels
from radpipe.networks.heads import Head

POOLED = 3
"""Places along each axis that primary capsules have: their number does not grow with the crop."""
PRIMARY = 8
"""Primary capsules at each place."""
FREE = 4
"""Capsules above for an outcome without classes."""
TINY = 1e-7


def squash(vectors: Tensor) -> Tensor:
    """Vectors of the same direction and a length below 1 (equation 1): `|s|^2 / (1 + |s|^2)`."""
    squared = (vectors**2).sum(dim=-1, keepdim=True)
    return vectors * squared / (1 + squared) / torch.sqrt(squared + TINY)


def route(votes: Tensor, rounds: int) -> Tensor:
    """Routing by agreement (procedure 1).

    Args:
        votes: what each capsule below says of each above, `(N, below, above, dimension)`.
        rounds: of the routing.

    Returns:
        The capsules above, `(N, above, dimension)`, lengths below 1.
    """
    logits = torch.zeros(votes.shape[:3], device=votes.device, dtype=votes.dtype)
    # Only the last round has a gradient; those before it find the coupling, as in the paper's code.
    fixed = votes.detach()
    for _ in range(rounds - 1):
        above = squash((torch.softmax(logits, dim=2)[..., None] * fixed).sum(dim=1))
        logits = logits + (fixed * above[:, None]).sum(dim=-1)
    return squash((torch.softmax(logits, dim=2)[..., None] * votes).sum(dim=1))


def margin_loss(lengths: Tensor, classes: Tensor) -> Tensor:
    """Margin loss (equation 4): the true class longer than 0.9, all others shorter than 0.1.

    Args:
        lengths: of the capsules, `(N, classes)`.
        classes: index of the true one, `(N,)`.
    """
    true = nn.functional.one_hot(classes.long(), lengths.shape[1]).to(lengths.dtype)
    there = true * (0.9 - lengths).clamp(min=0) ** 2
    absent = 0.5 * (1 - true) * (lengths - 0.1).clamp(min=0) ** 2
    return (there + absent).sum(dim=1).mean()


class CapsuleNetwork(nn.Module):
    """Convolutions, primary capsules, and one capsule a class by routing.

    For an outcome of classes the length of a capsule says how likely its class is. For any other
    outcome there are `FREE` capsules and a linear layer upon them.

    Args:
        inputs: channels of a crop.
        channels: features a level; each level but the first halves the crop.
        capsules: capsules above, one a class where there are classes.
        dimension: length of a vector.
        head: of the outcome.
        rounds: of the routing.
    """

    def __init__(
        self,
        inputs: int,
        channels: Sequence[int],
        capsules: int,
        dimension: int,
        head: Head,
        rounds: int = 3,
    ) -> None:
        super().__init__()
        self.stem = nn.Sequential(*plain_levels(3, inputs, channels))
        self.primary = nn.Conv3d(channels[-1], PRIMARY * dimension, 1)
        self.pool = nn.AdaptiveAvgPool3d(POOLED)
        shape = (PRIMARY * POOLED**3, capsules, dimension, dimension)
        self.transform = nn.Parameter(torch.randn(shape) / dimension**0.5)
        self.outcome = head
        self.readout = nn.Linear(capsules * dimension, head.outputs) if not head.classes else None
        self.dimension, self.rounds = dimension, rounds
        self.width = capsules * dimension

    def capsules(self, x: Tensor) -> Tensor:
        """The capsules of crops `(N, C, D, H, W)`, `(N, capsules, dimension)`."""
        maps = self.pool(self.primary(self.stem(x)))
        vectors = maps.flatten(2).unflatten(1, (PRIMARY, self.dimension)).transpose(2, 3)
        below = squash(vectors.flatten(1, 2))
        votes = torch.einsum("nbi,baji->nbaj", below, self.transform)
        return route(votes, self.rounds)

    def encode(self, x: Tensor) -> Tensor:
        """The vectors of all capsules one after the other, `(N, width)`."""
        return self.capsules(x).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """From crops to outputs `(N, outputs)` in the sense of the head."""
        capsules = self.capsules(x)
        if self.readout is not None:
            outputs: Tensor = self.readout(capsules.flatten(1))
            return outputs
        logs = torch.log(_lengths(capsules) + TINY)
        # So that the chances of the classes are their shares of the sum of lengths.
        return logs if self.outcome.kind == "multiclass" else logs[:, 1:] - logs[:, :1]

    def loss(self, x: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The margin loss for classes, otherwise that of the head."""
        if self.readout is not None:
            return self.outcome.loss(self(x), batch)
        return margin_loss(_lengths(self.capsules(x)), batch["y"])


def _lengths(capsules: Tensor) -> Tensor:
    return torch.sqrt((capsules**2).sum(dim=-1) + TINY)
