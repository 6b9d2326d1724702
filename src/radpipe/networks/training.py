"""One way to train every network: AdamW on a one-cycle schedule for a number of steps."""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import lightning.pytorch as lightning
import pandas as pd
import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, IterableDataset, Sampler

from radpipe.errors import FitError
from radpipe.networks.devices import device, seed_everything

BatchLoss = Callable[[nn.Module, dict[str, Tensor]], Tensor]
"""From a network and a batch to the scalar that is minimised."""

WEIGHT_DECAY = 1e-4
CLIP = 5.0
WARM = 0.15
"""Share of the steps in which the learning rate rises to its peak."""


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast a network is trained.

    Attributes:
        steps: optimiser steps.
        batch: items a step.
        learning_rate: peak of the one-cycle schedule.
        seed: decides the order of the data and everything random in the dataset.
        threads: CPU threads.
        checkpoints: folder for Lightning's checkpoints; none: nothing is written.
    """

    steps: int
    batch: int
    learning_rate: float
    seed: int
    threads: int = 1
    checkpoints: Path | None = None


def fit(
    network: nn.Module,
    loss: BatchLoss,
    dataset: Dataset[dict[str, Tensor]],
    settings: TrainingSettings,
) -> pd.DataFrame:
    """Train `network` in place; afterwards it is on the CPU and in evaluation mode.

    Args:
        network: any module; build it after `seed_everything`, so that its start is seeded too.
        loss: called as `loss(network, batch)`; a batch is a collated dict of the dataset's items.
        dataset: map-style (visited in fresh permutations, every batch full) or iterable.
        settings: steps, batch, learning rate, seed, threads.

    Returns:
        The log, one row a step: `step, loss, learning_rate, seconds`.

    Raises:
        FitError: the dataset is empty or ends too early, or the loss is no longer finite.
    """
    seed_everything(settings.seed, settings.threads)
    module = _Training(network, loss, settings)
    loader = _loader(dataset, settings)
    network.train()
    with _quiet():
        trainer = _trainer(settings)
        trainer.fit(module, loader)
    if trainer.global_step < settings.steps:
        raise FitError(
            "the training data ended early", found=trainer.global_step, expected=settings.steps
        )
    network.to("cpu").eval()
    return pd.DataFrame(module.log_rows, columns=["step", "loss", "learning_rate", "seconds"])


def one_cycle(step: int, steps: int) -> float:
    """Share of the peak learning rate at `step`: linear rise, then half a cosine to zero."""
    warm = max(1, round(WARM * steps))
    if step < warm:
        return (step + 1) / warm
    return 0.5 * (1 + math.cos(math.pi * (step - warm + 1) / max(1, steps - warm + 1)))


class _Training(lightning.LightningModule):
    """A network and its loss in Lightning's words."""

    def __init__(self, network: nn.Module, loss: BatchLoss, settings: TrainingSettings) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.settings = settings
        self.log_rows: list[tuple[int, float, float, float]] = []
        self.start = self.last_said = time.monotonic()

    def configure_optimizers(self) -> Any:
        settings = self.settings
        optimiser = torch.optim.AdamW(
            self.network.parameters(), lr=settings.learning_rate, weight_decay=WEIGHT_DECAY
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: one_cycle(step, settings.steps)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        value = self.loss(self.network, batch)
        self._note(value.item())
        return value

    def _note(self, value: float) -> None:
        step = self.global_step + 1
        if not math.isfinite(value):
            raise FitError(
                f"the training loss is no longer finite at step {step}",
                found=value,
                hint="lower learning_rate, or look for extreme intensities in the images",
            )
        now = time.monotonic()
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        self.log_rows.append((step, value, rate, round(now - self.start, 3)))
        if now - self.last_said >= 5.0:
            self.last_said = now
            steps = self.settings.steps
            left = (now - self.start) / len(self.log_rows) * (steps - step)
            print(f"step {step}/{steps}, loss {value:.3f}, {left:.0f} s left", flush=True)


class _Permutations(Sampler[int]):
    """Indices of `size` items in permutation after permutation, `count` in all."""

    def __init__(self, size: int, count: int, seed: int) -> None:
        self.size, self.count, self.seed = size, count, seed

    def __len__(self) -> int:
        return self.count

    def __iter__(self) -> Iterator[int]:
        generator = torch.Generator().manual_seed(self.seed)
        given = 0
        while given < self.count:
            order = torch.randperm(self.size, generator=generator)[: self.count - given]
            yield from order.tolist()
            given += len(order)


def _loader(dataset: Any, settings: TrainingSettings) -> DataLoader[dict[str, Tensor]]:
    if isinstance(dataset, IterableDataset):
        return DataLoader(dataset, batch_size=settings.batch, drop_last=True)
    if len(dataset) == 0:
        raise FitError("there is nothing to train on", found="0 items", expected="1 or more")
    sampler = _Permutations(len(dataset), settings.steps * settings.batch, settings.seed)
    return DataLoader(dataset, batch_size=settings.batch, sampler=sampler)


def _trainer(settings: TrainingSettings) -> lightning.Trainer:
    on_gpu = device().type == "cuda"
    half: Literal["bf16-mixed", "16-mixed"] = (
        "bf16-mixed" if on_gpu and torch.cuda.is_bf16_supported() else "16-mixed"
    )
    keep = settings.checkpoints
    return lightning.Trainer(
        max_steps=settings.steps,
        max_epochs=1,
        accelerator="gpu" if on_gpu else "cpu",
        devices=1,
        precision=half if on_gpu else "32-true",
        gradient_clip_val=CLIP,
        callbacks=[ModelCheckpoint(keep, save_last=True, every_n_train_steps=100)] if keep else [],
        enable_checkpointing=keep is not None,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says of itself, of loaders without workers, and of torch's trees."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*does not have many workers.*")
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        yield
