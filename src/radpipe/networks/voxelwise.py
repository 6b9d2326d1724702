"""Losses that are a mean over voxels: cross-entropy, weighted by class and by border."""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from scipy import ndimage
from torch import Tensor, nn

BORDER_WEIGHT = 10.0
"""w0 of Ronneberger et al. 2015: weight of a voxel squeezed between two objects."""
BORDER_SIGMA = 5.0
"""Sigma of the same, voxels: how wide a gap may be and still weigh more."""

VoxelWeights = Callable[[Tensor], Tensor]
"""From classes `(N, …)`, those that do not count being 0, to a weight a voxel, same shape."""


class CrossEntropy:
    """Weighted mean of the cross-entropy over the voxels that count.

    `sum(w l) / sum(w)` over the voxels taken, where `w` is the weight of the voxel's true class
    (plus that of `extra`), `l` its cross-entropy. Without weights it is the mean.

    Args:
        class_weights: background first; none: all alike.
        extra: adds a weight to each voxel.
        hardest: share of the voxels that count which are taken, those of the largest `l` (sampled
            loss; rounded up, so that there is always one).
    """

    def __init__(
        self,
        class_weights: Sequence[float] | None = None,
        extra: VoxelWeights | None = None,
        hardest: float = 1.0,
    ) -> None:
        self.class_weights = class_weights
        self.extra = extra
        self.hardest = hardest

    def __call__(self, logits: Tensor, classes: Tensor, counted: Tensor | None) -> Tensor:
        """From logits `(N, L, …)`, classes and voxels that count `(N, …)`; none: all do."""
        values = nn.functional.cross_entropy(logits, classes, reduction="none")
        weights = self._weights(classes, values)
        if counted is not None:
            values = values[counted]
            weights = None if weights is None else weights[counted]
        if self.hardest < 1 and values.numel():
            count = int(np.ceil(self.hardest * values.numel()))
            values, taken = values.flatten().topk(count)
            weights = None if weights is None else weights.flatten()[taken]
        if weights is None:
            return values.sum() / max(1, values.numel())
        # Where no voxel has a weight, there is nothing to learn rather than 0 / 0.
        tiny = torch.finfo(weights.dtype).tiny
        return (weights * values).sum() / weights.sum().clamp(min=tiny)

    def _weights(self, classes: Tensor, like: Tensor) -> Tensor | None:
        if self.class_weights is None and self.extra is None:
            return None
        weights = torch.ones_like(like)
        if self.class_weights is not None:
            weights = torch.tensor(self.class_weights, device=like.device)[classes]
        if self.extra is not None:
            weights = weights + self.extra(classes)
        return weights


def border_weights(classes: Tensor) -> Tensor:
    """Weight that keeps touching objects apart (Ronneberger et al. 2015, equation 2).

    `w0 exp(-(d1 + d2)^2 / 2 sigma^2)` on the background, `d1` and `d2` being the distances to the
    two nearest objects in voxels; 0 in objects, and where there are fewer than two. Objects are the
    connected components of each label of a patch, diagonal neighbours included; each costs a
    distance transform of the patch on the CPU.

    Args:
        classes: `(N, …)`, two or three spatial axes; 0 is the background.
    """
    patches = classes.cpu().numpy()
    weights = np.stack([_border_weights(patch) for patch in patches])
    return torch.from_numpy(weights).to(classes.device)


def _border_weights(classes: npt.NDArray[np.integer]) -> npt.NDArray[np.float32]:
    nearest = np.full(classes.shape, np.inf)
    second = nearest.copy()
    around = ndimage.generate_binary_structure(classes.ndim, classes.ndim)
    for label in np.unique(classes[classes > 0]):
        objects, count = ndimage.label(classes == label, around)
        for number in range(1, count + 1):
            distance = ndimage.distance_transform_edt(objects != number)
            second = np.minimum(second, np.maximum(nearest, distance))
            nearest = np.minimum(nearest, distance)
    weights = BORDER_WEIGHT * np.exp(-((nearest + second) ** 2) / (2 * BORDER_SIGMA**2))
    return np.where(classes == 0, weights, 0).astype(np.float32)
