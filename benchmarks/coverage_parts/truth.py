"""What the models really achieve in the population: no test cases, no noise.

Score and true linear predictor are jointly normal, so that AUC and C of a model depend on their
correlation alone.
"""

import numpy as np
from scipy.special import expit
from scipy.stats import norm

from coverage_parts.cohorts import CENSORING, Setting

DRAWS = 400_000
CORRELATIONS = np.linspace(-1, 1, 81)


def true_values(setting: Setting, models: np.ndarray, seed: int) -> dict[str, float]:
    """Each metric's mean over models that were trained on independent cohorts.

    Args:
        setting: of the cohorts.
        models: as `Fits.models`, of all cohorts.
        seed: of the draws.
    """
    curve = _auc_curve if setting.kind == "binary" else _concordance_curve
    achieved = np.interp(models[:, 2], CORRELATIONS, curve(setting, seed)).mean()
    if setting.kind == "survival":
        return {"c_index": float(achieved)}
    slope = _pooled_slope(setting, models, seed)
    return {"auc": float(achieved), "calibration_slope": slope}


def _auc_curve(setting: Setting, seed: int) -> np.ndarray:
    """AUC at each correlation, over pairs of a case with and one without the outcome."""
    rng = np.random.default_rng(seed)
    signal = setting.strength * rng.normal(size=DRAWS)
    drawn = rng.random(DRAWS) < expit(setting.offset + signal)
    n = min(drawn.sum(), (~drawn).sum())
    return _ordered(signal[drawn][:n] - signal[~drawn][:n], setting.strength)


def _concordance_curve(setting: Setting, seed: int) -> np.ndarray:
    """Harrell's C at each correlation, over pairs of cases whose earlier time is an event."""
    rng = np.random.default_rng(seed)
    signal = setting.strength * rng.normal(size=(2, DRAWS))
    event = rng.exponential(np.exp(-signal))
    censored = rng.exponential(1 / CENSORING, signal.shape)
    time = np.minimum(event, censored)
    first = (time[0] > time[1]).astype(int)
    columns = np.arange(DRAWS)
    usable = (event <= censored)[first, columns]
    earlier, later = signal[first, columns], signal[1 - first, columns]
    return _ordered((earlier - later)[usable], setting.strength)


def _ordered(gap: np.ndarray, strength: float) -> np.ndarray:
    """Share of pairs that a score of each correlation puts in order, given the true gaps."""
    if strength == 0:
        return np.full(CORRELATIONS.size, 0.5)
    noise = np.sqrt(2 * np.maximum(1 - CORRELATIONS**2, 1e-12))
    few = gap[:40_000] / strength
    return np.array(
        [norm.cdf(r * few / s).mean() for r, s in zip(CORRELATIONS, noise, strict=True)]
    )


def _pooled_slope(setting: Setting, models: np.ndarray, seed: int) -> float:
    """Calibration slope of new cases, each scored by one of the models."""
    rng = np.random.default_rng(seed)
    intercept, spread, correlation = models[rng.integers(0, len(models), DRAWS)].T
    score = rng.normal(size=DRAWS)
    rest = np.sqrt(np.maximum(1 - correlation**2, 0)) * rng.normal(size=DRAWS)
    risk = expit(setting.offset + setting.strength * (correlation * score + rest))
    design = np.column_stack([np.ones(DRAWS), intercept + spread * score])
    beta = np.zeros(2)
    for _ in range(30):
        fitted = expit(design @ beta)
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        step = np.linalg.solve(hessian, design.T @ (risk - fitted))
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[1])
