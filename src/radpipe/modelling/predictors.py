"""Predictors of a binary outcome and the settings that are tried for each."""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from radpipe.errors import ConfigError
from radpipe.types import Matrix, Vector

TREES = 300
TUNING_TREES = 100
"""In the inner folds; the order of the candidates hardly depends on the number of trees."""

RIDGE_STRENGTHS = (1.0, 10.0, 100.0)
ELASTIC_STRENGTHS = (1.5, 4.0, 12.0)
L1_RATIOS = (0.2, 0.7)


class PenalisedLogistic(ClassifierMixin, BaseEstimator):
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
    """

    def __init__(self, strength: float = 1.0, l1_ratio: float = 0.0, seed: int = 0) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio
        self.seed = seed

    def fit(self, X: Matrix, y: Vector) -> Self:
        """Fit on scaled columns X (n, p) and y (n,) of 0 and 1."""
        X, y = np.asarray(X, dtype=float), np.asarray(y, dtype=float)
        if self.l1_ratio == 0:
            solver = LogisticRegression(C=self.strength / X.shape[1], max_iter=10_000)
        else:
            solver = LogisticRegression(
                C=self.strength * _empty_model_c(X, y, self.l1_ratio),
                l1_ratio=self.l1_ratio,
                solver="saga",
                tol=1e-3,
                max_iter=20_000,
                random_state=self.seed,
            )
        solver.fit(X, y)
        self.classes_ = solver.classes_
        self.coef_ = solver.coef_
        self.intercept_ = solver.intercept_
        return self

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


def _empty_model_c(X: Matrix, y: Vector, l1_ratio: float) -> float:
    """The largest C at which the elastic net keeps no column."""
    gradient = float(np.abs((y - y.mean()) @ X).max())
    return l1_ratio / max(gradient, 1e-12)


def build_predictor(name: str, seed: int, *, tuning: bool = False, **params: Any) -> BaseEstimator:
    """A predictor with `predict_proba`, single-threaded and repeatable.

    Args:
        name: a key of `GRIDS`.
        seed: decides everything random in it.
        tuning: whether it is only one of the candidates of a search.
        params: its settings, an entry of `GRIDS[name]`.

    Raises:
        ConfigError: no tabular predictor has that name.
    """
    if name in ("logistic", "elastic_net"):
        return PenalisedLogistic(seed=seed, **params)
    if name == "random_forest":
        trees = TUNING_TREES if tuning else TREES
        return RandomForestClassifier(trees, random_state=seed, **params)
    raise ConfigError("unknown tabular predictor", found=f"'{name}'", expected=", ".join(GRIDS))


GRIDS: dict[str, list[dict[str, Any]]] = {
    "logistic": [{"strength": s} for s in RIDGE_STRENGTHS],
    "elastic_net": [{"strength": s, "l1_ratio": r} for s in ELASTIC_STRENGTHS for r in L1_RATIOS],
    "random_forest": [
        {"min_samples_leaf": leaf, "max_features": share}
        for leaf in (5, 2)
        for share in ("sqrt", 0.1)
    ],
}
"""Settings tried in the inner folds, the simplest first: a tie is won by the earlier one."""


def weights_of(predictor: Any) -> Vector:
    """Coefficient (of scaled columns) or impurity importance of each column, shape (p,)."""
    if hasattr(predictor, "coef_"):
        return np.asarray(predictor.coef_[0], dtype=float)
    return np.asarray(predictor.feature_importances_, dtype=float)
