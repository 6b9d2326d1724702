"""Occlusion sensitivity: how a score changes when a part of the volume is covered.

Zeiler & Fergus, ECCV 2014.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import product

import numpy as np
import numpy.typing as npt

from radpipe.errors import RadpipeError
from radpipe.types import Vector, Volume

Score = Callable[[npt.NDArray[np.floating]], npt.NDArray[np.floating]]
"""From a batch (N, C, D, H, W) to one score each, shape (N,)."""

Window = tuple[slice, slice, slice]


def occlusion_map(
    score: Score,
    volume: npt.NDArray[np.floating],
    *,
    patch: tuple[int, int, int],
    stride: tuple[int, int, int] | None = None,
    channels: Sequence[int] | None = None,
    batch: int = 16,
) -> Volume:
    """The loss of score when a voxel is covered, averaged over the patches that cover it.

    A patch is filled with each channel's mean over the volume. Positive: the voxel speaks for a
    high score; negative: against it.

    Args:
        score: the model, such as P(y = 1) or its logit.
        volume: one case, shape (C, D, H, W).
        patch: size of the covering box in voxels (z, y, x); cut to the volume.
        stride: step of the box (z, y, x); default: half the patch.
        channels: those that are covered; default: all. Leave a mask channel out.
        batch: covered copies scored at once.

    Returns:
        Shape (D, H, W).

    Raises:
        RadpipeError: the volume is not four-dimensional, or patch or stride is not positive.
    """
    step = stride or tuple(max(1, p // 2) for p in patch)
    if volume.ndim != 4 or min(*patch, *step, batch) < 1:
        raise RadpipeError(
            "the volume cannot be occluded",
            found=f"shape {volume.shape}, patch {patch}, stride {step}, batch {batch}",
            expected="shape (C, D, H, W) and positive sizes",
        )
    covered = list(range(volume.shape[0]) if channels is None else channels)
    start = float(np.asarray(score(volume[None]))[0])
    total, count = np.zeros(volume.shape[1:]), np.zeros(volume.shape[1:])
    windows = list(_windows(volume.shape[1:], patch, step))
    for first in range(0, len(windows), batch):
        group = windows[first : first + batch]
        losses = start - _covered_scores(score, volume, group, covered)
        for window, loss in zip(group, losses, strict=True):
            total[window] += loss
            count[window] += 1
    # Only a stride beyond the patch leaves voxels that no patch covers.
    return np.divide(total, count, out=np.zeros_like(total), where=count > 0)


def _covered_scores(
    score: Score, volume: npt.NDArray[np.floating], windows: list[Window], channels: list[int]
) -> Vector:
    copies = np.repeat(volume[None], len(windows), axis=0)
    fill = volume.mean(axis=(1, 2, 3))
    for copy, window in zip(copies, windows, strict=True):
        for channel in channels:
            copy[(channel, *window)] = fill[channel]
    return np.asarray(score(copies), dtype=float)


def _windows(shape: Sequence[int], patch: Sequence[int], stride: Sequence[int]) -> Iterator[Window]:
    """All positions of the box; the last of each axis ends at the border."""
    axes = []
    for size, length, step in zip(shape, patch, stride, strict=True):
        last = max(0, size - length)
        starts = sorted({*range(0, last + 1, step), last})
        axes.append([slice(s, min(s + length, size)) for s in starts])
    yield from product(*axes)
