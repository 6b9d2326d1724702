"""Training patches: drawn around labelled voxels, turned, scaled and roughened a little."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from radpipe.errors import FitError
from radpipe.io import images
from radpipe.segmentation.loading import read_channels, read_classes
from radpipe.types import CaseFiles, SpacingZYX

CANDIDATES = 4096
"""Voxels of each label kept as possible patch centres: bounds memory for large masks."""


@dataclass(frozen=True)
class Augmentation:
    """How far patches are changed. No flips: left and right differ in a body.

    Attributes:
        affine: share of the patches that are turned and scaled.
        angle: rotation about each axis at most, radians.
        scale: log of the zoom along each axis at most.
        intensity: share of the modalities whose intensities are changed.
        gain: change of the contrast at most, as a share.
        shift: change of the level at most, in standard deviations of the image.
        noise: standard deviation of added noise at most, in standard deviations of the image.
    """

    affine: float = 0.7
    angle: float = 0.25
    scale: float = 0.2
    intensity: float = 0.7
    gain: float = 0.25
    shift: float = 0.25
    noise: float = 0.15


NO_AUGMENTATION = Augmentation(affine=0.0, intensity=0.0)


@dataclass(frozen=True)
class CachedCase:
    """A case in memory.

    Attributes:
        image: `(C, z, y, x)` float16.
        classes: `(z, y, x)` uint8.
        deviations: standard deviation of each modality, shape (C,).
        centres: for each label that is there, voxel positions, each `(n, 3)`.
        spacing_mm: voxel size.
    """

    image: Tensor
    classes: Tensor
    deviations: np.ndarray
    centres: list[np.ndarray]
    spacing_mm: SpacingZYX


def cache_case(files: CaseFiles, labels: dict[str, int], rng: np.random.Generator) -> CachedCase:
    """Read a case; memory is two bytes a voxel and modality, one for the mask."""
    values, grid = read_channels(files)
    classes = read_classes(files, grid, labels)
    centres = []
    for label in range(1, len(labels) + 1):
        found = np.argwhere(classes == label)
        if len(found) > CANDIDATES:
            found = found[rng.choice(len(found), CANDIDATES, replace=False)]
        if len(found):
            centres.append(found.astype(np.int32))
    largest = np.finfo(np.float16).max
    return CachedCase(
        image=torch.from_numpy(np.clip(values, -largest, largest).astype(np.float16)),
        classes=torch.from_numpy(classes),
        deviations=values.std(axis=(1, 2, 3)),
        centres=centres,
        spacing_mm=images.spacing_zyx(grid),
    )


class PatchDataset(Dataset[dict[str, Tensor]]):
    """One random patch of a case an item, all cases in memory.

    Items are `image` `(C, *patch)` float32 and `label` `(1, *patch)` float32 holding classes.
    Draws come from a generator of the dataset's own, so that equal seeds and equal orders of items
    give equal patches.

    Args:
        cases: training cases, each with a mask.
        labels: name and value of each label.
        patch: size in voxels, z y x; beyond the image its edge values go on.
        foreground: share of the patches centred on a labelled voxel; the label is drawn first, all
            labels of the case alike, so that small ones are seen as often as large ones.
        seed: of all draws.
        augmentation: how far patches are changed.
    """

    def __init__(
        self,
        cases: list[CaseFiles],
        *,
        labels: dict[str, int],
        patch: tuple[int, int, int],
        foreground: float,
        seed: int,
        augmentation: Augmentation | None = None,
    ) -> None:
        if not cases:
            raise FitError("a segmenter has no case to train on", found="0 cases")
        self._rng = np.random.default_rng(seed)
        self.cases = [cache_case(files, labels, self._rng) for files in cases]
        if not any(case.centres for case in self.cases):
            raise FitError(
                "no training case has a labelled voxel", expected=f"values {list(labels.values())}"
            )
        self.patch = patch
        self.foreground = foreground
        self.augmentation = augmentation or Augmentation()
        axes = [torch.arange(n, dtype=torch.float32) - (n - 1) / 2 for n in patch]
        self._offsets = torch.stack(torch.meshgrid(*axes, indexing="ij"), dim=-1)

    def __len__(self) -> int:
        return len(self.cases)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        case = self.cases[index]
        matrix = self._matrix(case.spacing_mm)
        image, label = cut(case, self._offsets @ matrix.T + self._centre(case))
        return {"image": self._roughened(image, case.deviations), "label": label}

    def _centre(self, case: CachedCase) -> Tensor:
        """Middle of the patch in voxels, moved so that the patch stays inside where it fits."""
        size = np.array(case.classes.shape)
        patch = np.array(self.patch)
        if case.centres and self._rng.random() < self.foreground:
            voxels = case.centres[self._rng.integers(len(case.centres))]
            centre = voxels[self._rng.integers(len(voxels))]
        else:
            centre = self._rng.integers(size)
        low = np.clip(centre - patch // 2, 0, np.maximum(size - patch, 0))
        middle = np.where(size > patch, low + (patch - 1) / 2, (size - 1) / 2)
        return torch.from_numpy(middle.astype(np.float32))

    def _matrix(self, spacing_mm: SpacingZYX) -> Tensor:
        """From offsets in the patch to offsets in the image: a rotation and zoom in mm."""
        change = self.augmentation
        if self._rng.random() >= change.affine:
            return torch.eye(3)
        angles = self._rng.uniform(-change.angle, change.angle, 3)
        zoom = np.exp(self._rng.uniform(-change.scale, change.scale, 3))
        turn = np.eye(3)
        for axis, angle in enumerate(angles):
            a, b = [k for k in range(3) if k != axis]
            step = np.eye(3)
            step[[a, a, b, b], [a, b, a, b]] = (
                np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)
            )  # fmt: skip
            turn = turn @ step
        spacing = np.diag(spacing_mm)
        matrix = np.linalg.inv(spacing) @ turn @ np.diag(zoom) @ spacing
        return torch.from_numpy(matrix.astype(np.float32))

    def _roughened(self, image: Tensor, deviations: np.ndarray) -> Tensor:
        change = self.augmentation
        for channel, deviation in zip(image, deviations, strict=True):
            if self._rng.random() >= change.intensity:
                continue
            middle = float(channel.mean())
            gain = 1 + self._rng.uniform(-change.gain, change.gain)
            shift = deviation * self._rng.uniform(-change.shift, change.shift)
            noise = self._rng.standard_normal(channel.shape, dtype=np.float32)
            sigma = deviation * self._rng.uniform(0, change.noise)
            channel.sub_(middle).mul_(gain).add_(middle + shift)
            channel.add_(torch.from_numpy(noise), alpha=float(sigma))
        return image


def cut(case: CachedCase, positions: Tensor) -> tuple[Tensor, Tensor]:
    """Values of a case at positions in voxels `(d, h, w, 3)`: images linear, labels nearest.

    Only the box around the positions is converted to float32, so that the work does not grow with
    the volume. Outside the volume its edge values go on.
    """
    size = torch.tensor(case.classes.shape)
    flat = positions.reshape(-1, 3)
    low = torch.minimum(flat.amin(0).floor().long().clamp(min=0), size - 1)
    high = torch.minimum(flat.amax(0).ceil().long() + 1, size).clamp(min=1)
    high = torch.maximum(high, low + 1)
    box = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
    image = case.image[(slice(None), *box)].float()
    classes = case.classes[box].float()[None]
    # grid_sample wants x, y, z between -1 and 1 from the first voxel centre to the last.
    extent = (high - low - 1).clamp(min=1).float()
    grid = ((positions - low) / extent * 2 - 1).flip(-1)[None]
    sample = torch.nn.functional.grid_sample
    values = sample(image[None], grid, "bilinear", padding_mode="border", align_corners=True)
    label = sample(classes[None], grid, "nearest", padding_mode="border", align_corners=True)
    return values[0], label[0]
