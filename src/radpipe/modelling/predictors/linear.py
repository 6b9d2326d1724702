"""Linear predictors whose penalty is set relative to the data."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Self

import numpy as np
from scipy.special import expit
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import ElasticNet, LogisticRegression, Ridge

from radpipe.modelling.predictors.base import Labels, both_classes, softmax
from radpipe.types import Matrix, Vector


class _PenalisedClassifier(BaseEstimator):
    """What the logistic regressions share: their settings and the solver that these ask for."""

    def __init__(
        self,
        strength: float = 1.0,
        l1_ratio: float = 0.0,
        seed: int = 0,
        class_weight: str | None = None,
    ) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.seed = seed
        self.class_weight = class_weight

    def _solve(self, X: Matrix, y: Vector, gradient: float) -> Self:
        """Fit; `gradient` is the largest of a column in the empty model, over the classes."""
        solver = self._solver(X.shape[1], gradient).fit(X, y)
        self.classes_ = solver.classes_
        self.coef_ = solver.coef_
        self.intercept_ = solver.intercept_
        self.n_features_in_ = X.shape[1]
        return self

    def _solver(self, columns: int, gradient: float) -> LogisticRegression:
        if self.l1_ratio == 0:
            return LogisticRegression(
                C=self.strength / columns, max_iter=10_000, class_weight=self.class_weight
            )
        # C0, the largest C at which the elastic net keeps no column, is l1_ratio / gradient.
        return LogisticRegression(
            C=self.strength * self.l1_ratio / gradient,
            l1_ratio=self.l1_ratio,
            solver="saga",
            tol=1e-3,
            max_iter=20_000,
            random_state=self.seed,
            class_weight=self.class_weight,
        )


class PenalisedLogistic(ClassifierMixin, _PenalisedClassifier):
    """Logistic regression whose penalty is set relative to the data.

    scikit-learn's `C` means something else for one column than for a thousand. Here `strength`
    is comparable: without an L1 part C = strength / p, so that the variance of the linear
    predictor under the prior does not grow with the number p of (scaled) columns; with an L1 part
    C = strength * C0, where C0 is the largest C at which every coefficient is still zero (glmnet's
    lambda path, Friedman, Hastie & Tibshirani, J Stat Softw 2010;33:1). A strength above 1
    therefore never gives the empty model, whose pooled out-of-fold AUC lies below 0.5.

    Args:
        strength: how much the data may say; larger is less penalty.
        l1_ratio: share of the L1 penalty; 0: ridge (lbfgs), else elastic net (saga).
        seed: order in which saga visits the rows.
        class_weight: `balanced`, or none.
    """

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and y (n,) of 0 and 1."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        return self._solve(X, y, _gradient(X, y))

    def decision_function(self, X: Matrix) -> Vector:
        """Log odds of the positive class, shape (n,)."""
        logit: Vector = np.asarray(X, dtype=float) @ self.coef_[0] + self.intercept_[0]
        return logit

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of both classes, shape (n, 2)."""
        positive = 1 / (1 + np.exp(-np.clip(self.decision_function(X), -500, 500)))
        return np.column_stack([1 - positive, positive])

    def predict(self, X: Matrix) -> Vector:
        """The likelier class."""
        labels: Vector = self.classes_[(self.decision_function(X) > 0).astype(int)]
        return labels


class PenalisedMultinomial(Labels, _PenalisedClassifier):
    """Multinomial logistic regression with the penalty of `PenalisedLogistic`.

    Args:
        strength: how much the data may say; larger is less penalty.
        l1_ratio: share of the L1 penalty.
        seed: order in which saga visits the rows.
        class_weight: `balanced`, or none.
    """

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and the class of each row y (n,)."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        return self._solve(X, y, max(_gradient(X, (y == k).astype(float)) for k in np.unique(y)))

    def predict_proba(self, X: Matrix) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        linear = np.asarray(X, dtype=float) @ self.coef_.T + self.intercept_
        if len(self.classes_) == 2:
            return both_classes(expit(linear[:, 0]))
        return softmax(linear)


class PenalisedLinear(RegressorMixin, BaseEstimator):
    """Linear regression of a number, its penalty relative to the data as in `PenalisedLogistic`.

    The outcome is scaled inside. Without an L1 part the ridge penalty is p / strength; with one,
    `lambda` is the smallest at which every coefficient is zero, divided by `strength`.

    Args:
        strength: how much the data may say; larger is less penalty.
        l1_ratio: share of the L1 penalty; 0: ridge, 1: lasso.
    """

    def __init__(self, strength: float = 1.0, l1_ratio: float = 0.0) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and values y (n,)."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        spread = float(y.std()) or 1.0
        target = (y - y.mean()) / spread
        if self.l1_ratio == 0:
            solver = Ridge(alpha=X.shape[1] / self.strength)
        else:
            alpha = _gradient(X, target) / (len(y) * self.l1_ratio * self.strength)
            solver = ElasticNet(alpha=alpha, l1_ratio=self.l1_ratio, tol=1e-3, max_iter=20_000)
        solver.fit(X, target)
        self.coef_ = spread * np.asarray(solver.coef_)
        self.intercept_ = float(y.mean() + spread * solver.intercept_)
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Matrix) -> Vector:
        """Values, shape (n,)."""
        values: Vector = np.asarray(X, dtype=float) @ self.coef_ + self.intercept_
        return values


def _gradient(X: Matrix, y: Vector) -> float:
    """Largest absolute gradient of a column in the empty model."""
    return max(float(np.abs((y - y.mean()) @ X).max()), 1e-12)
