"""Training data as numbered draws, so that a training can go on where it was stopped."""

import itertools
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from radpipe.errors import FitError
from radpipe.networks.devices import device
from radpipe.networks.freezing import modes_kept
from radpipe.networks.schedule import TrainingSettings


class DrawDataset(Dataset[dict[str, Tensor]], ABC):
    """A dataset without an end: draw 0, 1, 2, …, each a function of the seed and its number alone.

    Therefore a training that goes on at draw n sees what it would have seen, and any number of
    loader processes gives the same batches. Two more things are used where a subclass has them:
    `refresh(network, step)`, which may look at the network and change later draws, and
    `state_dict()` with `load_state_dict(state)`, tensors and plain values that go into the
    checkpoints: what `refresh` has learned belongs there.

    Args:
        seed: of all draws.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def __getitem__(self, draw: int) -> dict[str, Tensor]:
        """Item number `draw`; must draw from `random(draw)` only."""

    def random(self, draw: int) -> np.random.Generator:
        """The generator of one draw."""
        return np.random.default_rng([self.seed, draw])


class Batches:
    """The batches of a training, one a step, from where it stands to its last step.

    Lightning takes it for a loader that can be resumed: `state_dict` goes into its checkpoints.

    Args:
        dataset: a `DrawDataset`, or map-style: visited in fresh permutations, every batch full.
        network: what `refresh` of the dataset looks at.
        settings: of the training.

    Attributes:
        step: batches given so far.
        waiting: seconds that the last one was waited for.
    """

    def __init__(self, dataset: Any, network: nn.Module, settings: TrainingSettings) -> None:
        self.dataset = dataset
        self.network = network
        self.settings = settings
        self.step = 0
        self.waiting = 0.0
        if settings.workers and not isinstance(dataset, DrawDataset):
            raise ValueError("only a DrawDataset gives the same batches with loader processes")
        if not isinstance(dataset, DrawDataset) and len(dataset) == 0:
            raise FitError("there is nothing to train on", found="0 items", expected="1 or more")

    def __len__(self) -> int:
        return self.settings.steps

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        steps, every = self.settings.steps, self.settings.refresh_every
        if not hasattr(self.dataset, "refresh"):
            every = None
        while self.step < steps:
            end = steps if every is None else min(steps, (self.step // every + 1) * every)
            if every is not None and self.step and self.step % every == 0:
                with modes_kept(self.network):
                    self.dataset.refresh(self.network, self.step)
            # A loader of its own for each stretch: the processes of one that began before the
            # refresh would hold the dataset as it was.
            asked = time.perf_counter()
            batches = iter(self._loader(end))
            for _ in range(self.step, end):
                batch = next(batches)
                self.waiting = time.perf_counter() - asked
                self.step += 1
                yield batch
                asked = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """Where the training stands, and what the dataset has learned."""
        own = self.dataset.state_dict() if hasattr(self.dataset, "state_dict") else None
        return {"step": self.step, "dataset": own}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        self.step = state["step"]
        if state["dataset"] is not None:
            self.dataset.load_state_dict(state["dataset"])

    def _loader(self, end: int) -> DataLoader[dict[str, Tensor]]:
        """The batches of steps `self.step` to `end`."""
        batch = self.settings.batch
        # A loader takes a number from torch's own generator when it starts. Only the first may: a
        # resumed training could not repeat the others.
        generator = torch.Generator() if self.step else None
        return DataLoader(
            self.dataset,
            batch_size=batch,
            sampler=self._order(self.step * batch, end * batch),
            num_workers=self.settings.workers,
            pin_memory=device().type == "cuda",
            generator=generator,
        )

    def _order(self, first: int, last: int) -> Sequence[int]:
        if isinstance(self.dataset, DrawDataset):
            return range(first, last)
        endless = _permutations(len(self.dataset), self.settings.seed)
        return list(itertools.islice(endless, first, last))


def _permutations(size: int, seed: int) -> Iterator[int]:
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(size, generator=generator).tolist()
