"""G10, G12, G13, G14, G21: what resampling lets one say, and what it does not."""

from functools import cache

import numpy as np
import pandas as pd
import pytest
from guardrail_folds import (
    FOLDS,
    noise_cohort,
    out_of_fold,
    prediction_rows,
    ridge,
    stratified,
)
from modelling_noise import chance_band
from scipy.stats import mannwhitneyu, rankdata, ttest_1samp

from radpipe.config import Evaluation, Outcome
from radpipe.evaluation.by_kind import repeats
from radpipe.evaluation.cohorts import CONDITIONAL
from radpipe.evaluation.comparison import holm, nadeau_bengio
from radpipe.evaluation.discrimination import auc, delong_interval
from radpipe.evaluation.optimism import optimism_bootstrap
from radpipe.evaluation.performance import performance_table
from radpipe.evaluation.procedure_intervals import METHOD, auc_procedure_interval

QUICK, FULL = 300, 1000

# G10: the interval of pooled out-of-fold predictions


@cache
def _coverage(cohorts: int) -> tuple[float, float]:
    """How often 0.5 is covered on noise: by the procedure's interval, and by DeLong's."""
    procedure, conditional = [], []
    for seed in range(cohorts):
        x, y = noise_cohort(80, 50, seed)
        p, fold = out_of_fold(x, y, 4, seed)
        for found, covered in (
            (auc_procedure_interval(y, p, fold, np.arange(80)), procedure),
            (delong_interval(y, p[0]), conditional),
        ):
            covered.append(found.low <= 0.5 <= found.high)
    return float(np.mean(procedure)), float(np.mean(conditional))


def _lowest(cohorts: int) -> float:
    """95 % less three standard errors of a share of so many cohorts."""
    return 0.95 - 3 * float(np.sqrt(0.05 * 0.95 / cohorts))


@pytest.mark.parametrize("cohorts", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
def test_g10_the_interval_of_the_procedure_covers(cohorts: int, recorded) -> None:
    found = recorded("coverage", _coverage(cohorts)[0])
    assert found >= _lowest(cohorts)


@pytest.mark.parametrize("cohorts", [QUICK, pytest.param(FULL, marks=pytest.mark.slow)])
def test_g10_twin_delong_on_pooled_predictions_covers_too_seldom(cohorts: int, recorded) -> None:
    found = recorded("coverage", _coverage(cohorts)[1])
    assert found < _lowest(cohorts)


def _honest(method: str) -> bool:
    """Whether a method says that it is for the procedure, or that it is conditional."""
    return method.startswith(METHOD) or CONDITIONAL in method


def test_g10_every_out_of_fold_interval_says_what_it_is_for() -> None:
    x, y = noise_cohort(60, 5, 0)
    p, fold = out_of_fold(x, y, 2, 0)
    rows = prediction_rows(y, p, fold)
    table = performance_table(rows, Evaluation(bootstrap=100), 1)
    bounded = table[table["ci_low"].notna()]
    # The mean over folds has an interval of its own, corrected for the shared training cases.
    labelled = bounded[~bounded["metric"].str.startswith("auc_fold")]
    assert {"auc", "brier", "sensitivity"} <= set(labelled["metric"])
    assert labelled["method"].map(_honest).all()


def test_g10_twin_the_bare_name_of_a_method_does_not_pass_and_an_external_one_needs_no_label() -> (
    None
):
    assert not _honest("delong")
    x, y = noise_cohort(60, 5, 0)
    outside = prediction_rows(y, out_of_fold(x, y, 1, 0)[0], np.zeros((1, 60), dtype=int), "other")
    table = performance_table(outside.assign(fold="final"), Evaluation(bootstrap=100), 1)
    assert table.set_index("metric").loc["auc", "method"] == "delong"


# G12: comparisons over folds

WIDTH = 60
"""Features of each model."""


def _fold_auc(y: np.ndarray, p: np.ndarray) -> float:
    ranks = rankdata(p)
    positive = int(y.sum())
    above = ranks[y == 1].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (y.size - positive)))


def _differences(seed: int, repeats: int) -> np.ndarray:
    """AUC differences of two equally useless models over the folds of a repeated CV.

    The correction takes the correlation of two folds as the share that is tested. Models that
    hardly depend on single cases share more: with 20 features and a strong penalty it finds 9 %.
    """
    x, y = noise_cohort(100, 2 * WIDTH, seed)
    random = np.random.default_rng((seed, 2))
    found = []
    for _ in range(repeats):
        fold = stratified(y, random)
        for k in range(FOLDS):
            test = fold == k
            a, b = (
                _fold_auc(y[test], ridge(x[~test][:, own], y[~test], x[test][:, own], 0.5))
                for own in (slice(WIDTH), slice(WIDTH, 2 * WIDTH))
            )
            found.append(a - b)
    return np.asarray(found)


@cache
def _false_positives(cohorts: int) -> tuple[float, float]:
    corrected, naive = [], []
    for seed in range(cohorts):
        differences = _differences(seed, repeats=4)
        corrected.append(nadeau_bengio(differences, 80, 20).p < 0.05)
        naive.append(ttest_1samp(differences, 0).pvalue < 0.05)
    return float(np.mean(corrected)), float(np.mean(naive))


@pytest.mark.parametrize("cohorts", [200, pytest.param(800, marks=pytest.mark.slow)])
def test_g12_the_corrected_test_finds_no_difference_where_there_is_none(
    cohorts: int, recorded
) -> None:
    found = recorded("false positives", _false_positives(cohorts)[0])
    assert found <= 0.08


@pytest.mark.parametrize("cohorts", [200, pytest.param(800, marks=pytest.mark.slow)])
def test_g12_twin_the_plain_t_test_over_folds_does(cohorts: int, recorded) -> None:
    found = recorded("false positives", _false_positives(cohorts)[1])
    assert found > 0.25


# G13: many models


@cache
def _best_of_fifty(runs: int) -> tuple[float, float]:
    """How often the best of 50 noise models is significant: after Holm, and as it is."""
    random = np.random.default_rng(13)
    y = np.tile([0, 1], 40)
    adjusted, unadjusted = [], []
    for _ in range(runs):
        # The rank test of an AUC of 0.5: an error estimated at the AUC found is too small far out.
        noise = random.normal(size=(80, 50))
        p = mannwhitneyu(noise[y == 1], noise[y == 0]).pvalue
        adjusted.append(holm(p).min() < 0.05)
        unadjusted.append(min(p) < 0.05)
    return float(np.mean(adjusted)), float(np.mean(unadjusted))


@pytest.mark.parametrize("runs", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_g13_holm_keeps_the_best_of_fifty_noise_models_quiet(runs: int, recorded) -> None:
    found = recorded("share significant", _best_of_fifty(runs)[0])
    assert found <= 0.08


@pytest.mark.parametrize("runs", [60, pytest.param(400, marks=pytest.mark.slow)])
def test_g13_twin_the_smallest_p_as_it_is_finds_something(runs: int, recorded) -> None:
    found = recorded("share significant", _best_of_fifty(runs)[1])
    assert found > 0.80


# G14: the optimism bootstrap repeats every step


def _corrected(seed: int, *, columns: int, keep: int, inside: bool) -> pd.Series:
    """Apparent and corrected AUC of `keep` columns chosen among `columns` of noise."""
    x, y = noise_cohort(100, columns, seed)

    def chosen(rows: np.ndarray) -> np.ndarray:
        own, outcome = x[rows], y[rows]
        gap = own[outcome == 1].mean(axis=0) - own[outcome == 0].mean(axis=0)
        return np.argsort(-np.abs(gap))[:keep]

    outside = chosen(np.arange(100))

    def procedure(rows: np.ndarray, _names: np.ndarray):
        kept = chosen(rows) if inside else outside
        return lambda new: ridge(x[rows][:, kept], y[rows], x[new][:, kept], penalty=1.0)

    found = optimism_bootstrap(procedure, y, np.arange(100), {"auc": auc}, samples=40, seed=seed)
    return found.iloc[0]


def _mean_corrected(seeds: int, *, columns: int, inside: bool) -> tuple[float, float]:
    rows = [_corrected(s, columns=columns, keep=10, inside=inside) for s in range(seeds)]
    return tuple(float(np.mean([row[name] for row in rows])) for name in ("apparent", "corrected"))


def test_g14_the_corrected_auc_of_noise_is_at_chance(record_property) -> None:
    apparent, corrected = _mean_corrected(12, columns=10, inside=True)
    record_property("apparent, corrected", (apparent, corrected))
    assert apparent > 0.6
    assert 0.45 <= corrected <= 0.58


def test_g14_twin_selection_left_out_of_the_resamples_is_not_corrected_for(record_property) -> None:
    apparent, corrected = _mean_corrected(6, columns=300, inside=False)
    record_property("apparent, corrected", (apparent, corrected))
    assert corrected > 0.58
    _, honest = _mean_corrected(6, columns=300, inside=True)
    assert honest < corrected


def _optimism(*, by_patient: bool) -> float:
    """Optimism in 25 patients of four cases that look alike."""
    x, y = noise_cohort(24, 10, 3)
    patient = np.repeat(np.arange(24), 4)
    wide = x[patient] + 0.01 * np.random.default_rng(0).normal(size=(96, 10))
    outcome = y[patient]

    def procedure(rows: np.ndarray, _names: np.ndarray):
        return lambda new: ridge(wide[rows], outcome[rows], wide[new], penalty=1.0)

    names = patient if by_patient else np.arange(96)
    found = optimism_bootstrap(procedure, outcome, names, {"auc": auc}, samples=60, seed=1)
    return float(found["corrected"].iloc[0])


def test_g14_and_twin_patients_are_drawn_and_not_their_cases(record_property) -> None:
    honest, leaky = _optimism(by_patient=True), _optimism(by_patient=False)
    record_property("corrected by patient, by case", (honest, leaky))
    assert honest < leaky - 0.1


# G21: seeds


@cache
def _ten_repeats(cohorts: int) -> np.ndarray:
    """AUC of each repeat of the cross-validation on noise, shape (cohorts, 10)."""
    found = []
    for seed in range(cohorts):
        x, y = noise_cohort(60, 30, seed)
        found.append([auc(y, row) for row in out_of_fold(x, y, 10, seed)[0]])
    return np.asarray(found)


def test_g21_the_headline_is_the_mean_and_every_repeat_is_stored() -> None:
    x, y = noise_cohort(60, 30, 0)
    rows = prediction_rows(y, *out_of_fold(x, y, 10, 0))
    each = _ten_repeats(20)[0]
    headline = performance_table(rows, Evaluation(bootstrap=100), 1).set_index("metric")
    assert headline.loc["auc", "estimate"] == pytest.approx(each.mean())
    stored = repeats(rows, Outcome(column="y"))
    assert sorted(stored["estimate"]) == pytest.approx(sorted(each))
    assert np.ptp(each) > 0


def test_g21_the_mean_over_ten_repeats_of_noise_is_at_chance(recorded) -> None:
    found = recorded("mean AUC", float(_ten_repeats(20).mean()))
    assert abs(found - 0.5) <= chance_band(20)


def test_g21_twin_the_luckiest_of_ten_repeats_is_not(recorded) -> None:
    found = recorded("mean AUC", float(_ten_repeats(20).max(axis=1).mean()))
    assert abs(found - 0.5) > chance_band(20)
