import numpy as np
import pandas as pd
import pytest
from sklearn.feature_selection import f_classif

from radpipe.errors import ConfigError
from radpipe.modelling.pipelines import BlockUnion
from radpipe.modelling.predictors import GRIDS, PenalisedLogistic, build_predictor
from radpipe.modelling.recalibration import fit_platt
from radpipe.modelling.scaling import BlockScaler
from radpipe.modelling.selection import FeatureFilter

Y = np.array([0, 0, 0, 1, 1, 1])


def test_constant_columns_and_near_copies_are_dropped() -> None:
    first = np.array([1.0, 2, 3, 4, 5, 7])
    x = np.column_stack([np.ones(6), first, -first, [1, -1, 1, -1, 1, -1.0]])
    assert FeatureFilter().fit(x).kept_.tolist() == [1, 3]
    assert FeatureFilter(correlation=1).fit(x).kept_.tolist() == [1, 2, 3]


def test_anova_keeps_the_better_of_two_copies() -> None:
    separating = Y + np.array([0, 0.1, 0, 0, 0.1, 0])
    noisy = separating + np.array([0.3, 0, 0, 0, 0, 0])
    x = np.column_stack([noisy, separating])
    assert FeatureFilter("none", correlation=0.9).fit(x, Y).kept_.tolist() == [0]
    assert FeatureFilter("anova", correlation=0.9).fit(x, Y).kept_.tolist() == [1]


def test_rank_is_that_of_the_f_statistic() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(30, 20)) * random.uniform(0.1, 10, 20)
    y = np.array([0, 1] * 15)
    best = np.argsort(-f_classif(x, y)[0])[:7]
    kept = FeatureFilter("anova", keep=7, correlation=1).fit(x, y).kept_
    assert set(kept) == set(best)


def test_a_block_in_which_nothing_varies_keeps_one_column() -> None:
    step = FeatureFilter("anova").fit(np.ones((6, 3)), Y)
    assert step.kept_.tolist() == [0]
    assert step.get_feature_names_out(["a", "b", "c"]).tolist() == ["a"]


def _union(**changes: object) -> tuple[BlockUnion, pd.DataFrame]:
    table = pd.DataFrame(
        {
            "f": [1.0, 2, np.nan, 4, 5, 9],
            "empty": [np.nan] * 6,
            "age": [50.0, 60, 70, 80, 65, 55],
            "sex": ["F", "M", "M", np.nan, "M", "F"],
        }
    )
    columns = {"handcrafted": ["f", "empty"], "clinical": ["age", "sex"]}
    return BlockUnion(BlockScaler(columns, ["sex"]), FeatureFilter(**changes)), table


def test_missing_numbers_get_the_median_and_missing_categories_the_commonest() -> None:
    union, table = _union(correlation=1)
    scaled = union.fit(table, Y).transform(table)
    assert union.get_feature_names_out().tolist() == ["f", "age", "sex_F", "sex_M"]
    assert union.owners_.tolist() == ["handcrafted", "clinical", "clinical", "clinical"]
    values = np.array([1.0, 2, 4, 4, 5, 9])
    assert scaled[:, 0] == pytest.approx((values - values.mean()) / values.std())
    assert (scaled[:, 3] > 0).tolist() == [False, True, True, True, True, False]


def test_an_unknown_category_is_zero_in_every_column() -> None:
    union, table = _union(correlation=1)
    union.fit(table, Y)
    scaler = union.scaler_.scalers_["clinical"]
    zero = -scaler.mean_ / scaler.scale_
    assert union.transform(table.assign(sex="X"))[0, 2:] == pytest.approx(zero[1:])


def test_the_two_columns_of_a_binary_category_are_one() -> None:
    union, table = _union()
    assert union.fit(table, Y).names_.tolist() == ["f", "age", "sex_F"]


def test_every_block_keeps_its_own_number_of_columns() -> None:
    union, table = _union(method="anova", keep=1)
    union.fit(table, Y)
    assert sorted(union.owners_) == ["clinical", "handcrafted"]


def test_elastic_net_is_empty_below_strength_one_only() -> None:
    x = np.random.default_rng(1).normal(size=(40, 25))
    y = np.array([0, 1] * 20)
    empty = PenalisedLogistic(strength=0.99, l1_ratio=0.5).fit(x, y)
    assert not empty.coef_.any()
    assert PenalisedLogistic(strength=1.1, l1_ratio=0.5).fit(x, y).coef_.any()


def test_ridge_strength_means_the_same_for_one_column_and_for_copies_of_it() -> None:
    x = np.random.default_rng(2).normal(size=(40, 1))
    y = (x[:, 0] + np.tile([1.0, -1.0], 20) > 0).astype(float)
    one = PenalisedLogistic(strength=1).fit(x, y)
    many = PenalisedLogistic(strength=1).fit(np.tile(x, (1, 50)), y)
    assert many.decision_function(np.tile(x, (1, 50))) == pytest.approx(
        one.decision_function(x), abs=0.01
    )


def test_probabilities_are_those_of_the_logit() -> None:
    model = PenalisedLogistic().fit(np.array([[-1.0], [0], [1], [2]]), np.array([0, 1, 0, 1]))
    p = model.predict_proba(np.array([[0.0]]))[0]
    assert p[1] == pytest.approx(1 / (1 + np.exp(-model.intercept_[0])))
    assert p.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", GRIDS["binary"])
def test_every_predictor_is_repeatable(name: str) -> None:
    x = np.random.default_rng(3).normal(size=(30, 4))
    y = np.array([0, 1] * 15)
    for params in GRIDS["binary"][name]:
        a, b = (build_predictor(name, 5, tuning=True, **params).fit(x, y) for _ in range(2))
        assert (a.predict_proba(x) == b.predict_proba(x)).all()


def test_unknown_predictor_is_named() -> None:
    with pytest.raises(ConfigError, match=r"found 'svn', expected logistic, elastic_net"):
        build_predictor("svn", 0)


def test_recalibration_shrinks_overconfident_logits_and_never_turns_them_round() -> None:
    random = np.random.default_rng(4)
    true_logit = random.normal(size=400)
    y = (random.uniform(size=400) < 1 / (1 + np.exp(-true_logit))).astype(float)
    platt = fit_platt(y, 5 * true_logit + 3)
    assert platt.slope == pytest.approx(0.2, abs=0.06)
    assert platt.intercept == pytest.approx(-0.6, abs=0.3)
    wrong = fit_platt(1 - y, 5 * true_logit)
    assert wrong.slope == 0.05
