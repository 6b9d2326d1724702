"""Fit on the training part of an outer fold, score its test part: one door for both."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import pandas as pd

from radpipe.config import Model
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular
from radpipe.modelling.predictions import score_cases
from radpipe.modelling.splits import part_of


def fit_fold(
    X: Blocks,
    targets: pd.DataFrame,
    splits: pd.DataFrame,
    fold: str,
    model: Model,
    settings: FitSettings,
) -> FittedModel:
    """Fit a model on the training part of one fold; nothing else of the tables is read.

    Args:
        X: features of all cases.
        targets: indexed by case, with `patient` and `y` (`outcomes.binary_targets`).
        splits: `fold, case, part`.
        fold: name of the fold, `final` among them.
        model: what is fitted.
        settings: inner folds, threshold rule, seed.
    """
    cases = part_of(splits, fold, "train")
    own = targets.loc[cases]
    return fit_tabular(
        X.rows(cases), own["y"].to_numpy(), own["patient"].to_numpy(), model, settings
    )


def cross_predict(
    X: Blocks, targets: pd.DataFrame, splits: pd.DataFrame, model: Model, settings: FitSettings
) -> pd.DataFrame:
    """Out-of-fold scores of every fold in `splits`: `model, case, fold, y_prob, threshold`."""
    scores = []
    for fold in dict.fromkeys(splits["fold"]):
        fitted = fit_fold(X, targets, splits, fold, model, settings)
        scores.append(score_cases(fitted, X.rows(part_of(splits, fold, "test")), fold))
    return pd.concat(scores, ignore_index=True)
