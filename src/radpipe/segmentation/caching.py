"""Training cases kept at hand: in memory as long as there is room, beyond it as files.

A volume of 512 x 512 x 400 voxels takes 210 MB a modality; patches are read from it box by box.
"""

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from torch import Tensor

from radpipe.io import images
from radpipe.segmentation.loading import read_channels, read_classes
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles, Labels, SpacingZYX, Volume

CANDIDATES = 4096
"""Voxels of each label kept as possible patch centres: bounds memory for large masks."""

SHARE = 0.5
"""Of the memory that a segmenter may take, what its cases may: the rest is for the network."""


@dataclass(frozen=True)
class CachedCase:
    """A case at hand.

    Attributes:
        image: `(C, z, y, x)` float16, in memory or mapped from a file.
        classes: `(z, y, x)` uint8, likewise.
        deviations: standard deviation of each modality, shape (C,); 0 where it is missing.
        centres: for each label that is there, voxel positions, each `(n, 3)`.
        counts: voxels of each class, shape (labels + 1,); ignored ones are in none.
        spacing_mm: voxel size.
    """

    image: np.ndarray
    classes: np.ndarray
    deviations: np.ndarray
    centres: list[np.ndarray]
    counts: np.ndarray
    spacing_mm: SpacingZYX

    def box(self, low: np.ndarray, high: np.ndarray) -> tuple[Tensor, Tensor]:
        """Values `(C, …)` and classes `(1, …)`, both float32, of voxels from `low` to `high`."""
        inside = tuple(slice(int(a), int(b)) for a, b in zip(low, high, strict=True))
        values = torch.from_numpy(self.image[(slice(None), *inside)]).float()
        return values, torch.from_numpy(self.classes[inside]).float()[None]


@dataclass
class CaseCache:
    """Reads cases and keeps them, the first ones in memory.

    Attributes:
        plan: says how images are read, and what memory there is.
        labels: name and value in the masks of each label.
        seed: of the choice of centres.
        folder: for the files of cases that memory has no room for, emptied at first use; None: in
            the system's folder for such files.
        used_bytes: memory taken so far.
    """

    plan: Plan
    labels: dict[str, int]
    seed: int
    folder: Path | None = None
    used_bytes: int = 0
    _scratch: TemporaryDirectory[str] | None = field(default=None, repr=False)
    _files: int = 0

    def add(self, files: CaseFiles) -> CachedCase:
        """Read a case; memory is two bytes a voxel and modality, one for the mask."""
        settings = self.plan.segmenter
        values, grid = read_channels(files, self.plan)
        classes = read_classes(files, grid, self.labels, ignore=settings.ignore)
        deviations = np.array([channel.std() for channel in values])
        largest = np.finfo(np.float16).max
        image = np.clip(values, -largest, largest, out=values).astype(np.float16)
        self._files += 1
        rng = np.random.default_rng([self.seed, self._files, 2])
        counts = np.array([np.count_nonzero(classes == k) for k in range(len(self.labels) + 1)])
        there = [label for label in range(1, len(counts)) if counts[label]]
        centres = [_positions(classes, label, rng) for label in there]
        image, classes = self._kept(image, classes)
        return CachedCase(image, classes, deviations, centres, counts, images.spacing_zyx(grid))

    def close(self) -> None:
        """Remove the files; the cases in them can no longer be used."""
        if self._scratch is not None:
            self._scratch.cleanup()
            self._scratch = None
            if self.folder is not None:
                self.folder.rmdir()

    def _kept(self, image: Volume, classes: Labels) -> tuple[Volume, Labels]:
        """The arrays as they are if memory has room for them, or mapped from files."""
        room = SHARE * self.plan.segmenter.budget.memory_gb * 2**30
        size = image.nbytes + classes.nbytes
        if self.used_bytes + size <= room:
            self.used_bytes += size
            return image, classes
        if self._scratch is None:
            if self.folder is not None:
                # What is there is of a training that was killed.
                shutil.rmtree(self.folder, ignore_errors=True)
                self.folder.mkdir(parents=True)
            self._scratch = TemporaryDirectory(prefix="cases-", dir=self.folder)
        mapped = []
        for name, array in (("image", image), ("classes", classes)):
            path = Path(self._scratch.name) / f"{self._files}_{name}.npy"
            np.save(path, array)
            # Copy on write, as torch wants arrays that it could write to; nobody does.
            mapped.append(np.load(path, mmap_mode="c"))
        return mapped[0], mapped[1]


def _positions(classes: Labels, label: int, rng: np.random.Generator) -> np.ndarray:
    """Positions `(n, 3)` of voxels of a label, all of them or a random choice of many."""
    found = np.flatnonzero(classes == label)
    if len(found) > CANDIDATES:
        found = rng.choice(found, CANDIDATES, replace=False)
    return np.stack(np.unravel_index(found, classes.shape), axis=1).astype(np.int32)
