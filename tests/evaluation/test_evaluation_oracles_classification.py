"""Discrimination, calls and p-values against independent programs, one test or more an oracle row.

Rows are those of the table of reference results that this project was given; each test names its
row. Intervals of single curves, bootstrap, clustered AUC and Nadeau-Bengio (rows 1, 2, 4, 8, 10,
28, 29) are in `test_evaluation_discrimination.py` as well.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.errors import FitError, RadpipeError
from radpipe.evaluation.comparison import delong_test, unpaired_delong_test
from radpipe.evaluation.confusion import (
    accuracy_test,
    bowker,
    class_metrics,
    cohen_kappa,
    confusion_table,
    mcnemar,
)
from radpipe.evaluation.discrimination import auc, delong_covariance, delong_interval, placements
from radpipe.evaluation.discrimination import weighted_auc as bootstrap_auc
from radpipe.evaluation.intervals import clopper_pearson, patient_weights, percentile_interval
from radpipe.evaluation.multiclass import (
    hand_till_auc,
    macro_auc,
    one_vs_rest_auc,
    pairwise_auc,
    weighted_macro_auc,
)
from radpipe.evaluation.multiplicity import (
    benjamini_hochberg,
    benjamini_yekutieli,
    bonferroni,
    hochberg,
    holm,
    hommel,
)
from radpipe.evaluation.partial_auc import corrected_partial_auc, partial_auc
from radpipe.evaluation.power import auc_cases, auc_power
from radpipe.evaluation.reclassification import categorical_nri, continuous_nri, idi
from radpipe.evaluation.thresholds import (
    closest_topleft_thresholds,
    operating_point,
    specificity_at,
    youden_thresholds,
)

SCORES = ("score1", "score2", "score3")
PARTS = {
    "spec_1_0.9": (0.9, "specificity"),
    "spec_1_0.8": (0.8, "specificity"),
    "sens_1_0.9": (0.9, "sensitivity"),
}


@pytest.fixture(scope="module")
def sim(oracle):
    return oracle.csv("sim500")


def check_single_curve(y, score, expected):
    """Rows 1, 5 and 6 for one curve."""
    placed = placements(y, score)
    found = delong_interval(y, score)
    assert found.estimate == pytest.approx(expected["auc"], abs=1e-12)
    variance = float(delong_covariance(placed)[0, 0])
    assert variance == pytest.approx(expected["var_delong"], abs=1e-12)
    assert [found.low, found.high] == pytest.approx(expected["ci_delong_95"], abs=1e-9)
    for part, (lowest, axis) in PARTS.items():
        wanted = expected["partial"][part]
        raw = partial_auc(y, score, lowest, axis=axis)
        assert raw == pytest.approx(wanted["raw"], abs=1e-12)
        corrected = corrected_partial_auc(y, score, lowest, axis=axis)
        if wanted["mcclish_corrected"] is None:
            assert np.isnan(corrected)
        else:
            assert corrected == pytest.approx(wanted["mcclish_corrected"], abs=1e-12)
    best = [row["threshold"] for row in expected["youden_all_ties"]]
    assert youden_thresholds(y, score) == pytest.approx(sorted(best), abs=1e-12)
    near = [row["threshold"] for row in expected["closest_topleft"]]
    assert closest_topleft_thresholds(y, score) == pytest.approx(sorted(near), abs=1e-12)
    for row in expected["youden_all_ties"]:
        point = operating_point(y, score, row["threshold"])
        assert [point.tp, point.tn, point.fp, point.fn] == [
            row[name] for name in ("tp", "tn", "fp", "fn")
        ]
    wanted = expected["spec_at_sens_0.95"][0]["specificity"]
    assert specificity_at(y, score, 0.95) == pytest.approx(wanted, abs=1e-12)


@pytest.mark.parametrize("score", SCORES)
def test_rows_1_5_6_simulated_curves_are_those_of_proc(score, sim, oracle):
    check_single_curve(sim["y"], sim[score], oracle.json("roc_single")["sim500"][score])


@pytest.mark.parametrize("score", ["s100b", "wfns", "ndka"])
def test_rows_1_5_6_real_curves_are_those_of_proc(score, shared_oracle):
    table = shared_oracle.csv("asah")
    expected = shared_oracle.json("roc_single")["asah"]
    check_single_curve(table["outcome01"], table[score], expected[score])


def test_row_2_paired_tests_of_real_curves_are_those_of_proc(shared_oracle):
    table, pairs = shared_oracle.csv("asah"), shared_oracle.json("roc_pairs")["asah"]
    for name, expected in pairs.items():
        first, second = name.split("_")
        found = delong_test(table["outcome01"], table[first], table[second])
        assert found.z == pytest.approx(expected["Z"], abs=1e-9)
        assert found.p == pytest.approx(expected["p"], abs=1e-10)
        assert [found.low, found.high] == pytest.approx(expected["diff_ci95"], abs=1e-9)


@pytest.mark.parametrize("pair", ["score1_score2", "score1_score3", "score2_score3"])
def test_row_3_unpaired_delong_is_that_of_proc(pair, sim, oracle):
    expected = oracle.json("roc_pairs")["sim500"][pair]["as_if_unpaired"]
    first, second = pair.split("_")
    found = unpaired_delong_test((sim["y"], sim[first]), (sim["y"], sim[second]))
    assert found.z == pytest.approx(expected["D"], abs=1e-9)
    assert found.p == pytest.approx(expected["p"], abs=1e-9)
    assert found.method == f"delong_unpaired (df {expected['df']:.1f})"


def test_row_3_unpaired_delong_of_women_and_men_is_that_of_proc(shared_oracle):
    table = shared_oracle.csv("asah")
    expected = shared_oracle.json("roc_pairs")["unpaired"]["asah_female_vs_male_s100b"]
    curves = [
        (rows["outcome01"], rows["s100b"])
        for rows in (table[table["gender"] == g] for g in ("Female", "Male"))
    ]
    found = unpaired_delong_test(*curves)
    assert auc(*curves[0]) == pytest.approx(expected["auc_f"], abs=1e-12)
    assert found.z == pytest.approx(expected["D"], abs=1e-9)
    assert found.p == pytest.approx(expected["p"], abs=1e-9)


def test_an_unpaired_test_without_variance_is_told():
    perfect = ([0, 0, 1, 1], [1, 2, 3, 4])
    assert "no test" in unpaired_delong_test(perfect, perfect).method


@pytest.mark.parametrize("score", SCORES)
def test_row_4_both_bootstraps_are_near_those_of_proc(score, sim, oracle):
    expected = oracle.json("roc_single")["sim500"][score]
    y, values = (sim[c].to_numpy(dtype=float) for c in ("y", score))
    free = patient_weights(np.arange(500), 5000, 1)
    rng = np.random.default_rng(2)
    within = np.zeros((5000, 500))
    for label in (0, 1):
        cases = np.flatnonzero(y == label)
        share = np.full(cases.size, 1 / cases.size)
        within[:, cases] = rng.multinomial(cases.size, share, size=5000)
    for weights, name in ((free, "unstratified"), (within, "stratified")):
        found = percentile_interval(auc(y, values), bootstrap_auc(y, values, weights), 0.95)
        assert [found.low, found.high] == pytest.approx(expected[f"ci_boot_{name}_95"], abs=0.006)


def test_row_5_by_hand():
    # The curve: (0, 0), (0, 0.5), (0.5, 0.5), (0.5, 1), (1, 1).
    y, p = [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8]
    assert partial_auc(y, p, 0.5) == 0.25
    assert partial_auc(y, p, 0.75) == 0.125
    # McClish: chance 0.125, largest 0.5.
    assert corrected_partial_auc(y, p, 0.5) == pytest.approx((1 + 0.125 / 0.375) / 2)
    assert partial_auc(y, p, 0.5, axis="sensitivity") == 0.25
    assert partial_auc(y, p, 0.0) == auc(y, p) == partial_auc(y, p, 0.0, axis="sensitivity")
    assert np.isnan(corrected_partial_auc([1, 1, 0, 0], p, 0.8))
    with pytest.raises(RadpipeError, match="partial AUC has no range"):
        partial_auc(y, p, 1.0)


def test_row_6_by_hand():
    y, p = [0, 1, 0, 1], [0.1, 0.4, 0.6, 0.8]
    # At 0.7: sensitivity 0.5, specificity 1; at 0.25: 1 and 0.5. Both are as near to the corner.
    assert closest_topleft_thresholds(y, p) == pytest.approx([0.25, 0.7])
    assert specificity_at(y, p, 0.5) == 1.0
    assert specificity_at(y, p, 0.75) == 0.5
    with pytest.raises(FitError, match="no such sensitivity"):
        specificity_at(y, p, 0.0)


@pytest.mark.parametrize("score", SCORES)
def test_row_7_proportions_at_the_youden_point_are_those_of_r(score, sim, oracle):
    expected = oracle.json("roc_single")["sim500"][score]["youden_point"]
    point = operating_point(sim["y"], sim[score], expected["threshold"])
    found = point.intervals()
    for name, short in (("sensitivity", "sens"), ("specificity", "spec")):
        limits = [found[name].low, found[name].high]
        assert limits == pytest.approx(expected[f"{short}_wilson"], abs=1e-10)
    counts = {
        "sens": (point.tp, point.tp + point.fn),
        "spec": (point.tn, point.tn + point.fp),
        "ppv": (point.tp, point.tp + point.fp),
        "npv": (point.tn, point.tn + point.fn),
    }
    for short, (k, n) in counts.items():
        assert clopper_pearson(k, n) == pytest.approx(expected[f"{short}_exact"], abs=1e-10)
    epi_r = {row["statistic"]: row for row in expected["epiR"]}
    names = {"lr.pos": "lr_positive", "lr.neg": "lr_negative", "diag.or": "diagnostic_odds_ratio"}
    for theirs, ours in names.items():
        ratio, wanted = point.ratios()[ours], epi_r[theirs]
        assert [ratio.estimate, ratio.low, ratio.high] == pytest.approx(
            [wanted["est"], wanted["lower"], wanted["upper"]], abs=1e-10
        )


def test_row_7_exact_intervals_are_those_of_binom_test(oracle):
    for row in oracle.csv("proportion_ci").itertuples():
        assert clopper_pearson(row.x, row.n) == pytest.approx((row.cp_lo, row.cp_hi), abs=1e-10)
    assert np.isnan(clopper_pearson(0, 0)).all()


def test_ratios_without_a_count_are_missing():
    ratios = operating_point([0, 1], [0.1, 0.9], 0.5).ratios()
    assert np.isnan([r.estimate for r in ratios.values()]).all()


@pytest.fixture(scope="module")
def classes(oracle):
    table = oracle.csv("multiclass400")
    return table["y"], table[["pA", "pB", "pC", "pD"]].set_axis(list("ABCD"), axis=1)


def test_row_9_hand_till_is_that_of_proc(classes, oracle):
    expected = oracle.json("multiclass_auc")
    assert hand_till_auc(*classes) == pytest.approx(expected["hand_till_pROC"], abs=1e-12)
    pairs = pairwise_auc(*classes)
    for row in pairs.itertuples():
        wanted = expected["pairwise"][row.class_a + row.class_b]
        assert row.auc_by_a == pytest.approx(wanted["A_i_given_j"], abs=1e-12)
        assert row.auc_by_b == pytest.approx(wanted["A_j_given_i"], abs=1e-12)
        assert row.auc == pytest.approx(wanted["mean"], abs=1e-12)


def test_row_9_one_against_the_rest_is_that_of_proc(classes, oracle):
    expected = oracle.json("multiclass_auc")
    found = one_vs_rest_auc(*classes).set_index("class")
    rows = {row["_row"]: row for row in expected["one_vs_rest"]}
    for name in "ABCD":
        assert found.loc[name, "auc"] == pytest.approx(rows["auc"][name], abs=1e-12)
        assert found.loc[name, "ci_low"] == pytest.approx(rows["lo"][name], abs=1e-9)
        assert found.loc[name, "ci_high"] == pytest.approx(rows["hi"][name], abs=1e-9)
    assert macro_auc(*classes) == pytest.approx(expected["macro_ovr"], abs=1e-12)
    assert weighted_macro_auc(*classes) == pytest.approx(expected["weighted_ovr"], abs=1e-12)


def test_hand_till_of_two_classes_is_the_auc(sim):
    scores = pd.DataFrame({"0": -sim["score1"], "1": sim["score1"]})
    assert hand_till_auc(sim["y"], scores) == pytest.approx(auc(sim["y"], sim["score1"]))


@pytest.mark.parametrize(
    ("y", "columns", "message"),
    [
        (["a", "b"], {"a": [0.1, 0.2], "c": [0.9, 0.8]}, "classes and columns of scores differ"),
        (["a"], {"a": [0.1, 0.2], "b": [0.9, 0.8]}, "differ in length"),
        (["a", "b"], {"a": [0.1, np.nan], "b": [0.9, 0.8]}, "not a finite number"),
    ],
)
def test_scores_that_fit_no_classes_are_refused(y, columns, message):
    with pytest.raises(RadpipeError, match=message):
        hand_till_auc(y, pd.DataFrame(columns))


@pytest.mark.parametrize("score", SCORES)
def test_row_10_bootstrap_interval_of_patients_is_near_that_of_r(score, sim, oracle):
    expected = oracle.json("cluster_auc")[score]
    y, values = (sim[c].to_numpy(dtype=float) for c in ("y", score))
    replicates = bootstrap_auc(y, values, patient_weights(sim["patient_id"], 4000, 3))
    assert replicates.std(ddof=1) == pytest.approx(expected["cluster_boot_se"], rel=0.05)


def test_row_17_mcnemar_is_that_of_r(oracle):
    table, expected = oracle.csv("paired300"), oracle.json("paired_and_confusion")["mcnemar"]
    found = mcnemar(table["clf1"] == table["y"], table["clf2"] == table["y"])
    assert {found.b, found.c} == {expected["b"], expected["c"]}
    assert found.chi2 == pytest.approx(expected["chisq_nocorrect"], abs=1e-10)
    assert found.p == pytest.approx(expected["p_nocorrect"], abs=1e-10)
    assert found.chi2_corrected == pytest.approx(expected["chisq_correct"], abs=1e-10)
    assert found.p_corrected == pytest.approx(expected["p_correct"], abs=1e-10)
    assert found.p_exact == pytest.approx(expected["p_exact"], abs=1e-10)
    assert found.p_midp == pytest.approx(expected["p_midp"], abs=1e-10)


def test_methods_that_never_disagree_do_not_differ():
    found = mcnemar([True, False], [True, False])
    assert (found.p, found.p_exact, found.p_midp) == (1, 1, 1)
    assert mcnemar([True, False], [False, True]).p_midp == pytest.approx(1)
    with pytest.raises(RadpipeError, match="paired calls differ in length"):
        mcnemar([True], [True, False])


@pytest.mark.parametrize(
    ("weights", "name"),
    [("none", "irr_unweighted"), ("linear", "irr_equal"), ("quadratic", "irr_squared")],
)
def test_row_17_kappa_is_that_of_irr(weights, name, oracle):
    table, expected = oracle.csv("paired300"), oracle.json("paired_and_confusion")["kappa"]
    found = cohen_kappa(table["rater1"], table["rater2"], weights=weights)
    assert found.estimate == pytest.approx(expected[name], abs=1e-10)


def test_row_17_interval_of_kappa_is_that_of_psych(oracle):
    table, expected = oracle.csv("paired300"), oracle.json("paired_and_confusion")["kappa"]
    found = cohen_kappa(table["rater1"], table["rater2"])
    assert [found.low, found.estimate, found.high] == pytest.approx(expected["ci"][0], abs=1e-10)


def test_kappa_of_a_single_category_is_missing():
    assert np.isnan(cohen_kappa([1, 1], [1, 1]).estimate)
    assert cohen_kappa([0, 1], [0, 1]).estimate == 1


def test_row_17_binary_confusion_is_that_of_caret(oracle):
    table = oracle.csv("paired300")
    expected = oracle.json("paired_and_confusion")["caret_binary"]
    check_confusion(table["y"], table["clf1"], expected["overall"])
    assert cohen_kappa(table["y"], table["clf1"]).estimate == pytest.approx(
        expected["overall"]["Kappa"], abs=1e-10
    )
    called, truth = table["clf1"] == 1, table["y"] == 1
    assert mcnemar(called, truth).p_corrected == pytest.approx(
        expected["overall"]["McnemarPValue"], abs=1e-10
    )
    point = operating_point(table["y"], table["clf1"], 0.5)
    epi_r = {
        row["statistic"]: row for row in oracle.json("paired_and_confusion")["epiR_tests_clf1"]
    }
    for theirs, (k, n) in {
        "se": (point.tp, point.tp + point.fn),
        "sp": (point.tn, point.tn + point.fp),
        "pv.pos": (point.tp, point.tp + point.fp),
        "pv.neg": (point.tn, point.tn + point.fn),
        "diag.ac": (point.tp + point.tn, 300),
    }.items():
        wanted = (epi_r[theirs]["lower"], epi_r[theirs]["upper"])
        assert clopper_pearson(k, n) == pytest.approx(wanted, abs=1e-10)


def test_row_17_confusion_of_four_classes_is_that_of_caret(classes, oracle):
    expected = oracle.json("paired_and_confusion")["caret_multiclass"]
    y, scores = classes
    called = scores.idxmax(axis=1)
    counts = confusion_table(y, called)
    for cell in expected["table"]:
        assert counts.loc[cell["Reference"], cell["Prediction"]] == cell["Freq"]
    check_confusion(y, called, expected["overall"])
    assert bowker(y, called)[1] == pytest.approx(expected["overall"]["McnemarPValue"], abs=1e-10)
    found = class_metrics(y, called)
    names = {
        "sensitivity": "Sensitivity",
        "specificity": "Specificity",
        "ppv": "Pos Pred Value",
        "npv": "Neg Pred Value",
        "f1": "F1",
        "prevalence": "Prevalence",
        "detection_rate": "Detection Rate",
        "balanced_accuracy": "Balanced Accuracy",
    }
    for row in expected["byClass"]:
        name = row["_row"].removeprefix("Class: ")
        for ours, theirs in names.items():
            assert found.loc[name, ours] == pytest.approx(row[theirs], abs=1e-10)


def check_confusion(reference, called, expected):
    interval, p = accuracy_test(reference, called)
    assert interval.estimate == pytest.approx(expected["Accuracy"], abs=1e-10)
    assert interval.low == pytest.approx(expected["AccuracyLower"], abs=1e-10)
    assert interval.high == pytest.approx(expected["AccuracyUpper"], abs=1e-10)
    assert p == pytest.approx(expected["AccuracyPValue"], abs=1e-10)


def test_symmetry_without_a_disagreement_is_missing():
    assert np.isnan(bowker(["a", "b", "c"], ["a", "b", "c"])).all()


@pytest.mark.parametrize(
    ("adjust", "column"),
    [
        (holm, "holm"),
        (hochberg, "hochberg"),
        (hommel, "hommel"),
        (bonferroni, "bonferroni"),
        (benjamini_hochberg, "BH"),
        (benjamini_yekutieli, "BY"),
    ],
)
def test_row_18_adjusted_p_values_are_those_of_r(adjust, column, oracle):
    table = oracle.csv("p_adjust")
    assert adjust(table["p"]) == pytest.approx(table[column].to_numpy(), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(p=st.lists(st.floats(0, 1), min_size=0, max_size=12))
def test_what_is_true_of_every_adjustment(p):
    values = np.array([*p, np.nan])
    found = {a: a(values)[:-1] for a in (bonferroni, holm, hochberg, hommel)}
    for adjusted in (*found.values(), benjamini_yekutieli(values)[:-1]):
        assert (adjusted >= np.array(p) - 1e-15).all()
        assert (adjusted <= 1).all()
    for strict, loose in ((bonferroni, holm), (holm, hochberg), (hochberg, hommel)):
        assert (found[loose] <= found[strict] + 1e-12).all()
    assert np.isnan(hommel(values)[-1])


def test_row_27_nri_and_idi_are_those_of_hmisc(oracle):
    table = oracle.csv("calib600")
    expected = oracle.json("nri_idi")["Hmisc_improveProb"]
    y, old, new = table["y"], table["p_noisy"], table["p_good"]
    nri = continuous_nri(y, old, new)
    found = [nri.total, nri.se, nri.z, nri.events, nri.se_events, nri.non_events, nri.se_non_events]
    names = ("nri", "se.nri", "z.nri", "nri.ev", "se.nri.ev", "nri.ne", "se.nri.ne")
    assert found == pytest.approx([expected[name] for name in names], abs=1e-9)
    gain = idi(y, old, new)
    found = [gain.total, gain.se, gain.z, gain.events, gain.non_events]
    names = ("idi", "se.idi", "z.idi", "improveSens", "improveSpec")
    assert found == pytest.approx([expected[name] for name in names], abs=1e-9)


def test_row_27_categories_are_those_of_predictabel(oracle):
    table = oracle.csv("calib600")
    printed = " ".join(oracle.json("nri_idi")["PredictABEL_categorical_0.2_0.5"])
    nri = categorical_nri(table["y"], table["p_noisy"], table["p_good"], [0.2, 0.5])
    low, high = nri.interval()
    assert f"{nri.total:.4f} [ {low:.4f} - {high:.4f} ] ; p-value: {nri.p:.5f}" in printed


def test_reclassification_by_hand():
    # Of two events one rises; of two non-events both fall.
    nri = continuous_nri([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.6, 0.5, 0.4, 0.3])
    assert (nri.events, nri.non_events, nri.total) == (0.5, 1.0, 1.5)
    gain = idi([1, 1, 0, 0], [0.5, 0.5, 0.5, 0.5], [0.6, 0.5, 0.4, 0.3])
    assert gain.total == pytest.approx(0.05 + 0.15)
    with pytest.raises(RadpipeError, match="ascending cuts"):
        categorical_nri([1, 0], [0.5, 0.5], [0.6, 0.4], [0.5, 0.2])
    with pytest.raises(RadpipeError, match="needs both classes"):
        idi([1, 1], [0.5, 0.5], [0.6, 0.4])


def test_row_31_power_is_that_of_proc(oracle):
    expected = oracle.json("roc_power")
    power = auc_power(0.75, cases=25, controls=75)
    assert power == pytest.approx(expected["power_auc0.75_25cases_75controls"], abs=1e-6)
    cases = auc_cases(0.7, power=0.9)
    assert cases == pytest.approx(expected["n_for_auc0.7_power.9"]["ncases"], abs=1e-6)
    assert auc_power(0.7, cases=cases, controls=cases) == pytest.approx(0.9)
    with pytest.raises(RadpipeError, match="power of an AUC cannot be computed"):
        auc_power(0.5, cases=10, controls=10)
    with pytest.raises(RadpipeError, match="needs cases and controls"):
        auc_power(0.7, cases=0, controls=10)
