"""A second network that tells drawn masks from a segmenter's, and what the segmenter learns of it.

Luc et al. 2016, with the patch discriminator and least squares of Isola et al. 2017 and Mao et al.
2017 (MONAI).
"""

import math
from collections.abc import Sequence

import torch
from monai.losses.adversarial_loss import PatchAdversarialLoss
from monai.networks.nets.patchgan_discriminator import PatchDiscriminator
from torch import Tensor, nn

from radpipe.networks.losses import IGNORED

FEATURES = 16
LEARNING_RATE = 2e-4
BETAS = (0.5, 0.999)
DEEPEST = 3
"""Layers of the discriminator at most."""
SMALLEST = 6
"""Voxels along an axis that a discriminator of one layer needs."""


class Adversary(nn.Module):
    """A patch discriminator of image and mask, its loss and its optimiser.

    It works in full precision on its own optimiser, so that the training of the segmenter stays
    what it is without it.

    Args:
        inputs: modalities.
        classes: labels and background.
        size: of a patch, voxels: two or three axes.
    """

    def __init__(self, inputs: int, classes: int, size: Sequence[int]) -> None:
        super().__init__()
        self.classes = classes
        layers = int(math.log2(max(SMALLEST, min(size)) / 3))
        self.discriminator = PatchDiscriminator(
            spatial_dims=len(size),
            channels=FEATURES,
            in_channels=inputs + classes,
            num_layers_d=min(DEEPEST, layers),
            # Batch statistics would let the patches of a batch see each other.
            norm="INSTANCE",
        )
        self.criterion = PatchAdversarialLoss(criterion="least_squares")
        self.optimiser = torch.optim.Adam(
            self.discriminator.parameters(), lr=LEARNING_RATE, betas=BETAS
        )

    def play(self, image: Tensor, logits: Tensor, label: Tensor) -> Tensor:
        """One step of the discriminator, then the loss it gives the segmenter.

        Args:
            image: `(N, C, …)`.
            logits: `(N, classes, …)`; the loss has a gradient to them.
            label: classes `(N, 1, …)`; voxels of `losses.IGNORED` are blank in both masks.
        """
        with torch.autocast(image.device.type, enabled=False):
            counted = label != IGNORED
            classes = torch.where(counted, label, 0)[:, 0].long()
            drawn = nn.functional.one_hot(classes, self.classes).movedim(-1, 1) * counted
            shown = torch.softmax(logits.float(), dim=1) * counted
            image = image.float()
            self._learn(image, drawn.float(), shown.detach())
            self.discriminator.requires_grad_(False)
            loss: Tensor = self.criterion(self._judge(image, shown), True, False)
            self.discriminator.requires_grad_(True)
        return loss

    def _learn(self, image: Tensor, drawn: Tensor, shown: Tensor) -> None:
        self.optimiser.zero_grad()
        real = self.criterion(self._judge(image, drawn), True, True)
        fake = self.criterion(self._judge(image, shown), False, True)
        ((real + fake) / 2).backward()
        self.optimiser.step()

    def _judge(self, image: Tensor, mask: Tensor) -> Tensor:
        both = torch.cat([image, mask], dim=1)
        thin = [(0, max(0, SMALLEST - n)) for n in reversed(both.shape[2:])]
        verdict: Tensor = self.discriminator(nn.functional.pad(both, sum(thin, ())))[-1]
        return verdict


def adversary_of(network: nn.Module, item: dict[str, Tensor]) -> Adversary:
    """An adversary for `network`, fitting the `image` of an item of its training data."""
    image = item["image"]
    place = next(network.parameters()).device
    mode = network.training
    with torch.no_grad():
        logits = network.eval()(image[None].to(place))
    network.train(mode)
    return Adversary(image.shape[0], logits.shape[1], image.shape[1:])
