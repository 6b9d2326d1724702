"""Calibration, prediction error, optimism, utility and sample size against independent programs.

Each test names its row in the table of reference results; slope, intercepts, scores and loess
errors of row 11 are in `test_evaluation_calibration.py` as well.
"""

import numpy as np
import pytest
from scipy.special import expit, logit

from radpipe.errors import FitError, RadpipeError
from radpipe.evaluation.calibration import calibration_slope, curve_errors, ipa
from radpipe.evaluation.calibration_tests import (
    hosmer_lemeshow,
    intercept_interval,
    lowess_errors,
    observed_over_expected,
    slope_interval,
    spiegelhalter,
    unreliability_test,
)
from radpipe.evaluation.comparison import delong_test
from radpipe.evaluation.discrimination import auc, delong_interval
from radpipe.evaluation.optimism import optimism_bootstrap
from radpipe.evaluation.prediction_error import brier_difference, brier_interval, ipa_interval
from radpipe.evaluation.sample_size import riley_binary
from radpipe.evaluation.sample_size_riley import r2_from_auc, riley_continuous, riley_survival
from radpipe.evaluation.utility import net_benefit

MODELS = ("p_good", "p_overfit", "p_underfit", "p_shift", "p_noisy")


@pytest.fixture(scope="module")
def cohort(oracle):
    return oracle.csv("calib600")


def errors_of_glm(design, y, offset):
    """Standard errors as R's `glm` prints them: with the weights of the last but one step."""
    fitted, deviance = (y + 0.5) / 2, np.inf
    eta = logit(fitted)
    while True:
        weight = fitted * (1 - fitted)
        covariance = np.linalg.inv((design * weight[:, None]).T @ design)
        working = eta - offset + (y - fitted) / weight
        eta = offset + design @ (covariance @ design.T @ (weight * working))
        fitted = expit(eta)
        before, deviance = deviance, -2 * (y * eta - np.logaddexp(0, eta)).sum()
        if abs(deviance - before) < 1e-8 * (abs(deviance) + 0.1):
            return np.sqrt(np.diag(covariance))


@pytest.mark.parametrize("model", MODELS)
def test_row_11_intervals_are_those_of_glm(model, cohort, oracle):
    expected = oracle.json("calibration")[model]
    y, p = cohort["y"].to_numpy(dtype=float), cohort[model].to_numpy()
    x, one = logit(p), np.ones((600, 1))
    slope, intercept = slope_interval(y, p), intercept_interval(y, p)
    found = {
        "slope": (slope, errors_of_glm(np.column_stack([one, x]), y, np.zeros(600))[1]),
        "intercept_in_large": (intercept, errors_of_glm(one, y, x)[0]),
    }
    for name, (interval, error) in found.items():
        # R's own error, with its own stopping rule, is found again ...
        assert error == pytest.approx(expected[f"{name}_se"], abs=1e-8)
        assert interval.estimate == pytest.approx(expected[name], abs=1e-8)
        # ... and ours, at the maximum itself, differs by what R's last step still changes.
        wald = expected[f"{name}_ci_wald"]
        assert [interval.low, interval.high] == pytest.approx(wald, abs=1e-5)
    assert observed_over_expected(y, p) == pytest.approx(expected["oe_ratio"], abs=1e-12)


@pytest.mark.parametrize("model", MODELS)
def test_row_11_val_prob(model, cohort, oracle):
    expected = oracle.json("calibration")[model]["val.prob"]
    y, p = cohort["y"], cohort[model]
    found = lowess_errors(y, p)
    assert [found.eavg, found.e90, found.emax] == pytest.approx(
        [expected["Eavg"], expected["E90"], expected["Emax"]], abs=1e-8
    )
    assert spiegelhalter(y, p) == pytest.approx((expected["S:z"], expected["S:p"]), abs=1e-8)
    # val.prob's own fit stops at 1e-9 of the coefficients.
    wanted = (expected["U:Chi-sq"], expected["U:p"])
    assert unreliability_test(y, p) == pytest.approx(wanted, abs=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_row_11_loess_errors_are_those_of_r(model, cohort, oracle):
    expected = oracle.json("calibration")[model]
    found = curve_errors(cohort["y"], cohort[model])
    assert [found.ici, found.e50, found.e90, found.emax] == pytest.approx(
        [expected[f"{name}_loess"] for name in ("ICI", "E50", "E90", "Emax")], abs=1e-6
    )


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("groups", [8, 10])
def test_row_12_hosmer_lemeshow_is_that_of_r(model, groups, cohort, oracle):
    expected = oracle.json("calibration")[model]["hosmer_lemeshow"][f"g{groups}"]
    found = hosmer_lemeshow(cohort["y"], cohort[model], groups=groups, fitted_here=True)
    assert found.chi2 == pytest.approx(expected["chisq"], abs=1e-8)
    assert found.df == expected["df"]
    assert found.p == pytest.approx(expected["p"], abs=1e-8)
    events = [row[1] for row in expected["observed"]]
    assert found.groups["observed"].tolist() == events
    expected_events = [row[1] for row in expected["expected"]]
    assert found.groups["expected"].tolist() == pytest.approx(expected_events, abs=1e-8)
    # The same chi-square has more degrees of freedom for cases that the model has not seen.
    external = hosmer_lemeshow(cohort["y"], cohort[model], groups=groups)
    assert (external.chi2, external.df) == (found.chi2, groups)
    assert external.p >= found.p


def test_row_12_of_a_model_fitted_to_the_cases(cohort, oracle):
    expected = oracle.json("calibration")["insample_glm_hl"]
    weights = expected["coef"]
    p = expit(
        weights["(Intercept)"]
        + weights["age"] * cohort["age"]
        + weights["l"] * logit(cohort["p_noisy"])
    )
    found = hosmer_lemeshow(cohort["y"], p, fitted_here=True)
    assert found.chi2 == pytest.approx(expected["performance"]["chisq"], abs=1e-8)
    assert found.p == pytest.approx(expected["performance"]["p"], abs=1e-8)


def test_constant_predictions_cannot_be_grouped():
    with pytest.raises(RadpipeError, match="too few distinct predictions"):
        hosmer_lemeshow([0, 1, 0, 1], [0.5, 0.5, 0.5, 0.5])


def test_tests_that_do_not_exist_are_missing():
    assert np.isnan(spiegelhalter([0, 1], [0.5, 0.5])).all()
    assert np.isnan(slope_interval([0, 1], [0.4, 0.4]).low)
    assert np.isnan(unreliability_test([0, 1], [0.4, 0.4])).all()
    assert np.isnan(observed_over_expected([0, 1], [0.0, 0.0]))


def test_row_13_auc_and_brier_are_those_of_risk_regression(cohort, oracle):
    expected = oracle.json("calibration")["riskRegression_Score"]
    y = cohort["y"]
    for row in expected["AUC"]:
        found = delong_interval(y, cohort[row["model"]])
        assert [found.estimate, found.low, found.high] == pytest.approx(
            [row["AUC"], row["lower"], row["upper"]], abs=1e-9
        )
    null = np.full(len(y), y.mean())
    for row in expected["Brier"]:
        p = null if row["model"] == "Null model" else cohort[row["model"]]
        found = brier_interval(y, p)
        assert [found.estimate, found.low, found.high] == pytest.approx(
            [row["Brier"], row["lower"], row["upper"]], abs=1e-9
        )
        assert ipa(y, p) == pytest.approx(row["IPA"], abs=1e-9)
        assert ipa_interval(y, p).estimate == pytest.approx(row["IPA"], abs=1e-9)


def test_row_13_contrasts_are_those_of_risk_regression(cohort, oracle):
    expected = oracle.json("calibration")["riskRegression_Score"]
    y = cohort["y"]
    predictions = {"Null model": np.full(len(y), y.mean())} | {m: cohort[m] for m in MODELS}
    for row in expected["AUC_contrast"]:
        found = delong_test(y, predictions[row["model"]], predictions[row["reference"]])
        assert [found.difference, found.low, found.high, found.p] == pytest.approx(
            [row["delta.AUC"], row["lower"], row["upper"], row["p"]], abs=1e-9
        )
    for row in expected["Brier_contrast"]:
        found = brier_difference(y, predictions[row["model"]], predictions[row["reference"]])
        assert [found.difference, found.low, found.high, found.p] == pytest.approx(
            [row["delta.Brier"], row["lower"], row["upper"], row["p"]], abs=1e-9
        )


def test_row_13_interval_of_the_scaled_brier_score_is_that_of_a_bootstrap(cohort):
    y, p = cohort["y"].to_numpy(dtype=float), cohort["p_good"].to_numpy()
    rng = np.random.default_rng(4)
    draws = [ipa(y[i], p[i]) for i in (rng.integers(0, 600, 600) for _ in range(2000))]
    found = ipa_interval(y, p)
    assert (found.high - found.low) / (2 * 1.959964) == pytest.approx(np.std(draws), rel=0.05)
    with pytest.raises(RadpipeError, match="needs both classes"):
        ipa_interval([1, 1], [0.5, 0.6])


def test_equal_predictions_have_no_difference_in_brier_score():
    found = brier_difference([0, 1, 1], [0.2, 0.6, 0.7], [0.2, 0.6, 0.7])
    assert (found.difference, found.z, found.p) == (0, 0, 1)


def logistic(x, y):
    """Coefficients of a logistic regression by Newton's steps."""
    design = np.column_stack([np.ones(len(x)), x])
    beta = np.zeros(design.shape[1])
    for _ in range(7):
        fitted = expit(design @ beta)
        hessian = (design * (fitted * (1 - fitted))[:, None]).T @ design
        beta += np.linalg.solve(hessian, design.T @ (y - fitted))
    return beta


def test_row_14_optimism_is_that_of_rms_validate(cohort, oracle):
    expected = oracle.json("calibration")["rms_validate_B500"]
    names, columns = expected["rows"], expected["cols"]
    wanted = {
        row: dict(zip(columns, values, strict=True))
        for row, values in zip(names, expected["table"], strict=True)
    }
    y = cohort["y"].to_numpy(dtype=float)
    x = np.column_stack([logit(cohort["p_noisy"]), cohort["age"] / 10])

    def procedure(cases, patient):
        beta = logistic(x[cases], y[cases])
        return lambda rows: expit(beta[0] + x[rows] @ beta[1:])

    found = optimism_bootstrap(
        procedure,
        y,
        np.arange(600),
        {
            "dxy": lambda y, p: 2 * auc(y, p) - 1,
            "slope": calibration_slope,
            "brier": lambda y, p: float(((y - p) ** 2).mean()),
        },
        samples=1500,
        seed=1,
    ).set_index("metric")
    assert found.loc["dxy", "apparent"] == pytest.approx(wanted["Dxy"]["index.orig"], abs=1e-3)
    assert found.loc["dxy", "corrected"] == pytest.approx(
        wanted["Dxy"]["index.corrected"], abs=0.01
    )
    assert found.loc["slope", "corrected"] == pytest.approx(
        wanted["Slope"]["index.corrected"], abs=0.01
    )
    assert found.loc["brier", "corrected"] == pytest.approx(
        wanted["B"]["index.corrected"], abs=0.002
    )


def test_the_optimism_bootstrap_draws_patients_with_all_their_cases():
    y, patient = np.array([0, 1, 0, 1, 0, 1.0]), np.array(["a", "a", "b", "b", "c", "c"])
    drawn = []

    def procedure(cases, names):
        drawn.append((cases, names))
        return lambda rows: np.full(rows.size, 0.5)

    table = optimism_bootstrap(
        procedure, y, patient, {"mean": lambda y, p: float(p.mean())}, samples=20, seed=3
    )
    assert table.loc[0, "corrected"] == 0.5
    assert table.loc[0, "samples"] == 20
    for cases, names in drawn:
        assert (names == patient[cases]).all()
        counts = np.bincount(cases, minlength=6).reshape(3, 2)
        assert (counts[:, 0] == counts[:, 1]).all()
    assert len({tuple(cases) for cases, _ in drawn}) > 2


def test_optimism_that_never_exists_is_refused():
    with pytest.raises(FitError, match="the optimism of 'none' exists in no bootstrap sample"):
        optimism_bootstrap(
            lambda cases, names: lambda rows: np.full(rows.size, 0.5),
            [0, 1],
            ["a", "b"],
            {"none": lambda y, p: np.nan},
            samples=3,
        )


@pytest.mark.parametrize("program", ["R", "py"])
def test_row_15_net_benefit_is_that_of_dcurves(program, cohort, oracle):
    table = oracle.csv(f"dca_binary_{program}_dcurves")
    for variable, expected in table.groupby("variable" if program == "R" else "model"):
        if variable not in cohort:
            continue
        found = net_benefit(cohort["y"], cohort[variable], expected["threshold"])
        wanted = expected["net_benefit"].to_numpy()
        assert found["net_benefit"].to_numpy() == pytest.approx(wanted, abs=1e-10)
        avoided = expected["net_intervention_avoided"].to_numpy()
        assert found["interventions_avoided"].to_numpy() == pytest.approx(avoided, abs=1e-10)


def test_row_15_treating_all_is_that_of_dcurves(cohort, oracle):
    table = oracle.csv("dca_binary_R_dcurves")
    expected = table[table["variable"] == "all"]
    found = net_benefit(cohort["y"], cohort["p_good"], expected["threshold"])
    assert found["treat_all"].to_numpy() == pytest.approx(
        expected["net_benefit"].to_numpy(), abs=1e-10
    )
    assert np.isnan(net_benefit([0, 1], [0.2, 0.4], [0.0])["interventions_avoided"]).all()


def needed(table):
    return [int(n) for n in table["needed"]]


def sizes(expected):
    return [row["Samp_size"] for row in expected["results"]]


def test_row_30_binary_from_an_auc_is_near_pmsampsize(oracle):
    expected = oracle.json("pmsampsize")["binary_c0.8_p20_prev0.3_seed123456"]
    r2 = r2_from_auc(0.8, 0.3)
    assert r2 == pytest.approx(expected["results"][0]["CS_Rsq"], rel=0.02)
    found = riley_binary(parameters=20, prevalence=0.3, found=500, r2_cox_snell=r2)
    assert needed(found)[:4] == pytest.approx(sizes(expected), rel=0.02)
    with pytest.raises(RadpipeError, match="no R2 follows"):
        r2_from_auc(0.5, 0.3)


def test_row_30_survival_is_that_of_pmsampsize(oracle):
    expected = oracle.json("pmsampsize")["survival_csr2_0.051_p30_rate0.065_t2_fup2.07"]
    table = riley_survival(
        parameters=30, rate=0.065, timepoint=2, follow_up=2.07, r2_cox_snell=0.051, found=1000
    )
    found = table.set_index("criterion")["needed"]
    first, second, third, final = sizes(expected)
    assert [found["shrinkage"], found["optimism"]] == [first, second]
    # The third is starred there: the risk is precise enough with the cases of the other two.
    assert found["overall_risk"] < third
    assert found["all"] == final == expected["n"]
    assert found["events"] == pytest.approx(expected["events"], abs=1e-6)
    assert table["met"].tolist() == [False, False, True, False, False]


def test_row_30_continuous_is_that_of_pmsampsize(oracle):
    expected = oracle.json("pmsampsize")["continuous_r2_0.2_p25_int1.9_sd0.6"]
    table = riley_continuous(parameters=25, r2=0.2, mean=1.9, sd=0.6, found=500)
    found = needed(table)
    assert found[:3] == sizes(expected)[:3]
    # Starred there as well: the mean is precise enough with the cases of the others.
    assert found[3] < sizes(expected)[3]
    assert found[4] == expected["n"]


@pytest.mark.parametrize(
    "wrong", [{"r2": 0.0}, {"r2": 0.95}, {"sd": 0.0}, {"parameters": 0}, {"mean": 0.0}]
)
def test_impossible_sample_sizes_are_refused(wrong):
    right = {"parameters": 10, "r2": 0.3, "mean": 1.0, "sd": 1.0, "found": 10}
    with pytest.raises(RadpipeError, match="sample size cannot be computed"):
        riley_continuous(**(right | wrong))
