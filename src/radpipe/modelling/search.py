"""Tuning in inner folds: every setting is judged on patients it was not fitted on."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator

from radpipe.evaluation.discrimination import auc
from radpipe.modelling.splits import Indices
from radpipe.types import Matrix, Vector

FLOOR = 1e-3
"""Probabilities nearer to 0 or 1 count as this near, for one sure error must not decide alone."""


@dataclass(frozen=True)
class Search:
    """The outcome of a search.

    Attributes:
        keep: best number of columns a block.
        params: best settings of the predictor.
        log_loss: of the best candidate.
        out_of_fold: its predictions in the inner folds, shape (n,).
        table: one row a candidate: `keep`, its settings, `log_loss`, `auc`.
    """

    keep: int | None
    params: dict[str, Any]
    log_loss: float
    out_of_fold: Vector
    table: pd.DataFrame


@dataclass(frozen=True)
class Candidates:
    """What is tried: each number of kept columns with each setting of the predictor.

    Attributes:
        keeps: numbers of columns kept of each block.
        params: settings of the predictor, the simplest first.
        blocks: from a number of kept columns to an unfitted transformer.
        predictor: from settings to an unfitted predictor.
    """

    keeps: Sequence[int | None]
    params: Sequence[dict[str, Any]]
    blocks: Callable[[int | None], BaseEstimator]
    predictor: Callable[[dict[str, Any]], BaseEstimator]


def search(
    candidates: Candidates, X: pd.DataFrame, y: Vector, folds: Sequence[tuple[Indices, Indices]]
) -> Search:
    """Choose the candidate with the smallest log loss of the inner out-of-fold predictions.

    Log loss, not AUC: it is proper, so it also punishes overconfidence, and it has few ties in
    small cohorts. A tie is won by the earlier candidate.

    Args:
        candidates: what is tried.
        X: the training part, one row a case.
        y: 0 or 1, shape (n,).
        folds: from `splits.inner_splits`.
    """
    tried = [(keep, params) for keep in candidates.keeps for params in candidates.params]
    out_of_fold = np.full((len(tried), len(y)), np.nan)
    for train, test in folds:
        for k, keep in enumerate(candidates.keeps):
            # Imputation, scaling and selection are shared by all settings of the predictor.
            blocks: Any = candidates.blocks(keep)
            fitted: Matrix = blocks.fit_transform(X.iloc[train], y[train])
            judged: Matrix = blocks.transform(X.iloc[test])
            for j, params in enumerate(candidates.params):
                predictor: Any = candidates.predictor(params)
                predictor.fit(fitted, y[train])
                row = k * len(candidates.params) + j
                out_of_fold[row, test] = predictor.predict_proba(judged)[:, 1]
    losses = [log_loss(y, p) for p in out_of_fold]
    best = int(np.argmin(np.round(losses, 10)))
    table = pd.DataFrame([{"keep": keep, **params} for keep, params in tried])
    table["log_loss"] = losses
    table["auc"] = [auc(y, p) for p in out_of_fold]
    keep, params = tried[best]
    return Search(keep, params, losses[best], out_of_fold[best], table)


def log_loss(y: Vector, p: Vector) -> float:
    """Mean negative log likelihood of y (0 or 1) under p, with p kept `FLOOR` away from 0 and 1."""
    p = np.clip(p, FLOOR, 1 - FLOOR)
    return float(-np.mean(y * np.log(p) + (1 - y) * np.log(1 - p)))
