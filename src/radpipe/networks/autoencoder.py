"""An autoencoder whose bottleneck describes a crop in a few numbers."""

from collections.abc import Sequence

from torch import Tensor, nn

SLOPE = 0.1


class Autoencoder(nn.Module):
    """Strided convolutions to a linear bottleneck, and back by upsampling and convolution.

    Without normalisation layers: they would take the absolute intensity from the embedding, and
    batch statistics would let the rows of a batch see each other.

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
        sizes = [tuple(crop)]
        layers: list[nn.Module] = []
        for before, after in zip([inputs, *channels], channels, strict=False):
            layers += [nn.Conv3d(before, after, 3, stride=2, padding=1), nn.LeakyReLU(SLOPE)]
            sizes.append(tuple(-(-n // 2) for n in sizes[-1]))
        depth, height, width = sizes[-1]
        flat = channels[-1] * depth * height * width
        self.encoder = nn.Sequential(*layers, nn.Flatten(), nn.Linear(flat, latent))
        back: list[nn.Module] = [
            nn.Linear(latent, flat),
            nn.LeakyReLU(SLOPE),
            nn.Unflatten(1, (channels[-1], depth, height, width)),
        ]
        outputs = [*list(channels)[-2::-1], inputs]
        for before, after, size in zip(channels[::-1], outputs, sizes[-2::-1], strict=True):
            back += [
                nn.Upsample(size=size, mode="nearest"),
                nn.Conv3d(before, after, 3, padding=1),
                nn.LeakyReLU(SLOPE),
            ]
        # The last layer is linear: intensities have either sign.
        self.decoder = nn.Sequential(*back[:-1])
        self.width = latent

    def encode(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)` to embeddings `(N, latent)`."""
        code: Tensor = self.encoder(x)
        return code

    def forward(self, x: Tensor) -> Tensor:
        """From crops to their reconstructions, both `(N, C, D, H, W)`."""
        reconstruction: Tensor = self.decoder(self.encode(x))
        return reconstruction
