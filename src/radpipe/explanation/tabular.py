"""SHAP values of tabular models.

Lundberg & Lee, NeurIPS 2017. The values of a case and the base add up to its prediction, on the
scale that is named: the log-odds of a linear model of two classes, else what is predicted.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.base import is_classifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.pipeline import Pipeline

from radpipe.errors import RadpipeError
from radpipe.explanation.columns import Codes, Predict, check_columns, source_columns, used_columns
from radpipe.explanation.sampling import sampled_shapley
from radpipe.modelling.predictors.linear import PenalisedLinear
from radpipe.modelling.predictors.survival import MartingaleForest, PenalisedCox
from radpipe.types import Matrix, Vector

with warnings.catch_warnings():
    # shap 0.51 sets up the colours of its plots in a way that matplotlib 3.11 announces to end.
    warnings.filterwarnings("ignore", "The set_", PendingDeprecationWarning)
    import shap

BACKGROUND_ROWS = 50
"""Rows of the background behind sampled values; more are drawn from at random."""

FEWEST_ROWS = 10
"""Rows of the background that are always kept."""

MOST_PREDICTIONS = 500_000
"""Rows that a model is asked for when values are sampled, about: minutes of a searched model.

Without a limit a search over 200 features of 200 cases would be explained for hours."""

FOREST_ROWS = 100
"""Rows of the background behind the values of a forest, at most: the work grows with each."""

Scale = Literal["log_odds", "probability", "value", "risk"]


@dataclass(frozen=True)
class ShapValues:
    """SHAP values of some cases.

    Attributes:
        table: `feature, case, value, shap, scale`, every case with every feature that is used;
            `value` is what the model was given, text where the column is text.
        base: the mean prediction over the background, on `scale`.
        scale: of the values and the base.
        prediction: prediction of each case on `scale`, indexed by case.
        explainer: `linear`, `tree` or `permutation`.
    """

    table: pd.DataFrame
    base: float
    scale: Scale
    prediction: pd.Series
    explainer: str


def explain_pipeline(
    pipeline: Pipeline, table: pd.DataFrame, background: pd.DataFrame, *, seed: int
) -> ShapValues:
    """Exact SHAP values of a fitted pipeline whose last step is linear or a forest.

    Values belong to the columns that the last step sees; the steps before must name them
    (`get_feature_names_out`). Any other classifier is explained by permutations of its inputs.

    Args:
        pipeline: fitted transformers and, last, a binary classifier.
        table: rows to explain, indexed by case.
        background: rows of the training data.
        seed: of the permutation explainer.

    Raises:
        RadpipeError: columns differ, or the last step is no binary classifier.
    """
    check_columns(table, background)
    classifier = pipeline[-1]
    if not is_classifier(classifier) or len(classifier.classes_) != 2:
        raise RadpipeError(
            "only binary classifiers can be explained", found=type(classifier).__name__
        )
    if _is_logistic(pipeline, table):
        line = classifier.coef_[0], float(classifier.intercept_[0])
        return _linear(pipeline, line, table, background, "log_odds")
    if isinstance(classifier, RandomForestClassifier | ExtraTreesClassifier):
        return _forest(pipeline, classifier, table, background, "probability")
    return explain_predictions(
        lambda rows: pipeline.predict_proba(rows)[:, 1], table, background, seed=seed
    )


def explain_number(
    pipeline: Pipeline, table: pd.DataFrame, background: pd.DataFrame
) -> ShapValues | None:
    """Exact SHAP values of a pipeline that predicts a value or a risk, where there are any.

    Args:
        pipeline: fitted transformers and, last, any predictor of a number or of survival.
        table: rows to explain, indexed by case.
        background: rows of the training data.

    Returns:
        The values of a linear model or of a forest; None of any other predictor.

    Raises:
        RadpipeError: columns differ.
    """
    check_columns(table, background)
    last = pipeline[-1]
    if isinstance(last, PenalisedLinear):
        line = last.coef_, float(last.intercept_)
        return _linear(pipeline, line, table, background, "value")
    if isinstance(last, PenalisedCox):
        return _linear(pipeline, (last.coef_, -last.centre_), table, background, "risk")
    if isinstance(last, MartingaleForest):
        return _forest(pipeline, last.forest_, table, background, "risk")
    if isinstance(last, RandomForestRegressor | ExtraTreesRegressor):
        return _forest(pipeline, last, table, background, "value")
    return None


def explain_predictions(
    predict: Predict,
    table: pd.DataFrame,
    background: pd.DataFrame,
    *,
    seed: int,
    permutations: int = 10,
    columns: Sequence[str] | None = None,
) -> ShapValues:
    """SHAP values of any model, on the scale of its predictions, from permutations of its inputs.

    Exactly additive whatever the number of permutations, which decides how well interactions are
    shared out.

    Args:
        predict: the model.
        table: rows to explain, indexed by case.
        background: rows of the training data.
        seed: of the permutations and of the choice of background rows.
        permutations: random orders of the inputs, each walked forwards and backwards; fewer, and
            of a smaller background, where that is more than `MOST_PREDICTIONS`.
        columns: those the model looks at, if known; default: sought by `used_columns`.
    """
    check_columns(table, background)
    used = list(columns) if columns else used_columns(predict, table, background, seed=seed)
    if not used:
        prediction = _series(predict(table), table)
        return _collect(table[[]], np.empty((len(table), 0)), prediction, "permutation")
    codes = Codes.of(table, background, used)
    size, orders = _affordable(len(table), len(used), len(background), permutations)
    few = background.sample(size, random_state=seed)
    values = sampled_shapley(
        codes.predictor(predict),
        codes.encode(table),
        codes.encode(few),
        orders=orders,
        seed=seed,
    )
    prediction = _series(predict(table), table)
    return _collect(table[used], values, prediction, "permutation")


def _affordable(rows: int, inputs: int, background: int, orders: int) -> tuple[int, int]:
    """Rows of the background and orders of the inputs within `MOST_PREDICTIONS`."""
    size = min(BACKGROUND_ROWS, background)
    walks = 2 * rows * inputs
    orders = max(1, min(orders, MOST_PREDICTIONS // (walks * size)))
    affordable = max(FEWEST_ROWS, MOST_PREDICTIONS // (walks * orders))
    return min(size, affordable), orders


def summarise_shap(found: ShapValues) -> pd.DataFrame:
    """Mean absolute SHAP value of each feature, largest first: `feature, mean_abs_shap`."""
    sizes = found.table.assign(mean_abs_shap=found.table["shap"].abs())
    means = sizes.groupby("feature", sort=False)["mean_abs_shap"].mean().reset_index()
    return means.sort_values("mean_abs_shap", ascending=False, kind="stable", ignore_index=True)


def _is_logistic(pipeline: Pipeline, table: pd.DataFrame) -> bool:
    """Whether the probability is the logistic function of a weighted sum of the inputs."""
    classifier = pipeline[-1]
    if not (hasattr(classifier, "coef_") and hasattr(classifier, "intercept_")):
        return False
    weighted = _transformed(pipeline, table).to_numpy() @ classifier.coef_[0]
    p = pipeline.predict_proba(table)[:, 1]
    return bool(np.allclose(expit(weighted + classifier.intercept_[0]), p, rtol=0, atol=1e-9))


def _linear(
    pipeline: Pipeline,
    line: tuple[Vector, float],
    table: pd.DataFrame,
    background: pd.DataFrame,
    scale: Scale,
) -> ShapValues:
    inputs, reference = (_transformed(pipeline, rows) for rows in (table, background))
    weights, offset = line
    masker = shap.maskers.Independent(reference.to_numpy(), max_samples=len(reference))
    explainer = shap.LinearExplainer((weights, offset), masker)
    values = np.asarray(explainer.shap_values(inputs.to_numpy()))
    prediction = _series(inputs.to_numpy() @ weights + offset, table)
    used = weights != 0
    shown = _shown(inputs.loc[:, used], table)
    return _collect(shown, values[:, used], prediction, "linear", scale)


def _forest(
    pipeline: Pipeline, forest: Any, table: pd.DataFrame, background: pd.DataFrame, scale: Scale
) -> ShapValues:
    inputs, reference = (_transformed(pipeline, rows) for rows in (table, background))
    masker = shap.maskers.Independent(reference.to_numpy(), max_samples=FOREST_ROWS)
    explainer = shap.TreeExplainer(forest, masker, feature_perturbation="interventional")
    values = np.asarray(explainer.shap_values(inputs.to_numpy(), check_additivity=False))
    used = np.zeros(inputs.shape[1], dtype=bool)
    for tree in forest.estimators_:
        used[tree.tree_.feature[tree.tree_.feature >= 0]] = True
    if is_classifier(forest):
        # Of two classes shap gives both.
        values = values[..., 1]
        prediction = _series(forest.predict_proba(inputs.to_numpy())[:, 1], table)
    else:
        prediction = _series(forest.predict(inputs.to_numpy()), table)
    shown = _shown(inputs.loc[:, used], table)
    return _collect(shown, values[:, used], prediction, "tree", scale)


def _transformed(pipeline: Pipeline, rows: pd.DataFrame) -> pd.DataFrame:
    """What the last step sees, with the names it has there."""
    before = pipeline[:-1]
    if len(before) == 0:
        return rows.astype(float)
    return pd.DataFrame(
        np.asarray(before.transform(rows), dtype=float),
        columns=[str(name) for name in before.get_feature_names_out()],
        index=rows.index,
    )


def _shown(inputs: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """The values a reader knows: those of the table, as they were before the steps.

    A column `<column>_<category>` of a one-hot coding shows the category of the case.
    """
    values = {f: table[c] for f, c in source_columns(inputs.columns, table).items()}
    return inputs.astype(object).assign(**values)


def _collect(
    shown: pd.DataFrame,
    values: Matrix,
    prediction: pd.Series,
    explainer: str,
    scale: Scale = "probability",
) -> ShapValues:
    cases, features = len(shown.index), len(shown.columns)
    table = pd.DataFrame(
        {
            "feature": np.tile(shown.columns.to_numpy(dtype=str), cases),
            "case": np.repeat(shown.index.to_numpy(), features),
            "value": shown.to_numpy(dtype=object).ravel(),
            "shap": values.ravel(),
            "scale": scale,
        }
    )
    # The base is the same for every case; the mean takes out rounding.
    base = float((prediction.to_numpy() - values.sum(axis=1)).mean())
    return ShapValues(table, base, scale, prediction, explainer)


def _series(values: Any, table: pd.DataFrame) -> pd.Series:
    vector: Vector = np.asarray(values, dtype=float)
    return pd.Series(vector, index=table.index, name="prediction")
