"""How large a planned network and its patches may be for the minutes and the memory there are."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import prod

from radpipe.config import Budget
from radpipe.errors import ConfigError
from radpipe.networks.spec import NetworkSpec
from radpipe.segmentation import cost
from radpipe.segmentation.cost import Device
from radpipe.segmentation.geometry import Levels, Size

MARGIN = 0.8
"""Share of the minutes that steps are planned for; the rest starts, reads and saves."""

WIDTHS: dict[Device, tuple[tuple[tuple[int, int], ...], ...]] = {
    "cpu": (((32, 12_000), (16, 1_000)), ((8, 500),)),
    "gpu": (((32, 1_000),), ((16, 500),)),
}
"""Features of the first level and the steps that they must have, the best first.

Those of one group are weighed patch by patch; a later group is for what earlier ones leave nothing
of. On one core many patches teach more than wide levels: of 16 hippocampi, after 64 others, 10,400
patches in 210 s through 16 features reached a Dice of 0.878, and 3,600 larger ones in 266 s through
32 features 0.866; twice as many patches through 16 features (440 s) 0.879.
"""

USUAL_VOXELS = 64**3
"""On a CPU, larger patches must have more steps, as many times as they are larger."""

FEWEST, MOST = 100, 250_000
"""Bounds of the steps: below, nothing is learnt; above, nnU-Net (1000 epochs) does not go."""

DEEPEST: dict[Device, int] = {"cpu": 5, "gpu": 6}
"""Levels at most."""

FEWEST_LEVELS = 3
"""Levels that every planned network can be built with."""

WIDEST = {2: 512, 3: 320}
"""Limit of the doubling of features from level to level, by dimensions."""

VOXELS = tuple(side**3 for side in (128, 96, 80, 64, 48, 40, 32, 24, 16))
"""Voxels that a patch may have, the best first."""

BATCH_VOXELS: dict[Device, int] = {"cpu": 200_000, "gpu": 1_000_000}
"""Voxels of a step: small patches come in larger batches."""

LARGEST_BATCH: dict[Device, int] = {"cpu": 8, "gpu": 16}


@dataclass(frozen=True)
class Sizes:
    """A network and its patches.

    Attributes:
        patch: voxels, z y x.
        levels: strides and kernels.
        channels: features a level.
        batch: patches a step.
        seconds: nominal, of a step.
        memory_gb: nominal, of a step.
        steps: that the minutes allow.
    """

    patch: Size
    levels: Levels
    channels: tuple[int, ...]
    batch: int
    seconds: float
    memory_gb: float
    steps: int


@dataclass(frozen=True)
class Wanted:
    """What is sized, and what is settled already.

    Attributes:
        network: a key of `NETWORKS`.
        spec: of the network but for channels, strides, kernels and patch.
        budget: minutes, memory, device.
        shape: from a bound of the voxels to a patch and its levels.
        channels: as the user gave them.
        batch: as the user gave it.
        held_gb: memory of the cases that are held ready.
    """

    network: str
    spec: NetworkSpec
    budget: Budget
    shape: Callable[[int], tuple[Size, Levels]]
    channels: tuple[int, ...] | None = None
    batch: int | None = None
    held_gb: float = 0.0


def size_network(wanted: Wanted) -> Sizes:
    """The best of the sizes that fit the memory and leave steps enough.

    A patch that holds more comes before a wider network; where nothing leaves steps enough, the
    sizes of the most steps are taken.

    Returns:
        Sizes with a batch of 2 or more, unless the memory does not hold two of the smallest
        patches.
    """
    for batches in ((wanted.batch,),) if wanted.batch else ((None, 2), (1,)):
        fitting: list[Sizes] = []
        for sizes, enough in _candidates(wanted, batches):
            if sizes.memory_gb + wanted.held_gb > wanted.budget.memory_gb:
                continue
            if sizes.steps >= enough:
                return sizes
            fitting.append(sizes)
        if fitting:
            return max(fitting, key=lambda sizes: sizes.steps)
    raise ConfigError(
        "no network fits the memory that segmentation may use",
        found=f"budget.memory_gb {wanted.budget.memory_gb:g}",
        expected=f"more than {_least_gb(wanted):.1f}",
        hint="give more memory, or images of larger voxels (resampling)",
    )


def _candidates(wanted: Wanted, batches: Sequence[int | None]) -> Iterator[tuple[Sizes, int]]:
    """Sizes with the steps that each should have, the best first; no batch: the usual one."""
    device, limit = wanted.budget.device, WIDEST[wanted.spec.dims]
    shapes = dict(wanted.shape(voxels) for voxels in VOXELS)
    for widths in WIDTHS[device]:
        for patch, shape in shapes.items():
            usual = round(BATCH_VOXELS[device] / prod(patch))
            usual = min(max(usual, 2), LARGEST_BATCH[device])
            larger = max(1.0, prod(patch) / USUAL_VOXELS) if device == "cpu" else 1.0
            for width, enough in widths:
                channels = wanted.channels or tuple(
                    min(width * 2**n, limit) for n in range(len(shape.kernels))
                )
                for batch in dict.fromkeys(batch or usual for batch in batches):
                    sizes = _sizes(wanted, (patch, shape), channels, batch)
                    yield sizes, round(enough * larger)


def _sizes(
    wanted: Wanted, shape: tuple[Size, Levels], channels: tuple[int, ...], batch: int
) -> Sizes:
    """What one candidate costs."""
    patch, levels = shape
    device, dims = wanted.budget.device, wanted.spec.dims
    own = replace(
        wanted.spec,
        channels=channels,
        patch=patch[-dims:],
        strides=levels.axes(dims)[0],
        kernels=levels.axes(dims)[1],
    )
    counted = cost.count(wanted.network, own, patch[-dims:]).of_batch(batch)
    inputs = wanted.spec.inputs
    seconds = cost.step_seconds(counted, prod(patch) * batch, inputs=inputs, device=device)
    steps = int(MARGIN * 60 * wanted.budget.minutes / seconds)
    return Sizes(
        patch=patch,
        levels=levels,
        channels=channels,
        batch=batch,
        seconds=seconds,
        memory_gb=cost.memory_gb(counted, device),
        steps=min(max(_readable(steps), FEWEST), MOST),
    )


def _readable(steps: int) -> int:
    """Rounded down to two digits."""
    unit = 10 ** max(0, len(str(steps)) - 2)
    return steps // unit * unit


def _least_gb(wanted: Wanted) -> float:
    return wanted.held_gb + min(
        sizes.memory_gb for sizes, _ in _candidates(wanted, (wanted.batch or 1,))
    )
