"""What encoders of each kind minimise."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from radpipe.config.encoders import Denoising, TrainedEncoder, Variational
from radpipe.features.deep.region import RegionEncoder
from radpipe.networks.capsule import CapsuleNetwork
from radpipe.networks.heads import Head
from radpipe.networks.variational import VariationalAutoencoder

SHIFT = 2
"""Crops of supervised encoders are moved by so many voxels at most, along each axis."""
NOISE = 0.1
"""Their standardised intensities are disturbed by noise of this standard deviation."""

BatchLoss = Callable[[nn.Module, dict[str, Tensor]], Tensor]


def loss_of(network: RegionEncoder, settings: TrainedEncoder, head: Head | None) -> BatchLoss:
    """The loss of a batch with `crop` and, for a supervised encoder, the targets of its head."""
    if head is not None:
        return lambda _, batch: supervised_loss(network, head, batch)
    if isinstance(settings, Denoising):
        return lambda _, batch: denoising_loss(network, settings, batch["crop"])
    if isinstance(settings, Variational):
        return lambda _, batch: variational_loss(network, settings, batch["crop"])
    return lambda _, batch: reconstruction_loss(network, batch["crop"])


def reconstruction_loss(network: RegionEncoder, crop: Tensor) -> Tensor:
    """Mean squared error over the whole crop plus that over the region.

    A region fills a few hundredths of its crop; without the second term the bottleneck would
    describe the surroundings alone.
    """
    return _error(network(crop), network.standardise(crop), crop)


def denoising_loss(network: RegionEncoder, settings: Denoising, crop: Tensor) -> Tensor:
    """The same for crops that were disturbed before the network saw them (Vincent et al. 2008).

    Noise is added to the images and voxels of all channels are blanked, which for an image is the
    training mean.
    """
    clean = network.standardise(crop)
    images = len(network.view.modalities)
    noisy = clean.clone()
    noisy[:, :images] += settings.noise * torch.randn_like(noisy[:, :images])
    noisy *= torch.rand_like(noisy[:, :1]) >= settings.blanked
    return _error(network.network(noisy), clean, crop)


def variational_loss(network: RegionEncoder, settings: Variational, crop: Tensor) -> Tensor:
    """The same from a drawn code, plus the divergence from `N(0, 1)`, in nats a voxel and channel.

    With `beta` 1 and twice the variance as unit of the error this is the evidence bound of Kingma
    and Welling (ICLR 2014), but for the second weight of the region.
    """
    inner = network.network
    assert isinstance(inner, VariationalAutoencoder)
    clean = network.standardise(crop)
    reconstruction, divergence = inner.drawn(clean)
    share = divergence.mean() / clean[0].numel()
    return _error(reconstruction, clean, crop) + settings.beta * share


def supervised_loss(network: RegionEncoder, head: Head, batch: dict[str, Tensor]) -> Tensor:
    """The loss of the outcome for crops that are moved and disturbed a little."""
    seen = _moved(network.standardise(batch["crop"]))
    images = len(network.view.modalities)
    seen[:, :images] += NOISE * torch.randn_like(seen[:, :images])
    if isinstance(network.network, CapsuleNetwork):
        return network.network.loss(seen, batch)
    return head.loss(network.network(seen), batch)


def _error(reconstruction: Tensor, truth: Tensor, crop: Tensor) -> Tensor:
    squared = (reconstruction - truth) ** 2
    region = crop[:, -1:].expand_as(squared)
    inside = (squared * region).sum() / region.sum().clamp(min=1)
    total: Tensor = squared.mean() + inside
    return total


def _moved(x: Tensor) -> Tensor:
    """The batch, moved along each axis; what comes in from outside repeats the edge."""
    padded = nn.functional.pad(x, [SHIFT] * 6, mode="replicate")
    starts = torch.randint(0, 2 * SHIFT + 1, (3,)).tolist()
    places = (slice(s, s + n) for s, n in zip(starts, x.shape[2:], strict=True))
    return padded[(slice(None), slice(None), *places)].clone()
