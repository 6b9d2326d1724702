"""Naive Bayes."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Self

import numpy as np
from scipy.special import logsumexp
from sklearn.base import BaseEstimator

from radpipe.modelling.predictors.base import Labels
from radpipe.types import Matrix, Vector

SMOOTHING = 1e-3
"""Added to the variance of a scaled column in a class: it may be constant there."""


class GaussianBayes(Labels, BaseEstimator):
    """Independent normal columns within each class.

    scikit-learn's divides by zero where no column varies.
    """

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Learn mean and variance of scaled columns X (n, p) in the classes of y (n,)."""
        X = np.asarray(X, dtype=float)
        self.classes_ = np.unique(y)
        self.n_features_in_ = X.shape[1]
        groups = [X[y == value] for value in self.classes_]
        self.mean_ = np.array([g.mean(axis=0) for g in groups])
        self.variance_ = np.array([g.var(axis=0) for g in groups]) + SMOOTHING
        self.log_prior_ = np.log([len(g) / len(X) for g in groups])
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        X = np.asarray(X, dtype=float)
        parts = zip(self.mean_, self.variance_, self.log_prior_, strict=True)
        joint = np.column_stack(
            [
                prior - 0.5 * (np.log(variance) + (X - mean) ** 2 / variance).sum(axis=1)
                for mean, variance, prior in parts
            ]
        )
        return np.asarray(np.exp(joint - logsumexp(joint, axis=1, keepdims=True)))
