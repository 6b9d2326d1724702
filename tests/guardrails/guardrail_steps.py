"""Every registered step of modelling, each in the smallest pipeline that holds it."""

from collections.abc import Callable
from functools import cache

import joblib
import numpy as np
import pandas as pd
from modelling_noise import as_cohort

from radpipe.config import Harmonisation, Imputation, Model, SearchBudget, Selection, Splits
from radpipe.config import Threshold as Rule
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.crossfit import fit_fold
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular, predict_scores
from radpipe.modelling.outcomes import target_array
from radpipe.modelling.predictors import GRIDS
from radpipe.modelling.selection import RANKINGS
from radpipe.modelling.splits import fold_table, part_of

KINDS = ("binary", "multiclass", "regression", "survival")
LINEAR = {"binary": "logistic", "multiclass": "logistic", "regression": "ridge", "survival": "cox"}
CASES, COLUMNS, FOLD = 32, 6, "r1f2"


def _model(predictor: str, **changes: object) -> Model:
    content = {"name": "m", "blocks": ["handcrafted"], "predictor": predictor}
    return Model.model_validate({**content, **changes})


def _steps() -> dict[str, tuple[str, Model]]:
    """`<kind>-<step>` to the kind of outcome and a model that has the step."""
    steps = {}
    for kind in KINDS:
        for name in GRIDS[kind]:
            steps[f"{kind}-{name}"] = (kind, _model(name))
        budget = SearchBudget(trials=6, repeats=1, members=3)
        steps[f"{kind}-auto"] = (kind, _model("auto", budget=budget))
        for method in RANKINGS:
            selection = Selection(method=method, keep=[3])
            steps[f"{kind}-{method}"] = (kind, _model(LINEAR[kind], selection=selection))
    special = {
        "knn_imputation": {"imputation": Imputation(method="knn")},
        "missing_indicator": {"imputation": Imputation(indicator=True)},
        "rank_scaling": {"scaling": "rank"},
        "combat": {"harmonisation": Harmonisation(covariates=["age"])},
        "class_weight": {"class_weight": "balanced"},
        "oversampling": {"oversampling": True},
    }
    for name, changes in special.items():
        steps[f"binary-{name}"] = ("binary", _model("logistic", **changes))
    return steps


STEPS = _steps()


def settings_of(kind: str) -> FitSettings:
    """Two inner folds: the least that a tuned model takes."""
    return FitSettings(Splits(folds=4, inner_folds=2), Rule(), seed=1, kind=kind)


@cache
def cohort_of(kind: str) -> tuple[Blocks, pd.DataFrame, pd.DataFrame]:
    """Features with gaps, site and age beside them; targets; folds. All is noise."""
    random = np.random.default_rng(7)
    values = random.normal(size=(CASES, COLUMNS))
    values[random.random(values.shape) < 0.08] = np.nan
    y = random.permutation(np.arange(CASES) % (3 if kind == "multiclass" else 2)).astype(float)
    blocks, targets = as_cohort(values, y, np.arange(CASES))
    site = np.where(np.arange(CASES) % 4 < 2, "a", "b")
    blocks.table.insert(0, "site", site)
    blocks.table.insert(0, "age", random.normal(60, 9, CASES))
    if kind == "regression":
        targets = targets.assign(y=random.normal(size=CASES))
    if kind == "survival":
        follow_up = random.exponential(size=CASES)
        targets = targets.rename(columns={"y": "event"}).assign(time=follow_up)
    return blocks, targets, fold_table(targets, settings_of(kind).splits, 1, kind=kind)


def poisoned(blocks: Blocks, targets: pd.DataFrame, rows: list[str]) -> tuple[Blocks, pd.DataFrame]:
    """The same tables with absurd values, gaps, another site and turned outcomes in `rows`."""
    table, turned = blocks.table.copy(), targets.copy()
    features = list(blocks.block_of)
    table.loc[rows, features] = 1e9
    table.loc[rows, "age"] += 1000
    table.loc[rows[:2], features] = np.nan
    table.loc[rows, "site"] = "nowhere"
    outcome = "event" if "event" in targets else "y"
    turned.loc[rows, outcome] = turned[outcome].max() - turned.loc[rows, outcome]
    return Blocks(table, blocks.block_of), turned


Fit = Callable[[Blocks, pd.DataFrame, pd.DataFrame, Model, FitSettings], FittedModel]


def fit_inside(
    blocks: Blocks,
    targets: pd.DataFrame,
    folds: pd.DataFrame,
    model: Model,
    settings: FitSettings,
) -> FittedModel:
    """The fit of one fold, through the door that the workflow uses."""
    return fit_fold(blocks, targets, folds, FOLD, model, settings)


@cache
def fitted_step(step: str) -> FittedModel:
    """A step fitted on clean rows."""
    kind, model = STEPS[step]
    return fit_inside(*cohort_of(kind), model, settings_of(kind))


def fingerprint(fitted: FittedModel) -> str:
    """Hash of every fitted object: all steps of the pipeline, the threshold, the card."""
    return str(joblib.hash((fitted.pipeline, fitted.threshold, fitted.card)))


def fit_everywhere(
    blocks: Blocks,
    targets: pd.DataFrame,
    folds: pd.DataFrame,
    model: Model,
    settings: FitSettings,
) -> FittedModel:
    """The leaky twin: fitted once on all rows, whatever the fold."""
    y, patients = target_array(targets), targets["patient"].to_numpy()
    return fit_tabular(blocks, y, patients, model, settings)


def moved_by_poison(step: str, fit: Fit = fit_inside) -> bool:
    """Whether poison in the test part of the fold changes anything that is fitted."""
    kind, model = STEPS[step]
    blocks, targets, folds = cohort_of(kind)
    own, turned = poisoned(blocks, targets, part_of(folds, FOLD, "test"))
    settings = settings_of(kind)
    honest = fit is fit_inside
    clean = fitted_step(step) if honest else fit(blocks, targets, folds, model, settings)
    return fingerprint(clean) != fingerprint(fit(own, turned, folds, model, settings))


def outputs(fitted: FittedModel, rows: pd.DataFrame) -> np.ndarray:
    """All scores of each row, shape (n, columns)."""
    return predict_scores(fitted, rows).to_numpy(dtype=float)


def new_rows(kind: str) -> pd.DataFrame:
    """Five rows that were not seen, one with a gap, of both sites."""
    blocks, _, _ = cohort_of(kind)
    rows = blocks.table.iloc[:5].copy()
    rows[list(blocks.block_of)] = np.random.default_rng(9).normal(size=(5, COLUMNS)) * 3
    rows.iloc[2, rows.columns.get_loc("f0001")] = np.nan
    return rows
