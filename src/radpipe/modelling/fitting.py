"""Fit a tabular predictor on one training part, with everything that is learned nested inside."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn
from sklearn.pipeline import Pipeline

import radpipe
from radpipe.config import Model, Splits, Threshold
from radpipe.errors import CaseError, FitError
from radpipe.evaluation.thresholds import choose_threshold
from radpipe.modelling.blocks import Blocks, as_categories, as_numbers
from radpipe.modelling.pipelines import BLOCKS, PREDICT, build_blocks, selected_features
from radpipe.modelling.predictors import GRIDS, build_predictor
from radpipe.modelling.search import Candidates, Search, search
from radpipe.modelling.splits import inner_splits
from radpipe.types import Vector


@dataclass(frozen=True)
class FitSettings:
    """What nests inside a training part.

    Attributes:
        splits: `inner_folds` is used.
        threshold: how the operating point is chosen.
        seed: decides inner folds and everything random in a predictor.
        threads: CPU threads (networks only; tabular predictors take one).
    """

    splits: Splits
    threshold: Threshold
    seed: int
    threads: int = 1


def fit_settings(sections: Mapping[str, Any], seed: int, threads: int = 1) -> FitSettings:
    """Settings from the config sections `splits` and `threshold` as a workflow passes them."""
    return FitSettings(
        Splits.model_validate(sections["splits"]),
        Threshold.model_validate(sections["threshold"]),
        seed,
        threads,
    )


@dataclass(frozen=True)
class FittedModel:
    """A tabular predictor with everything needed to score a row.

    Attributes:
        pipeline: scikit-learn pipeline from `columns` to a probability.
        columns: raw columns it reads, in order.
        categorical: which of them hold categories.
        threshold: operating point, from inner out-of-fold predictions of the training part.
        card: what was fitted on whom, as JSON can hold it.
        tuning: one row a candidate of the search.
    """

    pipeline: Pipeline
    columns: tuple[str, ...]
    categorical: tuple[str, ...]
    threshold: float
    card: dict[str, Any]
    tuning: pd.DataFrame


def fit_tabular(
    X: Blocks,
    y: Sequence[float] | Vector,
    patients: Sequence[str] | npt.NDArray[np.object_],
    model: Model,
    settings: FitSettings,
) -> FittedModel:
    """Tune in inner folds, fit the best setting on all rows, choose the threshold inside.

    The result depends on the rows given and on nothing else, not on their order either.

    Args:
        X: the training part.
        y: 0 or 1, shape (n,).
        patients: the patient of each row, shape (n,).
        model: name, blocks, predictor and selection.
        settings: inner folds, threshold rule, seed.

    Raises:
        FitError: an outcome is neither 0 nor 1, or a class has fewer patients than inner folds.
        CaseError: a feature is infinite.
    """
    table, outcome, names = _in_order(X.table, np.asarray(y, dtype=float), patients)
    _check_training(table, outcome)
    columns = [str(c) for c in table.columns]
    categorical = [c for c, t in zip(columns, table.dtypes, strict=True) if t.kind == "O"]
    of_block = {b: [c for c in columns if X.block_of[c] == b] for b in model.blocks}
    candidates = Candidates(
        keeps=model.selection.keep if model.selection.method != "none" else [None],
        params=GRIDS[model.predictor],
        blocks=lambda keep: build_blocks(of_block, categorical, model.selection, keep),
        predictor=lambda params: build_predictor(
            model.predictor, settings.seed, tuning=True, **params
        ),
    )
    folds = inner_splits(outcome, names, settings.splits.inner_folds, settings.seed)
    found = search(candidates, table, outcome, folds)
    predictor = build_predictor(model.predictor, settings.seed, **found.params)
    pipeline = Pipeline([(BLOCKS, candidates.blocks(found.keep)), (PREDICT, predictor)])
    pipeline.fit(table, outcome)
    threshold = choose_threshold(
        outcome, found.out_of_fold, settings.threshold.rule, settings.threshold.value
    )
    card = training_card(model, table.index, names, outcome, settings)
    card |= _tuned_card(found, pipeline)
    card |= {"threshold": float(threshold), "columns": columns, "categorical": categorical}
    return FittedModel(
        pipeline, tuple(columns), tuple(categorical), float(threshold), card, found.table
    )


def predict(fitted: FittedModel, X: pd.DataFrame | Blocks) -> Vector:
    """Probability of the positive class, shape (n,); rows do not influence each other.

    Args:
        fitted: from `fit_tabular` or `bundles.read_model`.
        X: one row a case, with at least `fitted.columns`.

    Raises:
        FitError: a column is missing.
        CaseError: a feature is infinite.
    """
    given = X.table if isinstance(X, Blocks) else X
    absent = [c for c in fitted.columns if c not in given]
    if absent:
        raise FitError(
            f"model '{fitted.card['name']}' needs the column '{absent[0]}'",
            found=f"{len(absent)} of {len(fitted.columns)} columns missing",
            expected="the columns it was fitted on",
        )
    table = _typed(given[list(fitted.columns)], fitted.categorical)
    _check_finite(table)
    return np.asarray(fitted.pipeline.predict_proba(table)[:, 1], dtype=float)


def training_card(
    model: Model,
    cases: pd.Index | Sequence[str],
    patients: npt.NDArray[np.object_],
    y: Vector,
    settings: FitSettings,
) -> dict[str, Any]:
    """Who a model was fitted on and with what, the part shared by all kinds of model."""
    return {
        "name": model.name,
        "predictor": model.predictor,
        "blocks": list(model.blocks),
        "n": len(y),
        "n_positive": int(y.sum()),
        "n_patients": len(set(patients)),
        "prevalence": float(y.mean()),
        "training_cases": [str(c) for c in cases],
        "training_patients": sorted({str(p) for p in patients}),
        "inner_folds": settings.splits.inner_folds,
        "threshold_rule": settings.threshold.model_dump(),
        "seed": settings.seed,
        "versions": {
            "radpipe": radpipe.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "pandas": pd.__version__,
        },
    }


def _tuned_card(found: Search, pipeline: Pipeline) -> dict[str, Any]:
    features = selected_features(pipeline)
    return {
        "keep": found.keep,
        "params": found.params,
        "inner_log_loss": found.log_loss,
        "inner_auc": float(found.table["auc"].iloc[int(found.table["log_loss"].argmin())]),
        "features": features.to_dict("records"),
    }


def _in_order(
    table: pd.DataFrame, y: Vector, patients: Sequence[str] | npt.NDArray[np.object_]
) -> tuple[pd.DataFrame, Vector, npt.NDArray[np.object_]]:
    """Rows sorted by case: sums of floats, and so the fit, depend on their order."""
    if not len(table) == len(y) == len(patients):
        raise FitError(
            "features, outcomes and patients are of different length",
            found=f"{len(table)}, {len(y)} and {len(patients)} rows",
        )
    order = np.argsort(table.index.astype(str), kind="stable")
    return table.iloc[order], y[order], np.asarray(patients, dtype=object)[order]


def _typed(table: pd.DataFrame, categorical: Sequence[str]) -> pd.DataFrame:
    """Numbers as float and categories as text, whatever a file made of them."""
    changed = {
        str(c): as_categories(table[c]) if c in categorical else as_numbers(table[c])
        for c, kind in table.dtypes.items()
        if c in categorical or kind != np.float64
    }
    return table.assign(**changed)


def _check_training(table: pd.DataFrame, y: Vector) -> None:
    strange = ~np.isin(y, (0.0, 1.0))
    if strange.any():
        raise FitError(
            "an outcome of the training part is neither 0 nor 1",
            case=str(table.index[strange][0]),
            found=y[strange][0],
        )
    _check_finite(table)


def _check_finite(table: pd.DataFrame) -> None:
    numbers = table.select_dtypes("number")
    infinite = np.isinf(numbers.to_numpy())
    if infinite.any():
        row, column = np.argwhere(infinite)[0]
        raise CaseError(
            f"feature '{numbers.columns[column]}' is infinite",
            case=str(table.index[row]),
            expected="a number, or an empty cell",
        )


def selection_table(cards: Mapping[tuple[str, str], Mapping[str, Any]]) -> pd.DataFrame:
    """What each model chose in each fold.

    Args:
        cards: by model and fold.

    Returns:
        `model, fold, block, feature, weight`: the coefficient of a linear model (on scaled
        features), the importance of a forest.
    """
    rows = [
        {"model": model, "fold": fold, **chosen}
        for (model, fold), card in cards.items()
        for chosen in card["features"]
    ]
    return pd.DataFrame(rows, columns=["model", "fold", "block", "feature", "weight"])
