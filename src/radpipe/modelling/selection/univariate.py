"""Rankings that look at one column at a time, or at columns and those ranked before them."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import numpy as np

from radpipe.modelling.predictors.base import Kind, Target
from radpipe.modelling.selection.targets import (
    column_ranks,
    groups_of,
    numeric_targets,
    quantile_groups,
    unit_columns,
    unit_vector,
)
from radpipe.types import Matrix, Vector

BINS = 4
"""Quantile groups of a column, and of a number, for mutual information."""


def spread(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Near-zero variance: the share of rows without the commonest value (Kuhn & Johnson 2013).

    The variance itself depends on the unit of a column, and scaled columns all have the same.
    """
    del y, kind, seed
    ordered = np.sort(X, axis=0)
    run, longest = np.ones(X.shape[1]), np.ones(X.shape[1])
    for row in range(1, len(X)):
        run = np.where(ordered[row] == ordered[row - 1], run + 1, 1)
        longest = np.maximum(longest, run)
    return np.asarray(1 - longest / len(X))


def anova(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """F statistic of the classes, |Pearson r| with a number, or the score test of a Cox model.

    For two classes F = (n - 2) r² / (1 - r²) grows with the point-biserial |r|, which is what is
    returned; for more the correlation ratio, the square root of the share of variance explained.
    """
    del seed
    return cox_score(X, y) if kind == "survival" else _correlation(X, y, kind)


def kruskal(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """The same on ranks: Kruskal-Wallis for classes, |Spearman's rho| for a number."""
    ranks = column_ranks(X)
    if kind == "regression":
        return anova(ranks, column_ranks(np.asarray(y)[:, None])[:, 0], kind, seed)
    return anova(ranks, y, kind, seed)


def cox_score(X: Matrix, y: Target) -> Vector:
    """Square root of the score test of each column alone, shape (p,).

    At a coefficient of zero the score is the sum over events of the column minus its mean in the
    risk set, and the information the sum of its variances there (Cox 1972; Breslow ties).
    """
    order = np.argsort(-y["time"], kind="stable")
    time, event, columns = y["time"][order], y["event"][order], X[order]
    last = np.searchsorted(-time, -time, side="right") - 1
    size = np.arange(1, len(time) + 1, dtype=float)[:, None]
    mean = (np.cumsum(columns, axis=0) / size)[last][event]
    square = (np.cumsum(columns**2, axis=0) / size)[last][event]
    score = (columns[event] - mean).sum(axis=0)
    information = np.maximum((square - mean**2).sum(axis=0), 1e-12)
    return np.asarray(np.abs(score) / np.sqrt(information))


def mutual_information(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Mutual information of quantile groups of a column and of the outcome, in nats."""
    del seed
    own, cells = groups_of(y, kind, BINS), quantile_groups(X, BINS)
    member = (own[:, None] == np.arange(own.max() + 1)[None, :]).astype(float)
    share = member.mean(axis=0)
    total = np.zeros(X.shape[1])
    for cell in range(BINS):
        inside = (cells == cell).astype(float)
        joint = member.T @ inside / len(X)
        expected = share[:, None] * inside.mean(axis=0)[None, :]
        ratio = np.divide(joint, expected, out=np.ones_like(joint), where=joint > 0)
        total += (joint * np.log(ratio)).sum(axis=0)
    return total


def mrmr(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Minimum redundancy, maximum relevance: the more the earlier it is chosen.

    The next column is the one with the largest relevance (that of `anova`) divided by the mean
    |r| with those chosen (quotient form of Ding & Peng, J Bioinform Comput Biol 2005;3:185). After
    `MRMR_LIMIT` columns the others follow by relevance.
    """
    relevance = anova(X, y, kind, seed)
    unit, _ = unit_columns(X)
    redundancy = np.zeros(X.shape[1])
    scores = relevance / (relevance.max() + 1e-12) / 2
    left = relevance.copy()
    for step in range(min(MRMR_LIMIT, X.shape[1])):
        merit = left / np.maximum(redundancy / max(step, 1), 1e-3) if step else left
        best = int(np.argmax(np.round(merit, 10)))
        if left[best] < 0:
            break
        scores[best] = MRMR_LIMIT + 1 - step
        left[best] = -1.0
        redundancy += np.abs(unit.T @ unit[:, best])
    return scores


MRMR_LIMIT = 100


def _correlation(X: Matrix, y: Target, kind: Kind) -> Vector:
    unit, _ = unit_columns(X)
    targets = numeric_targets(y, kind)
    if targets.shape[1] == 1:
        return np.abs(unit_vector(targets[:, 0]) @ unit)
    counts = targets.sum(axis=0)
    between = ((targets.T @ unit) ** 2 / counts[:, None]).sum(axis=0)
    return np.sqrt(between)
