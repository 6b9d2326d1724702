"""Rankings that look at many columns at once: neighbours, lasso, recursive elimination, forests."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import warnings

import numpy as np
from scipy.spatial.distance import pdist, squareform
from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import lars_path

from radpipe.modelling.predictors.base import Kind, Target
from radpipe.modelling.selection.targets import groups_of, numeric_targets, unit_columns
from radpipe.types import Matrix, Vector

NEIGHBOURS = 10
ROUNDS = 20
"""Forests with fresh shadows."""
BORUTA_TREES = 60
ELIMINATED = 0.3
"""Share of the columns that leave in one round of recursive elimination."""


def relieff(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """ReliefF (Kononenko 1994): how much a column differs from near rows of other classes.

    For numbers and times the classes are the lower and the upper half. Distances are city-block
    distances over columns scaled to their range.
    """
    del seed
    low, high = X.min(axis=0), X.max(axis=0)
    scaled = (X - low) / np.where(high > low, high - low, 1.0)
    own = groups_of(y, kind, 2)
    share = np.bincount(own) / len(own)
    distance = squareform(pdist(scaled, "cityblock"))
    np.fill_diagonal(distance, np.inf)
    weights = np.zeros(X.shape[1])
    for label in np.flatnonzero(share):
        members = np.flatnonzero(own == label)
        count = min(NEIGHBOURS, len(members) - (1 if members.size else 0))
        if count < 1:
            continue
        near = members[np.argsort(distance[:, members], axis=1, kind="stable")[:, :count]]
        for row in range(len(X)):
            apart = np.abs(scaled[near[row]] - scaled[row]).mean(axis=0)
            if own[row] == label:
                weights -= apart
            else:
                weights += apart * share[label] / (1 - share[own[row]])
    return weights / len(X)


def lasso(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Order in which columns enter the lasso of the outcome as a number (Efron et al. 2004).

    Of several classes, the earliest entry of any. Columns that never enter follow by correlation.
    """
    del seed
    unit, varies = unit_columns(X)
    targets = numeric_targets(y, kind)
    targets = targets - targets.mean(axis=0)
    follow = np.abs(targets.T @ unit).max(axis=0)
    scores = follow / (2 * follow.max() + 1e-12)
    usable = np.flatnonzero(varies)
    steps = min(len(X) // 2, len(usable))
    for target in targets.T:
        with warnings.catch_warnings():
            # A column that depends on those already there is left out, which is wanted.
            warnings.simplefilter("ignore", ConvergenceWarning)
            _, active, _ = lars_path(unit[:, usable], target, method="lar", max_iter=steps)
        entry = len(X) - np.arange(len(active), dtype=float)
        columns = usable[np.asarray(active, dtype=np.intp)]
        scores[columns] = np.maximum(scores[columns], entry)
    return scores


def rfe(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Recursive elimination (Guyon et al. 2002) by ridge regression: the later out, the better.

    The least of the coefficients leave, `ELIMINATED` of the columns a round. The dual form of the
    ridge costs the same for a hundred columns as for thousands.
    """
    del seed
    unit, varies = unit_columns(X)
    targets = numeric_targets(y, kind)
    targets = targets - targets.mean(axis=0)
    scores = np.zeros(X.shape[1])
    left = np.flatnonzero(varies)
    level = 1
    while len(left):
        own = unit[:, left]
        gram = own @ own.T
        penalty = max(np.trace(gram) / len(X), 1e-12)
        weights = own.T @ np.linalg.solve(gram + penalty * np.eye(len(X)), targets)
        size = np.abs(weights).max(axis=1)
        scores[left] = level + size / (size.max() + 1e-12) / 2
        drop = max(1, int(ELIMINATED * len(left)))
        left = left[np.sort(np.argsort(-size, kind="stable")[: len(left) - drop])]
        level += 1
    return scores


def boruta(X: Matrix, y: Target, kind: Kind, seed: int) -> Vector:
    """Share of rounds in which a column beats every shuffled copy of all columns.

    Like Boruta (Kursa & Rudnicki, J Stat Softw 2010;36:11), but all columns stay in every round
    and the share ranks them instead of a test. Importance, below 1/2, orders equal shares.
    """
    random = np.random.default_rng(seed)
    hits, total = np.zeros(X.shape[1]), np.zeros(X.shape[1])
    for number in range(ROUNDS):
        both = np.hstack([X, random.permuted(X, axis=0)])
        if kind in ("binary", "multiclass"):
            forest = ExtraTreesClassifier(
                BORUTA_TREES, min_samples_leaf=2, random_state=seed + number
            )
            forest.fit(both, y)
        else:
            forest = ExtraTreesRegressor(
                BORUTA_TREES, min_samples_leaf=3, max_features="sqrt", random_state=seed + number
            )
            forest.fit(both, numeric_targets(y, kind)[:, 0])
        importance = forest.feature_importances_
        hits += importance[: X.shape[1]] > importance[X.shape[1] :].max()
        total += importance[: X.shape[1]]
    return hits / ROUNDS + total / (2 * ROUNDS)
