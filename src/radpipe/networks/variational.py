"""A variational autoencoder: its bottleneck is a distribution close to a standard normal one."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from radpipe.networks.autoencoder import Autoencoder

LOG_VARIANCE = 10.0
"""Largest size of a log variance: beyond it an exponential would run away in the first steps."""


class VariationalAutoencoder(nn.Module):
    """An autoencoder that draws its code from `N(mean, variance)` (Kingma & Welling, ICLR 2014).

    Encoder and decoder are those of `Autoencoder`; the embedding is the mean, so that it does not
    depend on a draw.

    Args:
        inputs: channels of a crop.
        channels: features a level; each level halves the crop (rounding up).
        latent: size of the embedding.
        crop: size of the crop in voxels `(D, H, W)`; every input must have it.
    """

    def __init__(
        self, inputs: int, channels: Sequence[int], latent: int, crop: tuple[int, int, int]
    ) -> None:
        super().__init__()
        both = Autoencoder(inputs, channels, 2 * latent, crop)
        self.encoder = both.encoder
        self.decoder = Autoencoder(inputs, channels, latent, crop).decoder
        self.width = latent

    def distribution(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the code of crops `(N, C, D, H, W)`, both `(N, latent)`."""
        mean, log_variance = self.encoder(x).chunk(2, dim=1)
        return mean, log_variance.clamp(-LOG_VARIANCE, LOG_VARIANCE)

    def encode(self, x: Tensor) -> Tensor:
        """The mean of the code, `(N, latent)`."""
        return self.distribution(x)[0]

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions from the mean, `(N, C, D, H, W)`."""
        reconstruction: Tensor = self.decoder(self.encode(x))
        return reconstruction

    def drawn(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Reconstructions from a drawn code, and the divergence from `N(0, 1)`, `(N,)`, in nats."""
        mean, log_variance = self.distribution(x)
        code = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
        return self.decoder(code), divergence
