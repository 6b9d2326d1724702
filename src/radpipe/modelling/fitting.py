"""Fit a tabular predictor on one training part, with everything that is learned nested inside."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.pipeline import Pipeline

from radpipe.config import Model
from radpipe.errors import FitError
from radpipe.modelling.averaging import AVERAGES, PipelineAverage
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.cards import (
    FitSettings,
    candidate_facts,
    class_count,
    fit_settings,
    selection_table,
    training_card,
)
from radpipe.modelling.harmonisation import ComBat
from radpipe.modelling.inner_folds import Training
from radpipe.modelling.links import event_columns, operating_threshold, output_columns
from radpipe.modelling.losses import judge
from radpipe.modelling.members import best_members, inner_spread, mean_scores
from radpipe.modelling.pipelines import (
    PREDICT,
    Candidate,
    Recipe,
    fit_pipeline,
    selected_features,
)
from radpipe.modelling.portfolio import portfolio
from radpipe.modelling.predictors import GRIDS
from radpipe.modelling.predictors.base import (
    Kind,
    from_scores,
    outputs_of,
)
from radpipe.modelling.recalibration import fit_platt
from radpipe.modelling.rows import check_columns, check_finite, check_outcome, in_order, typed
from radpipe.modelling.search import Nesting, Search, search
from radpipe.types import Matrix, Vector

__all__ = [
    "FitSettings",
    "FittedModel",
    "fit_settings",
    "fit_tabular",
    "predict",
    "predict_scores",
    "selection_table",
    "training_card",
]

AUTO = "auto"


@dataclass(frozen=True)
class FittedModel:
    """A tabular predictor with everything needed to score a row.

    Attributes:
        pipeline: scikit-learn pipeline from `columns` to an output.
        columns: raw columns it reads, in order.
        categorical: which of them hold categories.
        threshold: operating point: of the probability, from inner out-of-fold predictions of the
            training part (binary); the median risk of the training part (survival); else NaN.
        card: what was fitted on whom, as JSON can hold it.
        tuning: one row a candidate of the search.
        inner: by training case, what the inner folds predict of it, for a fusion of models.
    """

    pipeline: Pipeline
    columns: tuple[str, ...]
    categorical: tuple[str, ...]
    threshold: float
    card: dict[str, Any]
    tuning: pd.DataFrame
    inner: pd.DataFrame | None = None

    @property
    def kind(self) -> Kind:
        """Kind of outcome."""
        kind: Kind = self.card.get("kind", "binary")
        return kind


@dataclass(frozen=True)
class _Fit:
    """A fitted pipeline with what its search found.

    Attributes:
        pipeline: fitted on the whole training part.
        out_of_fold: outputs of the same setting in the inner folds, (n, columns).
        found: the search.
        features: `feature, block, weight`.
        card: what is special to this way of fitting.
    """

    pipeline: Pipeline
    out_of_fold: Matrix
    found: Search
    features: pd.DataFrame
    card: dict[str, Any]


def fit_tabular(
    X: Blocks,
    y: Sequence[float] | npt.NDArray[Any],
    patients: Sequence[str] | npt.NDArray[np.object_],
    model: Model,
    settings: FitSettings,
) -> FittedModel:
    """Tune in inner folds, fit the best setting on all rows, choose the threshold inside.

    With `predictor: auto` whole pipelines are searched and the best ones averaged. The result
    depends on the rows given and on nothing else, not on their order either.

    Args:
        X: the training part.
        y: outcomes, shape (n,): 0 or 1, indices of classes, numbers, or a structured array of
            `event` and `time`, as `settings.kind` says.
        patients: the patient of each row, shape (n,).
        model: name, blocks, predictor, selection and the other steps.
        settings: kind of outcome, inner folds, threshold rule, seed.

    Raises:
        FitError: an outcome does not fit its kind, or a class has fewer patients than inner folds.
        CaseError: a feature is infinite.
    """
    table, outcome, names = in_order(X.table, np.asarray(y), patients)
    outcome = check_outcome(table, outcome, settings.kind)
    check_finite(table)
    classes = class_count(outcome, settings) if settings.kind == "multiclass" else 1
    training = Training(table, outcome, names, classes)
    recipe = _recipe(X, table, model, settings)
    fit = (_average if model.predictor == AUTO else _tuned)(model, recipe, training, settings)
    threshold = _threshold(fit, training, settings)
    columns = [str(c) for c in table.columns]
    card = training_card(model, table.index, names, outcome, settings)
    card |= fit.card | {"features": fit.features.to_dict("records")}
    card |= {"threshold": None if np.isnan(threshold) else threshold}
    card |= {"columns": columns, "categorical": list(recipe.categorical)}
    card |= candidate_facts([c for c in columns if X.block_of.get(c) in model.blocks], table)
    outputs = output_columns(settings.kind, card)
    inner = pd.DataFrame(fit.out_of_fold, columns=outputs, index=table.index.astype(str))
    return FittedModel(
        fit.pipeline,
        tuple(columns),
        tuple(recipe.categorical),
        threshold,
        card,
        fit.found.table,
        inner,
    )


def predict(fitted: FittedModel, X: pd.DataFrame | Blocks) -> Vector:
    """One score a row, shape (n,); rows do not influence each other.

    The probability of the positive class (binary), the value (regression) or the risk (survival).

    Args:
        fitted: from `fit_tabular` or `bundles.read_model`.
        X: one row a case, with at least `fitted.columns`.

    Raises:
        FitError: a column is missing, or the outcome has several classes.
        CaseError: a feature is infinite.
    """
    outputs = _outputs(fitted, _rows(fitted, X))
    if outputs.shape[1] != 1:
        raise FitError(
            f"model '{fitted.card['name']}' has a score for each class",
            found=f"{outputs.shape[1]} classes",
            hint="use predict_scores",
        )
    return outputs[:, 0]


def predict_scores(
    fitted: FittedModel, X: pd.DataFrame | Blocks, *, curve: bool = False
) -> pd.DataFrame:
    """All scores of each row, by case; rows do not influence each other.

    Args:
        fitted: from `fit_tabular` or `bundles.read_model`.
        X: one row a case, with at least `fitted.columns`.
        curve: survival: add `event_prob_<time>`, the probability by times up to the horizon. Each
            costs a prediction, which an explanation of thousands of rows has no use for.

    Returns:
        Column `y_prob` (binary), `y_prob_<class>` a class (multiclass), `y_pred` (regression), or
        `risk` and `event_prob`, the probability of an event up to the horizon (survival).

    Raises:
        FitError: a column is missing.
        CaseError: a feature is infinite.
    """
    table = _rows(fitted, X)
    columns = output_columns(fitted.kind, fitted.card)
    scores = pd.DataFrame(_outputs(fitted, table), columns=columns, index=table.index)
    if fitted.kind != "survival":
        return scores
    inputs, horizon = _before(fitted.pipeline, table), float(fitted.card["horizon"])
    chance = partial(fitted.pipeline[-1].event_probability, inputs)
    return scores.assign(
        **(event_columns(chance, horizon) if curve else {"event_prob": chance(horizon)})
    )


def _rows(fitted: FittedModel, X: pd.DataFrame | Blocks) -> pd.DataFrame:
    given = X.table if isinstance(X, Blocks) else X
    check_columns(given, fitted.columns, str(fitted.card["name"]))
    table = typed(given[list(fitted.columns)], fitted.categorical)
    check_finite(table)
    return table


def _outputs(fitted: FittedModel, table: pd.DataFrame) -> Matrix:
    classes = len(fitted.card.get("classes", ()))
    inputs = _before(fitted.pipeline, table)
    return outputs_of(fitted.pipeline[-1], inputs, fitted.kind, classes)


def _before(pipeline: Pipeline, table: pd.DataFrame) -> Any:
    """What the last step sees."""
    return pipeline[:-1].transform(table) if len(pipeline) > 1 else table


def _recipe(
    X: Blocks,
    table: pd.DataFrame,
    model: Model,
    settings: FitSettings,
) -> Recipe:
    columns = [str(c) for c in table.columns]
    categorical = [c for c, t in zip(columns, table.dtypes, strict=True) if t.kind == "O"]
    offered = None if settings.stable is None else set(settings.stable)
    of_block = {
        block: [
            c
            for c in columns
            if X.block_of.get(c) == block
            and (offered is None or block != "handcrafted" or c in offered)
        ]
        for block in model.blocks
    }
    empty = [block for block, own in of_block.items() if not own]
    if empty:
        raise FitError(
            f"block '{empty[0]}' of model '{model.name}' has no columns",
            hint=None if offered is None else "no feature of the training part is stable",
        )
    return Recipe(
        of_block,
        categorical,
        settings.kind,
        settings.seed,
        correlation=model.selection.correlation,
        indicator=model.imputation.indicator,
        harmoniser=_harmoniser(model, table),
    )


def _tuned(model: Model, recipe: Recipe, training: Training, settings: FitSettings) -> _Fit:
    """The best setting of one predictor."""
    ranked = model.selection.method != "none"
    extra: dict[str, Any] = {"class_weight": model.class_weight} if model.class_weight else {}
    extra |= {"oversampling": True} if model.oversampling else {}
    candidates = [
        Candidate(
            model.predictor,
            {**params, **extra},
            model.selection.method,
            keep,
            scaling=model.scaling,
            imputation=model.imputation.method,
        )
        for keep in (model.selection.keep if ranked else [None])
        for params in _grid(model, settings.kind)
    ]
    found = search(
        candidates, recipe, training, Nesting(settings.splits.inner_folds, settings.seed)
    )
    best = int(found.ranking[0])
    chosen = found.candidates[best]
    pipeline = fit_pipeline(recipe.pipeline(chosen), training.table, training.y, training.patients)
    measures = _inner_measures(found, best)
    card = {"keep": chosen.keep, "params": dict(chosen.params), **measures}
    return _Fit(pipeline, found.out_of_fold(best), found, selected_features(pipeline), card)


def _average(model: Model, recipe: Recipe, training: Training, settings: FitSettings) -> _Fit:
    """The mean of the best pipelines of a search."""
    budget = model.budget
    gaps = bool(training.table.isna().to_numpy().any())
    nesting = Nesting(
        settings.splits.inner_folds,
        settings.seed,
        budget.metric,
        budget.repeats,
        survivors=2 * budget.members,
        minutes=budget.minutes,
    )
    found = search(portfolio(recipe, budget.trials, gaps=gaps), recipe, training, nesting)
    chosen = best_members(found, budget.members)
    mean = mean_scores(found, chosen)
    slope, intercept = 1.0, 0.0
    if recipe.kind == "binary":
        platt = fit_platt(training.y, mean[:, 0])
        slope, intercept = platt.slope, platt.intercept
        mean = intercept + slope * mean
    average: PipelineAverage = AVERAGES[recipe.kind](
        [recipe.pipeline(found.candidates[i]) for i in chosen], recipe.kind, slope, intercept
    )
    average.fit(training.table, training.y, training.patients)
    unseen = from_scores(mean, recipe.kind)
    found.table["member"] = np.isin(np.arange(len(found.table)), chosen)
    one_fold = np.zeros(len(training.y), dtype=np.intp)
    measures = judge(recipe.kind, training.y, unseen, one_fold)
    measures |= inner_spread(found, chosen, training.y)
    card = {
        "members": len(chosen),
        "trials": len(found.candidates),
        "slope": slope,
        "intercept": intercept,
        **{f"inner_{name}": value for name, value in measures.items()},
    }
    pipeline = Pipeline([(PREDICT, average)])
    return _Fit(pipeline, unseen, found, average.features(), card)


def _grid(model: Model, kind: Kind) -> Sequence[dict[str, Any]]:
    known = GRIDS[kind]
    if model.predictor not in known:
        raise FitError(
            f"the predictor of model '{model.name}' is for another kind of outcome",
            found=f"'{model.predictor}' for a {kind} outcome",
            expected=", ".join([AUTO, *known]),
        )
    return known[model.predictor]


def _inner_measures(found: Search, best: int) -> dict[str, float]:
    """How the chosen candidate was judged, as `inner_<measure>`."""
    known = ("log_loss", "auc", "mse", "r2", "c")
    row = found.table.iloc[best]
    return {f"inner_{name}": float(row[name]) for name in known if name in found.table}


def _threshold(fit: _Fit, training: Training, settings: FitSettings) -> float:
    def risk() -> Matrix:
        inputs = _before(fit.pipeline, training.table)
        return outputs_of(fit.pipeline[-1], inputs, "survival")

    return operating_threshold(training.y, fit.out_of_fold, risk, settings)


def _harmoniser(model: Model, table: pd.DataFrame) -> Any:
    """An unfitted ComBat as the model wants it, or none."""
    wanted = model.harmonisation
    if wanted is None:
        return None
    absent = [c for c in (wanted.batch, *wanted.covariates) if c not in table]
    if absent:
        raise FitError(
            f"ComBat of model '{model.name}' needs the column '{absent[0]}'",
            expected="a column of the case sheet",
        )
    return ComBat(wanted.batch, tuple(wanted.covariates))
