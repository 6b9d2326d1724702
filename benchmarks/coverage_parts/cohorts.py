"""Simulated cohorts, and the models that a repeated cross-validation of each fits.

Features are normal with a correlation of 0.5 between neighbours; five of them carry the signal. The
predictors are as cheap as can be: a ridge logistic regression by Newton's steps, and for times to
an event a ridge regression of the null model's martingale residuals, both fitted for all folds at
once, on all features or on those that a screening in the training set kept.
"""

import re
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

FOLDS = 5
ACTIVE = 5
CENSORING = 0.7
"""Rate of the exponential censoring; that of events is 1 at the mean of the features."""


SCREENED = 1e9
"""Penalty of a feature that a model does without."""


@dataclass(frozen=True)
class Setting:
    """One kind of cohort and of model.

    Attributes:
        kind: of the outcome, binary or survival.
        n: patients.
        features: of each.
        strength: spread of the true log-odds, or log hazard, over patients.
        penalty: of the ridge.
        offset: log-odds of a binary outcome at the mean of the features.
        neighbours: correlation of neighbouring features.
        kept: features with the strongest univariate association in the training set, which alone
            are fitted; None for all.
        check: what the setting checks that the others do not have; they have none.
    """

    kind: str
    n: int
    features: int
    strength: float
    penalty: float = 5.0
    offset: float = 0.0
    neighbours: float = 0.5
    kept: int | None = None
    check: str = ""

    @property
    def name(self) -> str:
        """Names its table."""
        plain = f"{self.kind}_n{self.n}_p{self.features}_s{self.strength:g}_l{self.penalty:g}"
        return "_".join([plain, *re.findall(r"[\w.]+", self.check)])

    @property
    def covariance(self) -> np.ndarray:
        """Of the features, shape (p, p)."""
        apart = np.abs(np.subtract.outer(np.arange(self.features), np.arange(self.features)))
        return self.neighbours**apart


@dataclass(frozen=True)
class Fits:
    """What the models of one cohort are and predict.

    Attributes:
        outcome: y, shape (1, n), or time and event, shape (2, n).
        fold: shape (repeats, n).
        score: out-of-fold linear predictors, shape (repeats, n).
        inner: predictions of models trained without fold k of a repeat and without the fold of the
            case, NaN for the cases of k, shape (repeats of it, folds, n).
        models: intercept, spread of the score in the population and its correlation with the truth,
            shape (repeats x folds, 3).
    """

    outcome: np.ndarray
    fold: np.ndarray
    score: np.ndarray
    inner: np.ndarray
    models: np.ndarray


def draw_fits(setting: Setting, seed: int, *, repeats: int, inner: int) -> Fits:
    """One cohort and its cross-validation; `inner` repeats have the fits of nested ones, too."""
    rng = np.random.default_rng([seed, setting.n, setting.features, round(100 * setting.strength)])
    x, outcome = _cohort(setting, rng)
    strata = outcome[0] if len(outcome) == 1 else outcome[1]
    fold = np.stack([_stratified(strata, rng) for _ in range(repeats)])
    pairs = [(r, k, j) for r in range(inner) for k in range(FOLDS) for j in range(k + 1, FOLDS)]
    training = [fold[r] != k for r in range(repeats) for k in range(FOLDS)]
    training += [(fold[r] != k) & (fold[r] != j) for r, k, j in pairs]
    fit = _ridge_logistic if setting.kind == "binary" else _ridge_survival
    coefficients = fit(x, outcome, np.array(training, dtype=float), setting)
    scores = coefficients @ np.column_stack([np.ones(setting.n), x]).T
    outer = scores[: repeats * FOLDS].reshape(repeats, FOLDS, -1)
    nested = np.full((inner, FOLDS, setting.n), np.nan)
    for row, (r, k, j) in zip(scores[repeats * FOLDS :], pairs, strict=True):
        for left, judged in ((k, j), (j, k)):
            nested[r, left, fold[r] == judged] = row[fold[r] == judged]
    return Fits(
        outcome,
        fold,
        np.take_along_axis(outer, fold[:, None, :], axis=1)[:, 0],
        nested,
        _in_population(coefficients[: repeats * FOLDS], setting),
    )


def truth_of(setting: Setting) -> np.ndarray:
    """Coefficients of the features, shape (p,)."""
    beta = np.zeros(setting.features)
    beta[:ACTIVE] = 1.0
    return beta * setting.strength / np.sqrt(beta @ setting.covariance @ beta)


def _cohort(setting: Setting, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Features and an outcome with at least two events and others a fold."""
    root = np.linalg.cholesky(setting.covariance)
    while True:
        x = rng.normal(size=(setting.n, setting.features)) @ root.T
        signal = x @ truth_of(setting)
        if setting.kind == "binary":
            outcome = (rng.random(setting.n) < expit(setting.offset + signal)).astype(float)[None]
        else:
            times = rng.exponential(np.exp(-signal))
            censored = rng.exponential(1 / CENSORING, setting.n)
            outcome = np.stack([np.minimum(times, censored), (times <= censored).astype(float)])
        events = outcome[-1].sum()
        if min(events, setting.n - events) >= 2 * FOLDS:
            return x, outcome


def _stratified(strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    fold = np.empty(strata.size, dtype=int)
    start = 0
    for label in (1, 0):
        cases = rng.permutation(np.flatnonzero(strata == label))
        fold[cases] = (np.arange(cases.size) + start) % FOLDS
        start += cases.size
    return fold


def _ridge_logistic(
    x: np.ndarray, outcome: np.ndarray, training: np.ndarray, setting: Setting
) -> np.ndarray:
    """Coefficients, the unpenalised intercept first, one row a training set."""
    y = outcome[0]
    design = np.column_stack([np.ones(y.size), x])
    rate = (training @ y / training.sum(axis=1))[:, None]
    ridge = np.column_stack(
        [np.full(len(training), 1e-8), _penalties((training * (y - rate)) @ x, setting)]
    )
    beta = np.zeros(ridge.shape)
    if len(training) > 1:
        # All are near the fit to everybody: half the steps are saved.
        beta += _ridge_logistic(x, outcome, np.ones((1, y.size)), setting)
    diagonal = np.arange(ridge.shape[1])
    for _ in range(25):
        fitted = expit(beta @ design.T)
        weight = training * fitted * (1 - fitted)
        gradient = (training * (y - fitted)) @ design - beta * ridge
        hessian = np.matmul(design.T * weight[:, None, :], design)
        hessian[:, diagonal, diagonal] += ridge
        step = np.linalg.solve(hessian, gradient[:, :, None])[:, :, 0]
        beta += step
        if np.abs(step).max() < 1e-6:
            break
    return beta


def _ridge_survival(
    x: np.ndarray, outcome: np.ndarray, training: np.ndarray, setting: Setting
) -> np.ndarray:
    """Coefficients behind an intercept of 0, one row a training set."""
    time, event = outcome
    order = np.argsort(time)
    x, event, training = x[order], event[order], training[:, order]
    at_risk = np.cumsum(training[:, ::-1], axis=1)[:, ::-1]
    hazard = np.cumsum(training * event / np.maximum(at_risk, 1), axis=1)
    score = (training * (event - hazard)) @ x
    gram = np.matmul(x.T * training[:, None, :], x)
    diagonal = np.arange(x.shape[1])
    gram[:, diagonal, diagonal] += _penalties(score, setting)
    beta = np.linalg.solve(gram, score[:, :, None])[:, :, 0]
    return np.column_stack([np.zeros(len(beta)), beta])


def _penalties(score: np.ndarray, setting: Setting) -> np.ndarray:
    """Penalty of each feature in each training set; a screened one's leaves nothing of it."""
    penalty = np.full(score.shape, setting.penalty)
    if setting.kept is not None:
        rank = np.argsort(np.argsort(-np.abs(score), axis=1), axis=1)
        penalty[rank >= setting.kept] = SCREENED
    return penalty


def _in_population(coefficients: np.ndarray, setting: Setting) -> np.ndarray:
    intercept, weights = coefficients[:, 0], coefficients[:, 1:]
    covariance, beta = setting.covariance, truth_of(setting)
    spread = np.sqrt(np.einsum("bi,ij,bj->b", weights, covariance, weights))
    signal = np.sqrt(beta @ covariance @ beta)
    together = weights @ covariance @ beta
    correlation = together / (spread * signal) if signal else np.zeros(len(weights))
    return np.column_stack([intercept, spread, correlation])
