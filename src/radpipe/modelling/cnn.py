"""A small 3-D network from the crop around a region to the outcome (imports torch)."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torch.utils.data import Dataset

from radpipe.config import Model
from radpipe.errors import CaseError, FitError
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.thresholds import choose_threshold
from radpipe.modelling.fitting import FitSettings, training_card
from radpipe.modelling.recalibration import Platt, fit_platt
from radpipe.modelling.search import log_loss
from radpipe.modelling.splits import inner_splits
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.devices import seed_everything
from radpipe.types import Vector

Crops = npt.NDArray[np.float32]
"""Crops of cases, axes (N, C, D, H, W); the last channel is the mask."""

SHIFT = 2
"""Largest shift of an augmented crop, voxels along each axis."""

INTENSITY_SD = 0.1
"""Standard deviation of the random gain and offset of a channel, in units of its own."""


@dataclass(frozen=True)
class FittedCNN:
    """A network with everything needed to score a crop.

    Attributes:
        network: in evaluation mode, on the CPU.
        mean: of each channel over the training crops, shape (C,).
        sd: likewise.
        recalibration: from its logit to a probability, from inner out-of-fold logits.
        threshold: operating point, from the same.
        card: what was fitted on whom, as JSON can hold it.
        tuning: one row a training length tried.
    """

    network: nn.Module
    mean: Vector
    sd: Vector
    recalibration: Platt
    threshold: float
    card: dict[str, Any]
    tuning: pd.DataFrame


def fit_cnn(
    crops: Crops,
    y: Vector,
    patients: Sequence[str] | npt.NDArray[np.object_],
    cases: Sequence[str],
    model: Model,
    settings: FitSettings,
) -> FittedCNN:
    """Choose the training length in inner folds, train on all crops, recalibrate.

    Training runs in cycles that end at each length of `model.steps`, so that one inner training
    judges all lengths: a shorter training is the beginning of a longer one. The length with the
    smallest log loss of the recalibrated inner out-of-fold predictions is taken; the same
    predictions give recalibration and threshold.

    Args:
        crops: the training part, (N, C, D, H, W).
        y: 0 or 1, shape (N,).
        patients: the patient of each crop.
        cases: the name of each crop.
        model: channels, batch, steps, learning rate.
        settings: inner folds, threshold rule, seed, threads.

    Raises:
        FitError: an outcome is neither 0 nor 1, or a class has fewer patients than inner folds.
        CaseError: a crop has a voxel that is not finite.
    """
    order = np.argsort(np.asarray(cases, dtype=str), kind="stable")
    crops, y = crops[order], np.asarray(y, dtype=float)[order]
    names, owners = np.asarray(cases, dtype=object)[order], np.asarray(patients, object)[order]
    _check_training(crops, y, names)
    lengths = sorted(set(model.steps))
    platts, out_of_fold = _inner_predictions(crops, y, owners, lengths, model, settings)
    losses = [log_loss(y, p) for p in out_of_fold]
    best = int(np.argmin(losses))
    mean, sd = _moments(crops)
    *_, network = _train(_standardised(crops, mean, sd), y, lengths[: best + 1], model, settings)
    rule = settings.threshold
    threshold = float(choose_threshold(y, out_of_fold[best], rule.rule, rule.value))
    tuning = pd.DataFrame(
        {"steps": lengths, "log_loss": losses, "auc": [auc(y, p) for p in out_of_fold]}
    )
    card = training_card(model, names.tolist(), owners, y, settings) | {
        "steps": lengths[best],
        "inner_log_loss": losses[best],
        "inner_auc": float(tuning["auc"][best]),
        "threshold": threshold,
        "channels": list(model.channels),
        "inputs": int(crops.shape[1]),
        "crop": [int(n) for n in crops.shape[2:]],
        **_constants(mean, sd, platts[best]),
    }
    return FittedCNN(network, mean, sd, platts[best], threshold, card, tuning)


def predict_cnn(fitted: FittedCNN, crops: Crops) -> Vector:
    """Probability of the positive class of each crop (N, C, D, H, W), shape (N,).

    Crops are scored one by one, so that rows cannot influence each other.

    Raises:
        FitError: the crops have other channels or another size than those of the training.
        CaseError: a crop has a voxel that is not finite.
    """
    expected = (fitted.card["inputs"], *fitted.card["crop"])
    if tuple(crops.shape[1:]) != expected:
        raise FitError(
            f"the crops do not fit model '{fitted.card['name']}'",
            found=f"(C, D, H, W) = {tuple(crops.shape[1:])}",
            expected=f"{expected}",
        )
    _check_finite(crops, np.arange(len(crops)).astype(str))
    scaled = _standardised(crops, fitted.mean, fitted.sd)
    return fitted.recalibration.probability(_logits(fitted.network, scaled))


def restore_cnn(card: dict[str, Any], tuning: pd.DataFrame) -> FittedCNN:
    """A `FittedCNN` as its card describes it, the weights still random."""
    return FittedCNN(
        network=Classifier3D(card["inputs"], card["channels"]).eval(),
        mean=np.asarray(card["mean"], dtype=float),
        sd=np.asarray(card["sd"], dtype=float),
        recalibration=Platt(**card["platt"]),
        threshold=float(card["threshold"]),
        card=card,
        tuning=tuning,
    )


class _Augmented(Dataset[dict[str, Tensor]]):
    """Training crops, each time shifted a little, with another gain and offset per modality.

    No left-right flip: the side of a region may matter. The mask, the last channel, is only
    shifted.
    """

    def __init__(self, crops: Crops, y: Vector, seed: int) -> None:
        self.crops = torch.as_tensor(crops, dtype=torch.float32)
        self.y = torch.as_tensor(y, dtype=torch.float32)
        self.random = np.random.default_rng(seed)

    def __len__(self) -> int:
        return len(self.y)

    def __getitem__(self, item: int) -> dict[str, Tensor]:
        crop = self._shifted(self.crops[item])
        images = len(crop) - 1
        gain = torch.ones(len(crop), 1, 1, 1)
        offset = torch.zeros(len(crop), 1, 1, 1)
        gain[:images, 0, 0, 0] += _normal(self.random, images)
        offset[:images, 0, 0, 0] += _normal(self.random, images)
        return {"image": crop * gain + offset, "y": self.y[item]}

    def _shifted(self, crop: Tensor) -> Tensor:
        size = crop.shape[1:]
        padded = nn.functional.pad(crop[None], [SHIFT] * 6, mode="replicate")[0]
        z, y, x = self.random.integers(0, 2 * SHIFT + 1, 3)
        return padded[:, z : z + size[0], y : y + size[1], x : x + size[2]]


def _normal(random: np.random.Generator, count: int) -> Tensor:
    return torch.as_tensor(random.normal(0, INTENSITY_SD, count), dtype=torch.float32)


def _inner_predictions(
    crops: Crops,
    y: Vector,
    patients: npt.NDArray[np.object_],
    lengths: Sequence[int],
    model: Model,
    settings: FitSettings,
) -> tuple[list[Platt], list[Vector]]:
    """For each training length the recalibration and the recalibrated out-of-fold predictions."""
    logits = np.full((len(lengths), len(y)), np.nan)
    for train, test in inner_splits(y, patients, settings.splits.inner_folds, settings.seed):
        mean, sd = _moments(crops[train])
        judged = _standardised(crops[test], mean, sd)
        own = _standardised(crops[train], mean, sd)
        for row, network in enumerate(_train(own, y[train], lengths, model, settings)):
            logits[row, test] = _logits(network, judged)
    platts = [fit_platt(y, logit) for logit in logits]
    return platts, [p.probability(logit) for p, logit in zip(platts, logits, strict=True)]


def _train(
    crops: Crops, y: Vector, lengths: Sequence[int], model: Model, settings: FitSettings
) -> Iterator[nn.Module]:
    """The same network after each of the training lengths."""
    # Brings Lightning, three seconds that scoring must not wait for.
    from radpipe.networks.training import TrainingSettings, fit

    seed_everything(settings.seed, settings.threads)
    network = Classifier3D(crops.shape[1], model.channels)
    done = 0
    for length in lengths:
        seed = settings.seed + done
        cycle = TrainingSettings(
            length - done, model.batch, model.learning_rate, seed, settings.threads
        )
        fit(network, _loss, _Augmented(crops, y, seed), cycle)
        done = length
        yield network


def _loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return binary_cross_entropy_with_logits(network(batch["image"])[:, 0], batch["y"])


def _logits(network: nn.Module, crops: Crops) -> Vector:
    """Log odds of standardised crops, one at a time."""
    network.eval()
    with torch.no_grad():
        values = [network(torch.as_tensor(c[None], dtype=torch.float32)).item() for c in crops]
    return np.asarray(values, dtype=float)


def _moments(crops: Crops) -> tuple[Vector, Vector]:
    """Mean and standard deviation of each channel over all crops and voxels."""
    axes = (0, 2, 3, 4)
    mean = crops.mean(axis=axes, dtype=np.float64)
    sd = crops.std(axis=axes, dtype=np.float64)
    return mean, np.where(sd > 0, sd, 1.0)


def _standardised(crops: Crops, mean: Vector, sd: Vector) -> Crops:
    shape = (1, -1, 1, 1, 1)
    return ((crops - mean.reshape(shape)) / sd.reshape(shape)).astype(np.float32)


def _constants(mean: Vector, sd: Vector, platt: Platt) -> dict[str, Any]:
    """The numbers around a network, as `restore_cnn` reads them."""
    return {
        "mean": mean.tolist(),
        "sd": sd.tolist(),
        "platt": {"slope": platt.slope, "intercept": platt.intercept},
    }


def _check_training(crops: Crops, y: Vector, cases: npt.NDArray[Any]) -> None:
    if not np.isin(y, (0.0, 1.0)).all():
        raise FitError("an outcome of the training part is neither 0 nor 1")
    _check_finite(crops, cases)


def _check_finite(crops: Crops, cases: npt.NDArray[Any]) -> None:
    finite = np.isfinite(crops).all(axis=(1, 2, 3, 4))
    if not finite.all():
        raise CaseError("the crop has voxels that are not finite", case=str(cases[~finite][0]))
