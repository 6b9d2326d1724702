"""What a method looks at: the images of a case, whole or inside a box, at a bounded size."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.io import images
from radpipe.segmentation.loading import read_classes
from radpipe.types import CaseFiles, Labels, Mask, SpacingZYX, Volume

Window = tuple[slice, slice, slice]
Margins = tuple[tuple[int, int], tuple[int, int], tuple[int, int]]
NO_MARGINS: Margins = ((0, 0), (0, 0), (0, 0))


@dataclass(frozen=True)
class Scene:
    """The voxels that a method sees.

    Attributes:
        channels: values `(C, z, y, x)` float32; the first is the image of methods that see one.
        spacing_mm: voxel size, axes (z, y, x).
        limits: lowest and highest value of the first image, of the whole of it.
        margins: voxels around the box before and after it, an entry an axis; 0 in a whole image.
        boxed: whether this is a box that a reader has set.
        classes: class of each voxel `(z, y, x)`, 0 background, where the mask is known.
    """

    channels: Volume
    spacing_mm: SpacingZYX
    limits: tuple[float, float]
    margins: Margins
    boxed: bool
    classes: Labels | None = None

    @property
    def image(self) -> Volume:
        """The first image, axes (z, y, x)."""
        return self.channels[0]

    @property
    def size(self) -> tuple[int, int, int]:
        """Voxels along z, y, x."""
        z, y, x = self.channels.shape[1:]
        return (z, y, x)

    @property
    def empty(self) -> bool:
        """Whether there is nothing to tell apart: no voxel, or the same value in all."""
        return self.channels.size == 0 or bool(np.all(np.ptp(self.channels, axis=(1, 2, 3)) == 0))

    def sigma(self, mm: float) -> tuple[float, float, float]:
        """A Gaussian's width in voxels (z, y, x), for a width in mm, at least 0.7 voxel."""
        z, y, x = (max(0.7, mm / s) for s in self.spacing_mm)
        return (z, y, x)

    def shell(self) -> Mask:
        """The outer half of the margin of a box; everything where there is no margin."""
        outer = np.ones(self.size, bool)
        if not any(side for axis in self.margins for side in axis):
            return outer
        inner = tuple(
            slice((before + 1) // 2, n - (after + 1) // 2)
            for n, (before, after) in zip(self.size, self.margins, strict=True)
        )
        outer[inner] = False
        return outer


def read_scene(
    files: CaseFiles, modalities: Sequence[str], box: Path | None, labels: dict[str, int]
) -> tuple[Scene, sitk.Image, Labels | None]:
    """The whole images of a case.

    Args:
        files: prepared images; one that is missing is seen as zeros.
        modalities: the images wanted, in their order.
        box: a mask, for its bounding box and, in fitting, its classes.
        labels: name and value of each label in the mask.

    Returns:
        The whole images, the grid they share, and the classes of the mask on it.

    Raises:
        CaseError: no image of the case is there, or sizes differ.
    """
    paths = [files.images.get(modality) for modality in modalities]
    read = [None if p is None else images.read_image(p, case=files.case) for p in paths]
    grid = next((image for image in read if image is not None), None)
    if grid is None:
        # Every image that the method looks at is missing; any other one gives the grid.
        other = next((path for path in files.images.values() if path is not None), None)
        if other is None:
            raise CaseError("the case has no image", case=files.case, expected=list(modalities))
        grid = images.read_image(other, case=files.case)
    blank = np.zeros(grid.GetSize()[::-1], np.float32)
    for path, image in zip(paths, read, strict=True):
        if image is not None and image.GetSize() != grid.GetSize():
            raise CaseError(
                "the images are not on one grid",
                case=files.case,
                file=path,
                found=image.GetSize(),
                expected=grid.GetSize(),
            )
    channels = np.stack([blank if image is None else images.array_of(image) for image in read])
    limits = (float(channels[0].min()), float(channels[0].max()))
    classes = None
    if box is not None:
        classes = read_classes(replace(files, mask=box), grid, labels)
    scene = Scene(channels, images.spacing_zyx(grid), limits, NO_MARGINS, boxed=False)
    return scene, grid, classes


def box_around(mask: Mask, spacing_mm: SpacingZYX, margin_mm: float) -> tuple[Window, Margins]:
    """The bounding box of a mask with a margin, inside the image; an empty one for an empty mask.

    Returns:
        The box, and how many voxels of margin it has on either side of each axis.
    """
    if not mask.any():
        return (slice(0, 0), slice(0, 0), slice(0, 0)), NO_MARGINS
    window, margins = [], []
    for axis, (n, step) in enumerate(zip(mask.shape, spacing_mm, strict=True)):
        hit = np.flatnonzero(mask.any(axis=tuple(a for a in range(3) if a != axis)))
        wide = int(np.ceil(round(margin_mm / step, 6)))
        start, stop = max(0, int(hit[0]) - wide), min(n, int(hit[-1]) + 1 + wide)
        window.append(slice(start, stop))
        margins.append((int(hit[0]) - start, stop - int(hit[-1]) - 1))
    return (window[0], window[1], window[2]), (margins[0], margins[1], margins[2])


def boxed(scene: Scene, mask: Mask, margin_mm: float) -> tuple[Scene, Window]:
    """The part of a scene in the box around a mask, and where that part lies."""
    window, margins = box_around(mask, scene.spacing_mm, margin_mm)
    channels = np.ascontiguousarray(scene.channels[(slice(None), *window)])
    classes = None if scene.classes is None else scene.classes[window]
    return replace(scene, channels=channels, classes=classes, margins=margins, boxed=True), window


def thinned(scene: Scene, voxels: int) -> Scene:
    """Every n-th voxel, so that at most `voxels` are left and their values are as they were.

    A scene in which a label would be lost is left as it is.
    """
    factors = shrink_factors(scene.size, scene.spacing_mm, voxels)
    if factors == (1, 1, 1):
        return scene
    steps = tuple(slice(None, None, f) for f in factors)
    classes = None if scene.classes is None else scene.classes[steps]
    if _kinds(classes) < _kinds(scene.classes):
        return scene
    thin = _coarser(scene, np.ascontiguousarray(scene.channels[(slice(None), *steps)]), factors)
    return replace(thin, classes=classes)


def shrunk(scene: Scene, voxels: int) -> Scene:
    """Means of blocks of voxels, at most `voxels` of them; classes are those of the middles."""
    factors = shrink_factors(scene.size, scene.spacing_mm, voxels)
    if factors == (1, 1, 1):
        return scene
    channels = np.stack([_block_means(channel, factors) for channel in scene.channels])
    classes = scene.classes
    if classes is not None:
        classes = classes[
            np.ix_(*(_middles(n, f) for n, f in zip(scene.size, factors, strict=True)))
        ]
    return replace(_coarser(scene, channels, factors), classes=classes)


def stretched(classes: Labels, scene: Scene, voxels: int) -> Labels:
    """Classes of `shrunk(scene, voxels)` on the voxels of `scene`.

    Each class is interpolated linearly and cut at a half; where two are ahead, the larger wins.
    """
    size = scene.size
    factors = shrink_factors(size, scene.spacing_mm, voxels)
    if factors == (1, 1, 1):
        return classes
    result = np.zeros(size, np.uint8)
    highest = np.full(size, 0.5, np.float32)
    for value in np.unique(classes[classes > 0]):
        share = (classes == value).astype(np.float32)
        for axis, (n, factor) in enumerate(zip(size, factors, strict=True)):
            share = _linear(share, axis, n, factor)
        ahead = share >= highest
        result[ahead] = value
        highest[ahead] = share[ahead]
    return result


def shrink_factors(
    size: tuple[int, int, int], spacing_mm: SpacingZYX, voxels: int
) -> tuple[int, int, int]:
    """Whole factors that bring a grid to at most `voxels`, the finest axis first."""
    factors = [1, 1, 1]

    def left() -> list[int]:
        return [-(-n // f) for n, f in zip(size, factors, strict=True)]

    while np.prod(left()) > voxels:
        steps = [
            s * f if n > 1 else np.inf for s, f, n in zip(spacing_mm, factors, left(), strict=True)
        ]
        factors[int(np.argmin(steps))] += 1
    return (factors[0], factors[1], factors[2])


def _kinds(classes: Labels | None) -> int:
    return 0 if classes is None else int(np.unique(classes).size)


def _coarser(scene: Scene, channels: Volume, factors: tuple[int, int, int]) -> Scene:
    z, y, x = (s * f for s, f in zip(scene.spacing_mm, factors, strict=True))
    margins = tuple((a // f, b // f) for (a, b), f in zip(scene.margins, factors, strict=True))
    return replace(
        scene,
        channels=channels,
        spacing_mm=(z, y, x),
        margins=(margins[0], margins[1], margins[2]),
    )


def _block_means(values: Volume, factors: tuple[int, int, int]) -> Volume:
    """Means of blocks; one that reaches over the end is filled up with the last voxel."""
    for axis, factor in enumerate(factors):
        missing = -values.shape[axis] % factor
        pad = [(0, missing if a == axis else 0) for a in range(3)]
        values = np.pad(values, pad, mode="edge")
        shape = (*values.shape[:axis], -1, factor, *values.shape[axis + 1 :])
        values = values.reshape(shape).mean(axis=axis + 1, dtype=np.float32)
    return values


def _middles(n: int, factor: int) -> npt.NDArray[np.intp]:
    return np.minimum(np.arange(-(-n // factor)) * factor + factor // 2, n - 1)


def _linear(values: Volume, axis: int, n: int, factor: int) -> Volume:
    """Values at `n` voxels along an axis from the middles of its blocks, the ends repeated."""
    last = values.shape[axis] - 1
    where = np.clip((np.arange(n) + 0.5) / factor - 0.5, 0, last)
    low = where.astype(int)
    high = np.minimum(low + 1, last)
    weight: npt.NDArray[np.float32] = (where - low).astype(np.float32)
    shape = [-1 if a == axis else 1 for a in range(values.ndim)]
    weight = weight.reshape(shape)
    return values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight
