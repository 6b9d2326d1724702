"""How good predictions of inner folds are, for each kind of outcome."""

from typing import Literal

import numpy as np
import numpy.typing as npt

from radpipe.evaluation.discrimination import auc
from radpipe.modelling.predictors.base import FLOOR, Kind, Target, one_hot
from radpipe.types import Matrix, Vector

Criterion = Literal["auc", "log_loss"]


def judge(
    kind: Kind, y: Target, outputs: Matrix, fold_of: npt.NDArray[np.intp]
) -> dict[str, float]:
    """Measures of out-of-fold outputs.

    Args:
        kind: kind of outcome.
        y: outcomes, shape (n,).
        outputs: as of `outputs_of`, shape (n, columns).
        fold_of: the inner fold of each row; risks of different folds are not compared.

    Returns:
        `log_loss, auc` of classes (several: mean of each against the rest), `mse, r2` of a
        number, `c` (Harrell's) of a risk.
    """
    if kind == "binary":
        return {"log_loss": log_loss(y, outputs[:, 0]), "auc": auc(y, outputs[:, 0])}
    if kind == "multiclass":
        present = [k for k in range(outputs.shape[1]) if 0 < (y == k).sum() < len(y)]
        areas = [auc((y == k).astype(float), outputs[:, k]) for k in present]
        return {"log_loss": class_log_loss(y, outputs), "auc": float(np.mean(areas))}
    if kind == "regression":
        error = float(np.mean((y - outputs[:, 0]) ** 2))
        return {"mse": error, "r2": 1 - error / max(float(np.var(y)), 1e-300)}
    return {"c": concordance(y, outputs[:, 0], fold_of)}


def loss_of(kind: Kind, measures: dict[str, float], criterion: Criterion) -> float:
    """What is smallest for the best candidate: see `judge`."""
    if kind == "regression":
        return measures["mse"]
    if kind == "survival":
        return 1 - measures["c"]
    return measures["log_loss"] if criterion == "log_loss" else 1 - measures["auc"]


def log_loss(y: Vector, p: Vector) -> float:
    """Mean negative log likelihood of y (0 or 1) under p, with p kept `FLOOR` away from 0 and 1."""
    p = np.clip(p, FLOOR, 1 - FLOOR)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))


def class_log_loss(y: Vector, p: Matrix) -> float:
    """Mean negative log likelihood of class indices y under p (n, K), kept above `FLOOR`."""
    own = p[one_hot(y, np.arange(p.shape[1], dtype=float)).astype(bool)]
    return float(-np.mean(np.log(np.clip(own, FLOOR, 1))))


def concordance(y: Target, risk: Vector, fold_of: npt.NDArray[np.intp]) -> float:
    """Harrell's C of risks, over the pairs within one fold; 0.5 if no pair can be compared."""
    time, event = y["time"], y["event"]
    earlier = event[:, None] & (
        (time[:, None] < time[None, :]) | ((time[:, None] == time[None, :]) & ~event[None, :])
    )
    earlier &= fold_of[:, None] == fold_of[None, :]
    pairs = earlier.sum()
    difference = risk[:, None] - risk[None, :]
    won = (earlier & (difference > 0)).sum() + 0.5 * (earlier & (difference == 0)).sum()
    return float(won / pairs) if pairs else 0.5
