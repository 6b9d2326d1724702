"""At which voxel size, and in patches of which size, an automatic network sees the images."""

from collections.abc import Set
from math import prod

from radpipe.config import Network
from radpipe.networks.spec import NetworkSpec
from radpipe.segmentation.caching import SHARE
from radpipe.segmentation.fingerprint import Fingerprint
from radpipe.segmentation.geometry import (
    Levels,
    Size,
    levels,
    patch_size,
    resampled,
    target_spacing,
)
from radpipe.segmentation.sizing import DEEPEST, FEWEST_LEVELS, Sizes, Wanted, size_network
from radpipe.types import SpacingZYX

COARSER = (1.25, 1.5, 2.0, 2.5, 3.0)
"""How much coarser than the images a network may look, if it sees too little of a label at once."""

DETAIL = 4000
"""Voxels that the smallest label must keep in the median case when a network looks coarser."""

AROUND = 32
"""Voxels around labels that a patch may show."""


def choose_sizes(
    facts: Fingerprint, settings: Network, given: Set[str]
) -> tuple[SpacingZYX, Sizes]:
    """Spacing, levels, patch, width, batch and steps, which depend on each other.

    The spacing is the median of the cases. Where the best patch does not span half of what the
    labels span, the images are looked at more coarsely, as long as labels keep their detail.

    Args:
        facts: of the training cases.
        settings: with network and view decided.
        given: the settings that the user made; sizes among them are kept.

    Returns:
        The spacing z y x in mm, and what is chosen for it.

    Raises:
        ConfigError: no network fits the memory.
    """
    native = target_spacing(facts.spacing_mm, facts.finest_mm, facts.size)
    spacing, sizes = native, _sizes(facts, settings, given, native)
    for factor in COARSER if settings.view == "3d" else ():
        # Axes that are as coarse already stay.
        edge = min(native) * factor
        coarser = (max(native[0], edge), max(native[1], edge), max(native[2], edge))
        if _sees_enough(facts, sizes.patch, spacing) or not _keeps_detail(facts, coarser):
            break
        spacing, sizes = coarser, _sizes(facts, settings, given, coarser)
    return spacing, sizes


def _sizes(facts: Fingerprint, settings: Network, given: Set[str], spacing: SpacingZYX) -> Sizes:
    """The best sizes for images of a spacing."""
    size = resampled(facts.size, facts.spacing_mm, spacing)
    largest = resampled(facts.largest_size, facts.spacing_mm, spacing)
    flat = settings.view != "3d"
    reach = _reach(facts, size, spacing)
    if flat:
        reach = (1, *reach[1:])
    channels = settings.channels if "channels" in given else None
    depth = (FEWEST_LEVELS, DEEPEST[settings.budget.device])
    if channels:
        depth = (len(channels), len(channels))

    def shape(voxels: int) -> tuple[Size, Levels]:
        if "patch" in given:
            return settings.patch, levels(settings.patch, spacing, depth, flat=flat)
        first = patch_size(reach, largest, spacing, voxels=voxels, multiple=(1, 1, 1))
        found = levels(first, spacing, depth, flat=flat)
        step = found.multiple
        return patch_size(reach, largest, spacing, voxels=voxels, multiple=step), found

    return size_network(
        Wanted(
            network=settings.network,
            spec=NetworkSpec(
                inputs=len(facts.modalities),
                outputs=len(facts.labels) + 1,
                dims=2 if flat else 3,
                residual_units=settings.residual_units,
                dropout=settings.dropout,
                deep_supervision=settings.deep_supervision,
            ),
            budget=settings.budget,
            shape=shape,
            channels=None if channels is None else tuple(channels),
            batch=settings.batch if "batch" in given else None,
            held_gb=_held_gb(facts, settings, spacing),
        )
    )


def _held_gb(facts: Fingerprint, settings: Network, spacing: SpacingZYX) -> float:
    """Memory of the cases that are kept at hand: two bytes a value and one for the mask."""
    if settings.budget.device == "gpu":
        return 0.0
    voxels = sum(
        prod(case.size) * prod(case.spacing_mm) / prod(spacing) for case in facts.cases.values()
    )
    held = voxels * (2 * len(facts.modalities) + 1) / 1e9
    return min(held, SHARE * settings.budget.memory_gb)


def _reach(facts: Fingerprint, size: Size, spacing: SpacingZYX) -> Size:
    """What a patch need not exceed: the image, or the labels with room to move and around them."""
    z, y, x = (
        min(n, int(2 * extent / s) + AROUND)
        for n, extent, s in zip(size, facts.extent_mm, spacing, strict=True)
    )
    return (z, y, x)


def _sees_enough(facts: Fingerprint, patch: Size, spacing: SpacingZYX) -> bool:
    """Whether a patch spans half of what the labels span."""
    return all(
        2 * n * s >= extent for n, s, extent in zip(patch, spacing, facts.extent_mm, strict=True)
    )


def _keeps_detail(facts: Fingerprint, spacing: SpacingZYX) -> bool:
    """Whether the smallest label is of many voxels at a spacing."""
    smallest = facts.smallest_label_ml
    return smallest is not None and smallest * 1000 / prod(spacing) >= DETAIL
