"""A deep belief network: restricted Boltzmann machines trained one upon the other.

Hinton, Osindero, Teh 2006. There is no gradient of a loss in it: a layer learns by contrastive
divergence, so that it has a training of its own instead of `training.fit`.
"""

import time
from collections.abc import Sequence

import pandas as pd
import torch
from torch import Tensor, nn

from radpipe.networks.schedule import LOG_COLUMNS, TrainingSettings

FIRST_WEIGHTS = 0.01
"""Standard deviation of the first weights (Hinton 2012, A practical guide)."""
WEIGHT_DECAY = 2e-4
MOMENTUM = (0.5, 0.9)
"""Momentum in the first tenth of the steps and after it."""


class Layer(nn.Module):
    """A restricted Boltzmann machine of Bernoulli units.

    Args:
        visible: units below.
        hidden: units above.
    """

    def __init__(self, visible: int, hidden: int) -> None:
        super().__init__()
        # Parameters for the sake of a weights file; contrastive divergence changes them in place.
        self.weight = nn.Parameter(FIRST_WEIGHTS * torch.randn(visible, hidden), False)
        self.below = nn.Parameter(torch.zeros(visible), False)
        self.above = nn.Parameter(torch.zeros(hidden), False)

    def up(self, visible: Tensor) -> Tensor:
        """Probabilities of the units above, `(N, hidden)`."""
        return torch.sigmoid(visible @ self.weight + self.above)

    def down(self, hidden: Tensor) -> Tensor:
        """Probabilities of the units below, `(N, visible)`."""
        return torch.sigmoid(hidden @ self.weight.T + self.below)


class BeliefNetwork(nn.Module):
    """Layers of Bernoulli units over a coarse picture of the crop.

    A crop is brought to mean values of blocks of `pool` voxels, and each value `z`, standardised,
    to a probability by the normal distribution function, so that grey levels can be taken for the
    chances of visible units. A mask is that already.

    Args:
        inputs: channels of a crop.
        masked: how many of them, the last ones, are 0 to 1 as they come.
        crop: size of the crop in voxels `(D, H, W)`; every input must have it.
        hidden: units of each layer from below; the last gives the embedding.
        pool: size of a block.
    """

    def __init__(
        self,
        inputs: int,
        masked: int,
        crop: tuple[int, int, int],
        hidden: Sequence[int],
        pool: int = 2,
    ) -> None:
        super().__init__()
        self.crop = tuple(crop)
        self.images = inputs - masked
        depth, height, width = (min(pool, n) for n in crop)  # a block fits into the crop
        block = (depth, height, width)
        self.pool = nn.AvgPool3d(block, ceil_mode=True, count_include_pad=False)
        self.coarse = (inputs, *(-(-n // b) for n, b in zip(crop, block, strict=True)))
        visible = int(torch.tensor(self.coarse).prod())
        sizes = [visible, *hidden]
        pairs = zip(sizes, hidden, strict=False)
        self.stack = nn.ModuleList(Layer(below, above) for below, above in pairs)
        self.width = hidden[-1]

    @property
    def layers(self) -> list[Layer]:
        """The machines from below."""
        return [layer for layer in self.stack if isinstance(layer, Layer)]

    def visible(self, x: Tensor) -> Tensor:
        """The chances of the visible units of standardised crops `(N, C, D, H, W)`."""
        coarse = self.pool(x)
        grey = torch.special.ndtr(coarse[:, : self.images])
        return torch.cat([grey, coarse[:, self.images :]], dim=1).flatten(1)

    def encode(self, x: Tensor) -> Tensor:
        """Chances of the highest units `(N, width)`: the mean field from below."""
        units = self.visible(x)
        for layer in self.layers:
            units = layer.up(units)
        return units

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions `(N, C, D, H, W)`: the mean field up and down again, blocks blown up."""
        units = self.encode(x)
        for layer in reversed(self.layers):
            units = layer.down(units)
        coarse = units.unflatten(1, self.coarse)
        # Chances of 0 and 1 would lie infinitely far away.
        grey = torch.special.ndtri(coarse[:, : self.images].clamp(1e-4, 1 - 1e-4))
        both = torch.cat([grey, coarse[:, self.images :]], dim=1)
        return nn.functional.interpolate(both, size=self.crop, mode="nearest")


@torch.no_grad()
def train_belief(network: BeliefNetwork, x: Tensor, settings: TrainingSettings) -> pd.DataFrame:
    """Train layer after layer by one step of contrastive divergence (Hinton 2002), in place.

    Args:
        network: build it after `seed_everything`.
        x: standardised crops of all training cases, `(N, C, D, H, W)`.
        settings: steps of each layer, batch, learning rate, seed.

    Returns:
        The log of `training.fit`, the layers one after the other; the loss is the mean squared
        difference of the units below and their reconstruction.
    """
    start, rows = time.monotonic(), list[list[float]]()
    generator = torch.Generator().manual_seed(settings.seed)
    units = network.visible(x)
    for layer in network.layers:
        _start_bias(layer, units)
        speed = [torch.zeros_like(p) for p in layer.parameters()]
        for step in range(settings.steps):
            chosen = torch.randperm(len(units), generator=generator)[: settings.batch]
            momentum = MOMENTUM[step >= settings.steps / 10]
            error = _step(layer, units[chosen], speed, settings.learning_rate, momentum, generator)
            seconds = round(time.monotonic() - start, 3)
            rows.append([len(rows) + 1, error, settings.learning_rate, seconds, 0.0, float("nan")])
        units = layer.up(units)
    return pd.DataFrame(rows, columns=LOG_COLUMNS)


def _start_bias(layer: Layer, units: Tensor) -> None:
    """Visible units start at their own mean, so that weights tell what differs between cases."""
    layer.below.copy_(torch.logit(units.mean(dim=0), eps=1e-3))


def _step(
    layer: Layer,
    visible: Tensor,
    speed: list[Tensor],
    rate: float,
    momentum: float,
    generator: torch.Generator,
) -> float:
    """One step of CD-1; the squared error of the reconstruction before it."""
    hidden = layer.up(visible)
    drawn = torch.bernoulli(hidden, generator=generator)
    again = layer.down(drawn)
    after = layer.up(again)
    count = len(visible)
    changes = (
        (visible.T @ hidden - again.T @ after) / count - WEIGHT_DECAY * layer.weight,
        (visible - again).mean(dim=0),
        (hidden - after).mean(dim=0),
    )
    for parameter, own, change in zip(layer.parameters(), speed, changes, strict=True):
        own.mul_(momentum).add_(rate * change)
        parameter.add_(own)
    return float(((visible - again) ** 2).mean())
