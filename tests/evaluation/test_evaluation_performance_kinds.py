"""Tables of performance for classes, numbers and survival: columns, intervals, refusals."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation import performance_multiclass, performance_regression, performance_survival
from radpipe.evaluation.calibration import FLOOR
from radpipe.evaluation.intervals import patient_weights
from radpipe.evaluation.multiclass import hand_till_auc
from radpipe.evaluation.performance import COLUMNS
from radpipe.evaluation.performance_multiclass import call_metrics, confusion
from radpipe.evaluation.performance_survival import curve_names, curve_times
from radpipe.evaluation.survival import concordance, uno_concordance
from radpipe.evaluation.survival_curves import censoring_curve, kaplan_meier
from radpipe.evaluation.survival_scores import auc_at, brier_at, integrated_brier
from radpipe.evaluation.survival_utility import (
    calibration_in_large,
    calibration_slope,
    complementary_log_log,
)
from radpipe.evaluation.survival_weighted import (
    weighted_auc_at,
    weighted_brier_at,
    weighted_concordance,
    weighted_curves,
    weighted_in_large,
    weighted_slope,
    weighted_uno,
)

SETTINGS = Evaluation(bootstrap=200)
HORIZON = 24.0


def rows(n: int, *, folds: int = 5, repeats: int = 1, cohort: str = "development") -> pd.DataFrame:
    tables = [
        pd.DataFrame(
            {
                "model": "m",
                "case": [f"c{i:03}" for i in range(n)],
                "patient": [f"p{i:03}" for i in range(n)],
                "cohort": cohort,
                "fold": [
                    f"r{r}f{i % folds + 1}" if cohort == "development" else "final"
                    for i in range(n)
                ],
            }
        )
        for r in range(1, repeats + 1)
    ]
    return pd.concat(tables, ignore_index=True)


def values(table: pd.DataFrame) -> dict[str, float]:
    return dict(zip(table["metric"], table["estimate"], strict=True))


def method(table: pd.DataFrame, metric: str) -> str:
    return str(table.loc[table["metric"] == metric, "method"].item())


class TestRegression:
    def table(self, n=40, **kwargs):
        random = np.random.default_rng(0)
        table = rows(n, **kwargs)
        y = np.tile(random.normal(size=n), len(table) // n)
        return table.assign(y_true=y, y_pred=y + random.normal(size=len(table)) / 2)

    def test_columns_and_intervals(self):
        found = performance_regression.performance_table(self.table(), SETTINGS, 1)
        assert list(found.columns) == COLUMNS
        assert (found["ci_low"] <= found["estimate"]).all()
        assert (found["estimate"] <= found["ci_high"]).all()
        assert (found["n"] == 40).all()
        assert {"mse", "rmse", "mae", "r2", "pearson", "spearman", "concordance"} <= set(
            found["metric"]
        )
        assert method(found, "r2") == "patient_bootstrap_pooled_oof_conditional"

    def test_same_seed_same_table(self):
        one, two = (
            performance_regression.performance_table(self.table(), SETTINGS, 1) for _ in range(2)
        )
        pd.testing.assert_frame_equal(one, two)

    def test_mean_over_repeats(self):
        table = self.table(repeats=2)
        found = values(performance_regression.performance_table(table, SETTINGS, 1))
        each = ((table["y_true"] - table["y_pred"]) ** 2).to_numpy().reshape(2, -1).mean(axis=1)
        assert found["mse"] == pytest.approx(each.mean())
        assert found["rmse"] == pytest.approx(np.sqrt(each).mean())

    def test_several_cases_of_a_patient_widen_the_interval(self):
        table = self.table(n=60, cohort="other")
        error = np.repeat(np.random.default_rng(2).normal(size=15), 4)
        table = table.assign(y_pred=table["y_true"] + error)
        many = table.assign(patient=[f"p{i // 4}" for i in range(60)])
        widths = []
        for t in (table, many):
            found = performance_regression.performance_table(t, SETTINGS, 1).set_index("metric")
            widths.append(found.loc["bias", "ci_high"] - found.loc["bias", "ci_low"])
        assert widths[1] > 1.5 * widths[0]

    def test_constant_truth(self):
        table = self.table(cohort="other").assign(y_true=1.0)
        found = performance_regression.performance_table(table, SETTINGS, 1)
        assert method(found, "r2") == "undefined: constant truth"
        assert np.isfinite(values(found)["mae"])

    def test_rows_without_outcome(self):
        external = self.table(cohort="other")
        external.loc[3, "y_true"] = np.nan
        found = performance_regression.performance_table(external, SETTINGS, 1)
        assert (found["n"] == 39).all()
        lost = self.table()
        lost.loc[3, "y_true"] = np.nan
        with pytest.raises(RadpipeError, match="'c003': a development case has no outcome"):
            performance_regression.performance_table(lost, SETTINGS, 1)

    def test_leave_one_out_is_not_ranked_together(self):
        """Guardrail G09."""
        found = performance_regression.performance_table(self.table(folds=40), SETTINGS, 1)
        assert method(found, "pearson").startswith("refused: pooled leave-one-out")
        assert np.isfinite(values(found)["mse"])


class TestMulticlass:
    NAMES = ("1", "2", "high grade")

    def table(self, n=60, sharp=2.0, **kwargs):
        random = np.random.default_rng(5)
        table = rows(n, **kwargs)
        truth = np.arange(n) % 3
        logits = random.normal(size=(n, 3)) + sharp * np.eye(3)[truth]
        p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        columns = {f"y_prob_{name}": p[:, k] for k, name in enumerate(self.NAMES)}
        return table.assign(y_true=np.array(self.NAMES)[truth], **columns)

    def test_metrics(self):
        table = self.table()
        found = performance_multiclass.performance_table(table, SETTINGS, 1)
        assert list(found["metric"]) == [
            "auc_hand_till",
            "auc_1",
            "auc_2",
            "auc_high grade",
            "accuracy",
            "balanced_accuracy",
            "macro_f1",
            "mcc",
            "log_loss",
            "brier",
        ]
        assert (found["ci_low"] <= found["estimate"]).all()
        assert (found["estimate"] <= found["ci_high"]).all()
        scores = table.filter(like="y_prob_").rename(columns=lambda c: c.removeprefix("y_prob_"))
        ours = values(found)
        expected = hand_till_auc(table["y_true"], scores)
        assert ours["auc_hand_till"] == pytest.approx(expected, abs=1e-12)
        right = scores.to_numpy()[np.arange(60), np.arange(60) % 3]
        assert ours["log_loss"] == pytest.approx(-np.log(np.maximum(right, FLOOR)).mean())
        called = scores.columns[np.argmax(scores.to_numpy(), axis=1)]
        assert ours["accuracy"] == pytest.approx((called == table["y_true"]).mean())

    def test_agrees_with_scikit_learn(self):
        random = np.random.default_rng(1)
        truth, called = random.integers(0, 4, 80), random.integers(0, 4, 80)
        found = call_metrics(confusion(truth, called, np.ones((1, 80))))
        assert found["macro_f1"][0] == pytest.approx(
            metrics.f1_score(truth, called, average="macro")
        )
        assert found["mcc"][0] == pytest.approx(metrics.matthews_corrcoef(truth, called))
        balanced = metrics.balanced_accuracy_score(truth, called)
        assert found["balanced_accuracy"][0] == pytest.approx(balanced)

    def test_perfect_predictions_do_not_claim_certainty(self):
        found = performance_multiclass.performance_table(self.table(sharp=60.0), SETTINGS, 1)
        table = found.set_index("metric")
        assert table.loc["accuracy", "estimate"] == 1
        # 60 of 60 patients: .025 ** (1 / 60).
        assert table.loc["accuracy", "ci_low"] == pytest.approx(0.025 ** (1 / 60))
        assert table.loc["auc_hand_till", "ci_low"] == pytest.approx(0.025 ** (1 / 20))
        assert "clopper_pearson" in table.loc["auc_1", "method"]

    def test_numbers_as_classes_are_read_by_value(self):
        table = self.table()
        numbers = table.rename(columns={"y_prob_high grade": "y_prob_3"})
        numbers["y_true"] = numbers["y_true"].replace({"high grade": "3"}).astype(float)
        one = performance_multiclass.performance_table(table, SETTINGS, 1)["estimate"]
        two = performance_multiclass.performance_table(numbers, SETTINGS, 1)["estimate"]
        pd.testing.assert_series_equal(one, two)

    def test_a_class_that_is_absent(self):
        table = self.table(cohort="other")
        found = performance_multiclass.performance_table(table[table["y_true"] != "2"], SETTINGS, 1)
        assert method(found, "auc_hand_till") == "undefined: a class is absent"
        assert method(found, "auc_2") == "undefined: the class, or every other, is absent"
        assert np.isfinite(values(found)["accuracy"])

    def test_refusals(self):
        table = self.table()
        with pytest.raises(RadpipeError, match=r"add up to 1"):
            performance_multiclass.performance_table(table.assign(y_prob_1=0.9), SETTINGS, 1)
        without, alone = (
            table.drop(columns="y_prob_2"),
            table.drop(columns=["y_prob_2", "y_prob_1"]),
        )
        with pytest.raises(RadpipeError, match=r"'c001': the class of a case has no prob.*'2'"):
            performance_multiclass.performance_table(without, SETTINGS, 1)
        with pytest.raises(RadpipeError, match=r"found 1 columns y_prob_<class>, expected at"):
            performance_multiclass.performance_table(alone, SETTINGS, 1)


@pytest.fixture(scope="module")
def survival(oracle):
    """The test part of surv400 as predictions; the curve follows from proportional hazards."""
    surv = oracle.csv("surv400")
    own = surv[surv["fold"] == "test"].reset_index(drop=True)
    times = curve_times(HORIZON, 8)
    log_survival = np.log(own["psurv24"].to_numpy())
    curve = 1 - np.exp(log_survival[:, None] * times / HORIZON)
    table = rows(len(own), cohort="other").assign(
        time=own["time"],
        event=own["event"],
        risk=own["risk1"],
        event_prob=1 - own["psurv24"],
        threshold=0.0,
        horizon=HORIZON,
    )
    return table.assign(**dict(zip(curve_names(times), curve.T, strict=True)))


class TestSurvival:
    def test_metrics(self, survival):
        found = performance_survival.performance_table(survival, SETTINGS, 1)
        assert list(found["metric"]) == [
            "c_index",
            "c_index_uno",
            "auc_t",
            "brier_t",
            "ibs",
            "calibration_slope",
            "calibration_in_large",
        ]
        assert (found["ci_low"] < found["estimate"]).all()
        assert (found["estimate"] < found["ci_high"]).all()
        ours = values(found)
        t, e, p = (survival[c].to_numpy(dtype=float) for c in ("time", "event", "event_prob"))
        times = curve_times(HORIZON, 8)
        curve = survival[curve_names(times)].to_numpy()
        expected = {
            "c_index": concordance(survival["risk"], t, e).c,
            "c_index_uno": uno_concordance(survival["risk"], t, e, horizon=HORIZON).c,
            "auc_t": auc_at(survival["risk"], t, e, HORIZON),
            "brier_t": brier_at(p, t, e, HORIZON),
            "ibs": integrated_brier(curve, t, e, times, rule="trapezoid"),
            "calibration_slope": calibration_slope(p, t, e),
            "calibration_in_large": calibration_in_large(p, t, e, HORIZON),
        }
        for metric, value in expected.items():
            assert ours[metric] == pytest.approx(value, abs=1e-8), metric

    def test_order_of_rows_does_not_matter(self, survival):
        one = performance_survival.performance_table(survival, SETTINGS, 1)
        two = performance_survival.performance_table(survival.iloc[::-1], SETTINGS, 1)
        pd.testing.assert_frame_equal(one, two)

    def test_without_a_curve_there_is_no_ibs(self, survival):
        short = survival.drop(columns=[c for c in survival if c.startswith("event_prob_")])
        found = performance_survival.performance_table(short, SETTINGS, 1)
        assert "needs columns event_prob_<time>" in method(found, "ibs")

    def test_past_the_last_event(self, survival):
        """Guardrail G22: refused, with the other metrics in their place."""
        censored = survival.assign(event=survival["event"].where(survival["time"] < 20, 0))
        found = performance_survival.performance_table(censored, SETTINGS, 1)
        for metric in ("c_index_uno", "auc_t", "brier_t", "ibs"):
            assert method(found, metric) == "refused: the horizon is past the last event"
        assert np.isfinite(values(found)["c_index"])

    def test_nobody_with_an_event(self, survival):
        found = performance_survival.performance_table(survival.assign(event=0), SETTINGS, 1)
        assert method(found, "c_index") == "undefined: no pair of cases can be compared"
        assert method(found, "calibration_slope").startswith("undefined: predictions constant")

    def test_refusals(self, survival):
        def judge(**columns):
            performance_survival.performance_table(survival.assign(**columns), SETTINGS, 1)

        with pytest.raises(RadpipeError, match=r"not about one horizon; found \[.*1.*2"):
            judge(horizon=[1.0] * 75 + [2.0] * 75)
        with pytest.raises(RadpipeError, match="a probability is outside"):
            judge(event_prob=1.5)
        with pytest.raises(RadpipeError, match="an event is neither 0 nor 1; found 2"):
            judge(event=2)
        with pytest.raises(RadpipeError, match="'c000': a development case has no outcome"):
            judge(cohort="development", time=np.nan)


@pytest.fixture(scope="module")
def drawn(survival):
    columns = ("time", "event", "risk", "event_prob")
    arrays = [survival[c].to_numpy(dtype=float) for c in columns]
    weights = patient_weights(survival["patient"], 4, 3)
    samples = [np.repeat(np.arange(len(survival)), w.astype(int)) for w in weights]
    return arrays, weights, samples


class TestWeights:
    """A weight is how often a case is there: the statistics of the drawn cases are the same."""

    def test_curves(self, drawn):
        (t, e, _, _), weights, samples = drawn
        curves = weighted_curves(t, e, weights)
        for at in (5.0, 12.0, 30.0):
            for b, own in enumerate(samples):
                alive, free = kaplan_meier(t[own], e[own]), censoring_curve(t[own], e[own])
                assert curves.at(curves.survival, at)[b] == pytest.approx(alive.at(at), abs=1e-12)
                assert curves.at(curves.uncensored, at)[b] == pytest.approx(free.at(at), abs=1e-12)

    def test_statistics(self, drawn):
        (t, e, risk, p), weights, samples = drawn
        found = {
            "c": weighted_concordance(risk, t, e, weights),
            "uno": weighted_uno(risk, t, e, weights, HORIZON),
            "auc": weighted_auc_at(p, t, e, weights, HORIZON),
            "brier": weighted_brier_at(p, t, e, weights, HORIZON),
            "in_large": weighted_in_large(p, t, e, weights, HORIZON),
        }
        for b, own in enumerate(samples):
            expected = {
                "c": concordance(risk[own], t[own], e[own]).c,
                "uno": uno_concordance(risk[own], t[own], e[own], horizon=HORIZON).c,
                "auc": auc_at(p[own], t[own], e[own], HORIZON),
                "brier": brier_at(p[own], t[own], e[own], HORIZON),
                "in_large": calibration_in_large(p[own], t[own], e[own], HORIZON),
            }
            for name, value in expected.items():
                assert found[name][b] == pytest.approx(value, abs=1e-10), name

    def test_slope_of_untied_times(self, drawn, survival):
        """Doubling every case leaves the slope: a case is not tied with itself."""
        (_, e, _, p), weights, _ = drawn
        t = np.random.default_rng(0).permutation(len(e)).astype(float) + 1
        predictor = complementary_log_log(p)
        one = weighted_slope(predictor, t, e, np.ones((1, len(e))))
        two = weighted_slope(predictor, t, e, np.full((1, len(e)), 2.0))
        assert one[0] == pytest.approx(two[0], abs=1e-8)
        assert one[0] == pytest.approx(calibration_slope(p, t, e), abs=1e-7)
        assert np.isfinite(weighted_slope(predictor, t, e, weights)).all()

    def test_slope_of_separated_events_is_undefined(self):
        time = np.arange(1.0, 11)
        slope = weighted_slope(-time, time, np.ones(10), np.ones((1, 10)))
        assert np.isnan(slope[0])
