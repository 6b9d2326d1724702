"""From the scores of a classifier to probabilities, by folds inside the training part."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, clone

from radpipe.modelling.predictors.base import Kind, Labels, Patients, Target, logit, one_hot
from radpipe.modelling.recalibration import Platt, fit_platt
from radpipe.modelling.splits import Indices, inner_splits
from radpipe.types import Matrix, Vector

FOLDS = 3


def grouped_folds(
    y: Target, groups: Patients | None, seed: int, kind: Kind
) -> list[tuple[Indices, Indices]]:
    """Folds by patient for something learned inside a predictor; none with too few patients.

    Args:
        y: outcome, shape (n,).
        groups: the patient of each row; none: every row is a patient.
        seed: decides the folds.
        kind: kind of outcome.
    """
    patients = np.asarray(np.arange(len(y)) if groups is None else groups).astype(str)
    folds = min(FOLDS, _fewest_patients(y, patients, kind))
    return inner_splits(y, patients, folds, seed, kind=kind) if folds > 1 else []


def _fewest_patients(y: Target, patients: npt.NDArray[np.str_], kind: Kind) -> int:
    """Patients of the rarest class, patients with an event, or all of a regression.

    As in `inner_splits`, a patient with rows of several classes belongs to the highest one.
    """
    label = np.zeros(len(y)) if kind == "regression" else y["event"] if kind == "survival" else y
    highest = pd.Series(np.asarray(label, dtype=float)).groupby(patients).max()
    if kind == "survival":
        return int(highest.sum())
    return int(highest.value_counts().reindex(np.unique(label), fill_value=0).min())


class Calibrated(Labels, BaseEstimator):
    """A classifier whose scores become probabilities by Platt scaling (one class against the rest).

    The scaling is learned from scores of rows that the classifier did not see: folds by patient
    inside the training part. With fewer than two patients in a class there are no such folds and
    scores count as log odds.

    Args:
        base: unfitted, with `decision_function` or `predict_proba`.
        seed: decides the folds.
    """

    needs_groups = True

    def __init__(self, base: Any, seed: int = 0) -> None:
        self.base = base
        self.seed = seed

    def fit(self, X: Matrix, y: Vector, groups: Patients | None = None) -> Self:
        """Fit on scaled columns X (n, p), classes y (n,) and the patient of each row."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        positive = self.classes_[1:] if len(self.classes_) == 2 else self.classes_
        self.fitted_: list[Any] = []
        platts: list[Platt] = []
        for target in one_hot(y, positive).T.astype(float):
            folds = grouped_folds(target, groups, self.seed, "binary")
            self.fitted_.append(clone(self.base).fit(X, target))
            platts.append(self._platt(X, target, folds))
        self.slope_ = np.array([p.slope for p in platts])
        self.intercept_shift_ = np.array([p.intercept for p in platts])
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        X = np.asarray(X, dtype=float)
        constants = zip(self.fitted_, self.slope_, self.intercept_shift_, strict=True)
        each = np.column_stack([Platt(s, i).probability(_score(f, X)) for f, s, i in constants])
        if len(self.classes_) == 2:
            return np.column_stack([1 - each[:, 0], each[:, 0]])
        each = np.clip(each, 1e-9, 1)
        return np.asarray(each / each.sum(axis=1, keepdims=True))

    def _platt(self, X: Matrix, y: Vector, folds: list[tuple[Indices, Indices]]) -> Platt:
        if not folds:
            return Platt(1.0, 0.0)
        unseen = np.empty(len(y))
        for train, test in folds:
            unseen[test] = _score(clone(self.base).fit(X[train], y[train]), X[test])
        return fit_platt(y, unseen)


def _score(fitted: Any, X: Matrix) -> Vector:
    if hasattr(fitted, "decision_function"):
        return np.asarray(fitted.decision_function(X), dtype=float)
    return logit(fitted.predict_proba(X)[:, 1])


class Oversampled(Labels, BaseEstimator):
    """A classifier fitted with rows of the smaller classes drawn again until all are equal.

    Rows are only drawn from the training part that is given to `fit` (guardrail G07). The
    probabilities are those of a balanced cohort: wrap it in `Calibrated`.

    Args:
        base: unfitted classifier.
        seed: decides the rows drawn.
    """

    def __init__(self, base: Any, seed: int = 0) -> None:
        self.base = base
        self.seed = seed

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and classes y (n,)."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        self.classes_, counts = np.unique(y, return_counts=True)
        self.n_features_in_ = X.shape[1]
        random = np.random.default_rng(self.seed)
        rows = [np.arange(len(y))]
        for value, count in zip(self.classes_, counts, strict=True):
            rows.append(random.choice(np.flatnonzero(y == value), counts.max() - count))
        drawn = np.concatenate(rows)
        self.fitted_ = clone(self.base).fit(X[drawn], y[drawn])
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes in a balanced cohort, shape (n, K)."""
        return np.asarray(self.fitted_.predict_proba(X))
