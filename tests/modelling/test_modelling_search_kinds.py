"""What a search promises for each kind of outcome: what it varies, judges on and tells."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest
from modelling_outcomes import KINDS, agreement, blocks, cohort, model, outcome, settings, values

from radpipe.config import SearchBudget
from radpipe.errors import FitError
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FittedModel, fit_tabular, predict_scores
from radpipe.modelling.inner_folds import Training
from radpipe.modelling.losses import loss_of
from radpipe.modelling.members import best_members
from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.portfolio import portfolio
from radpipe.modelling.predictors import registry
from radpipe.modelling.search import Nesting, search
from radpipe.modelling.splits import inner_splits

BUDGET = SearchBudget(trials=14, members=3, repeats=2)
COLUMNS = {"handcrafted": [f"f{i:03d}" for i in range(8)]}


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested does not depend on the number of trees; the time does."""
    monkeypatch.setattr(registry, "TREES", 20)
    monkeypatch.setattr(registry, "TUNING_TREES", 10)


def two_sites(kind: str) -> tuple[Blocks, np.ndarray, list[str]]:
    """48 cases of 24 patients at two scanners, features with gaps beside clinical columns."""
    latent = np.repeat(values(24, 1, seed=4)[:, 0], 2)
    x = values(48, 8, seed=5)
    x[:, 0] = latent
    site = np.where(np.arange(48) // 2 % 2, "B", "A")
    table = blocks(x + 3.0 * (site == "B")[:, None]).table
    table.iloc[::5, 3] = np.nan
    table = table.assign(age=values(48, 1, seed=6)[:, 0], sex=["m", "f", "f"] * 16, site=site)
    owners = dict.fromkeys(COLUMNS["handcrafted"], "handcrafted")
    owners |= {"age": "clinical", "sex": "clinical"}
    return Blocks(table, owners), outcome(kind, latent), [f"p{i // 2:02d}" for i in range(48)]


@cache
def searched(kind: str, **changes: Any) -> FittedModel:
    x, y, patients = two_sites(kind)
    own = model(
        "auto",
        blocks=["clinical", "handcrafted"],
        harmonisation={"batch": "site"},
        budget=BUDGET.model_copy(update=changes),
    )
    return fit_tabular(x, y, patients, own, settings(kind))


@pytest.mark.parametrize("kind", KINDS)
def test_whole_pipelines_are_varied_and_what_was_tried_is_a_table(kind: str) -> None:
    fitted = searched(kind)
    tried = fitted.tuning
    assert len(tried) == fitted.card["trials"] == 14
    assert tried["member"].sum() == fitted.card["members"] == 3
    varied = ["blocks", "imputation", "harmonised", "selection", "keep", "predictor", "scaling"]
    assert (tried[varied].nunique(dropna=False) > 1).all()
    assert tried.loc[tried["member"], "repeats"].eq(2).all()
    measure = {"regression": "mse", "survival": "c"}.get(kind, "auc")
    again = tried["repeats"] == 2
    assert tried[f"{measure}_sd"].notna().equals(again)
    assert (tried.loc[again, f"{measure}_sd"] > 0).any()
    assert fitted.card[f"inner_{measure}_sd"] >= 0


@pytest.mark.parametrize("kind", KINDS)
def test_cases_of_a_new_cohort_are_scored_one_by_one_as_in_a_batch(kind: str) -> None:
    fitted = searched(kind)
    x, _, _ = two_sites(kind)
    new = x.table.set_index(x.table.index + " external").iloc[:6]
    scores = predict_scores(fitted, new)
    assert np.isfinite(scores.to_numpy()).all()
    alone = pd.concat([predict_scores(fitted, new.iloc[[i]]) for i in range(6)])
    assert alone.to_numpy() == pytest.approx(scores.to_numpy(), rel=1e-9)
    with pytest.raises(FitError, match="was not fitted on batch 'C'"):
        predict_scores(fitted, new.assign(site="C"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_patient_is_never_judged_by_a_pipeline_that_saw_another_of_its_cases(kind: str) -> None:
    _, y, patients = two_sites(kind)
    names = np.asarray(patients)
    for train, test in inner_splits(y, names, 3, 5, kind=kind):
        assert not set(names[train]) & set(names[test])
    # Every patient has a twin of its own: whoever saw the twin would know the outcome.
    latent = np.repeat(values(24, 1, seed=8)[:, 0], 2)
    twins = np.repeat(values(24, 8, seed=9), 2, axis=0)
    candidates = [Candidate(_neighbour(kind), {} if kind == "survival" else {"neighbours": 1})]
    own = Training(blocks(twins).table, outcome(kind, latent), names)
    alone = replace(own, patients=np.arange(48).astype(str))
    recipe = Recipe(COLUMNS, [], kind, 1)
    if kind == "multiclass":
        own, alone = replace(own, classes=3), replace(alone, classes=3)
    honest = search(candidates, recipe, own, Nesting(3, 5, "auc"))
    leaky = search(candidates, recipe, alone, Nesting(3, 5, "auc"))
    assert leaky.losses[0] < 0.75 * honest.losses[0]


def _neighbour(kind: str) -> str:
    return "gradient_boosting" if kind == "survival" else "knn"


@pytest.mark.parametrize("kind", KINDS)
def test_the_better_half_goes_on_to_the_next_repeat(kind: str) -> None:
    x, y, _ = cohort(kind)
    training = Training(x.table, y, x.table.index.to_numpy(dtype=object), 3)
    if kind != "multiclass":
        training = replace(training, classes=1)
    recipe = Recipe(COLUMNS, [], kind, 1)
    candidates = portfolio(recipe, 7, gaps=False)
    once = search(candidates, recipe, training, Nesting(3, 5, "auc"))
    halved = search(candidates, recipe, training, Nesting(3, 5, "auc", 3, survivors=2))
    everyone = search(candidates, recipe, training, Nesting(3, 5, "auc", 3))
    assert sorted(halved.repeats) == [1, 1, 1, 2, 2, 3, 3]
    assert everyone.repeats.tolist() == [3] * 7
    assert set(np.flatnonzero(halved.repeats > 1)) == set(once.ranking[:4])
    assert (halved.repeats[halved.ranking] == [3, 3, 2, 2, 1, 1, 1]).all()
    for i, repeats in enumerate(halved.repeats):
        assert (halved.outputs[i][0] == once.outputs[i][0]).all()
        if repeats == 1:
            assert halved.losses[i] == once.losses[i]
        if repeats == 3:
            assert halved.losses[i] == everyone.losses[i]
            assert (halved.out_of_fold(i) == everyone.out_of_fold(i)).all()


def test_a_repeat_that_time_cuts_short_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y, _ = cohort("binary")
    training = Training(x.table, y, x.table.index.to_numpy(dtype=object))
    recipe = Recipe(COLUMNS, [], "binary", 1)
    candidates = [Candidate("logistic", {"strength": s}) for s in (1.0, 2.0, 3.0)]
    asked = iter([*[0.0] * 4, *[100.0] * 9])
    monkeypatch.setattr("radpipe.modelling.search.time.monotonic", lambda: next(asked))
    found = search(candidates, recipe, training, Nesting(3, 5, repeats=2, minutes=1))
    assert found.repeats.tolist() == [1, 1, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_time_that_is_left_over_changes_nothing(kind: str) -> None:
    patient, hurried = searched(kind), searched(kind, minutes=60.0)
    pd.testing.assert_frame_equal(patient.tuning, hurried.tuning)
    assert patient.card["features"] == hurried.card["features"]


@pytest.mark.parametrize("metric", ["auc", "log_loss"])
@pytest.mark.parametrize("kind", ["binary", "multiclass"])
def test_the_metric_that_is_named_is_the_one_that_ranks(kind: str, metric: str) -> None:
    tried = searched(kind, metric=metric, repeats=1, members=1).tuning
    loss = [loss_of(kind, row, metric) for row in tried.to_dict("records")]
    assert tried["member"].to_numpy().argmax() == np.argmin(np.round(loss, 10))


def test_members_of_one_predictor_are_few_while_others_are_left() -> None:
    x, y, _ = cohort("binary")
    training = Training(x.table, y, x.table.index.to_numpy(dtype=object))
    linear = [Candidate("logistic", {"strength": s}) for s in (1.0, 2.0, 3.0, 4.0, 5.0)]
    others = [Candidate("naive_bayes", {}, "anova", 2), Candidate("knn", {"neighbours": 3})]
    found = search([*linear, *others], Recipe(COLUMNS, [], "binary", 1), training, Nesting(3, 5))
    names = [found.candidates[i].predictor for i in best_members(found, 5)]
    assert sorted(names) == ["knn", "logistic", "logistic", "logistic", "naive_bayes"]
    assert len(best_members(found, 7)) == 7


def test_risks_of_different_units_count_alike_in_the_inner_folds() -> None:
    x, y, latent = cohort("survival")
    budget = {"trials": 7, "members": 4, "repeats": 2}
    own = model("auto", budget=budget)
    fitted = fit_tabular(x, y, list(x.table.index), own, settings("survival"))
    risk = fitted.inner["risk"]
    assert abs(risk.mean()) < 1e-9
    assert risk.std() < 1.1
    assert agreement(risk.to_frame(), latent) > 0.4
