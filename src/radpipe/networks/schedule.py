"""How long and how fast a network is trained."""

import math
from dataclasses import dataclass
from pathlib import Path

from radpipe.config import EarlyStopping

LOG_COLUMNS = ["step", "loss", "learning_rate", "seconds", "waiting", "validation"]
"""Columns of the log of a training."""

WARM = 0.15
"""Share of the steps in which the learning rate rises to its peak."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast a network is trained.

    Attributes:
        steps: optimiser steps.
        batch: items a step.
        learning_rate: peak of the one-cycle schedule.
        seed: decides the order of the data and everything random in the training.
        threads: CPU threads.
        checkpoints: folder of this training alone, for the checkpoint it goes on from after a
            kill; it is emptied when the training ends well. None: nothing is written.
        frozen: beginnings of the names of tensors that are not trained.
        early_stopping: when to look at the validation and when to end; `share` is the caller's.
        adversarial: weight of an adversarial loss; 0: none. Batches need `image` and `label`.
        refresh_every: steps between two calls of the dataset's `refresh`; none: never.
        workers: processes that read the data of a `DrawDataset`; 0: this one.
        checkpoint_every: steps between two checkpoints.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int
    threads: int = 1
    checkpoints: Path | None = None
    frozen: tuple[str, ...] = ()
    early_stopping: EarlyStopping | None = None
    adversarial: float = 0.0
    refresh_every: int | None = None
    workers: int = 0
    checkpoint_every: int = 100


def one_cycle(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step`: linear rise, then half a cosine to zero."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / max(1, steps - warm + 1)))
