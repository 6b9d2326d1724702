"""Small cohorts with an outcome of each kind, with a planted signal and without one."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from radpipe.config import Model, Selection, Splits, Threshold
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular, predict_scores
from radpipe.modelling.outcomes import survival_array

KINDS = ("binary", "multiclass", "regression", "survival")
SELECTION = Selection(method="anova", keep=[6])


def settings(kind: str, seed: int = 3) -> FitSettings:
    """Two inner folds: the least that a tuned model takes."""
    return FitSettings(Splits(inner_folds=2), Threshold(), seed=seed, kind=kind)


def values(n: int, p: int, seed: int = 0) -> np.ndarray:
    """Independent normal features."""
    return np.random.default_rng(seed).normal(size=(n, p))


def outcome(kind: str, latent: np.ndarray, seed: int = 0) -> np.ndarray:
    """An outcome that follows from a latent value: the larger, the likelier, higher or earlier."""
    random = np.random.default_rng(seed + 100)
    if kind == "regression":
        return 50 + 10 * latent
    if kind == "survival":
        event, censored = (
            random.exponential(np.exp(-1.5 * latent)),
            random.exponential(3, len(latent)),
        )
        return survival_array(event <= censored, np.minimum(event, censored))
    ranks = np.argsort(np.argsort(latent))
    return (ranks * (2 if kind == "binary" else 3) // len(latent)).astype(float)


def cohort(kind: str, n: int = 48, p: int = 8, *, signal: bool = True, seed: int = 0) -> tuple:
    """Features and outcomes of n patients; the first feature carries the signal."""
    x = values(n, p, seed)
    noise = np.random.default_rng(seed + 50).normal(size=n)
    latent = x[:, 0] + 0.3 * noise if signal else noise
    return blocks(x), outcome(kind, latent, seed), latent


def blocks(x: np.ndarray, block: str = "handcrafted") -> Blocks:
    """Columns f000, f001 … of cases c000, c001 …"""
    cases = pd.Index([f"c{i:03d}" for i in range(len(x))], name="case")
    columns = [f"f{i:03d}" for i in range(x.shape[1])]
    return Blocks(pd.DataFrame(x, index=cases, columns=columns), dict.fromkeys(columns, block))


def model(predictor: str, **changes: object) -> Model:
    """A model of handcrafted features."""
    content = {"name": "m", "blocks": ["handcrafted"], "predictor": predictor}
    return Model.model_validate({**content, "selection": SELECTION, **changes})


def fit(kind: str, predictor: str, x: Blocks, y: np.ndarray, **changes: object) -> FittedModel:
    """A fitted model; every case is a patient."""
    return fit_tabular(x, y, list(x.table.index), model(predictor, **changes), settings(kind))


def agreement(scores: pd.DataFrame, latent: np.ndarray) -> float:
    """Rank correlation of the score that grows with the latent value with that value."""
    score = scores["y_prob_2"] if "y_prob_2" in scores else scores.iloc[:, 0]
    if score.nunique() < 2:
        return 0.0
    return float(spearmanr(score, latent).statistic)


def difficult(kind: str) -> Iterator[tuple[Blocks, np.ndarray, Blocks]]:
    """Training tables, their outcomes and new rows that every predictor has to survive.

    More columns than cases, with gaps, a constant and a column without any value; then one column
    with the signal; then one that does not vary.
    """
    _, y, latent = cohort(kind, 24)
    x = values(24, 40, seed=4)
    x[:, 0] = latent
    x[:, 1] = 7.0
    x[::5, 2] = np.nan
    x[:, 3] = np.nan
    new = values(5, 40, seed=5)
    new[0, 2] = np.nan
    for columns in (slice(None), slice(0, 1), slice(1, 2)):
        yield blocks(x[:, columns]), y, blocks(new[:, columns])


def agreement_with_noise(
    kind: str, features: int, fit_one: Callable[[Blocks, np.ndarray], FittedModel]
) -> float:
    """Mean agreement, over six cohorts without a signal, of new scores with unrelated numbers."""
    found = []
    for seed in range(6):
        x, y, _ = cohort(kind, 40, features, signal=False, seed=seed)
        new = values(60, features, seed=seed + 70)
        noise = np.random.default_rng(seed + 90).normal(size=60)
        found.append(agreement(predict_scores(fit_one(x, y), blocks(new)), noise))
    return float(np.mean(found))


# A rank correlation of 60 pairs has a standard deviation of 0.13.
CHANCE = 3 * 0.13 / np.sqrt(6)
"""Largest mean agreement over six cohorts that is chance."""
