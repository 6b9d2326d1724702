"""A segmenter of one fold: the network and how it came to be."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from torch import Tensor, nn

from radpipe.errors import ConfigError, FitError
from radpipe.networks.devices import device, seed_everything
from radpipe.networks.losses import build_loss
from radpipe.networks.registry import build_network
from radpipe.networks.training import TrainingSettings, fit
from radpipe.segmentation.caching import CachedCase, CaseCache
from radpipe.segmentation.manifest import start_manifest
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.sampling import PatchDataset
from radpipe.segmentation.starting import load_start
from radpipe.segmentation.validation import HardDice, keep_aside
from radpipe.types import CaseFiles

SEARCHES = 20
"""Searches for hard negatives in a training."""


def train_segmenter(  # noqa: PLR0913 - a fold is its cases and their patients, plan and place
    cases: list[CaseFiles],
    plan: Plan,
    labels: dict[str, int],
    *,
    patients: Sequence[str],
    seed: int,
    threads: int = 1,
    checkpoints: Path | None = None,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a segmenter on the training part of a fold.

    Args:
        cases: training cases with masks; nothing else of the cohort is seen.
        plan: architecture, patches, augmentation, schedule, loss.
        labels: name and value in the mask of each label.
        patients: the patient of each case; early stopping keeps whole patients aside.
        seed: of the weights' start, of patches and their order.
        threads: CPU threads; on a GPU all but one of them prepare patches.
        checkpoints: folder to resume from after a kill, and for cases that memory has no room for.

    Returns:
        The network in evaluation mode, and the log of `networks.training.fit`.

    Raises:
        FitError: no cases, no labelled voxel, the loss is no longer finite, or nobody knows whom
            the weights saw that training starts from.
        RadpipeError: those weights are of another network.
        ConfigError: the network cannot be built as the plan has it.
    """
    if len(patients) != len(cases):
        raise FitError("every case has a patient", found=len(patients), expected=len(cases))
    settings = plan.segmenter
    if settings.start is not None:
        start_manifest(settings.start)
    scratch = None if checkpoints is None else Path(checkpoints).with_name("cases")
    cache = CaseCache(plan, labels, seed, scratch)
    try:
        training, validation = _parts(cases, patients, cache)
        dataset = PatchDataset(training, plan, labels, seed=seed, cache=cache)
        seed_everything(seed, threads)
        network = _network(plan, inputs=len(cases[0].images), labels=len(labels))
        loss = _batch_loss(plan, labels, dataset.cases)
        schedule = _schedule(plan, seed, threads, checkpoints)
        return network, fit(network, loss, dataset, schedule, validation=validation)
    finally:
        cache.close()


def class_frequencies(cases: Sequence[CachedCase]) -> np.ndarray:
    """The share of each class of all voxels of some cases, background first; ignored ones apart."""
    counts = np.sum([case.counts for case in cases], axis=0)
    shares: np.ndarray = counts / counts.sum()
    return shares


def balanced_weights(frequencies: np.ndarray) -> list[float]:
    """1 / frequency of each class, 1 in the mean; a class that never occurs has weight 1."""
    there = frequencies > 0
    weights = np.ones(len(frequencies))
    weights[there] = 1 / frequencies[there]
    weights[there] /= weights[there].mean()
    return [float(w) for w in weights]


def _parts(
    cases: list[CaseFiles], patients: Sequence[str], cache: CaseCache
) -> tuple[list[CaseFiles], HardDice | None]:
    """The cases trained on, and the measure on those kept aside, if early stopping is wanted."""
    stopping = cache.plan.segmenter.early_stopping
    if stopping is None or not cases:
        return cases, None
    trained, kept = keep_aside(patients, stopping, cache.seed)
    aside, whose = [cases[k] for k in kept], [patients[k] for k in kept]
    measure = HardDice(aside, whose, cache.plan, cache.labels, cache=cache)
    return [cases[k] for k in trained], measure


def _network(plan: Plan, *, inputs: int, labels: int) -> nn.Module:
    spec = plan.network_spec(inputs=inputs, labels=labels)
    try:
        network = build_network(plan.segmenter.network, spec)
    except ConfigError as error:
        raise error.within(f"segmenter '{plan.segmenter.name}'") from error
    if plan.segmenter.start is not None:
        load_start(network, plan.segmenter.start.weights)
    return network


def _batch_loss(
    plan: Plan, labels: dict[str, int], cases: Sequence[CachedCase]
) -> Callable[[nn.Module, dict[str, Tensor]], Tensor]:
    settings = plan.segmenter
    weights = settings.class_weights
    if weights == "balanced":
        weights = balanced_weights(class_frequencies(cases))
    loss = build_loss(
        settings.loss,
        len(labels),
        class_weights=weights,
        ignore=settings.ignore is not None,
        hardest=settings.hardest,
    )

    def batch_loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return loss(network(batch["image"]), batch["label"])

    return batch_loss


def _schedule(plan: Plan, seed: int, threads: int, checkpoints: Path | None) -> TrainingSettings:
    settings = plan.segmenter
    return TrainingSettings(
        settings.steps,
        settings.batch,
        settings.learning_rate,
        seed=seed,
        threads=threads,
        checkpoints=checkpoints,
        frozen=tuple(settings.start.frozen) if settings.start else (),
        early_stopping=settings.early_stopping,
        adversarial=settings.adversarial,
        refresh_every=max(1, settings.steps // SEARCHES) if settings.hard_negatives else None,
        workers=threads - 1 if device().type == "cuda" else 0,
    )
