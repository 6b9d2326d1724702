"""Fit on the training part of an outer fold, score its test part: one door for both."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import pandas as pd

from radpipe.config import Model
from radpipe.config.stability import Stability
from radpipe.features.stability import stable_columns
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular
from radpipe.modelling.outcomes import target_array
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
        targets: indexed by case, from `outcomes.targets`.
        splits: `fold, case, part`.
        fold: name of the fold, `final` among them.
        model: what is fitted.
        settings: kind of outcome, inner folds, threshold rule, seed.
    """
    cases = part_of(splits, fold, "train")
    own = targets.loc[cases]
    return fit_tabular(X.rows(cases), target_array(own), own["patient"].to_numpy(), model, settings)


def stable_in_fold(
    measurements: pd.DataFrame, splits: pd.DataFrame, fold: str, model: Model, settings: Stability
) -> tuple[str, ...] | None:
    """The handcrafted features that are stable in the training part of a fold (guardrail G01).

    Args:
        measurements: the features measured again, of all cases.
        splits: `fold, case, part`.
        fold: name of the fold.
        model: `selection.stability` is the least intraclass correlation.
        settings: its form.

    Returns:
        None where the model asks for no stability.
    """
    minimum = model.selection.stability
    if minimum is None:
        return None
    return tuple(stable_columns(measurements, part_of(splits, fold, "train"), minimum, settings))


def cross_predict(
    X: Blocks, targets: pd.DataFrame, splits: pd.DataFrame, model: Model, settings: FitSettings
) -> pd.DataFrame:
    """Out-of-fold scores of every fold in `splits`: as of `score_cases`."""
    scores = []
    for fold in dict.fromkeys(splits["fold"]):
        fitted = fit_fold(X, targets, splits, fold, model, settings)
        scores.append(score_cases(fitted, X.rows(part_of(splits, fold, "test")), fold))
    return pd.concat(scores, ignore_index=True)
