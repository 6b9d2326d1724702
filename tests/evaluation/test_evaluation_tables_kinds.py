"""Tables of several classes, of numbers and of survival, each checked by hand or by plain code."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Evaluation, Outcome
from radpipe.errors import ConfigError, RadpipeError
from radpipe.evaluation import by_kind, tables_multiclass, tables_regression, tables_survival
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.multiclass import hand_till_auc
from radpipe.evaluation.selection_stability import (
    candidates_of,
    nogueira_stability,
    stability_table,
)
from radpipe.evaluation.survival import harrell_c
from radpipe.evaluation.survival_curves import log_rank
from radpipe.evaluation.survival_scores import auc_at, brier_at
from radpipe.evaluation.tables import roc_table
from radpipe.evaluation.tables_shared import COMPARISON_COLUMNS, compare, scored
from radpipe.evaluation.utility import net_benefit

SETTINGS = Evaluation(bootstrap=200)
BINARY = Outcome(column="y")
CLASSES = Outcome(column="y", kind="multiclass")
NUMBER = Outcome(column="y", kind="regression")
SURVIVAL = Outcome(kind="survival", time="time", event="event", horizon=5)
MODELS = {"weak": 0.3, "strong": 3.0}


def frame(
    columns: dict[str, object], *, model: str = "m", cohort: str = "external"
) -> pd.DataFrame:
    """Predictions of one model, cases c00, c01, ... each of its own patient."""
    table = pd.DataFrame(columns)
    names = [f"c{i:02d}" for i in range(len(table))]
    fold = "final" if cohort != "development" else "r1f1"
    place = {"case": names, "patient": names, "cohort": cohort, "fold": fold, "model": model}
    return table.assign(**place)


def study(kind: str, *, n: int = 60, repeats: int = 1, seed: int = 0) -> pd.DataFrame:
    """Out-of-fold predictions of two models of different skill."""
    rng = np.random.default_rng(seed)
    latent = rng.normal(size=n)
    time, end = rng.exponential(8 * np.exp(-latent)), rng.uniform(3, 20, n)
    truth = {
        "binary": {"y_true": (latent > 0).astype(int)},
        "multiclass": {"y_true": np.array(["a", "b", "c"])[np.digitize(latent, [-0.5, 0.5])]},
        "regression": {"y_true": 10 + latent},
        "survival": {"time": np.minimum(time, end) + 0.01, "event": (time <= end).astype(int)},
    }[kind]
    parts = []
    for model, skill in MODELS.items():
        for repeat in range(1, repeats + 1):
            score = skill * latent + rng.normal(size=n)
            table = frame(truth | scores(kind, score), model=model, cohort="development")
            parts.append(table.assign(fold=[f"r{repeat}f{i % 5 + 1}" for i in range(n)]))
    return pd.concat(parts, ignore_index=True)


def scores(kind: str, score: np.ndarray) -> dict[str, object]:
    if kind == "binary":
        return {"y_prob": 1 / (1 + np.exp(-score)), "threshold": 0.5}
    if kind == "multiclass":
        each = np.exp(np.stack([-score, np.zeros_like(score), score], axis=1))
        each /= each.sum(axis=1, keepdims=True)
        return {f"y_prob_{name}": each[:, k] for k, name in enumerate("abc")}
    if kind == "regression":
        return {"y_pred": 10 + score / 2}
    chance = 1 - np.exp(-np.exp(score / 2) * 5 / 10)
    return {"risk": score, "event_prob": chance, "threshold": 0.0, "horizon": 5.0}


OUTCOMES = {"binary": BINARY, "multiclass": CLASSES, "regression": NUMBER, "survival": SURVIVAL}
KINDS = list(OUTCOMES)


# all kinds


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_makes_the_tables_it_names(kind: str) -> None:
    predictions = study(kind, repeats=2)
    cases = predictions[["case"]].drop_duplicates().assign(sex="F")
    chosen = SETTINGS.model_copy(update={"subgroups": ["sex"]})
    made = by_kind.judge(predictions, cases, OUTCOMES[kind], chosen, 1)
    assert set(made) == set(by_kind.table_names(OUTCOMES[kind], repeats=2, subgroups=["sex"]))
    assert all(len(table) for table in made.values())
    assert by_kind.PRIMARY_METRIC[kind] in set(made["performance"]["metric"])


@pytest.mark.parametrize("kind", KINDS)
def test_the_better_model_is_found_better(kind: str) -> None:
    predictions = study(kind, n=100)
    table = by_kind.comparisons(predictions, OUTCOMES[kind], SETTINGS, 1, primary="strong")
    assert table.columns.tolist() == COMPARISON_COLUMNS
    row = table.iloc[0]
    assert (row["model_a"], row["model_b"], row["primary"]) == ("strong", "weak", True)
    assert row["metric"] == by_kind.PRIMARY_METRIC[kind]
    assert 0 < row["ci_low"] < row["difference"] < row["ci_high"]
    assert row["p"] < 0.05
    assert row["p_holm"] == row["p"]
    assert "conditional" in row["method"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_difference_is_that_of_the_performances(kind: str) -> None:
    predictions, outcome = study(kind, repeats=2), OUTCOMES[kind]
    metric = by_kind.PRIMARY_METRIC[kind]
    found = by_kind.performance(predictions, outcome, SETTINGS, 1)
    found = found[found["metric"] == metric].set_index("model")["estimate"]
    row = by_kind.comparisons(predictions, outcome, SETTINGS, 1).iloc[0]
    assert row["difference"] == pytest.approx(found["strong"] - found["weak"])


@pytest.mark.parametrize("kind", ["multiclass", "regression", "survival"])
def test_equal_models_do_not_differ(kind: str) -> None:
    one = study(kind)
    one = one[one["model"] == "strong"]
    table = by_kind.comparisons(
        pd.concat([one, one.assign(model="twin")]), OUTCOMES[kind], SETTINGS, 1
    )
    assert table.loc[0, ["difference", "ci_low", "ci_high", "z", "p"]].tolist() == [0, 0, 0, 0, 1]


@pytest.mark.parametrize("kind", KINDS)
def test_the_order_of_the_rows_does_not_matter(kind: str) -> None:
    predictions = study(kind, n=40)
    mixed = predictions.sort_values(["case", "model"], ascending=False)
    mixed = mixed.sort_values("model", key=lambda m: m != "weak", kind="stable")
    for call in (by_kind.comparisons, by_kind.calibration):
        pd.testing.assert_frame_equal(
            call(predictions, OUTCOMES[kind], SETTINGS, 1), call(mixed, OUTCOMES[kind], SETTINGS, 1)
        )


@pytest.mark.parametrize("kind", KINDS)
def test_repeats_average_to_the_performance(kind: str) -> None:
    predictions, outcome = study(kind, repeats=3), OUTCOMES[kind]
    table = by_kind.repeats(predictions, outcome)
    assert table["repeat"].tolist() == ["r1", "r2", "r3"] * 2
    found = by_kind.performance(predictions, outcome, SETTINGS, 1)
    found = found[found["metric"] == by_kind.PRIMARY_METRIC[kind]].set_index("model")["estimate"]
    mean = table.groupby("model")["estimate"].mean()
    pd.testing.assert_series_equal(mean, found.loc[mean.index], check_names=False)
    assert by_kind.repeats(study(kind), outcome).empty


@pytest.mark.parametrize("kind", KINDS)
def test_a_subgroup_is_judged_as_if_it_were_alone(kind: str) -> None:
    predictions = study(kind, n=80)
    cases = predictions[["case"]].drop_duplicates().reset_index(drop=True)
    cases["site"] = ["1", "2.0"] * 40
    chosen = SETTINGS.model_copy(update={"subgroups": ["site"]})
    table = by_kind.subgroups(predictions, cases, OUTCOMES[kind], chosen, 1)
    assert list(dict.fromkeys(table["level"])) == ["1", "2"]
    alone = predictions[predictions["case"].isin(cases.loc[cases["site"] == "1", "case"])]
    expected = by_kind.performance(alone, OUTCOMES[kind], SETTINGS, 1)
    for row in table[table["level"] == "1"].itertuples():
        same = (expected["model"] == row.model) & (expected["metric"] == row.metric)
        assert expected.loc[same, ["estimate", "ci_low", "n"]].iloc[0].tolist() == pytest.approx(
            [row.estimate, row.ci_low, row.n], nan_ok=True
        )


def test_a_subgroup_needs_its_column() -> None:
    chosen = SETTINGS.model_copy(update={"subgroups": ["scanner"]})
    with pytest.raises(ConfigError, match=r"no column 'scanner'; expected one of case"):
        by_kind.subgroups(study("binary"), pd.DataFrame({"case": ["c00"]}), BINARY, chosen, 1)


@pytest.mark.parametrize("outcome", [CLASSES, NUMBER])
def test_without_a_probability_to_act_on_there_is_no_decision(outcome: Outcome) -> None:
    with pytest.raises(RadpipeError, match="expected binary or survival"):
        by_kind.decision(study("regression"), outcome, SETTINGS)


def test_left_out_single_cases_are_not_ranked_together() -> None:
    for kind in ("multiclass", "survival"):
        predictions = study(kind, n=30)
        alone = predictions.assign(fold="r1f" + predictions["case"].str[1:])
        table = by_kind.comparisons(alone, OUTCOMES[kind], SETTINGS, 1)
        assert table["method"].iloc[0].startswith("refused: pooled leave-one-out")
        assert np.isnan(table["difference"].iloc[0])


# arrays


def test_predictions_are_checked_at_the_door() -> None:
    table = frame({"y_true": [1.0, 2.0], "y_pred": [1.0, 2.0]})
    for broken, message in (
        (table.drop(columns="y_pred"), r"lack columns; found \['y_pred'\]"),
        (table.assign(y_pred=[1.0, np.nan]), "case 'c01': model 'm', fold final: y_pred is miss"),
        (table.assign(y_true=[1.0, np.nan], cohort="development"), "case 'c01': a development"),
        (pd.concat([table, table.iloc[:1]]), "predicts a case of cohort 'external' twice"),
        (
            pd.concat([table.assign(fold="r1f1"), table.iloc[:1].assign(fold="r2f1")]),
            "hold different cases",
        ),
    ):
        with pytest.raises(RadpipeError, match=message):
            scored(broken, ["y_true"], ["y_pred"])
    assert scored(table.assign(y_true=[1.0, np.nan]), ["y_true"], ["y_pred"])[0].n == 1


def test_models_are_compared_on_common_cases() -> None:
    predictions = study("regression", n=20)
    fewer = predictions[(predictions["model"] == "weak") | (predictions["case"] > "c04")]
    table = by_kind.comparisons(fewer, NUMBER, SETTINGS, 1)
    assert table["n"].tolist() == [15]


def test_the_p_value_counts_the_resamples_beyond_zero() -> None:
    parts = scored(frame({"y_true": [0.0] * 4, "a": [0.0] * 4}), ["y_true"], ["a"])
    two = [
        parts[0],
        scored(frame({"y_true": [0.0] * 4, "a": [0.0] * 4}, model="n"), ["y_true"], ["a"])[0],
    ]

    def statistic(part, weights):
        # Model n is better by 1 in all but the first three resamples, where it is worse by 1.
        value = np.ones(len(weights)) * (part.model == "n")
        value[:3] = -value[:3] if len(weights) > 1 else value[:3]
        return value

    table = compare(two, statistic, SETTINGS, 1, metric="x", primary="n")
    assert table.loc[0, "difference"] == 1
    assert table.loc[0, "p"] == pytest.approx(2 * (3 + 1) / (200 + 1))


# binary


def test_precision_is_that_of_the_cases_called() -> None:
    table = roc_table(
        frame({"y_true": [1, 0, 1, 0], "y_prob": [0.9, 0.8, 0.7, 0.1], "threshold": 0.5})
    )
    # Called in turn: 1 of 1, 1 of 2, 2 of 3, 2 of 4 are positive; nobody is called at first.
    expected = [np.nan, 1, 1 / 2, 2 / 3, 1 / 2]
    assert table["precision"].tolist() == pytest.approx(expected, nan_ok=True)


# several classes


def test_confusion_counts_the_likeliest_class() -> None:
    table = tables_multiclass.confusion_table(
        frame(
            {
                "y_true": ["a", "a", "b", "c"],
                "y_prob_a": [0.6, 0.3, 0.2, 0.4],
                "y_prob_b": [0.3, 0.4, 0.5, 0.4],
                "y_prob_c": [0.1, 0.3, 0.3, 0.2],
            }
        )
    )
    counts = table.set_index(["y_true", "y_pred"])["n"]
    found = {pair for pair, n in counts.items() if n == 1}
    assert found == {("a", "a"), ("a", "b"), ("b", "b"), ("c", "a")}
    assert counts.sum() == 4


def test_confusion_of_repeats_is_their_mean() -> None:
    table = tables_multiclass.confusion_table(study("multiclass", repeats=3))
    assert table.groupby("model")["n"].sum().tolist() == pytest.approx([60, 60])
    assert not np.allclose(table["n"], table["n"].round())


def test_each_class_has_the_curves_of_a_binary_outcome() -> None:
    predictions = study("multiclass")
    roc = tables_multiclass.roc_table(predictions)
    assert list(dict.fromkeys(roc["class"])) == ["a", "b", "c"]
    own = predictions[predictions["model"] == "strong"]
    curve = roc[(roc["model"] == "strong") & (roc["class"] == "c")]
    area = np.trapezoid(curve["true_positive_rate"], curve["false_positive_rate"])
    assert area == pytest.approx(auc(own["y_true"] == "c", own["y_prob_c"]))


def test_numeric_classes_may_come_as_numbers_or_text() -> None:
    digits = {f"y_prob_{name}": f"y_prob_{k}" for k, name in enumerate("abc")}
    predictions = study("multiclass").rename(columns=digits)
    codes = predictions["y_true"].map({"a": 0.0, "b": 1.0, "c": 2.0})
    as_text = predictions.assign(y_true=codes.map("{:.0f}".format))
    pd.testing.assert_frame_equal(
        tables_multiclass.confusion_table(predictions.assign(y_true=codes)),
        tables_multiclass.confusion_table(as_text),
    )


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 4))
def test_weighted_hand_till_is_that_of_repeated_cases(seed: int, classes: int) -> None:
    rng = np.random.default_rng(seed)
    names = [f"k{i}" for i in range(classes)]
    truth = np.array(names * 4)
    p = rng.random((truth.size, classes)).round(1)
    weights = rng.integers(1, 3, truth.size)
    found = tables_multiclass.weighted_hand_till(truth, p, names, weights[None].astype(float))
    again = np.repeat(np.arange(truth.size), weights)
    repeated = pd.DataFrame(p[again], columns=names)
    assert found[0] == pytest.approx(hand_till_auc(truth[again], repeated))


# numbers


def test_agreement_by_hand() -> None:
    table = tables_regression.agreement_table(
        frame({"y_true": [1.0, 2.0, 3.0, 4.0], "y_pred": [2.0, 1.0, 6.0, 5.0]}), SETTINGS, 1
    )
    found = table.set_index("measure")["estimate"]
    # Differences 1, -1, 3, 1: mean 1, squares from it 0, 4, 4, 0, variance 8 / 3.
    sd = np.sqrt(8 / 3)
    assert found.to_dict() == pytest.approx(
        {"bias": 1, "sd": sd, "lower_limit": 1 - 1.96 * sd, "upper_limit": 1 + 1.96 * sd}
    )


@pytest.mark.parametrize(("n", "kind"), [(40, "linear"), (120, "loess")])
def test_a_shift_is_seen_in_the_calibration(n: int, kind: str) -> None:
    y = np.linspace(0, 10, n)
    table = tables_regression.calibration_table(frame({"y_true": y + 2, "y_pred": y}), SETTINGS, 1)
    assert set(table["kind"]) == {"bin", kind}
    np.testing.assert_allclose(table["observed"] - table["predicted"], 2, atol=1e-6)
    assert table.loc[table["kind"] == "bin", "n"].sum() == n


def test_equal_predictions_have_one_group_and_no_curve() -> None:
    table = tables_regression.calibration_table(
        frame({"y_true": [1.0, 2.0, 6.0], "y_pred": [2.0, 2.0, 2.0]}), SETTINGS, 1
    )
    assert table["kind"].tolist() == ["bin"]
    assert table.loc[0, ["predicted", "observed", "n"]].tolist() == [2, 3, 3]


# survival


def by_hand() -> pd.DataFrame:
    """Two of high risk with events at 1 and 2; two of low risk, one censored at 3, event at 4."""
    return frame(
        {
            "time": [1.0, 2.0, 3.0, 4.0],
            "event": [1, 1, 0, 1],
            "risk": [2.0, 1.0, -1.0, -2.0],
            "event_prob": [0.9, 0.8, 0.2, 0.1],
            "threshold": 0.0,
            "horizon": 2.0,
        }
    )


def test_risk_groups_by_hand() -> None:
    table = tables_survival.survival_curves(by_hand(), SETTINGS)
    high, low = (table[table["group"] == g] for g in ("high", "low"))
    assert high["survival"].tolist() == [1, 0.5, 0]
    assert high["at_risk"].tolist() == [2, 2, 1]
    assert low["survival"].tolist() == [1, 1, 0]
    assert low["censored"].tolist() == [0, 1, 0]
    data = by_hand()
    p = log_rank(data["time"], data["event"], ["high", "high", "low", "low"]).p
    assert table["log_rank_p"].tolist() == pytest.approx([p] * 6)


def test_all_of_one_risk_group_cannot_be_tested() -> None:
    table = tables_survival.survival_curves(by_hand().assign(threshold=9.0), SETTINGS)
    assert set(table["group"]) == {"low"}
    assert table["log_rank_p"].isna().all()


def test_the_risk_group_of_repeats_is_that_of_most() -> None:
    parts = [by_hand().assign(fold=f"r{k}f1", cohort="development") for k in (1, 2, 3)]
    parts[0]["risk"] = -parts[0]["risk"]
    table = tables_survival.survival_curves(pd.concat(parts), SETTINGS)
    assert table[table["group"] == "high"]["survival"].tolist() == [1, 0.5, 0]


def test_scores_are_those_of_the_plain_functions() -> None:
    predictions = study("survival", n=80)
    own = predictions[predictions["model"] == "strong"]
    table = tables_survival.survival_scores(predictions, SETTINGS, 1)
    row = table[(table["model"] == "strong") & table["horizon"]].iloc[0]
    known = own["time"], own["event"], 5.0
    assert row["auc"] == pytest.approx(auc_at(own["risk"], *known))
    assert row["brier"] == pytest.approx(brier_at(own["event_prob"], *known))
    assert row["ci_low"] < row["auc"] < row["ci_high"]
    assert table.loc[~table["horizon"], "brier"].isna().all()
    curves = predictions.assign(event_prob_2=0.3, event_prob_4=0.4)
    again = tables_survival.survival_scores(curves, SETTINGS, 1)
    assert sorted(again["time"].unique()) == [2, 4, 5]
    assert again["brier"].notna().all()


def uncensored(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    time = rng.permutation(np.linspace(0.1, 10, n))
    p = np.clip(rng.normal(0.5, 0.2, n), 0.01, 0.99)
    truth = {"time": time, "event": 1, "risk": p, "event_prob": p, "threshold": 0.5}
    return frame({**truth, "horizon": 5.0})


def test_without_censoring_calibration_is_that_of_a_binary_outcome() -> None:
    survival = uncensored()
    binary = frame(
        {
            "y_true": (survival["time"] <= 5).astype(int),
            "y_prob": survival["event_prob"],
            "threshold": 0.5,
        }
    )
    found = by_kind.calibration(survival, SURVIVAL, SETTINGS, 1)
    expected = by_kind.calibration(binary, BINARY, SETTINGS, 1)
    columns = ["predicted", "observed", "n", "kind"]
    pd.testing.assert_frame_equal(found[columns], expected[columns])
    line = found["kind"] == "logistic"
    pd.testing.assert_frame_equal(found[line], expected[line])


def test_without_censoring_a_decision_is_that_of_a_binary_outcome() -> None:
    survival = uncensored()
    found = by_kind.decision(survival, SURVIVAL, SETTINGS)
    own = found[found["model"] == "m"]
    expected = net_benefit(survival["time"] <= 5, survival["event_prob"], own["threshold"])
    np.testing.assert_allclose(own["net_benefit"], expected["net_benefit"], atol=1e-12)


def test_past_the_last_event_nothing_is_judged_at_the_horizon() -> None:
    late = by_hand().assign(horizon=9.0)
    assert tables_survival.calibration_table(late, SETTINGS, 1).empty
    assert tables_survival.decision_table(late, SETTINGS).empty
    assert tables_survival.survival_scores(late, SETTINGS, 1).empty


def test_the_horizon_is_that_of_the_outcome_or_the_median_follow_up() -> None:
    bare = by_hand().drop(columns="horizon").assign(cohort="development")
    free = Outcome(kind="survival", time="time", event="event")
    assert set(tables_survival.with_horizon(bare, free)["horizon"]) == {2.5}
    assert set(tables_survival.with_horizon(bare, SURVIVAL)["horizon"]) == {5}
    assert set(tables_survival.with_horizon(by_hand(), SURVIVAL)["horizon"]) == {2}


def test_weighted_c_is_harrells() -> None:
    predictions = study("survival")
    part = scored(predictions, ["time", "event"], ["risk"])[1]
    own = predictions[predictions["model"] == "strong"].sort_values("case")
    found = tables_survival.mean_c(part, np.ones((1, part.n)))[0]
    assert found == pytest.approx(harrell_c(own["risk"], own["time"], own["event"]).estimate)


# selection


def test_stability_by_hand() -> None:
    assert nogueira_stability([[1, 1, 0, 0]] * 3).estimate == 1
    # Shares 1, 1/2, 1/2, 0; unbiased variances 0, 1/2, 1/2, 0, mean 1/4; by chance 1/4.
    assert nogueira_stability([[1, 1, 0, 0], [1, 0, 1, 0]]).estimate == pytest.approx(0)
    assert np.isnan(nogueira_stability([[1, 1], [1, 1]]).estimate)
    with pytest.raises(RadpipeError, match="needs several"):
        nogueira_stability([[1, 0]])


def test_random_selections_have_no_stability_and_the_interval_says_so() -> None:
    rng = np.random.default_rng(0)
    found = [nogueira_stability(rng.random((20, 50)) < 0.3) for _ in range(200)]
    assert np.mean([f.estimate for f in found]) == pytest.approx(0, abs=0.005)
    assert 0.85 < np.mean([f.low <= 0 <= f.high for f in found]) <= 1


def test_a_category_that_is_always_used_is_no_choice() -> None:
    """All columns and all categories are used in each fold: nothing was selected."""
    card = {"columns": ["age", "site"], "categorical": ["site"], "categories": ["site_x", "site_y"]}
    offered = candidates_of({"m": card | {"features": [{"feature": "age"}]}}, [])
    rows = [("m", fold, f, 1.0) for fold in ("r1f1", "r1f2") for f in offered["m"]]
    selection = pd.DataFrame(rows, columns=["model", "fold", "feature", "weight"])
    table = stability_table(selection, offered, ["r1f1", "r1f2"])
    index = table[table["measure"] == "nogueira_stability"]
    assert index["estimate"].isna().all()


def test_shares_of_folds() -> None:
    folds = ["r1f1", "r1f2"]
    rows = [("m", "r1f1", "a", 1.0), ("m", "r1f2", "a", 2.0), ("m", "r1f2", "b", 0.5)]
    rows += [("m", "r1f1", "c", 0.0), ("m", "final", "c", 9.0), ("m", "r1f1", "e__e000", 1.0)]
    selection = pd.DataFrame(rows, columns=["model", "fold", "feature", "weight"])
    card = {"columns": ["a", "b", "c", "e__e000", "site"], "categorical": ["site"]}
    cards = {"m": card | {"categories": ["site_x", "site_y"], "features": [{"feature": "d"}]}}
    offered = candidates_of(cards, ["e"])
    assert offered == {"m": ["a", "b", "c", "site_x", "site_y", "d"]}
    table = stability_table(selection, offered, folds)
    shares = table[table["measure"] == "selection_frequency"].set_index("feature")["estimate"]
    assert shares.to_dict() == {"a": 1.0, "b": 0.5}
    assert table["n"].tolist() == [2, 2, 2]
    assert stability_table(selection, {"m": ["a"]}, folds).empty


def test_many_pairs_get_resamples_enough_for_their_adjustment() -> None:
    """Six models in 15 pairs: with the 100 resamples asked for, Holm could never go below 0.29."""
    y, sign = np.arange(40.0), np.where(np.arange(40) % 2, 1.0, -1.0)
    frames = [
        frame({"y_true": y, "y_pred": y + size * sign}, model=f"off by {size}")
        for size in range(1, 7)
    ]
    table = by_kind.comparisons(pd.concat(frames), NUMBER, Evaluation(bootstrap=100), 1)
    assert len(table) == 15
    assert (table["p_holm"] < 0.05).all()
