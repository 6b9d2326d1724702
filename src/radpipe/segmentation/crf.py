"""A fully connected conditional random field that sharpens what a network says (mean field).

Krähenbühl & Koltun, NeurIPS 2011: every pair of voxels prefers one label, the more the nearer they
are (smoothness kernel) and the more alike as well (appearance kernel). A step of mean field adds to
the log-probability of a label, at each voxel, the mean belief of all other voxels, weighted by
either kernel.

What is approximated, and how far:

- In space both kernels are Gaussians without truncation: products of one matrix an axis.
- The appearance kernel is the mean over modalities of one kernel each (a permitted mixture), and
  its Gaussian of intensities is a sum of products, `exp(-(a - b)² / 2s²) ∝ Σ_c exp(-(a - c)² / s²)
  exp(-(b - c)² / s²)` over levels c that are s apart, right to 2 %. Intensities beyond the 0.5th
  and 99.5th percentile count as these.
- Messages are divided by the kernel's sum at the voxel (row normalisation), so that their weight
  does not depend on the voxel size, and a voxel gives none to itself.
- Only the box around voxels that may be a label is looked at; a large one in slabs that overlap by
  what the kernels reach.
"""

from collections.abc import Callable, Iterator

import numpy as np
import torch
from torch import Tensor

from radpipe.config.segmentation import Crf
from radpipe.segmentation.cascade import Box
from radpipe.types import SpacingZYX, Volume

CERTAIN = 0.01
"""A voxel whose labels together are less probable than this is background for certain."""

REACH = 3.0
"""Standard deviations of the smoothness kernel that the box is larger than what it holds."""

SMOOTHNESS, APPEARANCE = 1.0, 2.0
"""Nats that unanimous neighbours add at weight 1. The usual 3 and 10 are meant for photographs with
regions of a thousand pixels; of structures a few voxels thick they wear off the rim."""

TILE_VOXELS = 2**24
"""Voxels refined at once."""

LEAST = 1e-6
"""Probabilities are kept away from zero by this."""


def refine(probabilities: Tensor, image: Volume, spacing_mm: SpacingZYX, settings: Crf) -> Tensor:
    """Probabilities after the random field.

    Args:
        probabilities: of background and labels `(L + 1, z, y, x)`; they are left as they are.
        image: modalities `(C, z, y, x)` on the same grid.
        spacing_mm: voxel size.
        settings: iterations, range of the kernels and their weight.

    Returns:
        Probabilities of the same shape and type; unchanged outside the box.
    """
    box = _box(probabilities, [REACH * settings.smoothness_mm / s for s in spacing_mm])
    refined = probabilities.clone()
    if box is None:
        return refined
    inside = np.stack([channel[box] for channel in image])
    scaled = torch.from_numpy(_in_deviations(inside) / settings.appearance)
    sigmas = [settings.smoothness_mm / s for s in spacing_mm]
    source, target = probabilities[(slice(None), *box)], refined[(slice(None), *box)]
    for wide, core, inner in _tiles(scaled.shape[1:], round(REACH * sigmas[0])):
        field = _mean_field(source[:, wide].float(), scaled[:, wide], sigmas, settings)
        target[:, core] = field[:, inner].to(refined.dtype)
    return refined


def _box(probabilities: Tensor, reach: list[float]) -> Box | None:
    """The box of voxels that may be a label, grown by what the kernels reach."""
    likely = (probabilities[0] < 1 - CERTAIN).numpy()
    if not likely.any():
        return None
    sides = []
    for axis, grow in enumerate(reach):
        found = np.flatnonzero(likely.any(axis=tuple(a for a in range(3) if a != axis)))
        start = max(0, int(found[0] - np.ceil(grow)))
        sides.append(slice(start, min(likely.shape[axis], int(found[-1] + 1 + np.ceil(grow)))))
    return sides[0], sides[1], sides[2]


def _in_deviations(image: Volume) -> Volume:
    """Each modality that varies, in standard deviations, without its extremes."""
    scaled = []
    for channel in image:
        low, high = np.percentile(channel, [0.5, 99.5])
        clipped = np.clip(channel, low, high)
        sd = float(clipped.std())
        if sd > 0:
            scaled.append((clipped - low) / sd)
    return np.stack(scaled).astype(np.float32) if scaled else np.zeros_like(image[:0])


def _tiles(size: torch.Size, reach: int) -> Iterator[tuple[slice, slice, slice]]:
    """Slabs along z: what is looked at, what of the box is kept, and where that lies in it."""
    planes = max(1, TILE_VOXELS // int(size[1] * size[2]))
    for start in range(0, size[0], planes):
        stop = min(start + planes, size[0])
        first = max(0, start - reach)
        yield (
            slice(first, min(size[0], stop + reach)),
            slice(start, stop),
            slice(start - first, stop - first),
        )


def _mean_field(probabilities: Tensor, image: Tensor, sigmas: list[float], settings: Crf) -> Tensor:
    unary = torch.log(probabilities.clamp_min(LEAST))
    axes = [_gaussian(n, s) for n, s in zip(unary.shape[1:], sigmas, strict=True)]
    kernels = [(SMOOTHNESS, _smoothness(axes))]
    if len(image):
        kernels.append((APPEARANCE, _appearance(axes, image)))
    # The sum of a kernel over all other voxels: what a message is divided by.
    ones = torch.ones_like(unary[:1])
    sums = [kernel(ones).clamp_min(LEAST) for _, kernel in kernels]
    belief = torch.softmax(unary, dim=0)
    for _ in range(settings.iterations):
        scores = unary.clone()
        for (strength, kernel), total in zip(kernels, sums, strict=True):
            for label, one in enumerate(belief):
                message = kernel(one[None]) / total
                scores[label] += settings.weight * strength * message[0]
        belief = torch.softmax(scores, dim=0)
    return belief


Kernel = Callable[[Tensor], Tensor]
"""From values `(1, z, y, x)` to their sum over all other voxels, weighted."""


def _smoothness(axes: list[Tensor]) -> Kernel:
    return lambda values: _filtered(values, axes) - values


def _appearance(axes: list[Tensor], image: Tensor) -> Kernel:
    """The mean over modalities of Gaussians in space and intensity; `image` in kernel ranges."""
    # Levels lie one range apart, and one beyond each end.
    levels = [torch.arange(-1.0, float(channel.max()) + 1.5) for channel in image]

    def at(channel: Tensor, level: Tensor) -> Tensor:
        return torch.exp(-((channel - level) ** 2))[None]

    own = sum(
        at(channel, level) ** 2
        for channel, steps in zip(image, levels, strict=True)
        for level in steps
    )

    def kernel(values: Tensor) -> Tensor:
        total = -own * values
        for channel, steps in zip(image, levels, strict=True):
            for level in steps:
                near = at(channel, level)
                total += near * _filtered(near * values, axes)
        return total / len(image)

    return kernel


def _gaussian(size: int, sigma: float) -> Tensor:
    """The Gaussian between all voxels of a line, `(size, size)`, one on the diagonal."""
    place = torch.arange(size, dtype=torch.float32)
    return torch.exp(-0.5 * ((place[:, None] - place) / sigma) ** 2)


def _filtered(values: Tensor, axes: list[Tensor]) -> Tensor:
    """Values `(1, z, y, x)` through a matrix along each axis."""
    z, y, x = axes
    values = values @ x
    values = y @ values
    return torch.einsum("az,nzyx->nayx", z, values)
