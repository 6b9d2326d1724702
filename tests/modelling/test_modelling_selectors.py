import time

import numpy as np
import pandas as pd
import pytest
from modelling_outcomes import (
    CHANCE,
    KINDS,
    agreement,
    agreement_with_noise,
    blocks,
    cohort,
    fit,
    outcome,
    values,
)
from scipy.stats import kruskal, spearmanr
from sklearn.feature_selection import f_classif, f_regression
from sklearn.metrics import mutual_info_score

from radpipe.errors import ConfigError
from radpipe.modelling.fitting import predict_scores
from radpipe.modelling.harmonisation import ComBat
from radpipe.modelling.outcomes import survival_array
from radpipe.modelling.predictors.registry import LINEAR
from radpipe.modelling.scaling import BlockScaler, RankScaler
from radpipe.modelling.selection import RANKINGS, FeatureFilter, multivariate, rank_columns
from radpipe.modelling.selection.targets import groups_of, quantile_groups
from radpipe.modelling.selection.univariate import cox_score

SUPERVISED = [name for name in RANKINGS if name != "variance"]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is tested does not depend on their number; the time does."""
    monkeypatch.setattr(multivariate, "ROUNDS", 4)
    monkeypatch.setattr(multivariate, "BORUTA_TREES", 20)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", SUPERVISED)
def test_the_planted_column_comes_first_and_a_seed_gives_one_order(kind: str, method: str) -> None:
    x, y, _ = cohort(kind, 60, 15)
    table = x.table.to_numpy()
    order = rank_columns(method, table, y, kind=kind, seed=1)
    assert order[0] == 0
    assert sorted(order) == list(range(15))
    assert (order == rank_columns(method, table, y, kind=kind, seed=1)).all()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", RANKINGS)
def test_constants_one_column_and_more_columns_than_rows_are_no_obstacle(
    kind: str, method: str
) -> None:
    y = outcome(kind, values(20, 1)[:, 0])
    x = values(20, 30, 2)
    x[:, 3] = 1.0
    chosen = FeatureFilter(method, 5, kind=kind)
    assert 3 not in chosen.fit(x, y).kept_
    assert len(chosen.kept_) == 5
    assert chosen.fit(x[:, :1], y).kept_.tolist() == [0]
    assert chosen.fit(np.ones((20, 2)), y).kept_.tolist() == [0]


ONE_KIND = [
    pytest.param(kind, marks=[] if kind == "binary" else [pytest.mark.slow]) for kind in KINDS
]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("method", SUPERVISED)
def test_in_a_fold_with_gaps_it_keeps_the_planted_column(kind: str, method: str) -> None:
    x, y, _ = cohort(kind, 60, 10)
    x.table.iloc[::7, 0] = np.nan
    x.table.iloc[1::6, 4] = np.nan
    x.table["f005"] = np.nan
    fitted = fit(kind, LINEAR[kind], x, y, selection={"method": method, "keep": [2]})
    kept = {row["feature"] for row in fitted.card["features"]}
    assert "f000" in kept
    assert len(kept) <= 2
    new = values(40, 10, seed=9)
    new[::9, 0] = np.nan
    scores = predict_scores(fitted, blocks(new))
    assert np.isfinite(scores.to_numpy()).all()
    assert agreement(scores, np.nan_to_num(new[:, 0])) > 0.6


@pytest.mark.parametrize("kind", ONE_KIND)
@pytest.mark.parametrize(
    "method",
    [pytest.param(m, marks=[pytest.mark.slow] if m == "boruta" else []) for m in RANKINGS],
)
def test_in_a_fold_without_a_signal_there_is_chance(kind: str, method: str) -> None:
    ranked = {"method": method, "keep": [3]}
    found = agreement_with_noise(
        kind, 12, lambda x, y: fit(kind, LINEAR[kind], x, y, selection=ranked)
    )
    assert abs(found) < CHANCE


@pytest.mark.parametrize("method", ["anova", "kruskal", "mutual_information", "mrmr", "lasso"])
def test_two_thousand_columns_take_about_a_second(method: str) -> None:
    x, y = values(300, 2000), np.arange(300) % 2.0
    started = time.process_time()
    rank_columns(method, x, y, kind="binary", seed=0)
    assert time.process_time() - started < 2.5


def test_anova_is_the_f_statistic() -> None:
    x = values(30, 8)
    three, number = np.repeat([0.0, 1, 2], 10), values(30, 1, 5)[:, 0]
    for y, kind, reference in (
        (three, "multiclass", f_classif(x, three)[0]),
        (number, "regression", f_regression(x, number)[0]),
    ):
        own = RANKINGS["anova"](x, y, kind, 0)
        assert (np.argsort(-own) == np.argsort(-reference)).all()


def test_kruskal_is_that_of_scipy() -> None:
    x, y = values(30, 8), np.repeat([0.0, 1, 2], 10)
    h = [kruskal(*(column[y == k] for k in range(3))).statistic for column in x.T]
    own = RANKINGS["kruskal"](x, y, "multiclass", 0)
    assert own**2 * 29 == pytest.approx(np.asarray(h))
    number = values(30, 1, 5)[:, 0]
    rho = [abs(spearmanr(column, number).statistic) for column in x.T]
    assert RANKINGS["kruskal"](x, number, "regression", 0) == pytest.approx(np.asarray(rho))


def test_mutual_information_is_that_of_scikit_learn_on_quarters() -> None:
    x, y = values(40, 5), np.arange(40) % 2.0
    quarters = quantile_groups(x, 4)
    expected = [mutual_info_score(y, column) for column in quarters.T]
    own = RANKINGS["mutual_information"](x, y, "binary", 0)
    assert own == pytest.approx(np.asarray(expected))


def test_quantile_groups_keep_equal_values_together() -> None:
    x = np.array([[1.0], [1], [2], [3], [3], [4]])
    assert quantile_groups(x, 2)[:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    times = survival_array([1, 1, 1, 1], [1.0, 2, 3, 4])
    # An early event is more than was expected: the group with the larger residual.
    assert groups_of(times, "survival", 2).tolist() == [1, 1, 0, 0]


def test_the_cox_score_by_hand() -> None:
    """Risk sets {0,1,2}, {1,2}, {2}: scores 1 - 1/3 and 0 - 0, variances 2/9, 0, 0."""
    x = np.array([[1.0], [0.0], [0.0]])
    y = survival_array([1, 1, 1], [1.0, 2, 3])
    assert cox_score(x, y)[0] == pytest.approx((2 / 3) / np.sqrt(2 / 9))


def test_variance_ranks_a_column_of_one_value_last() -> None:
    x = np.column_stack([np.r_[np.zeros(9), 1.0], np.arange(10.0), np.repeat([0.0, 1], 5)])
    assert RANKINGS["variance"](x, np.zeros(10), "binary", 0) == pytest.approx([0.1, 0.9, 0.5])


def test_mrmr_prefers_a_weaker_new_column_to_a_copy() -> None:
    random = np.random.default_rng(0)
    y = np.arange(60) % 2.0
    strong = 2 * y + random.normal(size=60)
    copy = strong + 0.1 * random.normal(size=60)
    other = y + random.normal(size=60)
    x = np.column_stack([strong, copy, other])
    assert rank_columns("anova", x, y, kind="binary", seed=0).tolist()[-1] == 2
    assert rank_columns("mrmr", x, y, kind="binary", seed=0).tolist()[-1] != 2


def test_relieff_sees_an_interaction_that_anova_does_not() -> None:
    x = values(200, 10, 1)
    y = (x[:, 0] * x[:, 1] > 0).astype(float)
    best = rank_columns("relieff", x, y, kind="binary", seed=0)[:2]
    assert set(best) == {0, 1}


def test_an_unknown_ranking_is_named() -> None:
    with pytest.raises(ConfigError, match=r"ranking of features; found 'anva', expected none, var"):
        rank_columns("anva", values(6, 2), np.zeros(6), kind="binary", seed=0)


def test_ranks_become_normal_scores_and_tails_stay_near() -> None:
    scaler = RankScaler().fit(np.array([[1.0], [2], [3], [1000]]))
    scores = scaler.transform(np.array([[1.0], [2], [3], [1000], [1e9], [-5], [2.5]]))[:, 0]
    assert scores[:4] == pytest.approx([-1.1503, -0.3186, 0.3186, 1.1503], abs=1e-4)
    assert scores[4:] == pytest.approx([scores[3], scores[0], 0])
    tied = RankScaler().fit(np.array([[0.0], [0], [0], [5]]))
    assert tied.transform(np.zeros((1, 1)))[0, 0] == pytest.approx(
        (-1.1503 - 0.3186 + 0.3186) / 3, abs=1e-4
    )


def test_gaps_are_filled_from_near_rows_and_may_be_marked() -> None:
    table = pd.DataFrame({"a": [1.0, 1.1, 9, 9.1, 9.2], "b": [0.0, np.nan, 5, 5, 5]})
    near = BlockScaler({"x": ["a", "b"]}, imputation="knn", indicator=True)
    scaled = near.fit_transform(table)
    assert near.names_.tolist() == ["a", "b", "missingindicator_b"]
    assert (scaled[:, 2] > 0).tolist() == [False, True, False, False, False]
    assert near.owners_.tolist() == ["x"] * 3
    assert near.transform(table) == pytest.approx(scaled)


def test_sites_are_brought_together_inside_the_fold_but_not_clinical_columns() -> None:
    random = np.random.default_rng(0)
    site = np.repeat(["A", "B"], 20)
    values_of = random.normal(size=(40, 3)) + 5 * (site == "B")[:, None]
    table = pd.DataFrame(values_of, columns=["f", "g", "age"]).assign(site=site)
    columns = {"handcrafted": ["f", "g"], "clinical": ["age"]}
    scaled = BlockScaler(columns, harmoniser=ComBat("site")).fit_transform(table)
    gap = scaled[site == "B"].mean(axis=0) - scaled[site == "A"].mean(axis=0)
    assert np.abs(gap[:2]).max() < 0.3
    assert gap[2] > 1.5
