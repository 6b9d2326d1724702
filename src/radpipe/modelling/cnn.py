"""A network from the crop around a region to the outcome (imports torch)."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from torch import nn

from radpipe.config import Model
from radpipe.errors import FitError
from radpipe.modelling.cards import FitSettings, training_card
from radpipe.modelling.deep.building import ARCHITECTURE, build_network
from radpipe.modelling.deep.crops import Crops, check_crops, moments, standardised
from radpipe.modelling.deep.training import (
    Gauge,
    gauge_of,
    head_of,
    in_order,
    raw_outputs,
    train_networks,
    unseen_values,
)
from radpipe.modelling.links import (
    Link,
    fit_link,
    operating_threshold,
    output_columns,
    restore_link,
)
from radpipe.modelling.losses import judge, loss_of
from radpipe.modelling.predictors.base import Target
from radpipe.networks.heads import Head
from radpipe.segmentation.manifest import start_manifest
from radpipe.types import Matrix, Vector

__all__ = ["Crops", "FittedCNN", "fit_cnn", "predict_cnn_scores", "restore_cnn"]


@dataclass(frozen=True)
class FittedCNN:
    """A network with everything needed to score a crop.

    Attributes:
        network: in evaluation mode, on the CPU.
        mean: of each channel over the training crops, shape (C,).
        sd: likewise.
        gauge: from its numbers to log odds, log probabilities, values or log risks.
        link: from these to what is predicted, from inner out-of-fold numbers.
        threshold: operating point, from the same (binary); the median risk of the training part
            (survival); else NaN.
        card: what was fitted on whom, as JSON can hold it.
        tuning: one row a training length tried.
        inner: by training case, what the inner folds predict of it, for a fusion of models.
    """

    network: nn.Module
    mean: Vector
    sd: Vector
    gauge: Gauge
    link: Link
    threshold: float
    card: dict[str, Any]
    tuning: pd.DataFrame
    inner: pd.DataFrame | None = None


def fit_cnn(
    crops: Crops,
    y: Target,
    patients: Sequence[str] | npt.NDArray[np.object_],
    cases: Sequence[str],
    model: Model,
    settings: FitSettings,
) -> FittedCNN:
    """Choose the training length in inner folds, train on all crops, recalibrate.

    Training runs in cycles that end at each length of `model.steps`, so that one inner training
    judges all lengths: a shorter training is the beginning of a longer one. The length with the
    smallest loss of the recalibrated inner out-of-fold predictions is taken (log loss of classes,
    squared error, 1 - C); the same predictions give recalibration and threshold.

    Args:
        crops: the training part, (N, C, D, H, W).
        y: outcomes, shape (N,), as `settings.kind` says; see `outcomes.target_array`.
        patients: the patient of each crop.
        cases: the name of each crop.
        model: predictor, channels, batch, steps, learning rate and so on.
        settings: kind of outcome, inner folds, threshold rule, seed, threads.

    Raises:
        FitError: an outcome does not fit its kind, or a class has fewer patients than inner folds.
        CaseError: a crop has a voxel that is not finite.
        RadpipeError: given weights are not of this network.
    """
    part = in_order(crops, np.asarray(y), patients, cases, settings)
    lengths = sorted(set(model.steps))
    card = training_card(model, part.cases.tolist(), part.patients, part.y, settings)
    unseen, fold_of = unseen_values(part, lengths, model, settings)
    links = [fit_link(settings.kind, part.y, values) for values in unseen]
    outputs = [link.outputs(values) for link, values in zip(links, unseen, strict=True)]
    measures = [judge(settings.kind, part.y, p, fold_of) for p in outputs]
    best = int(np.argmin([loss_of(settings.kind, m, "log_loss") for m in measures]))
    mean, sd = moments(part.crops)
    own = standardised(part.crops, mean, sd)
    head = head_of(part.y, settings, unseen.shape[2])
    *_, network = train_networks(own, part.y, lengths[: best + 1], model, head, settings)
    gauge = gauge_of(network, own, head)

    def risk() -> Matrix:
        return links[best].outputs(gauge.values(raw_outputs(network, own)))

    threshold = operating_threshold(part.y, outputs[best], risk, settings)
    columns = output_columns(settings.kind, card)
    card |= {f"inner_{name}": value for name, value in measures[best].items()}
    card |= {"steps": lengths[best], "threshold": None if np.isnan(threshold) else threshold}
    card |= _architecture(model, part.crops, head) | {"start": _start(model)}
    card |= {"modalities": list(model.modalities)}
    card |= {"mean": mean.tolist(), "sd": sd.tolist()}
    card |= {"gauge": asdict(gauge), "link": links[best].constants()}
    inner = pd.DataFrame(outputs[best], columns=columns, index=part.cases.astype(str))
    tuning = pd.DataFrame([{"steps": s, **m} for s, m in zip(lengths, measures, strict=True)])
    return FittedCNN(network, mean, sd, gauge, links[best], threshold, card, tuning, inner)


def predict_cnn_scores(fitted: FittedCNN, crops: Crops, cases: Sequence[str]) -> pd.DataFrame:
    """All scores of each crop by case: the columns of `fitting.predict_scores`.

    Crops are scored one by one, so that rows cannot influence each other.

    Raises:
        FitError: the crops have other channels or another size than those of the training.
        CaseError: a crop has a voxel that is not finite.
    """
    return fitted.link.scores(_values(fitted, crops), pd.Index([*cases]), fitted.card)


def restore_cnn(card: dict[str, Any], tuning: pd.DataFrame) -> FittedCNN:
    """A `FittedCNN` as its card describes it, the weights still random."""
    blocks, own = card["blocks"], card["network"]
    model = Model(name=card["name"], blocks=blocks, predictor=card["predictor"], **own)
    depth, height, width = card["crop"]
    network = build_network(model, card["inputs"], (depth, height, width), Head(**card["head"]))
    threshold = float("nan") if card["threshold"] is None else float(card["threshold"])
    return FittedCNN(
        network=network.eval(),
        mean=np.asarray(card["mean"], dtype=float),
        sd=np.asarray(card["sd"], dtype=float),
        gauge=Gauge(**card["gauge"]),
        link=restore_link(card["kind"], card["link"]),
        threshold=threshold,
        card=card,
        tuning=tuning,
    )


def _values(fitted: FittedCNN, crops: Crops) -> Matrix:
    expected = (fitted.card["inputs"], *fitted.card["crop"])
    if tuple(crops.shape[1:]) != expected:
        raise FitError(
            f"the crops do not fit model '{fitted.card['name']}'",
            found=f"(C, D, H, W) = {tuple(crops.shape[1:])}",
            expected=f"{expected}",
        )
    check_crops(crops, np.arange(len(crops)).astype(str))
    scaled = standardised(crops, fitted.mean, fitted.sd)
    return fitted.gauge.values(raw_outputs(fitted.network, scaled))


def _architecture(model: Model, crops: Crops, head: Head) -> dict[str, Any]:
    """What `restore_cnn` builds the network from."""
    own = model.model_dump(mode="json")
    return {
        "network": {key: own[key] for key in ARCHITECTURE},
        "head": asdict(head),
        "inputs": int(crops.shape[1]),
        "crop": [int(n) for n in crops.shape[2:]],
    }


def _start(model: Model) -> dict[str, Any] | None:
    """The weights that training began with, and whom they had seen."""
    if model.start is None:
        return None
    return {**start_manifest(model.start), "frozen": list(model.start.frozen)}
