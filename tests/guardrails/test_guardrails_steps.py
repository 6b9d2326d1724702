"""G02, G03, G18: no fitted step sees a test row, no predicted row sees another one.

Every registered step stands here: rankings, predictors and the search of all kinds of outcome,
imputation, scaling, ComBat, class weights, oversampling.
"""

from typing import get_args

import guardrail_steps
import numpy as np
import pandas as pd
import pytest
from guardrail_steps import (
    KINDS,
    STEPS,
    cohort_of,
    fit_everywhere,
    fitted_step,
    moved_by_poison,
    new_rows,
    outputs,
)
from modelling_noise import SETTINGS, as_cohort, chain_auc, model, noise
from sklearn.base import clone

from radpipe.config import Imputation, Model, Splits, Threshold
from radpipe.evaluation.discrimination import auc
from radpipe.modelling import cnn
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.crossfit import fit_fold
from radpipe.modelling.fitting import FitSettings, FittedModel, predict
from radpipe.modelling.predictors import GRIDS, registry
from radpipe.modelling.selection import RANKINGS, multivariate
from radpipe.modelling.splits import fold_table, part_of

ONE_OF_A_FAMILY = [
    *("binary-logistic", "binary-anova", "binary-mrmr", "binary-random_forest", "binary-svm"),
    *("binary-knn_imputation", "binary-missing_indicator", "binary-rank_scaling"),
    *("binary-combat", "binary-class_weight", "binary-oversampling"),
    *("multiclass-logistic", "regression-ridge", "survival-cox"),
]
QUICK = ("logistic", "ridge", "cox", "anova", "martingale_forest")
EVERY_STEP = [
    name
    if name.startswith("binary-") or name.split("-")[1] in QUICK
    else pytest.param(name, marks=pytest.mark.slow)
    for name in STEPS
]
"""All of a binary outcome by default; of the other kinds the quick ones."""


@pytest.fixture(autouse=True, scope="module")
def _small_steps():
    """No rule depends on the number of trees or of settings; the time of these tests does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "TREES", 8)
        patch.setattr(registry, "TUNING_TREES", 4)
        patch.setattr(multivariate, "ROUNDS", 3)
        patch.setattr(multivariate, "BORUTA_TREES", 8)
        for kind in KINDS:
            for name, grid in GRIDS[kind].items():
                patch.setitem(GRIDS[kind], name, grid[:2] if name.startswith("log") else grid[:1])
        yield
    guardrail_steps.fitted_step.cache_clear()


def test_g02_every_registered_step_is_among_those_tested() -> None:
    for kind in KINDS:
        own = {name.split("-")[1] for name in STEPS if name.startswith(f"{kind}-")}
        assert own >= {*GRIDS[kind], *RANKINGS, "auto"}
    chosen = [step for _, step in STEPS.values()]
    for section, field in ((Imputation, "method"), (Model, "scaling")):
        choices = set(get_args(section.model_fields[field].annotation))
        found = {
            getattr(m.imputation, field) if section is Imputation else m.scaling for m in chosen
        }
        assert found == choices
    assert {m.harmonisation is not None for m in chosen} == {True, False}


@pytest.mark.parametrize("step", EVERY_STEP)
def test_g02_poisoned_test_rows_leave_every_fitted_object_bit_identical(step: str) -> None:
    assert not moved_by_poison(step)


@pytest.mark.parametrize("step", ONE_OF_A_FAMILY)
def test_g02_twin_a_step_fitted_on_all_rows_is_moved_by_the_same_poison(step: str) -> None:
    assert moved_by_poison(step, fit_everywhere)


def _network(crops: np.ndarray, y: np.ndarray, rows: slice) -> tuple[dict, bytes]:
    """Card and weights of a small network fitted on some rows."""
    small = Model(
        name="cnn", blocks=["images"], predictor="cnn3d", channels=[2, 4], batch=4, steps=[4]
    )
    settings = FitSettings(Splits(inner_folds=2), Threshold(), 1)
    names = [f"c{i:02d}" for i in range(len(y))][rows]
    fitted = cnn.fit_cnn(crops[rows], y[rows], names, names, small, settings)
    weights = b"".join(t.numpy().tobytes() for t in fitted.network.state_dict().values())
    return fitted.card, weights


def test_g02_and_twin_poisoned_test_crops_leave_the_network_as_it_was() -> None:
    crops = np.random.default_rng(0).normal(size=(12, 2, 6, 6, 6)).astype(np.float32)
    y = np.array([0.0, 1.0] * 6)
    poisoned, turned = crops.copy(), y.copy()
    poisoned[8:] = 1e4
    turned[8:] = 1 - y[8:]
    inside, everywhere = slice(8), slice(12)
    assert _network(crops, y, inside) == _network(poisoned, turned, inside)
    # The twin: the same network fitted on all crops.
    assert _network(crops, y, everywhere)[1] != _network(poisoned, turned, everywhere)[1]


# G03


@pytest.mark.parametrize("step", EVERY_STEP)
def test_g03_a_row_alone_is_predicted_as_among_others(step: str) -> None:
    kind, _ = STEPS[step]
    fitted, rows = fitted_step(step), new_rows(kind)
    together = outputs(fitted, rows)
    alone = np.vstack([outputs(fitted, rows.iloc[[i]]) for i in range(len(rows))])
    assert alone == pytest.approx(together, rel=1e-10)
    assert outputs(fitted, rows.iloc[::-1])[::-1] == pytest.approx(together, rel=1e-10)


def _scaled_anew(fitted: FittedModel, rows: pd.DataFrame) -> np.ndarray:
    """The leaky twin: imputation, ComBat and scaling are learned from the rows to be scored."""
    union = fitted.pipeline.named_steps["blocks"]
    scaled = clone(union.scaler).fit_transform(rows)[:, union.kept_]
    return fitted.pipeline.named_steps["predict"].predict_proba(scaled)[:, 1]


@pytest.mark.parametrize("step", ["binary-logistic", "binary-combat", "binary-rank_scaling"])
def test_g03_twin_rows_scaled_among_themselves_depend_on_each_other(step: str) -> None:
    fitted, rows = fitted_step(step), new_rows("binary")
    together, fewer = _scaled_anew(fitted, rows), _scaled_anew(fitted, rows.iloc[:4])
    assert fewer != pytest.approx(together[:4], rel=1e-3)


# G18


def _with_a_copy(blocks: Blocks, targets: pd.DataFrame, known: list[str]) -> Blocks:
    """One column more, which holds the outcome in the rows `known` and nothing elsewhere."""
    table = blocks.table.assign(copy=np.nan)
    table.loc[known, "copy"] = targets.loc[known, "y"]
    return Blocks(table, blocks.block_of | {"copy": "handcrafted"})


def _helped_by_a_copy(seed: int, *, helped: bool) -> float:
    """AUC of the chain, in each fold with a column that is the label in its test rows only."""
    blocks, targets = noise(40, 20, seed)
    folds = fold_table(targets, Splits(), SETTINGS.seed)
    scores = []
    for fold in dict.fromkeys(folds["fold"]):
        test = part_of(folds, fold, "test")
        given = _with_a_copy(blocks, targets, test if helped else [])
        fitted = fit_fold(given, targets, folds, fold, model("logistic"), SETTINGS)
        scores.append(
            pd.DataFrame({"y": targets.loc[test, "y"], "p": predict(fitted, given.rows(test))})
        )
    return auc(*pd.concat(scores).to_numpy().T)


def test_g18_a_copy_of_the_label_in_test_rows_only_does_not_help(record_property) -> None:
    plain, helped = (
        [_helped_by_a_copy(seed, helped=helped) for seed in range(3)] for helped in (False, True)
    )
    record_property("AUC with the copy less without", float(np.mean(helped) - np.mean(plain)))
    assert helped == plain


def test_g18_twin_a_step_fitted_on_all_rows_finds_the_copy(record_property) -> None:
    """Selection on the whole cohort: the copy is all there, fold after fold."""
    leaky = []
    for seed in range(3):
        blocks, targets = noise(40, 20, seed)
        everywhere = np.column_stack([blocks.table, targets["y"]])
        own, _ = as_cohort(everywhere, targets["y"].to_numpy(), np.arange(40))
        leaky.append(chain_auc(own, targets, model("logistic", "anova")))
    record_property("AUC", float(np.mean(leaky)))
    assert np.mean(leaky) > 0.9


def test_g02_the_cohort_has_what_every_step_needs() -> None:
    for kind in KINDS:
        blocks, _, _ = cohort_of(kind)
        assert blocks.table.isna().to_numpy().any()
        assert blocks.table["site"].nunique() == 2
