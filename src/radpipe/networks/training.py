"""One way to train every network: AdamW on a one-cycle schedule for a number of steps."""

import logging
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import lightning.pytorch as lightning
import pandas as pd
import torch
from lightning.pytorch.plugins.environments import LightningEnvironment
from torch import Tensor, nn
from torch.utils.data import Dataset

from radpipe.errors import FitError
from radpipe.io import files
from radpipe.networks import checkpoints
from radpipe.networks.adversarial import Adversary, adversary_of
from radpipe.networks.devices import device, half, seed_everything
from radpipe.networks.draws import Batches
from radpipe.networks.freezing import frozen, modes_kept
from radpipe.networks.schedule import LOG_COLUMNS, TrainingSettings, one_cycle
from radpipe.networks.stopping import Watch

__all__ = ["BatchLoss", "TrainingSettings", "Validation", "fit", "one_cycle", "seed_everything"]

BatchLoss = Callable[[nn.Module, dict[str, Tensor]], Tensor]
"""From a network and a batch to the scalar that is minimised."""

Validation = Callable[[nn.Module], float]
"""From a network, on its device, to how well it does: larger is better."""

WEIGHT_DECAY = 1e-4
CLIP = 5.0

PRECISION: dict[torch.dtype | None, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    None: "32-true",
    torch.bfloat16: "bf16-mixed",
    torch.float16: "16-mixed",
}
"""Lightning's name of the precision that goes with a short type."""


def fit(
    network: nn.Module,
    loss: BatchLoss,
    dataset: Dataset[dict[str, Tensor]],
    settings: TrainingSettings,
    *,
    validation: Validation | None = None,
) -> pd.DataFrame:
    """Train `network` in place; afterwards it is on the CPU and in evaluation mode.

    A training that was killed goes on from its last checkpoint and ends with the weights and the
    log it would have had, if network and dataset are built anew as before and the dataset is a
    `DrawDataset` (or its items depend on their index alone).

    Args:
        network: any module; build it after `seed_everything`, so that its start is seeded too.
        loss: called as `loss(network, batch)`; a batch is a collated dict of the dataset's items.
        dataset: a `DrawDataset`, or map-style: visited in fresh permutations, every batch full.
        settings: steps, batch, learning rate, seed, threads, and what else is wanted.
        validation: measured after the last step; with early stopping every so many steps, and the
            weights of its best value are those that are kept.

    Returns:
        The log, one row a step: `step, loss, learning_rate, seconds` since the start, seconds of
        the step spent `waiting` for data, `validation` (missing where it was not measured).

    Raises:
        FitError: the dataset is empty, or the loss is no longer finite.
        ConfigError: nothing matches a name in `frozen`.
    """
    if settings.early_stopping is not None and validation is None:
        raise ValueError("early stopping needs a validation")
    seed_everything(settings.seed, settings.threads)
    network.to(device()).train()
    batches = Batches(dataset, network, settings)
    with frozen(network, settings.frozen), _quiet():
        module = _Training(network, loss, batches, validation)
        if settings.adversarial:
            module.adversary = adversary_of(network, dataset[0])
        keep = settings.checkpoints
        last = None
        if keep is not None:
            module.identity = checkpoints.identity(network, dataset, settings)
            last = checkpoints.resumable(keep, module.identity)
        trainer = _trainer(settings)
        trainer.fit(module, batches, ckpt_path=last, weights_only=True)
    network.to("cpu").eval()
    module.watch.restore(network)
    if keep is not None:
        checkpoints.remove(keep)
    return pd.DataFrame(module.rows, columns=LOG_COLUMNS)


class _Training(lightning.LightningModule):
    """A network and its loss in Lightning's words."""

    def __init__(
        self,
        network: nn.Module,
        loss: BatchLoss,
        batches: Batches,
        validation: Validation | None,
    ) -> None:
        super().__init__()
        self.network = network
        self.loss = loss
        self.batches = batches
        self.validation = validation
        self.adversary: Adversary | None = None
        self.identity = ""
        self.settings = batches.settings
        self.watch = Watch(self.settings.early_stopping, self.settings.steps)
        self.rows: list[list[float]] = []
        self.start = self.last_said = time.monotonic()
        self._resumed: dict[str, Any] | None = None

    def configure_optimizers(self) -> Any:
        settings = self.settings
        optimiser = torch.optim.AdamW(
            [p for p in self.network.parameters() if p.requires_grad],
            lr=settings.learning_rate,
            weight_decay=WEIGHT_DECAY,
        )
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimiser, lambda step: one_cycle(step, settings.steps)
        )
        return {"optimizer": optimiser, "lr_scheduler": {"scheduler": schedule, "interval": "step"}}

    def on_train_start(self) -> None:
        state = self._resumed
        if state is None:
            return
        self.rows = [list(row) for row in state["rows"]]
        self.start = time.monotonic() - self.rows[-1][3]
        self.watch.load_state_dict(state["watch"])
        if self.adversary is not None:
            self.adversary.optimiser.load_state_dict(state["adversary"])
        print(f"going on from step {len(self.rows)} of {self.settings.steps}", flush=True)
        # Last of all: nothing between here and the next step may draw a number.
        checkpoints.set_random_state(state["random"])
        self._resumed = None

    def training_step(self, batch: dict[str, Tensor], _: int) -> Tensor:
        value = self._loss(batch)
        self._note(value.item())
        return value

    def on_train_batch_end(self, *_: Any) -> None:
        step, settings = len(self.rows), self.settings
        if self.validation is not None and self.watch.due(step):
            with modes_kept(self.network):
                value = float(self.validation(self.network))
            self.rows[-1][5] = value
            self.watch.note(step, value, self.network)
            print(f"step {step}/{settings.steps}, validation {value:.4f}", flush=True)
            self.trainer.should_stop = self.watch.over
        over = step == settings.steps or self.watch.over
        if settings.checkpoints and step % settings.checkpoint_every == 0 and not over:
            with files.atomic(settings.checkpoints / checkpoints.FILE) as part:
                self.trainer.save_checkpoint(part, weights_only=False)

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        checkpoint[checkpoints.IDENTITY] = self.identity
        checkpoint["radpipe"] = {
            "rows": self.rows,
            "watch": self.watch.state_dict(),
            "random": checkpoints.random_state(),
            "adversary": self.adversary and self.adversary.optimiser.state_dict(),
        }

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        # Used when the network is on its device and its optimisers exist.
        self._resumed = checkpoint["radpipe"]

    def _loss(self, batch: dict[str, Tensor]) -> Tensor:
        if self.adversary is None:
            return self.loss(self.network, batch)
        drawn: list[Any] = []
        hook = self.network.register_forward_hook(lambda *call: drawn.append(call[-1]))
        value = self.loss(self.network, batch)
        hook.remove()
        logits = drawn[-1][0] if isinstance(drawn[-1], list | tuple) else drawn[-1]
        against = self.adversary.play(batch["image"], logits, batch["label"])
        return value + self.settings.adversarial * against

    def _note(self, value: float) -> None:
        step, steps = len(self.rows) + 1, self.settings.steps
        if not math.isfinite(value):
            raise FitError(
                f"the training loss is no longer finite at step {step}",
                found=value,
                hint="lower learning_rate, or look for extreme intensities in the images",
            )
        now = time.monotonic()
        rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        seconds, waiting = round(now - self.start, 3), round(self.batches.waiting, 4)
        self.rows.append([step, value, rate, seconds, waiting, math.nan])
        if now - self.last_said >= 5.0:
            self.last_said = now
            left = (now - self.start) / step * (steps - step)
            print(f"step {step}/{steps}, loss {value:.3f}, {left:.0f} s left", flush=True)


def _trainer(settings: TrainingSettings) -> lightning.Trainer:
    on_gpu = device().type == "cuda"
    return lightning.Trainer(
        max_steps=settings.steps,
        max_epochs=1,
        accelerator="gpu" if on_gpu else "cpu",
        devices=1,
        precision=PRECISION[half()],
        gradient_clip_val=CLIP,
        # On a GPU some layers have no repeatable form; the others take it.
        deterministic="warn" if on_gpu else None,
        # On a cluster jobs are Snakemake's matter: Lightning would look for Slurm's variables.
        plugins=[LightningEnvironment()],
        enable_checkpointing=False,
        logger=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Silence what Lightning says of itself and of frozen layers, and torch of its trees."""
    for name in ("lightning.pytorch.utilities.rank_zero", "lightning.pytorch.accelerators.cuda"):
        logging.getLogger(name).setLevel(logging.WARNING)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*LeafSpec.* is deprecated")
        warnings.filterwarnings("ignore", message=".*in eval mode at the start of training")
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation")
        yield
