"""Regression metrics against R's Metrics, MLmetrics, cor.test and epiR (row 26), and by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from radpipe.errors import RadpipeError
from radpipe.evaluation import regression
from radpipe.evaluation.intervals import patient_weights

NUMBERS = st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=4, max_size=20)


@pytest.fixture(scope="module")
def table(oracle):
    return oracle.csv("regression200")


@pytest.mark.parametrize("column", ["pred1", "pred2"])
class TestReference:
    def test_metrics(self, table, oracle, column):
        expected = oracle.json("regression")[column]
        found = regression.regression_metrics(table["y"], table[column])
        for metric in (
            *("mse", "rmse", "mae", "r2", "explained_variance"),
            *("pearson", "spearman"),
        ):
            assert found[metric] == pytest.approx(expected[metric], abs=1e-10), metric
        assert found["concordance"] == pytest.approx(expected["ccc"][0]["est"], abs=1e-10)

    def test_intervals(self, table, oracle, column):
        expected = oracle.json("regression")[column]
        r = regression.pearson(table["y"], table[column])
        np.testing.assert_allclose([r.low, r.high], expected["pearson_ci"], atol=1e-10)
        ccc, wanted = regression.concordance(table["y"], table[column]), expected["ccc"][0]
        np.testing.assert_allclose(
            [ccc.estimate, ccc.low, ccc.high],
            [wanted["est"], wanted["lower"], wanted["upper"]],
            atol=1e-10,
        )

    def test_bland_altman(self, table, oracle, column):
        """The reference takes truth less prediction; here it is prediction less truth."""
        expected = oracle.json("regression")[column]["bland_altman"]
        found = regression.bland_altman(table["y"], table[column])
        assert found.bias.estimate == pytest.approx(-expected["bias"], abs=1e-10)
        assert found.sd == pytest.approx(expected["sd"], abs=1e-10)
        limits = [-found.high.estimate, -found.low.estimate]
        np.testing.assert_allclose(limits, expected["loa"], atol=1e-10)


def test_denominators_are_n():
    """Lin 1989; with n - 1 the variances would be 1 and 7 and the concordance 5 / 9."""
    y, p = np.array([1.0, 2, 3]), np.array([1.0, 2, 6])
    # means 2 and 3, variances 2/3 and 14/3, covariance 5/3 with denominators 3
    expected = 2 * (5 / 3) / (2 / 3 + 14 / 3 + 1)
    assert regression.regression_metrics(y, p)["concordance"] == pytest.approx(expected)


def test_by_hand():
    found = regression.regression_metrics([1, 2, 3, 4], [2, 2, 3, 5])
    assert found["mse"] == pytest.approx(0.5)
    assert found["rmse"] == pytest.approx(np.sqrt(0.5))
    assert found["mae"] == pytest.approx(0.5)
    assert found["bias"] == pytest.approx(0.5)
    assert found["r2"] == pytest.approx(1 - 2 / 5)
    assert found["explained_variance"] == pytest.approx(1 - 0.25 / 1.25)


def test_limits_of_bland_altman_by_hand():
    """Differences 1, 1, -1, -1: bias 0, sd 2/sqrt(3)."""
    found = regression.bland_altman([0, 0, 0, 0], [1, 1, -1, -1])
    sd = 2 / np.sqrt(3)
    assert (found.bias.estimate, found.sd) == (0, pytest.approx(sd))
    assert found.high.estimate == pytest.approx(1.959964 * sd, abs=1e-5)
    assert found.bias.high == pytest.approx(stats.t.ppf(0.975, 3) * sd / 2)


def test_constant_predictions_have_no_correlation():
    found = regression.regression_metrics([1.0, 2, 3], [0.1, 0.1, 0.1])
    assert np.isnan(found["pearson"])
    assert np.isnan(found["spearman"])
    assert found["concordance"] == 0
    assert np.isnan(regression.regression_metrics([2.0, 2], [1, 2])["r2"])


@given(NUMBERS)
@settings(max_examples=40, deadline=None)
def test_weights_are_counts(pairs):
    """A case of weight 2 stands for two equal cases, a case of weight 0 for none."""
    y, p = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    weights = patient_weights(np.arange(y.size), 5, 1)
    for name, metric in regression.METRICS.items():
        for row, value in zip(weights, metric(y, p, weights), strict=True):
            index = np.repeat(np.arange(y.size), row.astype(int))
            once = metric(y[index], p[index], np.ones((1, index.size)))[0]
            assert value == pytest.approx(once, abs=1e-9, nan_ok=True), name


@given(NUMBERS)
@settings(max_examples=40, deadline=None)
def test_spearman_is_that_of_scipy(pairs):
    y, p = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    if np.ptp(y) and np.ptp(p):
        expected = stats.spearmanr(y, p).statistic
        assert regression.spearman(y, p).estimate == pytest.approx(expected, abs=1e-10)


def test_interval_of_spearman_by_hand():
    """rho = 0.8 of ten cases: z has the variance (1 + 0.32) / 7."""
    y = np.arange(10.0)
    p = np.array([1, 0, 3, 2, 5, 4, 9, 6, 7, 8.0])
    found = regression.spearman(y, p)
    rho = stats.spearmanr(y, p).statistic
    half = 1.959964 * np.sqrt((1 + rho**2 / 2) / 7)
    assert found.low == pytest.approx(np.tanh(np.arctanh(rho) - half), abs=1e-6)


def test_perfect_prediction_has_no_interval():
    found = regression.concordance([1, 2, 3, 4], [1, 2, 3, 4])
    assert found.estimate == pytest.approx(1)
    assert "undefined" in found.method


@pytest.mark.parametrize(
    ("y", "p", "match"),
    [
        ([1, 2], [1, np.nan], "a prediction is not a finite number; found 1 of 2"),
        ([np.inf, 2], [1, 2], "a true value is not a finite number"),
        ([1, 2], [1], "one length"),
        ([], [], "n > 0"),
    ],
)
def test_bad_input(y, p, match):
    with pytest.raises(RadpipeError, match=match):
        regression.regression_metrics(y, p)


def test_limits_need_two_cases():
    with pytest.raises(RadpipeError, match="two cases; found 1"):
        regression.bland_altman([1], [2])
