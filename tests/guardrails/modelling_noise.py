"""Cohorts in which there is nothing to learn, for the guardrails of modelling."""

import numpy as np
import pandas as pd

from radpipe.config import Model, Selection, Splits, Threshold
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.fitting import FitSettings
from radpipe.modelling.selection import FeatureFilter
from radpipe.modelling.splits import fold_table

SETTINGS = FitSettings(Splits(), Threshold(), seed=1)

NULL_SD = 0.08
"""Standard deviation of an out-of-fold AUC over noise cohorts of 80 patients (G01: 0.078)."""


def chance_band(seeds: int, sd: float = NULL_SD) -> float:
    """Half width around 0.5 of three standard errors, at least the 0.05 of the rules."""
    return max(0.05, 3 * sd / np.sqrt(seeds))


def model(
    predictor: str = "logistic", method: str = "none", keep: tuple[int, ...] = (10,)
) -> Model:
    """A model of handcrafted features."""
    selection = Selection(method=method, keep=list(keep))
    return Model(name="m", blocks=["handcrafted"], predictor=predictor, selection=selection)


def noise(n: int, p: int, seed: int) -> tuple[Blocks, pd.DataFrame]:
    """n patients with p features and outcomes that have nothing to do with each other."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(n) % 2).astype(float)
    return as_cohort(random.normal(size=(n, p)), y, np.arange(n))


def as_cohort(
    values: np.ndarray, y: np.ndarray, patient: np.ndarray
) -> tuple[Blocks, pd.DataFrame]:
    """Features, outcomes and patients as the chain wants them."""
    cases = pd.Index([f"c{i:04d}" for i in range(len(y))], name="case")
    columns = [f"f{i:04d}" for i in range(values.shape[1])]
    targets = pd.DataFrame({"patient": [f"p{i:04d}" for i in patient], "y": y}, index=cases)
    table = pd.DataFrame(values, index=cases, columns=columns)
    return Blocks(table, dict.fromkeys(columns, "handcrafted")), targets


def chain_auc(blocks: Blocks, targets: pd.DataFrame, chosen: Model) -> float:
    """Pooled out-of-fold AUC of the whole chain."""
    folds = fold_table(targets, SETTINGS.splits, SETTINGS.seed)
    scores = cross_predict(blocks, targets, folds, chosen, SETTINGS)
    return auc(targets.loc[scores["case"], "y"], scores["y_prob"])


def selected_on_all_rows(blocks: Blocks, targets: pd.DataFrame) -> Blocks:
    """The ten best features of the whole cohort, test rows among them: the oldest leak."""
    chosen = FeatureFilter("anova", keep=10).fit(blocks.table, targets["y"].to_numpy())
    kept = blocks.table.columns[chosen.kept_]
    return Blocks(blocks.table[kept], dict.fromkeys(kept, "handcrafted"))
