"""Several predictors as one: the mean of their scores, or a linear model of them."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin, clone

from radpipe.modelling.predictors.base import (
    Kind,
    Labels,
    Patients,
    Target,
    both_classes,
    from_scores,
    outputs_of,
    standards_of,
    to_scores,
)
from radpipe.modelling.predictors.calibrated import grouped_folds
from radpipe.types import Matrix, Vector


def fit_grouped(predictor: Any, X: Matrix, y: Target, groups: Patients | None) -> Any:
    """Fit a predictor, with the patient of each row if it makes folds of its own."""
    if getattr(predictor, "needs_groups", False):
        return predictor.fit(X, y, groups=groups)
    return predictor.fit(X, y)


def scores_of(predictor: Any, X: Matrix, kind: Kind) -> Matrix:
    """What a predictor says of each row on a scale on which means are taken."""
    return to_scores(outputs_of(predictor, X, kind), kind)


class Voting(BaseEstimator):
    """The mean of the members' scores: log odds, log probabilities, values or scaled risks.

    Args:
        members: unfitted predictors.
        kind: kind of outcome.
    """

    needs_groups = True

    def __init__(self, members: Sequence[Any], kind: Kind = "binary") -> None:
        self.members = members
        self.kind = kind

    def fit(self, X: Matrix, y: Target, groups: Patients | None = None) -> Self:
        """Fit every member on scaled columns X (n, p) and outcomes y (n,)."""
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        self.fitted_ = [fit_grouped(clone(m), X, y, groups) for m in self.members]
        scores = [scores_of(f, X, self.kind) for f in self.fitted_]
        self.shift_, self.spread_ = standards_of(scores, self.kind)
        if self.kind in ("binary", "multiclass"):
            self.classes_ = np.unique(y)
        return self

    def _scores(self, X: Matrix) -> Matrix:
        X = np.asarray(X, dtype=float)
        parts = zip(self.fitted_, self.shift_, self.spread_, strict=True)
        return np.asarray(
            np.mean([(scores_of(f, X, self.kind) - m) / s for f, m, s in parts], axis=0)
        )


class VotingClassifier(Labels, Voting):
    """The mean opinion on classes."""

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        outputs = from_scores(self._scores(X), self.kind)
        return both_classes(outputs[:, 0]) if self.kind == "binary" else outputs


class VotingRegressor(RegressorMixin, Voting):
    """The mean opinion on a number."""

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return self._scores(X)[:, 0]


class VotingSurvival(Voting):
    """The mean opinion on a risk."""

    def predict_risk(self, X: Matrix) -> Vector:
        """Mean of the risks in standard deviations over the training part, shape (n,)."""
        return self._scores(X)[:, 0]

    def event_probability(self, X: Matrix, horizon: float) -> Vector:
        """Mean probability of an event up to `horizon`, shape (n,)."""
        return np.asarray(np.mean([f.event_probability(X, horizon) for f in self.fitted_], axis=0))


class Stacking(Voting):
    """A linear model of the members' scores (Wolpert, Neural Networks 1992;5:241).

    The linear model is fitted on scores of rows that the members did not see: folds by patient
    inside the training part. Where there are too few patients for that, it sees the scores of the
    rows that the members were fitted on.

    Args:
        members: unfitted predictors.
        head: unfitted linear predictor of the scores.
        kind: kind of outcome.
        seed: decides the folds.
    """

    def __init__(
        self, members: Sequence[Any], head: Any, kind: Kind = "binary", seed: int = 0
    ) -> None:
        super().__init__(members, kind)
        self.head = head
        self.seed = seed

    def fit(self, X: Matrix, y: Target, groups: Patients | None = None) -> Self:
        """Fit members and head on scaled columns X (n, p) and outcomes y (n,)."""
        X, y = np.asarray(X, dtype=float), np.asarray(y)
        names = None if groups is None else np.asarray(groups)
        super().fit(X, y, groups)
        unseen = self._columns(X)
        for train, test in grouped_folds(y, groups, self.seed, self.kind):
            own = None if names is None else names[train]
            parts = [fit_grouped(clone(m), X[train], y[train], own) for m in self.members]
            unseen[test] = np.hstack([scores_of(p, X[test], self.kind) for p in parts])
        self.mean_ = unseen.mean(axis=0)
        self.scale_ = np.where(unseen.std(axis=0) > 1e-12, unseen.std(axis=0), 1.0)
        self.head_ = clone(self.head).fit((unseen - self.mean_) / self.scale_, y)
        return self

    def _columns(self, X: Matrix) -> Matrix:
        X = np.asarray(X, dtype=float)
        return np.hstack([scores_of(f, X, self.kind) for f in self.fitted_])

    def _stacked(self, X: Matrix) -> Matrix:
        return np.asarray((self._columns(X) - self.mean_) / self.scale_)


class StackingClassifier(Labels, Stacking):
    """A stack for classes."""

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        return np.asarray(self.head_.predict_proba(self._stacked(X)))


class StackingRegressor(RegressorMixin, Stacking):
    """A stack for a number."""

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return np.asarray(self.head_.predict(self._stacked(X)))


class StackingSurvival(Stacking):
    """A stack for a risk; the head is a Cox model."""

    def predict_risk(self, X: Matrix) -> Vector:
        """Log hazard, shape (n,)."""
        return np.asarray(self.head_.predict_risk(self._stacked(X)))

    def event_probability(self, X: Matrix, horizon: float) -> Vector:
        """Probability of an event up to `horizon`, shape (n,)."""
        return np.asarray(self.head_.event_probability(self._stacked(X), horizon))
