"""Training patches: drawn around labelled voxels, turned, bent and roughened a little.

A patch is a pure function of the seed and of the number of its draw (and, with hard negatives, of
the mistakes found until then): any number of workers gives the same patches, and a training that
is resumed goes on with those it would have seen.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

from radpipe.errors import FitError
from radpipe.networks.draws import DrawDataset
from radpipe.segmentation import augmentation as changes
from radpipe.segmentation.caching import CachedCase, CaseCache
from radpipe.segmentation.hard_negatives import Mistakes, Window
from radpipe.segmentation.loading import coarse_axes
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.views import planes, window
from radpipe.types import CaseFiles


class Place(NamedTuple):
    """Where a patch lies, in voxels z y x.

    Attributes:
        low: its first voxel; negative where the patch is larger than the volume.
        size: its size, one voxel across a slice.
        voxel: the voxel that it was drawn for and holds, whatever the augmentation.
        axis: the axis that a slice lies across; None: a volume.
    """

    low: np.ndarray
    size: np.ndarray
    voxel: np.ndarray
    axis: int | None


class PatchDataset(DrawDataset):
    """Random patches of training cases, without end.

    Items are `image` `(C, *patch)` float32 and `label` `(1, *patch)` float32 holding classes, 255
    where a voxel does not count. Slices have the last two sizes of the patch. Cases come in fresh
    permutations. Beyond a volume its edge values go on.

    A share `foreground` of the patches is drawn around a labelled voxel; the label is drawn first,
    all labels of the case alike, so that small ones are seen as often as large ones. A case
    without labelled voxels is drawn from anywhere.

    Args:
        cases: training cases, each with a mask.
        plan: patch, view, shares, augmentation.
        labels: name and value of each label.
        seed: of all draws, not negative.
        cache: keeps the cases; none: one of its own.

    Raises:
        FitError: there is no case, or none has a labelled voxel.
    """

    def __init__(
        self,
        cases: list[CaseFiles],
        plan: Plan,
        labels: dict[str, int],
        *,
        seed: int,
        cache: CaseCache | None = None,
    ) -> None:
        if not cases:
            raise FitError("a segmenter has no case to train on", found="0 cases")
        super().__init__(seed)
        self.settings = plan.segmenter
        self.cache = cache or CaseCache(plan, labels, seed)
        self.cases = [self.cache.add(files) for files in cases]
        if not any(case.centres for case in self.cases):
            raise FitError(
                "no training case has a labelled voxel", expected=f"values {list(labels.values())}"
            )
        self.planes = planes(self.settings.view)
        self.mistakes = Mistakes()

    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        rng = self.random(draw)
        number = self._case_of(draw)
        case = self.cases[number]
        axis = self.planes[draw % len(self.planes)] if self.planes else None
        place = self._place(case, self._voxel(number, rng), axis)
        image, label = self._patch(case, place, rng)
        change = self.settings.augmentation
        flips = [axis + 1 for axis in changes.draw_flips(rng, change)]
        changes.change_intensities(image, rng, change, case.deviations, free_axes(case, axis))
        changes.drop_modalities(
            image, rng, self.settings.modality_dropout, present=case.deviations > 0
        )
        return {
            "image": _as_seen(image.flip(flips), axis),
            "label": _as_seen(label.flip(flips), axis),
        }

    def refresh(self, network: nn.Module, step: int) -> None:
        """Look for mistakes of the network as it is at `step`, if the plan wants them."""
        if self.settings.hard_negatives:
            rng = np.random.default_rng([self.seed, step, 3])
            self.mistakes.search(network, self._window, rng, batch=self.settings.batch)

    def state_dict(self) -> dict[str, Any]:
        """What the next patches depend on beside the seed: the mistakes found so far."""
        return self.mistakes.state_dict()

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave."""
        self.mistakes.load_state_dict(state)

    def _case_of(self, draw: int) -> int:
        """The number of the case: permutation after permutation."""
        epoch, position = divmod(draw, len(self.cases))
        order = np.random.default_rng([self.seed, epoch, 1]).permutation(len(self.cases))
        return int(order[position])

    def _voxel(self, number: int, rng: np.random.Generator) -> np.ndarray:
        """The voxel that a patch is drawn for: of a label, an earlier mistake, or any."""
        case, wrong = self.cases[number], self.mistakes.of(number)
        labelled, mistaken = rng.random(2)
        if case.centres and labelled < self.settings.foreground:
            voxels = case.centres[rng.integers(len(case.centres))]
        elif len(wrong) and mistaken < self.settings.hard_negatives:
            voxels = wrong
        else:
            return rng.integers(case.classes.shape)
        voxel: np.ndarray = voxels[rng.integers(len(voxels))]
        return voxel

    def _place(self, case: CachedCase, voxel: np.ndarray, axis: int | None) -> Place:
        """Around a voxel, moved so that the patch stays inside the volume where it fits."""
        volume = np.array(case.classes.shape)
        size = np.array(window(self.settings.patch, axis))
        low = np.clip(voxel - size // 2, 0, np.maximum(volume - size, 0))
        return Place(np.where(size > volume, -((size - volume) // 2), low), size, voxel, axis)

    def _patch(
        self, case: CachedCase, place: Place, rng: np.random.Generator
    ) -> tuple[Tensor, Tensor]:
        """Values and classes of a patch, changed in space by chance."""
        change = self.settings.augmentation
        if rng.random() >= change.spatial:
            return straight(case, place)
        free = free_axes(case, place.axis)
        matrix = changes.draw_matrix(rng, change, case.spacing_mm, free)
        displacement = None
        if change.elastic_mm:
            displacement = changes.draw_displacement(
                rng, change.elastic_mm, place.size.tolist(), case.spacing_mm, free
            )
        return warped(case, place, matrix, displacement)

    def _window(self, rng: np.random.Generator) -> Window:
        """An unchanged patch from anywhere."""
        number = int(rng.integers(len(self.cases)))
        case = self.cases[number]
        axis = self.planes[rng.integers(len(self.planes))] if self.planes else None
        place = self._place(case, rng.integers(case.classes.shape), axis)
        image, label = straight(case, place)
        return Window(number, place.low, axis, _as_seen(image, axis), _as_seen(label, axis))


def free_axes(case: CachedCase, axis: int | None) -> list[bool]:
    """Along which axes z y x a patch is changed: not across a slice, nor across coarse voxels."""
    coarse = coarse_axes(case.spacing_mm)
    return [k != axis and not coarse[k] for k in range(3)]


def straight(case: CachedCase, place: Place) -> tuple[Tensor, Tensor]:
    """Values `(C, d, h, w)` and classes `(1, d, h, w)` of a patch as it lies in the volume."""
    volume = np.array(case.classes.shape)
    low, high = np.maximum(place.low, 0), np.minimum(place.low + place.size, volume)
    values, classes = case.box(low, high)
    ends = np.stack([low - place.low, place.low + place.size - high], axis=1)
    if not ends.any():
        return values, classes
    beyond = ends[::-1].ravel().tolist()
    pad = torch.nn.functional.pad
    return (
        pad(values[None], beyond, mode="replicate")[0],
        pad(classes[None], beyond, mode="replicate")[0],
    )


def warped(
    case: CachedCase, place: Place, matrix: np.ndarray, displacement: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Values and classes of a patch that is turned, zoomed and bent: linear and nearest.

    One interpolation does it all. Index p of the patch shows the position
    `voxel + matrix (p - q) + u(p) - u(q)` of the volume, where u is the displacement and q the
    index nearest to where the voxel of the place would be if the patch turned about its middle:
    so that voxel is always in the patch, exactly. Only the box that the patch falls in is read.

    Args:
        case: the volume.
        place: of the patch before it is changed.
        matrix: from offsets in the patch to offsets in the volume, voxels.
        displacement: `(d, h, w, 3)` in voxels.
    """
    middle = (place.size - 1) / 2
    index = middle + np.linalg.solve(matrix, place.voxel - place.low - middle)
    index = np.clip(np.rint(index), 0, place.size - 1).astype(int)
    start = place.voxel - matrix @ index
    corners = np.indices((2, 2, 2)).reshape(3, 8).T * (place.size - 1)
    reached = start + corners @ matrix.T
    first, last = reached.min(axis=0), reached.max(axis=0)
    if displacement is not None:
        displacement = displacement - displacement[tuple(index)]
        first = first + displacement.amin(dim=(0, 1, 2)).numpy()
        last = last + displacement.amax(dim=(0, 1, 2)).numpy()
    volume = np.array(case.classes.shape)
    low = np.clip(np.floor(first), 0, volume - 1).astype(int)
    high = np.maximum(np.clip(np.ceil(last) + 1, 1, volume).astype(int), low + 1)
    values, classes = case.box(low, high)
    # grid_sample wants x, y, z between -1 and 1 from the first voxel centre to the last.
    scale = 2 / np.maximum(high - low - 1, 1)
    grid = _affine_grid(scale[:, None] * matrix, scale * (start - low) - 1, place.size)
    if displacement is not None:
        grid += (displacement * torch.from_numpy(scale.astype(np.float32))).flip(-1)
    sample = torch.nn.functional.grid_sample
    return (
        sample(values[None], grid[None], "bilinear", padding_mode="border", align_corners=True)[0],
        sample(classes[None], grid[None], "nearest", padding_mode="border", align_corners=True)[0],
    )


def _affine_grid(matrix: np.ndarray, start: np.ndarray, size: np.ndarray) -> Tensor:
    """`matrix p + start` of every index p of a patch, `(d, h, w, 3)`, last axis x y z.

    Sums of three lines: no product of matrices, whose rounding depends on the number of threads.
    """
    grid = torch.empty(*size.tolist(), 3)
    for k in range(3):
        z, y, x = (
            torch.from_numpy((matrix[k, j] * np.arange(size[j])).astype(np.float32))
            for j in range(3)
        )
        plane = z[:, None] + (y + float(start[k]))[None]
        torch.add(plane[:, :, None], x, out=grid[..., 2 - k])
    return grid


def _as_seen(values: Tensor, axis: int | None) -> Tensor:
    """A patch as the network takes it: a slice without the axis that it lies across."""
    return values if axis is None else values.squeeze(axis + 1)
