"""A whole volume through a network that was trained on patches."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations, product

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from radpipe.errors import ConfigError
from radpipe.networks.devices import device, mixed

WINDOW_VOXELS = {"cpu": 4 * 32**3, "cuda": 16 * 64**3}
"""Voxels a forward pass: windows are shown together up to here, and one at least."""

SIGMA = 1 / 8
"""Standard deviation of a window's weight, as a share of its size (Isensee et al. 2021)."""

LEAST = 1e-3
"""Smallest weight along an axis, so that a corner that one window alone covers is not lost."""


Predict = Callable[[Tensor], Tensor]
"""From windows `(N, C, d, h, w)` to what is averaged over them, `(N, L, d, h, w)`."""


@dataclass(frozen=True)
class Passes:
    """How often each window is shown to the network, and how changed.

    Attributes:
        flips: axes 0 to 2 (z, y, x) that are mirrored; all their combinations are averaged.
        dropout: passes with the dropout layers on (Gal & Ghahramani, ICML 2016); 0: one without.
        seed: of the dropout.
    """

    flips: tuple[int, ...] = ()
    dropout: int = 0
    seed: int = 0

    def mirrored(self) -> list[tuple[int, ...]]:
        """Every combination of the mirrored axes, as axes of a batch; none first."""
        axes = [axis + 2 for axis in self.flips]
        return [c for n in range(len(axes) + 1) for c in combinations(axes, n)]


def sliding_window(
    network: nn.Module,
    image: Tensor,
    patch: tuple[int, int, int],
    overlap: float,
    *,
    passes: Passes | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Probabilities of every voxel, windows weighted by a Gaussian.

    The weights of the windows are products over the axes and sum to one at every voxel, so that a
    plane is finished when the last window that covers it is: sums in single precision are kept for
    one row of windows only, and memory is that of the result in `dtype`.

    Args:
        network: from `(N, C, D, H, W)` to logits `(N, L, D, H, W)`; is set to evaluation mode.
        image: one volume `(C, D, H, W)`, of any size: where it is smaller than the patch it is
            padded with its edge values, as in training.
        patch: size of a window, voxels.
        overlap: share of a window that the next one covers again, 0 to below 1.
        passes: mirrored and dropout passes that are averaged.
        dtype: of the result; half precision for large volumes.

    Returns:
        Softmax probabilities `(L, D, H, W)` on the CPU; channel 0 is the background. With dropout
        passes one more channel, the mutual information of class and weights in nats: entropy of
        the mean less mean entropy, of each window.

    Raises:
        ConfigError: dropout passes are wanted of a network without dropout.
    """
    passes = passes or Passes()
    where = device()
    network = network.to(where).eval()
    padded, inner = _padded(image, patch)
    grid = _Grid.of(padded.shape[1:], patch, overlap)
    with torch.no_grad(), _dropout(network, passes), mixed():
        whole = _stitched(lambda w: _predicted(network, w, passes), padded, grid, dtype)
    return whole[inner]


def entropy(probabilities: Tensor, axis: int) -> Tensor:
    """Shannon entropy in nats over the classes, which lie along `axis`."""
    return torch.special.entr(probabilities).sum(axis)


@dataclass(frozen=True)
class _Grid:
    """Where windows start along each axis, and their weights along it `(windows, patch)`."""

    patch: tuple[int, int, int]
    starts: list[list[int]]
    weights: list[Tensor]

    @classmethod
    def of(cls, size: torch.Size, patch: tuple[int, int, int], overlap: float) -> "_Grid":
        starts = [_starts(n, p, overlap) for n, p in zip(size, patch, strict=True)]
        weights = [_weights(s, n, p) for s, n, p in zip(starts, size, patch, strict=True)]
        return cls(patch, starts, weights)

    def box(self, index: tuple[int, int, int]) -> tuple[slice, slice, slice]:
        """The voxels of a window."""
        first = [starts[i] for starts, i in zip(self.starts, index, strict=True)]
        z, y, x = (slice(a, a + p) for a, p in zip(first, self.patch, strict=True))
        return z, y, x

    def weight(self, index: tuple[int, int, int]) -> Tensor:
        """The weight of a window's voxels, `(d, h, w)`."""
        z, y, x = (weights[i] for weights, i in zip(self.weights, index, strict=True))
        return z[:, None, None] * y[:, None] * x


def _starts(size: int, patch: int, overlap: float) -> list[int]:
    """First voxels of windows, evenly spread from end to end and at least `overlap` over."""
    step = max(1, int(patch * (1 - overlap)))
    count = -(-(size - patch) // step) + 1
    return [round(i * (size - patch) / max(1, count - 1)) for i in range(count)]


def _weights(starts: list[int], size: int, patch: int) -> Tensor:
    """Gaussian weights of the windows along one axis, which sum to one at each voxel."""
    offset = torch.arange(patch, dtype=torch.float64) - (patch - 1) / 2
    bell = torch.exp(-0.5 * (offset / (SIGMA * patch)) ** 2).clamp_min(LEAST)
    total = torch.zeros(size, dtype=torch.float64)
    for start in starts:
        total[start : start + patch] += bell
    return torch.stack([bell / total[start : start + patch] for start in starts]).float()


def _padded(
    image: Tensor, patch: tuple[int, int, int]
) -> tuple[Tensor, tuple[slice, slice, slice, slice]]:
    """The image, at least as large as a patch, and where in it the image lies."""
    lacking = [max(0, p - n) for n, p in zip(image.shape[1:], patch, strict=True)]
    z, y, x = (slice(m // 2, m // 2 + n) for m, n in zip(lacking, image.shape[1:], strict=True))
    if any(lacking):
        ends = [end for m in reversed(lacking) for end in (m // 2, m - m // 2)]
        image = nn.functional.pad(image[None], ends, mode="replicate")[0]
    return image, (slice(None), z, y, x)


def _stitched(predict: Predict, image: Tensor, grid: _Grid, dtype: torch.dtype) -> Tensor:
    """The windows' predictions joined, row by row along z."""
    result = row = torch.zeros(())
    ends = [*grid.starts[0][1:], image.shape[1]]
    for k, (start, end) in enumerate(zip(grid.starts[0], ends, strict=True)):
        added = _row(predict, image, grid, k)
        if k == 0:
            row = torch.zeros_like(added)
            result = torch.empty((len(added), *image.shape[1:]), dtype=dtype)
        row += added
        done = end - start
        result[:, start:end] = row[:, :done].to("cpu", dtype)
        row = torch.cat([row[:, done:], torch.zeros_like(row[:, :done])], dim=1)
    return result


def _row(predict: Predict, image: Tensor, grid: _Grid, k: int) -> Tensor:
    """The weighted sum of the windows that start at the k-th place along z, `(L, d, H, W)`."""
    where = device()
    together = max(1, WINDOW_VOXELS[where.type] // math.prod(grid.patch))
    across = product(*(range(len(starts)) for starts in grid.starts[1:]))
    places = [(k, y, x) for y, x in across]
    row = torch.zeros(())
    for first in range(0, len(places), together):
        windows = places[first : first + together]
        batch = torch.stack([image[(slice(None), *grid.box(w))] for w in windows])
        predicted = predict(batch.to(where))
        if first == 0:
            row = predicted.new_zeros((predicted.shape[1], grid.patch[0], *image.shape[2:]))
        for window, values in zip(windows, predicted, strict=True):
            _, rows, columns = grid.box(window)
            row[:, :, rows, columns] += values * grid.weight(window).to(where)
    return row


def _predicted(network: nn.Module, windows: Tensor, passes: Passes) -> Tensor:
    """Mean probabilities `(N, L, d, h, w)`; with dropout the mutual information after them."""
    if not passes.dropout:
        return _mirrored_mean(network, windows, passes)
    drawn = torch.stack([_mirrored_mean(network, windows, passes) for _ in range(passes.dropout)])
    mean = drawn.mean(dim=0)
    information = (entropy(mean, 1) - entropy(drawn, 2).mean(dim=0)).clamp_min(0)
    return torch.cat([mean, information[:, None]], dim=1)


def _mirrored_mean(network: nn.Module, windows: Tensor, passes: Passes) -> Tensor:
    """Probabilities averaged over mirror images, each mirrored back."""
    others = passes.mirrored()[1:]
    first = _shown(network, windows)
    if not others:
        return first
    ways = [_shown(network, windows.flip(axes)).flip(axes) for axes in others]
    return torch.stack([first, *ways]).mean(dim=0)


def _shown(network: nn.Module, windows: Tensor) -> Tensor:
    logits: Tensor = network(windows)
    return torch.softmax(logits.float(), dim=1)


@contextmanager
def _dropout(network: nn.Module, passes: Passes) -> Iterator[None]:
    """Only the dropout layers of a network in training mode, from a seed of their own."""
    if not passes.dropout:
        yield
        return
    layers = [m for m in network.modules() if isinstance(m, _DropoutNd) and m.p > 0]
    if not layers:
        raise ConfigError(
            "mc_dropout needs a network that was built with dropout",
            found="no dropout layer",
            hint="set dropout above 0, of a network that has it",
        )
    with torch.random.fork_rng():
        torch.manual_seed(passes.seed)
        for layer in layers:
            layer.train()
        yield
    network.eval()
