"""The crops that a network is trained on and judged by: standardised, and augmented in training."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from radpipe.errors import CaseError
from radpipe.types import Vector

Crops = npt.NDArray[np.float32]
"""Crops of cases, axes (N, C, D, H, W); the last channel is the mask."""

SHIFT = 2
"""Largest shift of an augmented crop, voxels along each axis."""

INTENSITY_SD = 0.1
"""Standard deviation of the random gain and offset of a channel, in units of its own."""


class Augmented(Dataset[dict[str, Tensor]]):
    """Training crops, each time shifted a little, with another gain and offset per modality.

    No left-right flip: the side of a region may matter. The mask, the last channel, is only
    shifted.

    Args:
        crops: standardised.
        targets: of each crop, from `heads.Head.targets`.
        seed: decides shifts, gains and offsets.
    """

    def __init__(self, crops: Crops, targets: dict[str, Tensor], seed: int) -> None:
        self.crops = torch.as_tensor(crops, dtype=torch.float32)
        self.targets = targets
        self.random = np.random.default_rng(seed)

    def __len__(self) -> int:
        """Number of crops."""
        return len(self.crops)

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        """`image` (C, D, H, W) and the targets of one crop."""
        crop = self._shifted(self.crops[item])
        images = len(crop) - 1
        gain = torch.ones(len(crop), 1, 1, 1)
        offset = torch.zeros(len(crop), 1, 1, 1)
        gain[:images, 0, 0, 0] += _normal(self.random, images)
        offset[:images, 0, 0, 0] += _normal(self.random, images)
        own = {name: values[item] for name, values in self.targets.items()}
        return {"image": crop * gain + offset, **own}

    def _shifted(self, crop: Tensor) -> Tensor:
        size = crop.shape[1:]
        padded = nn.functional.pad(crop[None], [SHIFT] * 6, mode="replicate")[0]
        z, y, x = self.random.integers(0, 2 * SHIFT + 1, 3)
        return padded[:, z : z + size[0], y : y + size[1], x : x + size[2]]


def moments(crops: Crops) -> tuple[Vector, Vector]:
    """Mean and standard deviation of each channel over all crops and voxels."""
    axes = (0, 2, 3, 4)
    mean = crops.mean(axis=axes, dtype=np.float64)
    sd = crops.std(axis=axes, dtype=np.float64)
    return mean, np.where(sd > 0, sd, 1.0)


def standardised(crops: Crops, mean: Vector, sd: Vector) -> Crops:
    """Each channel less its mean, by its standard deviation."""
    shape = (1, -1, 1, 1, 1)
    return ((crops - mean.reshape(shape)) / sd.reshape(shape)).astype(np.float32)


def check_crops(crops: Crops, cases: npt.NDArray[Any]) -> None:
    """Refuse voxels that are not finite.

    Raises:
        CaseError: a crop has one.
    """
    finite = np.isfinite(crops).all(axis=(1, 2, 3, 4))
    if not finite.all():
        raise CaseError("the crop has voxels that are not finite", case=str(cases[~finite][0]))


def _normal(random: np.random.Generator, count: int) -> Tensor:
    return torch.as_tensor(random.normal(0, INTENSITY_SD, count), dtype=torch.float32)
