"""Small cohorts with an outcome of each kind, with a planted signal and without one."""

import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from radpipe.config import Model, Selection, Splits, Threshold
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular
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
