"""Predictors of a time to an event: penalised Cox, boosted Cox, forest on martingale residuals.

All give a risk (larger: earlier event) and the probability of an event before a horizon.
"""
# X is the field's word for rows by columns.
# ruff: noqa: N803, N806

from typing import Any, Self

import numpy as np
from scipy.optimize import minimize
from sklearn.base import BaseEstimator
from sklearn.ensemble import RandomForestRegressor
from sklearn.tree import DecisionTreeRegressor

from radpipe.modelling.predictors.base import Target
from radpipe.types import Matrix, Vector

LARGEST_RISK = 30.0
"""Log hazards beyond this count as this: the exponential must stay finite."""


class _ProportionalHazards(BaseEstimator):
    """Breslow's baseline hazard under a log hazard `predict_risk`."""

    def predict_risk(self, X: Matrix) -> Vector:
        """Log hazard of each row, shape (n,)."""
        raise TypeError(f"{type(self).__name__} has no risk for {np.shape(X)}")

    def event_probability(self, X: Matrix, horizon: float) -> Vector:
        """Probability of an event up to `horizon`; past the last event that of the last event."""
        known = np.searchsorted(self.times_, horizon, side="right")
        hazard = float(self.cumulative_[known - 1]) if known else 0.0
        risk = np.clip(self.predict_risk(X), -LARGEST_RISK, LARGEST_RISK)
        return np.asarray(1 - np.exp(-hazard * np.exp(risk)))

    def _fit_baseline(self, y: Target, risk: Vector) -> None:
        risk = np.clip(risk, -LARGEST_RISK, LARGEST_RISK)
        self.times_, steps = hazard_steps(y, risk)
        self.cumulative_ = np.cumsum(steps)


class PenalisedCox(_ProportionalHazards):
    """Cox regression with an elastic net (Simon et al., J Stat Softw 2011;39:5), Breslow ties.

    The penalty is relative to the data as in `PenalisedLogistic`: without an L1 part C =
    strength / p, with one lambda is the smallest that keeps no column, divided by `strength`.
    Coefficients are u - v with u, v >= 0, which makes the L1 part smooth for L-BFGS-B.

    Args:
        strength: how much the data may say; larger is less penalty.
        l1_ratio: share of the L1 penalty.
    """

    def __init__(self, strength: float = 1.0, l1_ratio: float = 0.0) -> None:
        self.strength = strength
        self.l1_ratio = l1_ratio

    def fit(self, X: Matrix, y: Target) -> Self:
        """Fit on scaled columns X (n, p) and y with `event` and `time`."""
        X = np.asarray(X, dtype=float)
        n, p = X.shape
        self.n_features_in_ = p
        lasso, ridge = 0.0, p / (self.strength * n)
        if self.l1_ratio > 0:
            steepest = float(np.abs(X.T @ martingale(y, np.zeros(n))).max()) / n
            total = max(steepest, 1e-12) / (self.l1_ratio * self.strength)
            lasso, ridge = total * self.l1_ratio, total * (1 - self.l1_ratio)

        def objective(halves: Vector) -> tuple[float, Vector]:
            beta = halves[:p] - halves[p:]
            eta = X @ beta
            slope = -X.T @ martingale(y, eta) / n + ridge * beta
            value = cox_loss(y, eta) / n + lasso * halves.sum() + 0.5 * ridge * beta @ beta
            return float(value), np.concatenate([slope + lasso, lasso - slope])

        start, bounds = np.zeros(2 * p), [(0.0, None)] * (2 * p)
        found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds)
        self.coef_ = found.x[:p] - found.x[p:]
        self.centre_ = float((X @ self.coef_).mean())
        self._fit_baseline(y, self.predict_risk(X))
        return self

    def predict_risk(self, X: Matrix) -> Vector:
        """Log hazard relative to the mean of the training part, shape (n,)."""
        return np.asarray(np.asarray(X, dtype=float) @ self.coef_ - self.centre_)


class BoostedCox(_ProportionalHazards):
    """Gradient boosting of the Cox partial likelihood with small trees (Ridgeway 1999).

    Every tree is fitted to the martingale residuals, the negative gradient, of half of the rows.

    Args:
        rounds: number of trees.
        depth: of a tree.
        rate: weight of a tree.
        seed: of the halves and of the trees.
    """

    def __init__(self, rounds: int = 60, depth: int = 2, rate: float = 0.1, seed: int = 0) -> None:
        self.rounds = rounds
        self.depth = depth
        self.rate = rate
        self.seed = seed

    def fit(self, X: Matrix, y: Target) -> Self:
        """Fit on columns X (n, p) and y with `event` and `time`."""
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        random = np.random.default_rng(self.seed)
        risk = np.zeros(len(X))
        self.trees_: list[Any] = []
        for _ in range(self.rounds):
            rows = np.sort(random.permutation(len(X))[: max(2, len(X) // 2)])
            tree = DecisionTreeRegressor(
                max_depth=self.depth, min_samples_leaf=3, random_state=self.seed
            )
            tree.fit(X[rows], martingale(y, risk)[rows])
            self.trees_.append(tree)
            risk = risk + self.rate * tree.predict(X)
        self.feature_importances_ = np.mean([t.feature_importances_ for t in self.trees_], axis=0)
        self._fit_baseline(y, risk)
        return self

    def predict_risk(self, X: Matrix) -> Vector:
        """Log hazard, shape (n,)."""
        X = np.asarray(X, dtype=float)
        return np.asarray(self.rate * np.sum([tree.predict(X) for tree in self.trees_], axis=0))


class MartingaleForest(BaseEstimator):
    """A forest of regression trees on martingale residuals, with a hazard in every leaf.

    Trees split where the residuals of the empty Cox model differ most (Therneau, Grambsch &
    Fleming, Biometrika 1990;77:147), an approximation of the log-rank split of a random survival
    forest. The risk is the mean residual of the leaves; the probability comes from the Nelson-Aalen
    estimate with the training rows weighted by how often they share a leaf with the case.

    Args:
        trees: number of trees.
        min_samples_leaf: rows in a leaf at least.
        max_features: share of the columns tried at a split.
        seed: of bootstrap samples and columns.
    """

    def __init__(
        self,
        trees: int = 300,
        min_samples_leaf: int = 6,
        max_features: float | str = "sqrt",
        seed: int = 0,
    ) -> None:
        self.trees = trees
        self.min_samples_leaf = min_samples_leaf
        self.max_features = max_features
        self.seed = seed

    def fit(self, X: Matrix, y: Target) -> Self:
        """Fit on columns X (n, p) and y with `event` and `time`."""
        X = np.asarray(X, dtype=float)
        self.n_features_in_ = X.shape[1]
        residual = martingale(y, np.zeros(len(X)))
        self.forest_ = RandomForestRegressor(
            self.trees,
            min_samples_leaf=self.min_samples_leaf,
            max_features=self.max_features,
            random_state=self.seed,
        ).fit(X, residual)
        order = np.argsort(y["time"], kind="stable")
        self.leaves_ = self.forest_.apply(X)[order]
        self.event_ = np.asarray(y["event"], dtype=float)[order]
        self.time_ = np.asarray(y["time"], dtype=float)[order]
        self.feature_importances_ = self.forest_.feature_importances_
        return self

    def predict_risk(self, X: Matrix) -> Vector:
        """Expected events beyond those of the mean case, shape (n,)."""
        return np.asarray(self.forest_.predict(np.asarray(X, dtype=float)))

    def event_probability(self, X: Matrix, horizon: float) -> Vector:
        """Probability of an event up to `horizon`, shape (n,)."""
        first = np.searchsorted(self.time_, self.time_, side="left")
        early = self.time_ <= horizon
        hazards = []
        for own in self.forest_.apply(np.asarray(X, dtype=float)):
            shared = self.leaves_ == own
            weight = (shared / np.maximum(shared.sum(axis=0), 1)).mean(axis=1)
            at_risk = np.cumsum(weight[::-1])[::-1][first]
            steps = np.divide(weight * self.event_, at_risk, where=at_risk > 0, out=0 * weight)
            hazards.append(steps[early].sum())
        return np.asarray(1 - np.exp(-np.asarray(hazards)))


def martingale(y: Target, eta: Vector) -> Vector:
    """Events minus those expected under log hazards `eta`, shape (n,); sums to 0.

    It is the gradient of the Breslow log partial likelihood in `eta`.
    """
    eta = eta - eta.max()
    times, steps = hazard_steps(y, eta)
    cumulative = np.concatenate([[0.0], np.cumsum(steps)])
    hazard = cumulative[np.searchsorted(times, y["time"], side="right")]
    return np.asarray(y["event"] - np.exp(eta) * hazard)


def cox_loss(y: Target, eta: Vector) -> float:
    """Negative Breslow log partial likelihood."""
    order = np.argsort(-y["time"], kind="stable")
    time, event, sorted_eta = y["time"][order], y["event"][order], eta[order]
    top = sorted_eta.max()
    total = np.log(np.cumsum(np.exp(sorted_eta - top))) + top
    # Tied times share the risk set that ends with the last of them.
    last = np.searchsorted(-time, -time, side="right") - 1
    return float(-(sorted_eta[event] - total[last][event]).sum())


def hazard_steps(y: Target, eta: Vector) -> tuple[Vector, Vector]:
    """Distinct event times and Breslow's steps of the cumulative hazard at them."""
    order = np.argsort(y["time"], kind="stable")
    time, event = y["time"][order], y["event"][order]
    at_risk = np.cumsum(np.exp(eta[order])[::-1])[::-1]
    times, counts = np.unique(time[event], return_counts=True)
    return times, counts / at_risk[np.searchsorted(time, times, side="left")]
