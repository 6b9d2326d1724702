"""Intervals of a cross-validated procedure: their parts by hand, and their coverage."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import auc, delong_interval
from radpipe.evaluation.procedure_intervals import (
    auc_influence,
    auc_procedure_interval,
    concordance_procedure_interval,
    slope_influence,
    slope_procedure_interval,
)
from radpipe.evaluation.procedure_variance import Inflation, inflation
from radpipe.evaluation.slope_variance import Scores, SlopeInflation, slope_inflation


def cohort(seed, n=60, features=10, repeats=4, strength=0.0):
    """Outcome, out-of-fold probabilities of a nearest-centroid rule, and folds."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, features))
    y = np.tile([0.0, 1.0], n // 2)
    x[:, 0] += strength * (y - 0.5)
    p, fold = np.empty((repeats, n)), np.empty((repeats, n), dtype=int)
    for r in range(repeats):
        for label in (0, 1):
            cases = rng.permutation(np.flatnonzero(y == label))
            fold[r, cases] = np.arange(cases.size) % 5
        for k in range(5):
            train, test = fold[r] != k, fold[r] == k
            centres = [x[train & (y == label)].mean(axis=0) for label in (0, 1)]
            direction = centres[1] - centres[0]
            p[r, test] = expit((x[test] - (centres[0] + centres[1]) / 2) @ direction)
    return y, p, fold, np.arange(n)


def test_predictions_that_never_move_leave_the_usual_variance():
    y, p, fold, patient = cohort(1)
    same = np.repeat(p[:1], 4, axis=0)
    found = inflation(auc_influence(y, same), fold, patient)
    assert found.training == 0
    assert found.variance == found.conditional
    usual = delong_interval(y, p[0])
    error = (usual.high - usual.low) / 2 / 1.959964
    assert np.sqrt(found.variance) == pytest.approx(error, rel=0.01)


def test_predictions_made_by_training_alone_have_twice_the_variance():
    found = [
        inflation(auc_influence(y, p), *rest)
        for y, p, *rest in (cohort(seed, features=10) for seed in range(20, 40))
    ]
    # Both parts are equal without signal, and one cohort tells that with an error.
    assert np.median([one.training for one in found]) == pytest.approx(1, abs=0.25)
    assert np.mean([one.variance / one.conditional for one in found]) == pytest.approx(2, abs=0.2)
    y, p, *rest = cohort(2, features=3, strength=3.0)
    assert inflation(auc_influence(y, p), *rest).training < 0.2


def test_one_repeat_gives_the_upper_bound_and_says_so():
    y, p, fold, patient = cohort(3)
    one = auc_procedure_interval(y, p[:1], fold[:1], patient)
    assert one.method == "repeated_cv_influence (one repeat: upper bound)"
    found = inflation(auc_influence(y, p[:1]), fold[:1], patient)
    assert found.variance == 2 * found.conditional
    assert one.estimate == auc(y, p[0])


@pytest.mark.parametrize("interval", [auc_procedure_interval, slope_procedure_interval])
def test_copies_of_cases_in_a_patient_tell_nothing_new(interval):
    y, p, fold, patient = cohort(4, strength=1.0)
    once = interval(y, p, fold, patient)
    twice = interval(*(np.tile(a, 2) for a in (y, p, fold)), np.tile(patient, 2))
    assert [twice.low, twice.high] == pytest.approx([once.low, once.high])


def test_the_order_of_the_rows_is_nothing():
    y, p, fold, patient = cohort(5, strength=1.0)
    order = np.random.default_rng(0).permutation(y.size)
    for interval in (auc_procedure_interval, slope_procedure_interval):
        first = interval(y, p, fold, patient)
        second = interval(y[order], p[:, order], fold[:, order], patient[order])
        assert [second.low, second.high] == pytest.approx([first.low, first.high])


def test_influence_is_the_derivative_by_the_weight_of_a_case():
    y, p, _, _ = cohort(6, strength=1.0, repeats=1)
    influence = auc_influence(y, p)[0]
    without = auc(np.delete(y, 7), np.delete(p[0], 7))
    # Leaving out a case of 30 of its class takes away 1/29 of its share.
    assert without - auc(y, p[0]) == pytest.approx(-influence[7] * 30 / 29)
    assert slope_influence(y, p).sum() == pytest.approx(0, abs=1e-9)


def test_both_roles_of_a_slope():
    with_signal = [cohort(seed, n=200, features=2, strength=2.0, repeats=10) for seed in range(4)]
    without = [cohort(seed, n=200, features=10, repeats=10) for seed in range(4)]
    roles = [
        [inflation(slope_influence(y, p), *rest).roles for y, p, *rest in cohorts]
        for cohorts in (with_signal, without)
    ]
    assert np.mean(roles[0]) < 0 < np.mean(roles[1])


def test_the_variance_by_hand():
    # AUC: half of what was measured with much error, half of the most that it can be.
    assert Inflation(1.0, 0.5, 0.4, 10, 5, 100).variance == 1 + (0.5 + 0.5) / 2
    assert Inflation(1.0, 0.5, 0.2, 10, 5, 100).variance == 1 + (0.5 + 0.25) / 2
    assert Inflation(1.0, 0.5, -1.0, 10, 5, 100).variance == 1 + 0.5 / 2
    # Both meet at twice the usual variance without signal; below chance the tail is longer.
    assert Inflation(1.0, 1.0, 0.8, 10, 5, 100).variance == 2
    assert Inflation(1.0, 4.0, 0.8, 10, 5, 100).variance == pytest.approx(4 * 0.87)


def slope_parts(training, roles, *, slope=0.5, falling=0.0, folding=0.0):
    scores = Scores(noise=1.0, falling=falling, cases=0.0, folding=folding)
    return SlopeInflation(1.0, training, roles, 10, 5, 100, slope=slope, scores=scores)


def test_the_variance_of_a_slope_by_hand():
    # Small scores, no penalty, c as F says: 4 F² (1 - F / 2) (K / (K - 1 + F))², seen either way.
    plain = 4 * 0.25 * 0.75 * (5 / 4.5) ** 2
    unpenalised = 0.5 / (1 + 0.5 / 4)
    alike = slope_parts(0.5, 0.4, slope=unpenalised * 0.9)
    assert alike.variance == pytest.approx(plain)
    # The choice of folds adds to what the scores say, which weighs (1 - F²) / 2.
    assert slope_parts(0.5, 0.4, slope=0.4, folding=0.1).variance == pytest.approx(
        plain + 0.1 * 0.75 / 2
    )
    # A signal of which the cases are certain moves V no more; c still says that it does.
    certain = slope_parts(0.5, 0.4, slope=0.4, falling=2.0)
    assert certain.variance == pytest.approx(plain * (1 - 0.75 / 2))
    # The models of a penalty half the size double A: it moves by (1 - F) (1 - 1 / 2) q.
    shrunk = slope_parts(0.5, 0.4, slope=2 * 0.5 / (1 + 0.5 / 4), falling=2.0)
    by_penalty = 2 * 0.5**2 * 0.75 * (5 / 4.5) ** 2
    assert shrunk.variance == pytest.approx(plain * (1 - 0.75 / 2) + by_penalty * 0.75 / 2)
    assert slope_parts(1.0, 0.8).variance == 2
    assert slope_parts(4.0, 0.8).variance == pytest.approx(4 * 0.87)
    assert slope_parts(1 - 1e-9, 0.8).variance == pytest.approx(2)


def test_limits_of_a_slope_are_as_skewed_as_its_signal():
    signal, penalty = slope_parts(0.3, -0.1), slope_parts(0.3, -0.1, slope=2.0, falling=2.0)
    below, above = signal.half_widths(1.96)
    assert below > above
    # Certain scores leave the penalty alone.
    assert penalty.half_widths(1.96) == pytest.approx([1.96 * np.sqrt(penalty.variance)] * 2)


def test_the_variance_of_a_slope_is_that_of_the_theory():
    # Drawn: the contributions of n patients to p coefficients, and the slope of five folds.
    rng = np.random.default_rng(11)
    p, n, mean = 50, 100, np.zeros(50)
    mean[0] = np.sqrt(50.0)
    slopes, variances, shares = [], [], []
    for _ in range(300):
        drawn = rng.normal(size=(n, p)) / np.sqrt(n) + mean / n
        found = _held_out_slopes(drawn, [rng.permutation(n) % 5 for _ in range(8)])
        slopes.append(found[0])
        shares.append(found[1].training)
        variances.append(found[1].variance)
    assert np.median(shares) == pytest.approx(50 / 100, abs=0.1)
    # The variance of 300 draws is known to 8 %, that of the theory is of the second order.
    assert np.mean(variances) == pytest.approx(np.var(slopes), rel=0.25)


def _held_out_slopes(drawn, groups):
    """Mean slope over repeats of models that are sums of contributions, and its inflation."""
    slopes, rows = [], []
    for fold in groups:
        sums = np.array([drawn[fold == k].sum(axis=0) for k in range(5)])
        models = (sums.sum(axis=0) - sums) * 5 / 4
        size = (models**2).sum(axis=1)
        score = (drawn * models[fold]).sum(axis=1) / size.mean()
        slopes.append(score.sum())
        influence = score - slopes[-1] * size[fold] / size.mean() / len(fold)
        rows.append(influence - influence.mean())
    # As the covariance of both roles is not that of logistic models here, it is left out.
    found = inflation(np.array(rows), np.array(groups), np.arange(len(drawn)))
    share = found.training
    expected = (1 - share) * (2 * share - 1) + share * 4 / 5
    # Linear models: information does not fall, and its variance is the usual one.
    scores = Scores(found.conditional, falling=0.0, cases=0.0, folding=0.0)
    parts = vars(found) | {"roles": expected}
    return np.mean(slopes), SlopeInflation(**parts, slope=np.mean(slopes), scores=scores)


def test_models_that_learn_no_scale_keep_the_usual_variance_of_a_slope():
    y, p, fold, patient = cohort(12, n=100, strength=2.0)
    same = np.repeat(p[:1], 4, axis=0)
    found = slope_inflation(slope_influence(y, same), fold, patient, same, np.ones(4))
    assert found.training == 0
    assert found.variance == found.conditional
    limits = slope_procedure_interval(y, same, fold, patient)
    half = 1.959964 * np.sqrt(found.conditional)
    assert [limits.low, limits.high] == pytest.approx(
        [limits.estimate - half, limits.estimate + half]
    )


def test_the_interval_of_a_slope_is_longer_below():
    y, p, fold, patient = cohort(13, n=200, features=10, strength=1.5, repeats=10)
    found = slope_procedure_interval(y, p, fold, patient)
    assert found.estimate - found.low > found.high - found.estimate > 0


def test_times_to_an_event():
    y, p, fold, patient = cohort(7, strength=2.0)
    rng = np.random.default_rng(8)
    time, event = rng.exponential(np.exp(-2 * y)), (rng.random(y.size) < 0.8).astype(float)
    found = concordance_procedure_interval((time, event), p, fold, patient)
    assert found.low < found.estimate < found.high
    assert found.estimate > 0.6
    none = concordance_procedure_interval((time, np.zeros(y.size)), p, fold, patient)
    assert none.method == "undefined: no usable pair"


def test_what_has_no_interval_says_why():
    y, p, fold, patient = cohort(9)
    perfect = auc_procedure_interval(y, np.tile(y, (4, 1)), fold, patient)
    assert perfect.estimate == 1
    assert np.isnan(perfect.low)
    assert "no interval" in perfect.method
    separated = slope_procedure_interval(y, np.tile(0.2 + y / 2, (4, 1)), fold, patient)
    assert separated.method.startswith("undefined")
    with pytest.raises(RadpipeError, match="needs folds; found a single fold"):
        auc_procedure_interval(y, p, np.zeros_like(fold), patient)
    with pytest.raises(RadpipeError, match="differ in shape"):
        auc_procedure_interval(y, p, fold[:2], patient)


def test_g10_the_usual_interval_misses_the_procedure_and_this_one_does_not():
    # On noise every model has an AUC of 0.5 in new cases, so that the truth is known.
    cohorts = [cohort(1000 + seed, repeats=5) for seed in range(300)]
    usual = [delong_interval(y, p[0]) for y, p, _, _ in cohorts]
    honest = [auc_procedure_interval(*parts) for parts in cohorts]
    covered = [np.mean([i.low <= 0.5 <= i.high for i in found]) for found in (usual, honest)]
    assert covered[0] < 0.90
    # Two standard errors of 300 cohorts around 0.93 to 0.97.
    assert 0.905 <= covered[1] <= 0.985


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), strength=st.floats(0, 2))
def test_what_is_true_of_every_interval(seed, strength):
    y, p, fold, patient = cohort(seed, n=40, repeats=3, strength=strength)
    found = auc_procedure_interval(y, p, fold, patient)
    assert 0 < found.low < found.estimate < found.high < 1
    wide = auc_procedure_interval(y, p, fold, patient, confidence=0.99)
    assert wide.low < found.low
    assert wide.high > found.high
    parts = inflation(auc_influence(y, p), fold, patient)
    assert parts.training >= 0
    assert parts.conditional <= parts.variance
    assert parts.variance <= max(2.0, parts.training) * parts.conditional
    slope = slope_procedure_interval(y, p, fold, patient)
    assert slope.low < slope.estimate < slope.high
