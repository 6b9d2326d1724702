"""Voxels of training cases that a network got wrong, to be looked at again."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radpipe.networks.devices import mixed
from radpipe.networks.freezing import modes_kept
from radpipe.segmentation.label_maps import IGNORED

WINDOWS = 32
"""Windows looked at in one search, whatever the size of the volumes: the work is bounded."""

KEPT = 512
"""Mistakes remembered of a case; later ones take the place of earlier ones."""

PER_WINDOW = 64
"""Mistakes taken from one window, so that one bad place does not fill the memory."""


class Window(NamedTuple):
    """A piece of a training case as a network sees it.

    Attributes:
        case: number of the case.
        low: its first voxel in the case, z y x.
        axis: the axis that a slice lies across; None: a volume.
        image: `(C, d, h, w)`, or `(C, h, w)` of a slice.
        classes: `(1, …)` likewise.
    """

    case: int
    low: np.ndarray
    axis: int | None
    image: Tensor
    classes: Tensor


class Mistakes:
    """False positives and false negatives of a network in the training cases.

    They are found in windows drawn at random and are part of a checkpoint, so that a training that
    is resumed draws the patches it would have drawn.
    """

    def __init__(self) -> None:
        self._voxels: dict[int, np.ndarray] = {}

    def of(self, case: int) -> np.ndarray:
        """Voxels of a case that were wrong, `(n, 3)`; newest first."""
        return self._voxels.get(case, np.zeros((0, 3), np.int32))

    def search(
        self,
        network: nn.Module,
        draw: Callable[[np.random.Generator], Window],
        rng: np.random.Generator,
        *,
        batch: int,
    ) -> None:
        """Look at windows of the training cases and remember what the network gets wrong there.

        Args:
            network: gives logits; its layers are in the mode they were in afterwards.
            draw: draws a window, not augmented.
            rng: of the draws.
            batch: windows a forward pass.
        """
        with modes_kept(network):
            network.eval()
            for _ in range(-(-WINDOWS // batch)):
                windows = [draw(rng) for _ in range(batch)]
                images = torch.stack([window.image for window in windows])
                for window, predicted in zip(windows, _classes(network, images), strict=True):
                    self._remember(window, predicted, rng)

    def state_dict(self) -> dict[str, Tensor]:
        """The voxels of each case, by its number."""
        return {str(case): torch.from_numpy(found) for case, found in self._voxels.items()}

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """Go on from what `state_dict` gave."""
        self._voxels = {int(case): found.cpu().numpy() for case, found in state.items()}

    def _remember(self, window: Window, predicted: np.ndarray, rng: np.random.Generator) -> None:
        truth = window.classes[0].numpy()
        wrong = np.argwhere((predicted != truth) & (truth != IGNORED))
        if len(wrong) > PER_WINDOW:
            wrong = rng.choice(wrong, PER_WINDOW, replace=False)
        if window.axis is not None:
            wrong = np.insert(wrong, window.axis, 0, axis=1)
        if len(wrong):
            found = [(wrong + window.low).astype(np.int32), self.of(window.case)]
            self._voxels[window.case] = np.concatenate(found)[:KEPT]


def _classes(network: nn.Module, images: Tensor) -> np.ndarray:
    """The class of each voxel of windows `(N, C, …)`, `(N, …)`."""
    where = next(network.parameters()).device
    with torch.no_grad(), mixed():
        logits = network(images.to(where))
    classes: np.ndarray = logits.argmax(dim=1).cpu().numpy()
    return classes
