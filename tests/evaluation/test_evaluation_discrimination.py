"""AUC, its intervals and its comparison, by hand and against pROC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from radpipe.errors import FitError, RadpipeError
from radpipe.evaluation.comparison import (
    benjamini_hochberg,
    clustered_delong_test,
    delong_test,
    holm,
    nadeau_bengio,
    permutation_p,
)
from radpipe.evaluation.discrimination import (
    auc,
    clustered_auc_interval,
    delong_interval,
    placements,
    roc_curve,
    weighted_auc,
    weighted_average_precision,
)
from radpipe.evaluation.intervals import (
    bootstrap_interval,
    patient_weights,
    percentile_interval,
    wilson,
)
from radpipe.evaluation.thresholds import choose_threshold, operating_point, youden_thresholds

SCORES = ("score1", "score2", "score3")


@pytest.fixture(scope="module")
def sim(oracle):
    return oracle.csv("sim500")


def test_auc_counts_pairs():
    # Pairs (positive, negative): 0.4 beats 0.1, ties 0.4; 0.9 beats both: 3.5 of 4.
    assert auc([0, 0, 1, 1], [0.1, 0.4, 0.4, 0.9]) == 3.5 / 4


@pytest.mark.parametrize("score", SCORES)
def test_delong_is_that_of_proc(score, sim, oracle):
    expected = oracle.json("roc_single")["sim500"][score]
    found = delong_interval(sim["y"], sim[score])
    assert auc(sim["y"], sim[score]) == pytest.approx(expected["auc"], abs=1e-12)
    assert [found.low, found.high] == pytest.approx(expected["ci_delong_95"], abs=1e-9)
    narrow = delong_interval(sim["y"], sim[score], confidence=0.9)
    assert [narrow.low, narrow.high] == pytest.approx(expected["ci_delong_90"], abs=1e-9)


@pytest.mark.parametrize("pair", ["score1_score2", "score1_score3", "score2_score3"])
def test_paired_delong_is_that_of_proc(pair, sim, oracle):
    expected = oracle.json("roc_pairs")["sim500"][pair]
    first, second = pair.split("_")
    found = delong_test(sim["y"], sim[first], sim[second])
    assert found.difference == pytest.approx(expected["diff"], abs=1e-12)
    assert found.z == pytest.approx(expected["Z"], abs=1e-9)
    assert found.p == pytest.approx(expected["p"], abs=1e-10)
    assert [found.low, found.high] == pytest.approx(expected["diff_ci95"], abs=1e-9)


@pytest.mark.parametrize("score", SCORES)
def test_clustered_interval_is_obuchowskis(score, sim, oracle):
    expected = oracle.json("cluster_auc")[score]["obuchowski1997"]
    found = clustered_auc_interval(sim["y"], sim[score], sim["patient_id"])
    standard_error = (found.high - found.low) / 2 / 1.959963984540054
    assert standard_error == pytest.approx(expected["se"], abs=1e-10)
    assert found.method == "obuchowski_clustered"


def test_clustered_test_of_single_cases_is_delongs(sim):
    y, a, b = (sim[c].to_numpy() for c in ("y", "score1", "score2"))
    single = clustered_delong_test(y, a, b, np.arange(y.size))
    assert single.p == pytest.approx(delong_test(y, a, b).p, rel=1e-6)


def test_clustered_test_sees_copies_of_cases(sim):
    # Every case twice in the same patient: no new information, so the test must not change.
    y, a, b = (sim[c].to_numpy() for c in ("y", "score1", "score2"))
    twice = clustered_delong_test(*(np.tile(v, 2) for v in (y, a, b, np.arange(y.size))))
    assert twice.z == pytest.approx(clustered_delong_test(y, a, b, np.arange(y.size)).z)
    assert delong_test(*(np.tile(v, 2) for v in (y, a, b))).z > 1.4 * twice.z


def test_edges_are_those_of_proc(oracle):
    edge = oracle.json("roc_edge")
    perfect = delong_interval([0, 0, 1, 1], [1, 2, 3, 4])
    assert [perfect.low, perfect.estimate, perfect.high] == edge["perfect"]["ci"]
    assert "degenerate" in perfect.method
    constant = delong_interval([0, 0, 1, 1], [1, 1, 1, 1])
    assert [constant.low, constant.estimate, constant.high] == edge["constant"]["ci"]
    assert auc([0, 0, 1, 1], [4, 3, 2, 1]) == edge["reversed_fixed_direction"]["auc"]
    one_each = delong_interval([0, 1], [1, 2])
    assert one_each.estimate == edge["one_each"]["auc"]
    assert np.isnan([one_each.low, one_each.high]).all()
    assert np.isnan(auc([1, 1], [0.2, 0.3]))


def test_equal_scores_do_not_differ():
    found = delong_test([0, 1, 0, 1, 1], [0.1, 0.5, 0.6, 0.8, 0.3], [0.1, 0.5, 0.6, 0.8, 0.3])
    assert (found.difference, found.z, found.p) == (0, 0, 1)


@pytest.mark.parametrize(
    ("y", "p", "message"),
    [
        ([0, 1, 2], [0.1, 0.2, 0.3], "not binary; found 2.0, expected 0 or 1"),
        ([0, 1], [0.1, np.nan], "not a finite number; found 1 of 2"),
        ([0, 1], [0.1, 0.2, 0.3], "differ in length"),
        ([], [], "not a vector"),
    ],
)
def test_unusable_input_is_refused(y, p, message):
    with pytest.raises(RadpipeError, match=message):
        auc(y, p)


def test_one_class_has_no_curve():
    with pytest.raises(RadpipeError, match="needs both classes"):
        roc_curve([1, 1], [0.1, 0.2])
    with pytest.raises(RadpipeError, match="needs both classes"):
        placements([1, 1], [0.1, 0.2])


def test_roc_curve_by_hand():
    curve = roc_curve([0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8])
    assert curve["threshold"].tolist() == pytest.approx([np.inf, 0.7, 0.5, 0.25, -np.inf])
    assert curve["false_positive_rate"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert curve["true_positive_rate"].tolist() == [0, 0.5, 0.5, 1, 1]


@pytest.mark.parametrize("score", SCORES)
def test_roc_curve_is_that_of_proc(score, sim, oracle):
    expected = oracle.json("roc_single")["sim500"][score]["roc_points"]
    curve = roc_curve(sim["y"], sim[score])[::-1]
    assert curve["true_positive_rate"].tolist() == pytest.approx(
        [e["sensitivity"] for e in expected]
    )
    assert (1 - curve["false_positive_rate"]).tolist() == pytest.approx(
        [e["specificity"] for e in expected]
    )


@pytest.mark.parametrize("score", SCORES)
def test_youden_is_that_of_proc(score, sim, oracle):
    expected = oracle.json("roc_single")["sim500"][score]
    ties = sorted(e["threshold"] for e in expected["youden_all_ties"])
    assert youden_thresholds(sim["y"], sim[score]) == pytest.approx(ties, abs=1e-12)
    point = expected["youden_point"]
    found = operating_point(sim["y"], sim[score], point["threshold"])
    assert (found.tp, found.fp, found.tn, found.fn) == tuple(
        point[k] for k in ("tp", "fp", "tn", "fn")
    )
    limits = found.intervals()
    for metric, key in (("sensitivity", "sens_wilson"), ("specificity", "spec_wilson")):
        assert [limits[metric].low, limits[metric].high] == pytest.approx(point[key], abs=1e-10)


def test_threshold_by_sensitivity():
    y, p = [0, 0, 1, 0, 1, 1], [0.1, 0.2, 0.3, 0.4, 0.5, 0.6]
    assert choose_threshold(y, p, "sensitivity", 0.6) == pytest.approx(0.45)
    assert choose_threshold(y, p, "sensitivity", 0.9) == pytest.approx(0.25)
    assert choose_threshold(y, p, "youden") == pytest.approx(0.25)


def test_a_threshold_always_exists():
    assert choose_threshold([0, 1, 1], [0.3, 0.3, 0.3]) == 0.3
    assert choose_threshold([0, 1], [0.9, 0.1], "sensitivity", 0.9) == pytest.approx(0.1)
    with pytest.raises(FitError, match="found one class"):
        choose_threshold([1, 1], [0.1, 0.2])
    with pytest.raises(FitError, match="unknown rule"):
        choose_threshold([0, 1], [0.1, 0.2], "closest")


def test_confusion_metrics_are_those_of_caret(oracle):
    table = oracle.csv("paired300")
    expected = oracle.json("paired_and_confusion")["caret_binary"]["byClass"]
    found = operating_point(table["y"], table["clf1"], 0.5).metrics
    names = {
        "sensitivity": "Sensitivity",
        "specificity": "Specificity",
        "ppv": "Pos Pred Value",
        "npv": "Neg Pred Value",
        "f1": "F1",
        "balanced_accuracy": "Balanced Accuracy",
    }
    for metric, name in names.items():
        assert found[metric] == pytest.approx(expected[name], abs=1e-10)
    assert found["accuracy"] == pytest.approx(0.83)
    # MCC by hand of 91, 33, 158, 18.
    assert found["mcc"] == pytest.approx((91 * 158 - 33 * 18) / np.sqrt(124.0 * 109 * 191 * 176))


def test_a_threshold_a_case():
    point = operating_point([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.4, 0.6, 0.4, 0.6])
    assert (point.tp, point.fn, point.fp, point.tn) == (1, 1, 1, 1)


def test_metrics_without_a_denominator_are_missing():
    metrics = operating_point([0, 1], [0.1, 0.2], 0.9).metrics
    assert np.isnan(metrics["ppv"])
    assert (metrics["mcc"], metrics["f1"], metrics["npv"]) == (0, 0, 0.5)


def test_wilson_is_that_of_r(oracle):
    for row in oracle.csv("proportion_ci").itertuples():
        assert wilson(row.x, row.n) == pytest.approx((row.wilson_lo, row.wilson_hi), abs=1e-10)
    assert np.isnan(wilson(0, 0)).all()


def test_bootstrap_interval_is_near_that_of_proc(sim, oracle):
    expected = oracle.json("roc_single")["sim500"]["score1"]["ci_boot_unstratified_95"]
    y, score = (sim[c].to_numpy(dtype=float) for c in ("y", "score1"))
    replicates = weighted_auc(y, score, patient_weights(np.arange(500), 5000, 1))
    found = percentile_interval(auc(y, score), replicates, 0.95)
    assert [found.low, found.high] == pytest.approx(expected, abs=0.006)


def test_patients_are_resampled_whole(sim, oracle):
    expected = oracle.json("cluster_auc")["score3"]["cluster_boot_se"]
    y, score = (sim[c].to_numpy(dtype=float) for c in ("y", "score3"))
    weights = patient_weights(sim["patient_id"], 4000, 2)
    assert weighted_auc(y, score, weights).std(ddof=1) == pytest.approx(expected, rel=0.05)
    for _, rows in sim.groupby("patient_id"):
        assert (weights[:, rows.index] == weights[:, rows.index[:1]]).all()


def test_bootstrap_of_any_statistic_repeats_with_its_seed():
    values, patient = np.arange(20.0), np.repeat(np.arange(10), 2)
    found = [
        bootstrap_interval(lambda v: float(v.mean()), [values], patient, samples=200, seed=s)
        for s in (1, 1, 2)
    ]
    assert found[0] == found[1] != found[2]
    assert found[0].low < 9.5 < found[0].high


def test_samples_without_the_statistic_are_told():
    replicates = np.array([0.5] * 9 + [np.nan])
    assert percentile_interval(0.5, replicates, 0.95).method.endswith(
        "(defined in 90 % of samples)"
    )
    rare = percentile_interval(0.5, np.array([0.5, np.nan]), 0.95)
    assert np.isnan(rare.low)
    assert "no interval" in rare.method


def test_adjusted_p_values_are_those_of_r(oracle):
    expected = oracle.csv("p_adjust")
    assert holm(expected["p"]) == pytest.approx(expected["holm"].to_numpy(), abs=1e-12)
    assert benjamini_hochberg(expected["p"]) == pytest.approx(expected["BH"].to_numpy(), abs=1e-12)


def test_missing_p_values_stay_missing():
    assert holm([0.01, np.nan, 0.04]) == pytest.approx([0.02, np.nan, 0.04], nan_ok=True)
    with pytest.raises(RadpipeError, match="outside"):
        holm([1.2])


def test_nadeau_bengio_is_that_of_correctr(oracle):
    table, expected = oracle.csv("repcv_scores"), oracle.json("nadeau_bengio")["formula"]
    found = nadeau_bengio(table["auc_a"] - table["auc_b"], 160, 40)
    assert found.z == pytest.approx(expected["t"], abs=1e-10)
    assert found.p == pytest.approx(expected["p"], abs=1e-10)
    assert [found.low, found.high] == pytest.approx(expected["ci"], abs=1e-10)
    with pytest.raises(RadpipeError, match="too few folds"):
        nadeau_bengio([0.1], 160, 40)


def test_permutation_p_is_never_zero(oracle):
    expected = oracle.json("permutation_p")
    found = [permutation_p(b, expected["m"]) for b in expected["b"]]
    assert found == pytest.approx(expected["add_one"], abs=1e-12)


samples = st.lists(
    st.tuples(st.sampled_from([0, 1]), st.sampled_from([0.0, 0.2, 0.5, 0.7, 1.0])),
    min_size=4,
    max_size=30,
).filter(lambda rows: 0 < sum(r[0] for r in rows) < len(rows))


@settings(max_examples=50, deadline=None)
@given(rows=samples)
def test_what_is_true_of_every_score(rows):
    y, p = np.array(rows).T
    area = auc(y, p)
    assert area == pytest.approx(roc_auc_score(y, p))
    assert auc(y, -p) == pytest.approx(1 - area)
    assert auc(1 - y, p) == pytest.approx(1 - area)
    placed = placements(y, p)
    assert placed.positive.mean() == pytest.approx(area)
    assert placed.negative.mean() == pytest.approx(area)
    once = np.ones((1, y.size))
    assert weighted_average_precision(y, p, once)[0] == pytest.approx(average_precision_score(y, p))
    # A weight of two is the case twice.
    double = np.where(np.arange(y.size) == 0, 2, 1)
    twice = weighted_auc(y, p, double[None].astype(float))[0]
    assert twice == pytest.approx(auc(np.repeat(y, double), np.repeat(p, double)))
