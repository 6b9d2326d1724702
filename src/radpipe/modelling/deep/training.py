"""Training of a predictor on images: what its inner folds say, and the numbers of a network."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from torch import Tensor, nn

from radpipe.config import Model
from radpipe.modelling.cards import FitSettings, class_count
from radpipe.modelling.deep.building import build_network
from radpipe.modelling.deep.crops import Augmented, Crops, check_crops, moments, standardised
from radpipe.modelling.predictors.base import Target
from radpipe.modelling.rows import check_outcome
from radpipe.modelling.splits import inner_splits
from radpipe.networks.capsule import CapsuleNetwork
from radpipe.networks.devices import device, seed_everything
from radpipe.networks.heads import Head, make_head
from radpipe.segmentation.starting import load_start
from radpipe.types import Matrix


@dataclass(frozen=True)
class Gauge:
    """Zero and unit of the numbers of one network.

    A log risk has no zero of its own: that of the mean of the training part is taken. A number of
    a regression is learned in units of the training part.
    """

    centre: float = 0.0
    scale: float = 1.0

    def values(self, raw: Matrix) -> Matrix:
        """The numbers of a network (n, outputs) in units that networks of all folds share."""
        return raw * self.scale + self.centre


@dataclass(frozen=True)
class TrainingPart:
    """The training part, or an inner part of it, in order of the case.

    Attributes:
        crops: (n, C, D, H, W), not standardised.
        y: outcomes, shape (n,).
        patients: of each crop.
        cases: name of each crop.
    """

    crops: Crops
    y: Target
    patients: npt.NDArray[Any]
    cases: npt.NDArray[Any]

    def rows(self, rows: npt.NDArray[Any]) -> "TrainingPart":
        """Some of the rows."""
        return TrainingPart(self.crops[rows], self.y[rows], self.patients[rows], self.cases[rows])


def in_order(
    crops: Crops,
    y: Target,
    patients: Sequence[str] | npt.NDArray[np.object_],
    cases: Sequence[str],
    settings: FitSettings,
) -> TrainingPart:
    """The training part in order of the case, checked."""
    order = np.argsort(np.asarray(cases, dtype=str), kind="stable")
    names = np.asarray(cases, dtype=object)[order]
    outcome = check_outcome(pd.DataFrame(index=names), y[order], settings.kind)
    check_crops(crops, np.asarray(cases, dtype=object))
    return TrainingPart(crops[order], outcome, np.asarray(patients, dtype=object)[order], names)


def unseen_values(
    part: TrainingPart, lengths: Sequence[int], model: Model, settings: FitSettings
) -> tuple[npt.NDArray[np.floating], npt.NDArray[np.intp]]:
    """Out-of-fold values of each training length (lengths, n, outputs), and the fold of a case."""
    folds = inner_splits(
        part.y, part.patients, settings.splits.inner_folds, settings.seed, kind=settings.kind
    )
    outputs = class_count(part.y, settings) if settings.kind == "multiclass" else 1
    values = np.full((len(lengths), len(part.y), outputs), np.nan)
    fold_of = np.zeros(len(part.y), dtype=np.intp)
    for number, (train, test) in enumerate(folds):
        own, judged = part.rows(train), part.rows(test)
        mean, sd = moments(own.crops)
        seen, new = (standardised(p.crops, mean, sd) for p in (own, judged))
        head = head_of(own.y, settings, outputs)
        for row, network in enumerate(train_networks(seen, own.y, lengths, model, head, settings)):
            values[row, test] = gauge_of(network, seen, head).values(raw_outputs(network, new))
        fold_of[test] = number
    return values, fold_of


def train_networks(
    crops: Crops,
    y: Target,
    lengths: Sequence[int],
    model: Model,
    head: Head,
    settings: FitSettings,
) -> Iterator[nn.Module]:
    """The same network after each of the training lengths."""
    # Brings Lightning, three seconds that scoring must not wait for.
    from radpipe.networks.training import TrainingSettings, fit

    def loss(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        if isinstance(network, CapsuleNetwork):
            return network.loss(batch["image"], batch)
        # A sum of exponentials needs more digits than half precision has.
        return head.loss(network(batch["image"]).float(), batch)

    seed_everything(settings.seed, settings.threads)
    depth, height, width = crops.shape[2:]
    network = build_network(model, crops.shape[1], (depth, height, width), head)
    if model.start is not None:
        load_start(network, model.start.weights, outputs="outputs")
    targets, done = head.targets(y), 0
    for length in lengths:
        cycle = TrainingSettings(
            length - done,
            model.batch,
            model.learning_rate,
            settings.seed + done,
            settings.threads,
            frozen=tuple(model.start.frozen) if model.start else (),
        )
        fit(network, loss, Augmented(crops, targets, settings.seed + done), cycle)
        done = length
        yield network


def head_of(y: Target, settings: FitSettings, outputs: int) -> Head:
    """The head of a training part; a class that it lacks is in the outcome nevertheless."""
    head = make_head(settings.kind, y)
    return replace(head, outputs=outputs) if settings.kind == "multiclass" else head


def gauge_of(network: nn.Module, crops: Crops, head: Head) -> Gauge:
    """The gauge of a network that was trained on these standardised crops."""
    if head.kind == "survival":
        return Gauge(-float(raw_outputs(network, crops).mean()))
    return Gauge(head.centre, head.scale)


def raw_outputs(network: nn.Module, crops: Crops) -> Matrix:
    """The numbers of a network for standardised crops, one at a time, (n, outputs)."""
    place = device()
    network.to(place).eval()
    with torch.no_grad():
        rows = [
            network(torch.as_tensor(c[None], dtype=torch.float32, device=place))[0].cpu().numpy()
            for c in crops
        ]
    network.to("cpu")
    return np.asarray(rows, dtype=float)
