"""A network of crops, with the scale of its channels."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from radpipe.config.encoders import CropEncoder
from radpipe.features.crops import Crop, Margin, crop_case, has_region
from radpipe.types import CaseFiles


@dataclass(frozen=True)
class View:
    """What of a case an encoder looks at.

    Attributes:
        modalities: the images in the order of the channels.
        settings: crop, margin, and whether the mask is a channel.
    """

    modalities: tuple[str, ...]
    settings: CropEncoder

    @property
    def channels(self) -> int:
        """Channels that a network sees."""
        return len(self.modalities) + self.settings.mask_channel

    def read(self, files: CaseFiles) -> Crop | None:
        """The crop of a case, the mask last whether it is shown or not; None without a region."""
        crop = crop_case(files, self.settings.crop, list(self.modalities), margin_of(self.settings))
        return crop if has_region(crop) else None


def margin_of(settings: CropEncoder) -> Margin | None:
    """The margin that an encoder is configured with."""
    if settings.margin_mm is not None:
        return Margin(settings.margin_mm, True, settings.resample)
    if settings.margin_voxels is not None:
        return Margin(settings.margin_voxels, False, settings.resample)
    return None


class RegionEncoder(nn.Module):
    """A network with the scale of its channels, so that the weights file holds all of it.

    Args:
        network: takes standardised crops `(N, channels, D, H, W)`; has `encode` and `width`.
        view: what it is shown.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, network: nn.Module, view: View) -> None:
        super().__init__()
        self.network = network
        self.view = view
        images = len(view.modalities)
        self.register_buffer("shift", torch.zeros(images + 1))
        self.register_buffer("scale", torch.ones(images + 1))

    @property
    def width(self) -> int:
        """Size of an embedding."""
        return int(self.network.width)  # type: ignore[arg-type]  # of every network given here

    def read(self, files: CaseFiles) -> Crop | None:
        """What the encoder sees of a case; None without a region."""
        return self.view.read(files)

    def set_scale(self, crops: list[Crop]) -> None:
        """Take mean and standard deviation of each image channel from the training crops."""
        for channel in range(len(self.shift) - 1):
            values = np.stack([crop[channel] for crop in crops]).astype(np.float64)
            self.shift[channel] = float(values.mean())
            self.scale[channel] = float(values.std()) or 1.0

    def standardise(self, x: Tensor) -> Tensor:
        """Crops `(N, C + 1, D, H, W)` on the scale of the training crops, the mask as it is.

        Without a mask channel it is left out: `(N, C, D, H, W)`.
        """
        shape = (1, -1, 1, 1, 1)
        standard: Tensor = (x - self.shift.view(shape)) / self.scale.view(shape)
        return standard[:, : self.view.channels]

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(N, width)` of crops `(N, C + 1, D, H, W)`."""
        codes: Tensor = self.network.encode(self.standardise(x))  # type: ignore[operator]
        return codes

    def forward(self, x: Tensor) -> Tensor:
        """What the network says of the standardised crops."""
        said: Tensor = self.network(self.standardise(x))
        return said
