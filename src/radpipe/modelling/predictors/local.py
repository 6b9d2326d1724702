"""Predictors by similarity and small networks: neighbours, radial basis functions, perceptron."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

import warnings
from typing import Any, Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor

from radpipe.modelling.predictors.base import Labels, both_classes, one_hot, softmax
from radpipe.types import Matrix, Vector

PRIOR_NEIGHBOURS = 2.0
"""Weight of the whole training part among the neighbours: no probability is exactly 0 or 1."""

STARTS = 3
"""Random starts of a perceptron that are averaged."""

LARGEST_SCORE = 30.0


class _Neighbours(BaseEstimator):
    """The mean outcome of the nearest rows by Euclidean distance.

    Distances are taken row by row: the product of matrices that is usual depends in its last
    digits on the other rows, and so would the choice between two equally near neighbours.
    """

    def __init__(self, neighbours: int = 9) -> None:
        self.neighbours = neighbours

    def _remember(self, X: Matrix, outcome: Matrix) -> None:
        self.rows_ = np.array(X, dtype=float)
        self.outcome_ = np.asarray(outcome, dtype=float)
        self.n_features_in_ = self.rows_.shape[1]

    def _mean_outcome(self, X: Matrix) -> Matrix:
        count = min(self.neighbours, len(self.rows_))
        overall = self.outcome_.mean(axis=0)
        means = []
        for row in np.asarray(X, dtype=float):
            distance = ((self.rows_ - row) ** 2).sum(axis=1)
            nearest = np.argsort(distance, kind="stable")[:count]
            total = self.outcome_[nearest].sum(axis=0) + PRIOR_NEIGHBOURS * overall
            means.append(total / (count + PRIOR_NEIGHBOURS))
        return np.asarray(means)


class NeighbourClassifier(Labels, _Neighbours):
    """k nearest neighbours; the training part counts as `PRIOR_NEIGHBOURS` more of them."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Remember scaled columns X (n, p) and classes y (n,)."""
        self.classes_ = np.unique(y)
        self._remember(X, one_hot(y, self.classes_))
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        return self._mean_outcome(X)


class NeighbourRegressor(RegressorMixin, _Neighbours):
    """The same for a number."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Remember scaled columns X (n, p) and values y (n,)."""
        self._remember(X, np.asarray(y, dtype=float)[:, None])
        return self

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return self._mean_outcome(X)[:, 0]


class RadialBasis(BaseEstimator):
    """Radial basis functions: Gaussian activations of k-means centres, and a linear head.

    The width is the median distance of the training rows to the centres (Moody & Darken, Neural
    Computation 1989;1:281, who take neighbouring centres instead).

    Args:
        head: unfitted linear predictor of the activations.
        centres: number of centres, at most half the rows.
        seed: of k-means.
    """

    def __init__(self, head: Any, centres: int = 16, seed: int = 0) -> None:
        self.head = head
        self.centres = centres
        self.seed = seed

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and y (n,)."""
        X = np.asarray(X, dtype=float)
        count = max(1, min(self.centres, len(X) // 2, len(np.unique(X, axis=0))))
        clusters = KMeans(count, n_init=2, random_state=self.seed).fit(X)
        self.centres_ = np.array(clusters.cluster_centers_)
        self.width_ = float(np.median(self._distances(X))) or 1.0
        active = np.exp(-self._distances(X) / self.width_)
        self.mean_ = active.mean(axis=0)
        self.spread_ = np.where(active.std(axis=0) > 1e-8, active.std(axis=0), 1.0)
        self.head_ = clone(self.head).fit(self._activations(X), y)
        self.n_features_in_ = X.shape[1]
        return self

    def _distances(self, X: Matrix) -> Matrix:
        """Squared distance of each row to each centre, row by row: rows stay independent."""
        return np.asarray([((self.centres_ - row) ** 2).sum(axis=1) for row in X])

    def _activations(self, X: Matrix) -> Matrix:
        active = np.exp(-self._distances(np.asarray(X, dtype=float)) / self.width_)
        return np.asarray((active - self.mean_) / self.spread_)


class RadialBasisClassifier(Labels, RadialBasis):
    """A network of radial basis functions for classes."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and classes y (n,)."""
        super().fit(X, y)
        self.classes_ = self.head_.classes_
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        return np.asarray(self.head_.predict_proba(self._activations(X)))


class RadialBasisRegressor(RegressorMixin, RadialBasis):
    """A network of radial basis functions for a number."""

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return np.asarray(self.head_.predict(self._activations(X)))


class _Perceptron(BaseEstimator):
    """One hidden layer of tanh units; several random starts are averaged.

    Only the weights are kept: nothing but arrays goes to disk.

    Args:
        hidden: units.
        penalty: of the squared weights.
        seed: of the first start.
    """

    def __init__(self, hidden: int = 8, penalty: float = 3.0, seed: int = 0) -> None:
        self.hidden = hidden
        self.penalty = penalty
        self.seed = seed

    def _train(self, kind: type[MLPClassifier | MLPRegressor], X: Matrix, y: Vector) -> None:
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        self.layers_: list[list[Matrix]] = []
        for start in range(STARTS):
            network = kind(
                hidden_layer_sizes=(self.hidden,),
                activation="tanh",
                solver="lbfgs",
                alpha=self.penalty,
                max_iter=200,
                random_state=self.seed + start,
            )
            with warnings.catch_warnings():
                # The number of steps is one of the settings: stopping there is meant.
                warnings.simplefilter("ignore", ConvergenceWarning)
                network.fit(X, y)
            parts = zip(network.coefs_, network.intercepts_, strict=True)
            self.layers_.append([np.vstack([weight, bias]) for weight, bias in parts])

    def _output(self, X: Matrix) -> Matrix:
        """Mean output of the starts before the last activation, shape (n, outputs)."""
        X = np.asarray(X, dtype=float)
        outputs = []
        for first, second in self.layers_:
            inside = np.tanh(X @ first[:-1] + first[-1])
            outputs.append(inside @ second[:-1] + second[-1])
        return np.asarray(np.mean(outputs, axis=0))


class PerceptronClassifier(Labels, _Perceptron):
    """A perceptron for classes."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and classes y (n,)."""
        self.classes_ = np.unique(y)
        self._train(MLPClassifier, X, y)
        return self

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        scores = np.clip(self._output(X), -LARGEST_SCORE, LARGEST_SCORE)
        return both_classes(expit(scores[:, 0])) if len(self.classes_) == 2 else softmax(scores)


class PerceptronRegressor(RegressorMixin, _Perceptron):
    """A perceptron for a number."""

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and values y (n,)."""
        y = np.asarray(y, dtype=float)
        self.mean_, self.spread_ = float(y.mean()), float(y.std()) or 1.0
        self._train(MLPRegressor, X, (y - self.mean_) / self.spread_)
        return self

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return np.asarray(self.mean_ + self.spread_ * self._output(X)[:, 0])


class ScaledTarget(RegressorMixin, BaseEstimator):
    """A regressor of a scaled outcome, so that its settings do not depend on a unit.

    Args:
        base: unfitted regressor, for example `sklearn.svm.SVR`.
    """

    def __init__(self, base: Any) -> None:
        self.base = base

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and values y (n,)."""
        y = np.asarray(y, dtype=float)
        self.mean_, self.spread_ = float(y.mean()), float(y.std()) or 1.0
        self.fitted_ = clone(self.base).fit(X, (y - self.mean_) / self.spread_)
        self.n_features_in_ = np.shape(X)[1]
        return self

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        return np.asarray(self.mean_ + self.spread_ * self.fitted_.predict(X))
