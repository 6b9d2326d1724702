"""Survival against R (rows 16 and 22 to 25 of the reference results), and answers by hand.

The simulated table surv400 lies in tests/data/oracles; lung and veteran come from R's survival and
are read from the folder beside RADPIPE_TEST_DATA.
"""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lifelines import CoxPHFitter
from lifelines.utils import concordance_index
from scipy.io import arff

from radpipe.errors import FitError, RadpipeError
from radpipe.evaluation.cox import cox_fit, proportional_hazards_test
from radpipe.evaluation.survival import (
    concordance,
    harrell_c,
    harrell_difference,
    uno_c,
    uno_concordance,
)
from radpipe.evaluation.survival_curves import (
    censoring_curve,
    kaplan_meier,
    log_rank,
    median_survival,
    restricted_mean,
)
from radpipe.evaluation.survival_scores import (
    auc_at,
    brier_at,
    brier_null,
    horizon_weights,
    integrated_brier,
    ipa_at,
)
from radpipe.evaluation.survival_utility import (
    calibration_groups,
    calibration_in_large,
    calibration_slope,
    net_benefit_survival,
)

HORIZONS = (12, 24, 36)
COLUMNS = ["x1", "x2", "x3"]


@pytest.fixture(scope="module")
def surv(oracle):
    return oracle.csv("surv400")


@pytest.fixture(scope="module")
def held_out(surv):
    return surv[surv["fold"] == "test"]


@pytest.fixture(scope="module")
def found(oracle):
    return oracle.json("survival_surv400")


@pytest.fixture(scope="module")
def fit(surv):
    train = surv[surv["fold"] == "train"]
    return cox_fit(train[COLUMNS], train["time"], train["event"])


class TestCox:
    """Row 22; `coxph`, `cox.zph`, `survfit`. 1e-6."""

    def check(self, rows, columns, event, expected, strata=None):
        groups = None if strata is None else rows[strata]
        fit = cox_fit(
            rows[columns], rows["time"], rows[event], ties=expected["ties"], strata=groups
        )
        np.testing.assert_allclose(fit.coef, list(expected["coef"].values()), atol=1e-6)
        np.testing.assert_allclose(fit.se, list(expected["se"].values()), atol=1e-6)
        np.testing.assert_allclose([fit.loglik_null, fit.loglik], expected["loglik"], atol=1e-6)
        assert (fit.n, fit.events) == (expected["n"], expected["nevent"])
        tested = proportional_hazards_test(
            rows[columns], rows["time"], rows[event], fit, strata=groups
        )
        chisq = [row["chisq"] for row in expected["zph"]]
        np.testing.assert_allclose([*tested.chi2, tested.global_chi2], chisq, atol=1e-6)
        p = [row["p"] for row in expected["zph"]]
        np.testing.assert_allclose([*tested.p, tested.global_p], p, atol=1e-6)
        return fit

    def test_simulated(self, surv, found):
        train = surv[surv["fold"] == "train"]
        self.check(train, COLUMNS, "event", found["surv400_train_cox"])

    def test_prediction(self, fit, held_out, found):
        expected = found["surv400_cox_test"]
        lp = fit.linear_predictor(held_out[COLUMNS])
        np.testing.assert_allclose(lp, expected["lp"], atol=1e-6)
        survival = fit.survival(held_out[COLUMNS], HORIZONS)
        np.testing.assert_allclose(survival[:5], expected["psurv_first5"], atol=1e-6)

    @pytest.mark.parametrize("name", ["lung_cox_efron", "lung_cox_breslow"])
    def test_lung(self, shared_oracle, name):
        expected = shared_oracle.json("survival")[name]
        rows = shared_oracle.csv("lung").dropna(subset=["age", "sex", "ph.ecog"])
        fit = self.check(rows, ["age", "sex", "ph.ecog"], "event", expected)
        # Equal rows must stay tied: a matrix product may round them apart.
        risk = np.round(fit.linear_predictor(rows[["age", "sex", "ph.ecog"]]), 12)
        c = concordance(risk, rows["time"], rows["event"])
        assert c.c == pytest.approx(expected["concordance"]["C"], abs=1e-12)
        assert c.se == pytest.approx(expected["concordance"]["se"], abs=1e-10)

    def test_veteran(self, shared_oracle):
        results, rows = shared_oracle.json("survival"), shared_oracle.csv("veteran")
        columns = ["trt", "karno", "age", "prior"]
        self.check(rows, columns, "status", results["veteran_cox_efron"])
        strata = results["veteran_cox_strata"]
        self.check(rows, ["trt", "karno"], "status", strata, strata="celltype")

    def test_two_cases_by_hand(self):
        """One event of two at risk: loglik = b x1 - log(e^(b x1) + e^(b x2)); ridge bounds b."""
        fit = cox_fit([[1.0], [0.0]], [1, 2], [1, 0], penalty=0.1)
        b = fit.coef[0]
        assert 1 - np.exp(b) / (np.exp(b) + 1) == pytest.approx(0.1 * b, abs=1e-8)
        assert fit.loglik_null == pytest.approx(-np.log(2))

    def test_without_columns_that_tell_it_is_nelson_aalen(self):
        """At b near 0 (a huge penalty) the baseline is 1/3, 1/3 + 1/2, 1/3 + 1/2 + 1."""
        fit = cox_fit([[1.0], [2.0], [0.0]], [1, 2, 3], [1, 1, 1], penalty=1e9)
        np.testing.assert_allclose(
            fit.baseline[""].at([0.5, 1, 2.5, 9]), [0, 1 / 3, 5 / 6, 11 / 6], atol=1e-6
        )

    def test_more_columns_than_cases_with_a_penalty(self):
        random = np.random.default_rng(1)
        rows = random.normal(size=(30, 60))
        fit = cox_fit(rows, np.exp(-rows[:, 0]), np.ones(30), penalty=20.0)
        assert np.argmax(np.abs(fit.coef)) == 0
        assert np.isfinite(fit.se).all()

    def test_order_of_rows_does_not_matter(self, surv):
        train = surv[surv["fold"] == "train"]
        turned = train.iloc[::-1]
        fits = [cox_fit(t[COLUMNS], t["time"], t["event"]) for t in (train, turned)]
        np.testing.assert_allclose(fits[0].coef, fits[1].coef, atol=1e-10)

    def test_separation_is_refused(self):
        column = np.arange(20.0)[:, None]
        with pytest.raises(FitError, match=r"no finite coefficients.*use a penalty"):
            cox_fit(column, 20 - np.arange(20.0), np.ones(20))

    @pytest.mark.parametrize(
        ("rows", "match"),
        [
            (np.ones((9, 1)), "a constant column"),
            (np.outer(np.arange(9), [1, 2]), "depend on each other"),
            (np.full((9, 1), np.nan), "missing or infinite"),
            (np.zeros((8, 1)), r"found \(8, 1\), expected \(9, p\)"),
        ],
    )
    def test_unusable_columns(self, rows, match):
        time = [3, 1, 4, 1, 5, 9, 2, 6, 5]
        with pytest.raises(FitError, match=match):
            cox_fit(rows, time, np.ones(9))

    def test_no_event(self):
        with pytest.raises(FitError, match="there is no event; found 3 censored rows"):
            cox_fit([[1.0], [2.0], [3.0]], [1, 2, 3], [0, 0, 0])


class TestCurves:
    """Row 23; `survfit`, `survdiff`. 1e-10."""

    def test_curve(self, oracle, held_out):
        expected = oracle.csv("km_surv400_test")
        curve = kaplan_meier(held_out["time"], held_out["event"])
        low, high = curve.limits(curve.time, kind="log")
        for ours, column in (
            (curve.time, "time"),
            (curve.n_risk, "n_risk"),
            (curve.n_event, "n_event"),
            (curve.n_censor, "n_censor"),
            (curve.survival, "surv"),
            (np.sqrt(curve.variance_log), "std_err_log"),
            (low, "lower"),
            (high, "upper"),
        ):
            np.testing.assert_allclose(ours, expected[column], atol=1e-10)

    def test_groups_of_lung(self, shared_oracle):
        expected, lung = shared_oracle.json("survival")["km_lung_sex"], shared_oracle.csv("lung")
        times = expected["times"][:4]
        for number, sex in enumerate((1, 2)):
            own = lung[lung["sex"] == sex]
            curve = kaplan_meier(own["time"], own["event"])
            found = {
                "surv": curve.at(times),
                "se": curve.standard_error(times),
                **dict(zip(("lower_log", "upper_log"), curve.limits(times), strict=True)),
            }
            limits = curve.limits(times, kind="log-log")
            found |= dict(zip(("lower_loglog", "upper_loglog"), limits, strict=True))
            for name, values in found.items():
                wanted = expected[name][4 * number : 4 * number + 4]
                np.testing.assert_allclose(values, wanted, atol=1e-10, err_msg=name)
            row = expected["median"][number]
            median = median_survival(own["time"], own["event"])
            wanted = (row["median"], row["0.95LCL"], row["0.95UCL"])
            assert (median.estimate, median.low, median.high) == wanted
            mean = restricted_mean(own["time"], own["event"], 730)
            assert mean.estimate == pytest.approx(row["rmean"], abs=1e-10)
            half = 1.959963984540054 * row["se(rmean)"]
            assert mean.high - mean.estimate == pytest.approx(half, abs=1e-9)

    def test_log_rank_of_lung_and_veteran(self, shared_oracle):
        expected, lung = shared_oracle.json("survival")["logrank"], shared_oracle.csv("lung")
        known, veteran = lung.dropna(subset=["ph.ecog"]), shared_oracle.csv("veteran")
        tests = {
            "lung_sex": log_rank(lung["time"], lung["event"], lung["sex"]),
            "lung_sex_peto_rho1": log_rank(lung["time"], lung["event"], lung["sex"], rho=1),
            "lung_ecog": log_rank(known["time"], known["event"], known["ph.ecog"]),
            "lung_sex_strat_ecog": log_rank(
                known["time"], known["event"], known["sex"], strata=known["ph.ecog"]
            ),
        }
        for name, test in tests.items():
            assert test.chi2 == pytest.approx(expected[name]["chisq"], abs=1e-10)
            assert test.df == expected[name]["df"]
            assert test.p == pytest.approx(expected[name]["p"], abs=1e-10)
            np.testing.assert_allclose(test.observed, expected[name]["obs"], atol=1e-10)
            np.testing.assert_allclose(test.expected, expected[name]["exp"], atol=1e-10)
        cells = log_rank(veteran["time"], veteran["status"], veteran["celltype"])
        row = expected["veteran_celltype"]
        assert cells.chi2 == pytest.approx(row["chisq"], abs=1e-10)
        # Groups are in the order of their names here, of the table there.
        assert sorted(cells.observed) == sorted(row["obs"])

    def test_by_hand(self):
        """Four cases: event, censored, event, event: S = 3/4, 3/8, 0."""
        curve = kaplan_meier([1, 2, 3, 4], [1, 0, 1, 1])
        np.testing.assert_allclose(curve.at([0.9, 1, 2, 3, 4]), [1, 0.75, 0.75, 0.375, 0])
        assert curve.before(1) == 1
        median = median_survival([1, 2, 3, 4], [1, 0, 1, 1])
        assert median.estimate == 3
        assert restricted_mean([1, 2, 3, 4], [1, 0, 1, 1], 4).estimate == pytest.approx(
            1 + 0.75 * 2 + 0.375
        )

    def test_median_in_the_middle_of_a_flat_half(self):
        assert median_survival([1, 2, 3, 4], [1, 1, 1, 1]).estimate == 2.5

    def test_median_that_is_not_reached(self):
        assert np.isnan(median_survival([1, 2, 3, 4], [1, 0, 0, 0]).estimate)

    def test_events_come_before_censoring(self):
        """At time 1 one event and one censored of three: the censored was one of two."""
        curve = censoring_curve([1, 1, 2], [1, 0, 1])
        assert curve.at(1) == pytest.approx(0.5)
        assert curve.before(1) == 1

    def test_nobody_censored_is_the_share_alive(self):
        curve = kaplan_meier([1, 2, 3, 4, 5], np.ones(5))
        np.testing.assert_allclose(curve.survival, [0.8, 0.6, 0.4, 0.2, 0])

    def test_past_the_follow_up(self):
        with pytest.raises(RadpipeError, match=r"found 5, expected .* last follow-up, 4"):
            restricted_mean([1, 2, 3, 4], [1, 0, 1, 1], 5)

    def test_one_group(self):
        with pytest.raises(RadpipeError, match="needs two groups; found 1"):
            log_rank([1, 2], [1, 1], ["a", "a"])


class TestConcordance:
    """Row 24; `concordance`, with timewt "n/G2" for Uno. Ties in time included: 1e-10."""

    @pytest.mark.parametrize("risk", ["risk1", "risk2"])
    @pytest.mark.parametrize(
        ("time", "key"), [("time", "concordance"), ("time_u", "untied")], ids=["tied", "untied"]
    )
    def test_c(self, held_out, found, risk, time, key):
        expected = found[f"surv400_test_{key}"][risk]
        arrays = held_out[risk], held_out[time], held_out["event"]
        harrell = concordance(*arrays)
        assert harrell.c == pytest.approx(expected["harrell"]["C"], abs=1e-12)
        assert harrell.se == pytest.approx(expected["harrell"]["se"], abs=1e-10)
        counts = expected["harrell"]["counts"]
        pairs = (harrell.concordant, harrell.discordant, harrell.tied_risk)
        assert pairs == (counts["concordant"], counts["discordant"], counts["tied.x"])
        for name, horizon in (("uno_full", None), ("uno_tau36", 36)):
            uno = uno_concordance(*arrays, horizon=horizon)
            assert uno.c == pytest.approx(expected[name]["C"], abs=1e-10)
            assert uno.se == pytest.approx(expected[name]["se"], abs=1e-10)

    def test_paired_difference(self, held_out, found):
        expected = found["surv400_test_concordance"]["diff"]
        difference = harrell_difference(*(held_out[c] for c in ("risk1", "risk2", "time", "event")))
        assert difference.difference == pytest.approx(expected["diff"], abs=1e-12)
        half = 1.959963984540054 * expected["se"]
        assert difference.high - difference.difference == pytest.approx(half, abs=1e-10)
        assert difference.z == pytest.approx(expected["diff"] / expected["se"], abs=1e-9)

    def test_by_hand(self):
        """Pairs: (1,2) right, (1,3) right, (2,3) not judged: 2 is censored before 3."""
        found = concordance([3, 1, 2], [1, 2, 3], [1, 0, 1])
        assert (found.concordant, found.discordant, found.pairs) == (2, 0, 2)
        assert harrell_c([3, 1, 2], [1, 2, 3], [1, 0, 1]).estimate == 1

    def test_same_risk_twice(self):
        found = harrell_difference([3, 1, 2], [3, 1, 2], [1, 2, 3], [1, 1, 1])
        assert (found.difference, found.p) == (0, 1)

    def test_uno_without_censoring_is_harrell(self):
        risk, time = [5, 1, 4, 2, 2], [1, 2, 3, 4, 5]
        assert uno_c(risk, time, np.ones(5)).estimate == harrell_c(risk, time, np.ones(5)).estimate

    @given(
        st.lists(st.tuples(st.integers(1, 6), st.booleans(), st.integers(0, 4)), min_size=2),
    )
    @settings(max_examples=50, deadline=None)
    def test_turning_the_risk_turns_c(self, cases):
        time, event, risk = (np.array(column, dtype=float) for column in zip(*cases, strict=True))
        c, turned = concordance(risk, time, event), concordance(-risk, time, event)
        assert c.pairs == turned.pairs
        if c.pairs:
            assert c.c + turned.c == pytest.approx(1)

    def test_past_the_last_event(self):
        """Guardrail G22."""
        with pytest.raises(RadpipeError, match=r"Uno's C .*found 4, expected .*last event, 3"):
            uno_c([1, 2, 3, 4], [1, 2, 3, 5], [1, 1, 1, 0], horizon=4)

    def test_no_event(self):
        with pytest.raises(RadpipeError, match="no pair of cases"):
            harrell_c([1, 2], [1, 2], [0, 0])
        with pytest.raises(RadpipeError, match="needs events"):
            uno_c([1, 2], [1, 2], [0, 0])


class TestScores:
    """Row 25; riskRegression `Score`, timeROC, pec. 1e-10, ties in time included."""

    @pytest.mark.parametrize("risk", ["risk1", "risk2"])
    def test_auc_untied(self, held_out, found, risk):
        expected = found["surv400_test_untied"][risk]["timeROC"]
        for horizon in HORIZONS:
            ours = auc_at(held_out[risk], held_out["time_u"], held_out["event"], horizon)
            assert ours == pytest.approx(expected[f"t={horizon}"], abs=1e-10)

    def test_auc_tied_is_that_of_risk_regression(self, held_out, found):
        for row in found["surv400_test_Score"]["AUC"]:
            ours = auc_at(held_out["risk1"], held_out["time"], held_out["event"], row["times"])
            assert ours == pytest.approx(row["AUC"], abs=1e-10)
            if row["times"] == 12:
                # timeROC, .6955, and sksurv, .7031, treat ties of events and censoring otherwise.
                assert ours == pytest.approx(0.7023, abs=5e-5)

    @pytest.mark.parametrize(
        ("time", "key"), [("time", "Score"), ("time_u", "untied")], ids=["tied", "untied"]
    )
    def test_brier(self, held_out, found, time, key):
        table = found[f"surv400_test_{key}"]
        rows = table["Brier"] if key == "Score" else table["Score_Brier"]
        t, e = held_out[time], held_out["event"]
        for row in rows:
            at = row["times"]
            if row["model"] == "Null model":
                assert brier_null(t, e, at) == pytest.approx(row["Brier"], abs=1e-10)
                continue
            p = 1 - held_out[f"psurv{at}"]
            assert brier_at(p, t, e, at) == pytest.approx(row["Brier"], abs=1e-10)
            if "IPA" in row:
                assert ipa_at(p, t, e, at) == pytest.approx(row["IPA"], abs=1e-10)

    def test_integrated_brier(self, fit, held_out, found):
        expected = found["surv400_cox_test"]
        times = np.arange(1, 49.0)
        p = 1 - fit.survival(held_out[COLUMNS], times)
        t, e = held_out["time"], held_out["event"]
        each = [brier_at(column, t, e, at) for column, at in zip(p.T, times, strict=True)]
        np.testing.assert_allclose(each, expected["pec_brier"]["cox"][1:], atol=1e-10)
        ibs = integrated_brier(p, t, e, times)
        assert ibs == pytest.approx(expected["ibs_riskRegression_at48"][1]["IBS"], abs=1e-10)
        null = np.tile(1 - kaplan_meier(t, e).at(times), (len(t), 1))
        reference = integrated_brier(null, t, e, times)
        wanted = expected["ibs_riskRegression_at48"][0]["IBS"]
        assert reference == pytest.approx(wanted, abs=1e-10)

    def test_by_hand(self):
        """Case 2 is censored at 2, so that G(2) = 2/3 and cases 3 and 4 weigh 3/2 at time 2.5."""
        time, event = [1, 2, 3, 4], [1, 0, 1, 1]
        known = horizon_weights(time, event, 2.5)
        np.testing.assert_allclose(known.weight, [1, 0, 1.5, 1.5])
        p = [0.8, 0.5, 0.2, 0.4]
        expected = (0.2**2 + 1.5 * 0.2**2 + 1.5 * 0.4**2) / 4
        assert brier_at(p, time, event, 2.5) == pytest.approx(expected)
        assert auc_at([2, 9, 1, 3], time, event, 2.5) == pytest.approx(0.5)

    def test_trapezoid_by_hand(self):
        """Nobody censored; p = 0: Brier is the share of events, 1/2 at 1 and 1 at 2."""
        p = np.zeros((2, 2))
        step, line = (
            integrated_brier(p, [1, 2], [1, 1], [1.0, 2.0], rule=rule)
            for rule in ("step", "trapezoid")
        )
        assert step == pytest.approx((0 + 0.5) / 2)
        assert line == pytest.approx((0.25 + 0.75) / 2)

    def test_nobody_beyond(self):
        assert np.isnan(auc_at([1, 2], [1, 2], [1, 1], 2))

    @pytest.mark.parametrize("score", [auc_at, brier_at], ids=["auc", "brier"])
    def test_past_the_last_event(self, score):
        """Guardrail G22."""
        with pytest.raises(RadpipeError, match=r"found 3.5, expected .*up to the last event, 3"):
            score([0.1, 0.2, 0.3, 0.4], [1, 2, 3, 5], [1, 1, 1, 0], 3.5)

    def test_a_score_is_no_probability(self):
        with pytest.raises(RadpipeError, match="a risk score is no probability"):
            brier_at([1.2, 0.5], [1, 2], [1, 1], 1)

    def test_times_must_ascend(self):
        with pytest.raises(RadpipeError, match="ascending times"):
            integrated_brier(np.zeros((2, 2)), [1, 2], [1, 1], [2.0, 1.0])


class TestUtility:
    """Row 16; dcurves. 1e-10."""

    @pytest.mark.parametrize("horizon", HORIZONS)
    def test_net_benefit(self, oracle, surv, horizon):
        expected = oracle.csv(f"dca_surv_t{horizon}_R_dcurves")
        model = expected[expected["variable"] == f"r{horizon}"].reset_index(drop=True)
        treat_all = expected[expected["variable"] == "all"]
        p = 1 - surv[f"psurv{horizon}"]
        ours = net_benefit_survival(p, surv["time"], surv["event"], horizon, model["threshold"])
        known = model["net_benefit"].notna()
        for column in ("tp_rate", "fp_rate", "net_benefit"):
            np.testing.assert_allclose(ours[column][known], model[column][known], atol=1e-10)
        np.testing.assert_allclose(ours["treat_all"], treat_all["net_benefit"], atol=1e-10)
        # R has no value where all of the treated were gone before the horizon: by events (net
        # benefit is then their share) or, unknown here as well, censored.
        for row in ours[~known].itertuples():
            own = surv[p >= row.threshold]
            assert own["time"].max() < horizon
            all_events = kaplan_meier(own["time"], own["event"]).survival[-1] == 0
            if all_events:
                assert row.net_benefit == pytest.approx(row.treated)
            else:
                assert np.isnan(row.net_benefit)

    def test_calibration(self, held_out, found, fit):
        expected = found["surv400_test_calibration24"]
        p, t, e = 1 - held_out["psurv24"], held_out["time"], held_out["event"]
        groups = calibration_groups(p, t, e, 24)
        np.testing.assert_allclose(groups["predicted"], expected["mean_pred"], atol=1e-10)
        np.testing.assert_allclose(groups["observed"], expected["km_obs"], atol=1e-10)
        assert (groups["ci_low"] < groups["observed"]).all()
        assert (groups["observed"] < groups["ci_high"]).all()
        ratio = expected["km_overall"] / expected["mean_pred_overall"]
        assert calibration_in_large(p, t, e, 24) == pytest.approx(ratio, abs=1e-10)
        slope = found["surv400_cox_test"]["calib_slope_test"]["predict(f, newdata = te)"]
        cox = 1 - fit.survival(held_out[COLUMNS], 24)[:, 0]
        assert calibration_slope(cox, t, e) == pytest.approx(slope, abs=1e-6)

    def test_treating_nobody_gains_nothing(self):
        table = net_benefit_survival([0.1, 0.2], [1, 2], [1, 0], 1, [0.5])
        assert table["net_benefit"].item() == 0
        assert table["treat_all"].item() == 0

    def test_slope_of_constant_predictions(self):
        assert np.isnan(calibration_slope([0.5, 0.5], [1, 2], [1, 1]))

    def test_nobody_followed(self):
        with pytest.raises(RadpipeError, match="nobody was followed to the horizon; found 9"):
            net_benefit_survival([0.1, 0.2], [1, 2], [1, 0], 9, [0.5])


class TestInput:
    @pytest.mark.parametrize(
        ("time", "event", "match"),
        [
            ([1, -2], [1, 0], "a follow-up is no time; found -2"),
            ([1, np.nan], [1, 0], "a follow-up is no time; found nan"),
            ([1, 2], [1, 2], "an event is neither 0 nor 1; found 2"),
            ([1, 2], [1], "two vectors of one length"),
            ([], [], "n > 0"),
        ],
    )
    def test_bad_outcomes(self, time, event, match):
        with pytest.raises(RadpipeError, match=match):
            kaplan_meier(time, event)

    def test_missing_risk(self):
        with pytest.raises(RadpipeError, match="a risk is not a finite number; found 1 of 2"):
            concordance([1, np.nan], [1, 2], [1, 1])

    def test_tables_may_be_series(self):
        table = pd.DataFrame({"t": [1, 2], "e": [True, False]})
        assert kaplan_meier(table["t"], table["e"]).at(1) == 0.5


def public_table(test_data, name: str) -> pd.DataFrame:
    """A table of scikit-survival's test data (GPL, so it is not copied here), text as text."""
    file = test_data / "stats" / "scikit-survival" / f"{name}.arff"
    if not file.is_file():
        pytest.skip(f"{file.name} is not in the folder of real test data")
    table = pd.DataFrame(arff.loadarff(str(file))[0])
    return table.map(lambda value: value.decode() if isinstance(value, bytes) else value)


class TestPublicCohorts:
    """Cohorts of textbooks, beside another implementation (lifelines, MIT)."""

    def check(self, table, columns, time, event):
        rows = table[[*columns, time, event]].astype(float)
        ours = cox_fit(rows[columns], rows[time], rows[event])
        theirs = CoxPHFitter().fit(rows, time, event)
        np.testing.assert_allclose(ours.coef, theirs.params_, atol=2e-6)
        np.testing.assert_allclose(ours.se, theirs.standard_errors_, atol=1e-5)
        assert ours.loglik == pytest.approx(theirs.log_likelihood_, abs=1e-6)
        return ours

    def test_german_breast_cancer(self, test_data):
        """Hormone therapy: hazard ratio 0.695, log-rank 8.6 (Schumacher et al. 1994)."""
        table = public_table(test_data, "GBSG2").assign(
            treated=lambda t: (t["horTh"] == "yes").astype(float)
        )
        event = table["cens"].astype(float)
        assert (len(table), event.sum()) == (686, 299)
        fit = cox_fit(table[["treated"]], table["time"], event)
        assert np.exp(fit.coef[0]) == pytest.approx(0.695, abs=5e-4)
        test = log_rank(table["time"], event, table["horTh"])
        assert test.chi2 == pytest.approx(8.6, abs=0.05)
        numeric = ["treated", "age", "estrec", "pnodes", "progrec", "tsize"]
        self.check(table, numeric, "time", "cens")

    def test_worcester_heart_attacks(self, test_data):
        """500 patients, 215 deaths (Hosmer, Lemeshow & May, Applied Survival Analysis, 2008)."""
        table = public_table(test_data, "whas500")
        event = table["fstat"].astype(float)
        assert (len(table), event.sum()) == (500, 215)
        columns = ["age", "bmi", "diasbp", "hr", "sysbp"]
        fit = self.check(table, columns, "lenfol", "fstat")
        risk = fit.linear_predictor(table[columns])
        theirs = concordance_index(table["lenfol"], -risk, event)
        assert concordance(risk, table["lenfol"], event).c == pytest.approx(theirs, abs=1e-10)
