"""Calibration, net benefit and sample size, by hand and against R."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import (
    brier,
    calibration_bins,
    calibration_slope,
    curve_errors,
    ici,
    intercept_in_large,
    intercept_joint,
    ipa,
    loess_curve,
    log_loss,
    weighted_ici,
    weighted_intercept,
    weighted_slope,
)
from radpipe.evaluation.intervals import patient_weights
from radpipe.evaluation.sample_size import riley_binary, sample_size_table
from radpipe.evaluation.sample_size_shrinkage import maximum_r2
from radpipe.evaluation.utility import net_benefit

MODELS = ("p_good", "p_overfit", "p_underfit", "p_shift", "p_noisy")


@pytest.fixture(scope="module")
def cohort(oracle):
    return oracle.csv("calib600")


@pytest.mark.parametrize("model", MODELS)
def test_slope_and_intercepts_are_those_of_glm(model, cohort, oracle):
    expected = oracle.json("calibration")[model]
    y, p = cohort["y"], cohort[model]
    assert calibration_slope(y, p) == pytest.approx(expected["slope"], abs=1e-8)
    assert intercept_joint(y, p) == pytest.approx(expected["intercept_joint"], abs=1e-8)
    assert intercept_in_large(y, p) == pytest.approx(expected["intercept_in_large"], abs=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_scores_are_those_of_r(model, cohort, oracle):
    expected = oracle.json("calibration")[model]
    y, p = cohort["y"], cohort[model]
    assert brier(y, p) == pytest.approx(expected["brier"], abs=1e-12)
    assert ipa(y, p) == pytest.approx(expected["brier_scaled"], abs=1e-12)
    assert log_loss(y, p) == pytest.approx(expected["logloss"], abs=1e-12)


def test_perfect_calibration_has_slope_one():
    # In each group the observed share is the prediction.
    p = np.repeat([0.25, 0.5, 0.75], 4)
    y = np.array([1, 0, 0, 0, 1, 1, 0, 0, 1, 1, 1, 0])
    assert calibration_slope(y, p) == pytest.approx(1)
    assert intercept_joint(y, p) == pytest.approx(0, abs=1e-9)
    assert intercept_in_large(y, p) == pytest.approx(0, abs=1e-9)
    assert ici(y, p) == pytest.approx(0, abs=1e-4)


@pytest.mark.parametrize(
    ("y", "p"),
    [
        ([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9]),
        ([0, 0, 1, 1], [0.9, 0.8, 0.2, 0.1]),
        ([0, 1, 0, 1], [0.4, 0.4, 0.4, 0.4]),
        ([1, 1, 1], [0.4, 0.5, 0.6]),
    ],
    ids=["separated", "separated the wrong way", "constant", "one class"],
)
def test_a_slope_that_does_not_exist_is_missing(y, p):
    assert np.isnan(calibration_slope(y, p))


def test_predictions_of_zero_and_one_are_finite():
    y, p = [0, 1, 0, 1, 1], [0.0, 1.0, 0.6, 0.5, 0.0]
    assert np.isfinite([calibration_slope(y, p), intercept_in_large(y, p), log_loss(y, p)]).all()


def test_one_class_has_a_brier_score_but_no_scaled_one():
    assert brier([1, 1], [0.5, 0.5]) == 0.25
    assert np.isnan(ipa([1, 1], [0.5, 0.5]))
    assert np.isnan(intercept_in_large([1, 1], [0.5, 0.5]))
    assert np.isnan(ici([1, 1], [0.5, 0.6]))


def test_a_weight_of_two_is_the_case_twice(cohort):
    rows = cohort.iloc[:60]
    y, p = rows["y"].to_numpy(dtype=float), rows["p_noisy"].to_numpy()
    weights = patient_weights(np.arange(60), 5, 3)
    intercepts, slopes = weighted_slope(y, p, weights)
    in_large = weighted_intercept(y, p, weights)
    for row, intercept, slope, large in zip(weights, intercepts, slopes, in_large, strict=True):
        copies = np.repeat(np.arange(60), row.astype(int))
        assert slope == pytest.approx(calibration_slope(y[copies], p[copies]))
        assert intercept == pytest.approx(intercept_joint(y[copies], p[copies]))
        assert large == pytest.approx(intercept_in_large(y[copies], p[copies]))


def test_the_weighted_index_of_ones_is_the_index(cohort):
    y, p = cohort["y"].to_numpy(dtype=float), cohort["p_good"].to_numpy()
    assert weighted_ici(y, p, np.ones((1, 600)))[0] == pytest.approx(curve_errors(y, p).ici)
    assert ici(y, p) == pytest.approx(curve_errors(y, p).ici)


def test_loess_follows_a_parabola():
    x = np.linspace(0, 1, 40)
    curve = loess_curve((x > 0.3).astype(int), x, [0.05, 0.95])
    assert curve[0] == pytest.approx([0, 1], abs=0.05)
    few = loess_curve([0, 1, 0, 1], [0.2, 0.2, 0.8, 0.8], [0.2, 0.8])
    assert few[0] == pytest.approx([0.5, 0.5], abs=1e-4)


def test_bins_hold_equal_numbers():
    p = np.linspace(0.01, 0.99, 100)
    bins = calibration_bins((p > 0.5).astype(int), p)
    assert bins["n"].tolist() == [10] * 10
    assert bins["observed"].tolist() == [0] * 5 + [1] * 5
    assert (bins["ci_low"] <= bins["observed"]).all()


def test_bins_of_repeats_are_as_wide_as_those_of_one():
    y, p = np.tile([0, 1], 20), np.linspace(0.1, 0.9, 40)
    once, thrice = calibration_bins(y, p), calibration_bins(np.tile(y, 3), np.tile(p, 3), repeats=3)
    assert thrice["ci_low"].tolist() == pytest.approx(once["ci_low"].tolist())
    assert thrice["n"].tolist() == once["n"].tolist()


def test_net_benefit_by_hand():
    found = net_benefit([1, 1, 0, 0, 0], [0.9, 0.3, 0.6, 0.1, 0.2], [0.5]).iloc[0]
    assert (found["tp"], found["fp"]) == (1, 1)
    assert found["net_benefit"] == pytest.approx(1 / 5 - 1 / 5 * 1)
    assert found["treat_all"] == pytest.approx(2 / 5 - 3 / 5)
    assert found["treat_none"] == 0


def test_net_benefit_is_that_of_dcurves(cohort, oracle):
    for variable, expected in oracle.csv("dca_binary_formula_baseR").groupby("variable"):
        found = net_benefit(cohort["y"], cohort[variable], expected["threshold"])
        for column in ("tp", "fp", "net_benefit", "treat_all"):
            assert found[column].to_numpy() == pytest.approx(expected[column].to_numpy(), abs=1e-10)


def test_net_benefit_at_another_prevalence_is_that_of_dcurves(cohort, oracle):
    table = oracle.csv("dca_binary_prev015_R_dcurves")
    for variable in set(table["variable"]) - {"all", "none"}:
        expected = table[table["variable"] == variable]
        found = net_benefit(cohort["y"], cohort[variable], expected["threshold"], prevalence=0.15)
        assert found["net_benefit"].to_numpy() == pytest.approx(
            expected["net_benefit"].to_numpy(), abs=1e-10
        )
    with pytest.raises(RadpipeError, match="needs both classes"):
        net_benefit([1, 1], [0.2, 0.3], [0.5], prevalence=0.15)
    with pytest.raises(RadpipeError, match="threshold probability is outside"):
        net_benefit([0, 1], [0.2, 0.3], [1.0])


def test_sample_size_is_that_of_pmsampsize(oracle):
    expected = oracle.json("pmsampsize")["binary_csr2_0.288_p24_prev0.174"]
    found = riley_binary(parameters=24, prevalence=0.174, found=500, r2_cox_snell=0.288)
    found = found.set_index("criterion")
    needed = [row["Samp_size"] for row in expected["results"]]
    assert found["needed"].tolist()[:4] == needed
    assert found.loc["events", "needed"] == pytest.approx(expected["events"])
    assert found["met"].tolist() == [False, False, True, False, False]


def test_default_r2_is_fifteen_per_cent_of_its_maximum():
    largest = maximum_r2(0.3)
    assert largest == pytest.approx(0.705, abs=5e-4)
    default = riley_binary(parameters=10, prevalence=0.3, found=100)
    assert default.equals(
        riley_binary(parameters=10, prevalence=0.3, found=100, r2_cox_snell=0.15 * largest)
    )


@pytest.mark.parametrize(
    "wrong", [{"prevalence": 0.0}, {"parameters": 0}, {"r2_cox_snell": 0.9}, {"prevalence": 1.0}]
)
def test_impossible_sample_sizes_are_refused(wrong):
    settings_ = {"parameters": 10, "prevalence": 0.3, "found": 100} | wrong
    with pytest.raises(RadpipeError, match="sample size cannot be computed"):
        riley_binary(**settings_)


def test_the_model_with_most_candidates_decides():
    card = {"prevalence": 0.4, "n_patients": 40}
    cards = [
        card | {"name": "volume", "parameters": 1},
        card | {"name": "radiomics", "parameters": 100},
    ]
    table = sample_size_table(cards)
    assert set(table["model"]) == {"radiomics"}
    expected = riley_binary(parameters=100, prevalence=0.4, found=40)
    assert table[expected.columns].equals(expected)


@settings(max_examples=30, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    slope=st.floats(0.3, 3),
    shift=st.floats(-1, 1),
)
def test_undoing_a_distortion_undoes_it(seed, slope, shift):
    # Stretching the logits by b divides the slope by b.
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=80)
    y = (rng.random(80) < expit(logits)).astype(int)
    before = calibration_slope(y, expit(logits))
    after = calibration_slope(y, expit(slope * logits + shift))
    assert after == pytest.approx(before / slope, rel=1e-5, nan_ok=True)
