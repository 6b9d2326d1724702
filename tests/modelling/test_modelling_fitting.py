import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from modelling_cohort import ELASTIC, SETTINGS, case_table, cohort, mixed_cohort, study

from radpipe.config import Model, Outcome, Selection
from radpipe.errors import CaseError, FitError
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.thresholds import choose_threshold
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.crossfit import cross_predict
from radpipe.modelling.fitting import FittedModel, fit_tabular, predict
from radpipe.modelling.losses import log_loss
from radpipe.modelling.pipelines import selected_features
from radpipe.modelling.predictions import (
    collect_predictions,
    score_cases,
)
from radpipe.modelling.splits import part_of, split_cohort

FUSION = Model(
    name="fusion",
    blocks=["clinical", "handcrafted"],
    predictor="logistic",
    selection=Selection(method="anova", keep=[3]),
)


def _fit(blocks: Blocks, targets: pd.DataFrame, model: Model = ELASTIC) -> FittedModel:
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    return fit_tabular(blocks, y, patients, model, SETTINGS)


@pytest.fixture(scope="module")
def fitted() -> FittedModel:
    return _fit(*cohort())


def test_the_feature_with_the_signal_is_found(fitted: FittedModel) -> None:
    strongest = fitted.card["features"][0]
    assert strongest["feature"].endswith("F0")
    assert strongest["block"] == "handcrafted"
    assert strongest["weight"] > 0


def test_the_card_says_who_it_was_fitted_on(fitted: FittedModel) -> None:
    card = fitted.card
    assert (card["n"], card["n_positive"], card["n_patients"]) == (40, 20, 40)
    assert card["prevalence"] == 0.5
    assert card["training_cases"][0] == "c000"
    assert card["training_patients"][-1] == "p039"
    assert card["seed"] == SETTINGS.seed
    assert set(card["versions"]) == {"radpipe", "python", "scikit-learn", "numpy", "pandas"}
    assert len(selected_features(fitted.pipeline)) <= card["keep"]


def test_the_best_candidate_is_taken_and_gives_the_threshold(fitted: FittedModel) -> None:
    best = fitted.tuning.loc[fitted.tuning["log_loss"].idxmin()]
    assert fitted.card["inner_log_loss"] == best["log_loss"]
    assert fitted.card["params"]["strength"] == best["strength"]
    assert fitted.card["inner_auc"] == best["auc"]
    assert len(fitted.tuning) == 2 * 6
    assert 0 < fitted.threshold < 1


def test_the_threshold_follows_the_rule() -> None:
    blocks, targets = cohort()
    rule = SETTINGS.threshold.model_copy(update={"rule": "sensitivity", "value": 0.95})
    settings = type(SETTINGS)(SETTINGS.splits, rule, SETTINGS.seed)
    sensitive = fit_tabular(
        blocks, targets["y"].to_numpy(), targets["patient"].to_numpy(), ELASTIC, settings
    )
    assert sensitive.threshold < _fit(blocks, targets).threshold


def test_order_of_rows_decides_nothing(fitted: FittedModel) -> None:
    blocks, targets = cohort()
    order = np.random.default_rng(0).permutation(targets.index)
    again = _fit(blocks.rows(order), targets.loc[order])
    assert again.card == fitted.card
    assert (predict(again, blocks) == predict(fitted, blocks)).all()


def test_a_fusion_keeps_columns_of_every_block() -> None:
    blocks, targets = mixed_cohort()
    fused = _fit(blocks, targets, FUSION)
    owners = [feature["block"] for feature in fused.card["features"]]
    assert owners.count("handcrafted") == 3
    assert owners.count("clinical") == 2
    assert fused.categorical == ("sex",)


def test_candidates_are_counted_with_the_categories_of_a_column() -> None:
    """A column of k categories spends k - 1 parameters, and is named as it is fitted."""
    blocks, targets = mixed_cohort()
    stage = np.resize(["I", "II", "III", "IV"], len(blocks.table))
    wide = Blocks(blocks.table.assign(stage=stage), {**blocks.block_of, "stage": "clinical"})
    own, more = _fit(blocks, targets, FUSION).card, _fit(wide, targets, FUSION).card
    raw = len(own["columns"])
    assert own["parameters"] == raw  # sex has two categories and spends one parameter
    assert more["parameters"] == raw + 3
    assert {"stage_I", "stage_IV"} <= set(more["categories"])
    assert len([c for c in more["categories"] if c.startswith("sex_")]) == 2
    fitted_names = {feature["feature"] for feature in more["features"]}
    assert fitted_names <= {*more["columns"], *more["categories"]}


def test_new_rows_may_hold_text_unknown_categories_and_gaps() -> None:
    blocks, targets = mixed_cohort()
    fused = _fit(blocks, targets, FUSION)
    table = blocks.table.iloc[:3]
    as_text = table.astype({"age": str})
    assert predict(fused, as_text) == pytest.approx(predict(fused, table))
    odd = predict(fused, table.assign(age=np.nan, sex="unknown"))
    assert np.isfinite(odd).all()


@pytest.mark.parametrize("predictor", ["logistic", "random_forest"])
def test_gaps_in_training_rows_are_no_obstacle(predictor: str) -> None:
    blocks, targets = cohort(p=6)
    blocks.table.iloc[::3, 1] = np.nan
    blocks.table["T1w__original__firstorder__F5"] = np.nan
    model = Model(name="gaps", blocks=["handcrafted"], predictor=predictor)
    assert np.isfinite(predict(_fit(blocks, targets, model), blocks)).all()


def test_bad_input_is_named(fitted: FittedModel) -> None:
    blocks, targets = cohort()
    with pytest.raises(
        FitError, match=r"model 'radiomics' needs the column 'T1w__.*F0'; found 1 o"
    ):
        predict(fitted, blocks.table.iloc[:, 1:])
    infinite = blocks.table.copy()
    infinite.iloc[4, 2] = np.inf
    with pytest.raises(CaseError, match=r"case 'c004': feature 'T1w__.*F2' is infinite"):
        predict(fitted, infinite)
    with pytest.raises(FitError, match=r"case 'c001': an outcome of the training part is neither"):
        _fit(blocks, targets.assign(y=[0, 2] * 20))
    with pytest.raises(FitError, match=r"fewer positive patients than folds; found 0 positive"):
        _fit(blocks, targets.assign(y=0.0))
    with pytest.raises(FitError, match=r"different length; found 40, 39 and 40 rows"):
        fit_tabular(blocks, targets["y"][1:], list(targets["patient"]), ELASTIC, SETTINGS)


def test_log_loss_of_a_sure_error_is_bounded() -> None:
    assert log_loss(np.array([1.0]), np.array([0.0])) == pytest.approx(-np.log(1e-3))
    assert log_loss(np.array([1.0, 0.0]), np.array([0.5, 0.5])) == pytest.approx(np.log(2))


def test_youden_threshold_is_between_the_scores_it_separates() -> None:
    p = np.array([0.1, 0.2, 0.8, 0.9])
    assert 0.2 < choose_threshold(np.array([0, 0, 1, 1]), p, "youden", 0.9) <= 0.8


def test_predictions_meet_the_outcome_and_an_unknown_one_stays_empty() -> None:
    blocks, targets = cohort(24, p=8, signal=4)
    cases = case_table(targets, external=2)
    splits = split_cohort(cases, study(splits={"folds": 3}))
    outer = splits[splits["fold"] != "final"]
    scores = cross_predict(blocks, targets, outer, ELASTIC, SETTINGS)
    final = _fit(blocks, targets)
    elsewhere = blocks.table.iloc[:2].set_axis(["x1", "x0"])
    scores = pd.concat([scores, score_cases(final, elsewhere, "final")])
    table = collect_predictions([scores[:1], scores[1:]], cases, Outcome(column="high_grade"))
    assert list(table.columns) == [
        *["model", "case", "patient", "cohort", "fold"],
        *["y_true", "y_prob", "threshold"],
    ]
    assert table["case"].tolist()[-2:] == ["x0", "x1"]
    assert table["y_true"].isna().sum() == 2
    development = table[table["cohort"] == "development"]
    assert sorted(development["case"]) == sorted(targets.index)
    assert development.set_index("case")["y_true"].astype(float).sort_index().tolist() == (
        targets["y"].tolist()
    )
    assert auc(development["y_true"].astype(float), development["y_prob"]) > 0.7
    assert set(part_of(outer, "r1f1", "test")) == set(table.loc[table["fold"] == "r1f1", "case"])


def test_scores_of_unknown_cases_or_without_a_value_are_refused() -> None:
    scores = pd.DataFrame(
        {"model": "m", "case": ["c000"], "fold": "f", "y_prob": [0.5], "threshold": 0.5}
    )
    cases = case_table(cohort(12)[1])
    outcome = Outcome(column="high_grade")
    with pytest.raises(CaseError, match="case 'z': a scored case is not in the case table"):
        collect_predictions([scores.assign(case="z")], cases, outcome)
    with pytest.raises(CaseError, match="case 'c000': the score is missing"):
        collect_predictions([scores.assign(y_prob=np.nan)], cases, outcome)


def test_fitting_imports_no_torch() -> None:
    code = "import sys, radpipe.modelling.controls; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
