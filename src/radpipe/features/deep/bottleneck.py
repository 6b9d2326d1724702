"""The deepest features of a segmenter, pooled in the mask.

The segmenter is that of the same fold: its weights saw the training part and nobody else, and its
manifest is asked (`segmentation.manifest`).
"""

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any

import numpy as np
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from radpipe.errors import CaseError, FitError
from radpipe.features.crops import Crop
from radpipe.imaging.resampling import HALF
from radpipe.io import images
from radpipe.networks.registry import build_network
from radpipe.networks.spec import AnySize
from radpipe.segmentation.loading import read_channels
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles

CONVOLUTIONS = (nn.Conv2d, nn.Conv3d, nn.ConvTranspose2d, nn.ConvTranspose3d)


class SegmenterEncoder(nn.Module):
    """A segmenter, seen at its deepest convolution.

    That is the layer with the fewest voxels; of several the one with most features, and of these
    the last. Each window of a patch around the region goes through the network; the features are
    averaged over the region (each voxel of the deep map counts by its share of the region) and
    their maximum over the same voxels is taken: mean of each feature, then maximum of each.
    Networks of slices see the axial slices.

    Args:
        plan: of the segmenter.
        labels: number of labels beside the background.
        modalities: number of images.
    """

    def __init__(self, plan: Plan, labels: int, modalities: int) -> None:
        super().__init__()
        self.plan = plan
        self.network = build_network(
            plan.segmenter.network, plan.network_spec(inputs=modalities, labels=labels)
        )
        self.eval()
        self.flat = plan.segmenter.view != "3d"
        patch = _filled(
            self.network, plan.segmenter.patch[-2:] if self.flat else plan.segmenter.patch
        )
        self.window = (1, *patch) if self.flat else patch
        self.layer, features = _deepest(self.network, modalities, self._shown_size())
        self.width = 2 * features

    def read(self, files: CaseFiles) -> Crop | None:
        """The channels as the plan wants them and the region, `(C + 1, z, y, x)` around it.

        Raises:
            CaseError: the mask is not on the grid of the images.
        """
        values, grid = read_channels(files, self.plan)
        if files.mask is None:
            return None
        region = _region_on(images.read_image(files.mask, case=files.case), grid, files)
        if not region.any():
            return None
        places = [
            _cover(np.flatnonzero(region.any(axis=_others(a))), self.window[a]) for a in range(3)
        ]
        both = np.concatenate([values, region[None].astype(np.float32)])
        return np.ascontiguousarray(_padded(both, places))

    def encode(self, x: Tensor) -> Tensor:
        """Mean and maximum of each deep feature over the region, `(N, width)`; N is 1."""
        total, largest, weight = None, None, x.new_zeros(())
        for window in _windows(x, self.window):
            region = window[:, -1:]
            if not region.any():
                continue
            maps = self._deep(window[:, :-1])
            _, _, depth, height, width = maps.shape
            share = nn.functional.adaptive_avg_pool3d(region, (depth, height, width))
            inside = maps.masked_fill(share == 0, -torch.inf).amax(dim=(2, 3, 4))
            summed = (maps * share).sum(dim=(2, 3, 4))
            # A share is of a deep voxel: windows of one size have deep voxels of one size.
            total = summed if total is None else total + summed
            largest = inside if largest is None else torch.maximum(largest, inside)
            weight = weight + share.sum()
        if total is None or largest is None:
            raise FitError("there is no region to pool in")
        return torch.cat([total / weight, largest], dim=1)

    def _shown_size(self) -> tuple[int, ...]:
        return tuple(self.window[1:] if self.flat else self.window)

    def _deep(self, window: Tensor) -> Tensor:
        """The deep map of one window, `(1, F, d, h, w)`."""
        seen = window.squeeze(2) if self.flat else window
        maps = _outputs(self.network, seen, [self.layer])[-1][1]
        return maps.unsqueeze(2) if self.flat else maps


def _filled(network: nn.Module, patch: Sequence[int]) -> tuple[int, ...]:
    """A patch as it is when the network has padded it, so that deep voxels lie where they seem."""
    if not isinstance(network, AnySize):
        return tuple(patch)
    given = network.multiple
    multiples = [given] * len(patch) if isinstance(given, int) else list(given)
    size = [-(-n // m) * m for n, m in zip(patch, multiples, strict=True)]
    return tuple(2 * n for n in size) if size == multiples else tuple(size)


def _others(axis: int) -> tuple[int, ...]:
    return tuple(a for a in range(3) if a != axis)


def _cover(where: np.ndarray, size: int) -> tuple[int, int]:
    """First voxel and length of a multiple of `size` around the voxels `where`."""
    first, last = int(where[0]), int(where[-1])
    length = -(-(last - first + 1) // size) * size
    return (first + last + 1) // 2 - length // 2, length


def _padded(values: np.ndarray, places: Sequence[tuple[int, int]]) -> np.ndarray:
    """The box at `places`, 0 outside the image."""
    size = values.shape[1:]
    result = np.zeros((len(values), *(length for _, length in places)), np.float32)
    source, target = [], []
    for (first, length), n in zip(places, size, strict=True):
        low, high = max(first, 0), min(first + length, n)
        source.append(slice(low, high))
        target.append(slice(low - first, high - first))
    result[(slice(None), *target)] = values[(slice(None), *source)]
    return result


def _windows(x: Tensor, window: Sequence[int]) -> Iterator[Tensor]:
    counts = [n // w for n, w in zip(x.shape[2:], window, strict=True)]
    for index in product(*map(range, counts)):
        cut = (slice(i * w, (i + 1) * w) for i, w in zip(index, window, strict=True))
        yield x[(slice(None), slice(None), *cut)]


def _region_on(mask: sitk.Image, grid: sitk.Image, files: CaseFiles) -> np.ndarray:
    """The region on the grid that the segmenter sees; one too thin for it keeps its centre."""
    region = images.labels_of(mask) > 0
    if mask.GetSize() != grid.GetSize() and region.any():
        share = images.array_of(
            sitk.Resample(
                sitk.Cast(mask > 0, sitk.sitkFloat32), grid, sitk.Transform(), sitk.sitkLinear, 0.0
            )
        )
        if not share.any():
            raise CaseError("the mask is not on the grid of the images", case=files.case)
        region = share >= min(HALF, float(share.max()))
    return region


def _deepest(network: nn.Module, inputs: int, size: Sequence[int]) -> tuple[str, int]:
    """Name and features of the deepest convolution of a network."""
    # The patches of a transformer, before it has looked at them, are no depth.
    names = [
        name
        for name, module in network.named_modules()
        if isinstance(module, CONVOLUTIONS) and "patch_embed" not in name
    ]
    place = next(network.parameters()).device
    with torch.no_grad():
        said = _outputs(network, torch.zeros(1, inputs, *size, device=place), names)
    keys = [(-maps[0, 0].numel(), maps.shape[1]) for _, maps in said]
    best = max(range(len(said)), key=lambda k: (*keys[k], k))
    return said[best][0], keys[best][1]


def _outputs(network: nn.Module, x: Tensor, names: Sequence[str]) -> list[tuple[str, Tensor]]:
    """What the modules of some names give, in the order of their calls."""
    said: list[tuple[str, Tensor]] = []

    def note(name: str) -> Any:
        return lambda *call: said.append((name, call[-1]))

    hooks = [network.get_submodule(name).register_forward_hook(note(name)) for name in names]
    try:
        network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return said
