from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from modelling_cohort import mixed_cohort
from modelling_outcomes import (
    CHANCE,
    KINDS,
    agreement,
    agreement_with_noise,
    blocks,
    cohort,
    difficult,
    fit,
    settings,
    values,
)

from radpipe.config import Model, SearchBudget
from radpipe.evaluation.discrimination import auc
from radpipe.modelling import bundles
from radpipe.modelling.fitting import fit_tabular, predict, predict_scores
from radpipe.modelling.inner_folds import Training
from radpipe.modelling.losses import class_log_loss, concordance, judge, log_loss
from radpipe.modelling.outcomes import survival_array
from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.portfolio import portfolio
from radpipe.modelling.predictors import registry
from radpipe.modelling.search import Nesting, search

SMALL = {"trials": 8, "repeats": 1, "members": 4}


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested does not depend on the number of trees; the time does."""
    monkeypatch.setattr(registry, "TREES", 20)
    monkeypatch.setattr(registry, "TUNING_TREES", 10)


def _recipe(kind: str = "binary", **changes: object) -> Recipe:
    recipe = Recipe({"handcrafted": [f"f{i:03d}" for i in range(8)]}, [], kind, 1)
    return replace(recipe, **changes)


def _training(kind: str = "binary") -> Training:
    x, y, _ = cohort(kind)
    return Training(x.table, y, x.table.index.to_numpy(dtype=object))


def test_candidates_that_share_a_fold_are_judged_as_each_alone() -> None:
    candidates = [
        Candidate("logistic", {"strength": 1.0}, "anova", 2),
        Candidate("logistic", {"strength": 1.0}, "anova", 5, scaling="rank"),
        Candidate("logistic", {"strength": 9.0}),
        Candidate("random_forest", {"min_samples_leaf": 2}, "mrmr", 3),
    ]
    training, nesting = _training(), Nesting(3, 5)
    together = search(candidates, _recipe(), training, nesting)
    for row, candidate in enumerate(candidates):
        alone = search([candidate], _recipe(), training, nesting)
        assert alone.losses[0] == together.losses[row]
        assert (alone.out_of_fold(0) == together.out_of_fold(row)).all()


def test_what_is_judged_is_what_the_pipeline_predicts_of_rows_it_never_saw() -> None:
    candidate = Candidate("logistic", {"strength": 1.0}, "anova", 3)
    training = _training()
    found = search([candidate], _recipe(), training, Nesting(3, 5))
    assert found.table["log_loss"][0] == log_loss(training.y, found.out_of_fold(0)[:, 0])
    assert found.table["auc"][0] == auc(training.y, found.out_of_fold(0)[:, 0])
    turned = replace(training, y=1 - training.y)
    assert search([candidate], _recipe(), turned, Nesting(3, 5)).table["auc"][0] == pytest.approx(
        found.table["auc"][0]
    )


def test_time_stops_a_search_but_never_before_the_first() -> None:
    candidates = [Candidate("logistic", {"strength": s}) for s in (1.0, 2.0, 3.0)]
    found = search(candidates, _recipe(), _training(), Nesting(3, 5, minutes=1e-9))
    assert len(found.candidates) == len(found.table) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_portfolio_is_diverse_repeatable_and_without_doubles(kind: str) -> None:
    tried = portfolio(_recipe(kind), 40, gaps=False)
    assert len({repr(c) for c in tried}) == len(tried) == 40
    assert tried == portfolio(_recipe(kind), 40, gaps=False)
    assert tried[:7] == portfolio(_recipe(kind), 7, gaps=False)
    assert len({c.predictor for c in tried[:7]}) >= 4
    assert {c.imputation for c in tried} == {"median"}
    assert {c.imputation for c in portfolio(_recipe(kind), 40, gaps=True)} == {"median", "knn"}


def test_the_portfolio_chooses_among_blocks_and_harmonisation() -> None:
    recipe = _recipe(columns={"clinical": ["a"], "handcrafted": ["b"]}, harmoniser="combat")
    tried = portfolio(recipe, 40, gaps=False)
    assert {c.blocks for c in tried} == {(), ("clinical",), ("handcrafted",)}
    assert {c.harmonised for c in tried} == {True, False}


@pytest.mark.parametrize("kind", KINDS)
def test_auto_learns_is_deterministic_and_is_read_back(kind: str, tmp_path: object) -> None:
    x, y, _ = cohort(kind)
    fitted = fit(kind, "auto", x, y, budget=SMALL)
    new = values(80, 8, seed=9)
    scores = predict_scores(fitted, blocks(new))
    assert agreement(scores, new[:, 0]) > 0.6
    assert fit(kind, "auto", x, y, budget=SMALL).card == fitted.card
    bundles.write_model(fitted, tmp_path)
    pd.testing.assert_frame_equal(predict_scores(bundles.read_model(tmp_path), blocks(new)), scores)
    alone = pd.concat([predict_scores(fitted, blocks(new).table.iloc[[i]]) for i in range(4)])
    assert alone.to_numpy() == pytest.approx(scores.iloc[:4].to_numpy(), rel=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_auto_survives_gaps_one_feature_many_features_and_constants(kind: str) -> None:
    """As every predictor: see test_modelling_predictors."""
    for x, y, new in difficult(kind):
        fitted = fit(kind, "auto", x, y, budget=SMALL)
        assert np.isfinite(predict_scores(fitted, new).to_numpy()).all()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_auto_stays_at_chance_without_a_signal(kind: str) -> None:
    found = agreement_with_noise(kind, 5, lambda x, y: fit(kind, "auto", x, y, budget=SMALL))
    assert abs(found) < CHANCE


def test_auto_says_what_was_tried_and_what_it_rests_on() -> None:
    x, y, _ = cohort("binary")
    fitted = fit("binary", "auto", x, y, budget=SMALL)
    assert len(fitted.tuning) == fitted.card["trials"] == 8
    assert fitted.tuning["member"].sum() == fitted.card["members"] == 4
    assert {"predictor", "selection", "keep", "scaling", "log_loss", "auc"} <= set(fitted.tuning)
    features = pd.DataFrame(fitted.card["features"])
    assert features["feature"][0] == "f000"
    assert features["weight"].sum() == pytest.approx(1)
    worst = fitted.tuning.loc[~fitted.tuning["member"], "auc"].max()
    assert fitted.tuning.loc[fitted.tuning["member"], "auc"].max() >= worst


def test_auto_takes_several_blocks_with_text_and_gaps() -> None:
    x, targets = mixed_cohort()
    x.table.iloc[::4, 0] = np.nan
    model = Model(
        name="m",
        blocks=["clinical", "handcrafted"],
        predictor="auto",
        budget=SearchBudget(trials=30, repeats=1, members=5),
    )
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    fitted = fit_tabular(x, y, patients, model, settings("binary"))
    assert fitted.tuning["blocks"].nunique() == 3
    assert np.isfinite(predict(fitted, x.table.assign(sex="unknown"))).all()


def test_only_stable_features_are_offered_where_that_is_wanted() -> None:
    x, y, _ = cohort("binary")
    names = list(x.table.index)
    model = Model(name="m", blocks=["handcrafted"], predictor="logistic")
    everything = {f"f{i:03d}" for i in range(8)}
    for stable, seen in ((("f000", "f003"), {"f000", "f003"}), (None, everything)):
        told = replace(settings("binary"), stable=stable)
        fitted = fit_tabular(x, y, names, model, told)
        assert {f["feature"] for f in fitted.card["features"]} == seen


def test_harmonisation_reads_a_column_that_is_no_feature(tmp_path: object) -> None:
    x, y, _ = cohort("binary")
    site = np.where(np.arange(48) % 2, "B", "A")
    table = x.table + 4 * (site == "B")[:, None]
    beside = replace(x, table=table.assign(site=site))
    fitted = fit("binary", "logistic", beside, y, harmonisation={"batch": "site"})
    assert "site" in fitted.columns
    assert "site" not in {f["feature"] for f in fitted.card["features"]}
    assert (
        auc(y, predict(fitted, beside))
        > auc(y, predict(fit("binary", "logistic", beside, y), beside)) - 0.05
    )
    bundles.write_model(fitted, tmp_path)
    assert (predict(bundles.read_model(tmp_path), beside) == predict(fitted, beside)).all()


def test_losses_by_hand() -> None:
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.8, 0.1]])
    assert class_log_loss(np.array([0.0, 1.0]), p) == pytest.approx(-np.log([0.5, 0.8]).mean())
    y = survival_array([1, 0, 1, 1], [1.0, 2, 3, 4])
    one = np.zeros(4, dtype=int)
    assert concordance(y, np.array([4.0, 3, 2, 1]), one) == 1
    # Pairs 0-1, 0-2, 0-3, 2-3; a tie counts a half.
    assert concordance(y, np.array([1.0, 0, 1, 0]), one) == pytest.approx(3.5 / 4)
    assert concordance(y, np.array([1.0, 0, 1, 0]), np.array([0, 0, 1, 1])) == 1
    assert concordance(y, np.array([1.0, 0, 1, 0]), np.arange(4)) == 0.5
    number = np.array([1.0, 3.0])
    assert judge("regression", number, np.array([[1.0], [2.0]]), one[:2]) == {"mse": 0.5, "r2": 0.5}
