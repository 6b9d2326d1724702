"""Guardrails that are statistics alone; each leaky twin shows what the rule prevents."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ttest_1samp
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, StratifiedKFold, cross_val_predict

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import brier
from radpipe.evaluation.cohorts import check_pooling
from radpipe.evaluation.comparison import holm, nadeau_bengio
from radpipe.evaluation.discrimination import auc, delong_interval
from radpipe.evaluation.overlap import score_mask, summarise_overlap
from radpipe.evaluation.performance import performance_table
from radpipe.evaluation.sample_size import riley_binary
from radpipe.evaluation.tables import comparison_table, roc_table
from radpipe.evaluation.utility import net_benefit


def null_cohort(seed, n=60, features=20):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, features)), np.tile([0, 1], n // 2)


def out_of_fold(scheme, seed):
    """Out-of-fold probabilities on noise, as predictions of one model."""
    x, y = null_cohort(seed)
    model = LogisticRegression(C=1e-3)
    p = cross_val_predict(model, x, y, cv=scheme, method="predict_proba")[:, 1]
    fold = np.empty(y.size, dtype=object)
    for k, (_, test) in enumerate(scheme.split(x, y), start=1):
        fold[test] = f"r1f{k}"
    names = [f"c{i:02d}" for i in range(y.size)]
    return pd.DataFrame(
        {
            "model": "noise",
            "case": names,
            "patient": names,
            "cohort": "development",
            "fold": fold,
            "y_true": y,
            "y_prob": p,
            "threshold": 0.5,
        }
    )


def test_g09_pooled_leave_one_out_is_refused():
    predictions = out_of_fold(LeaveOneOut(), 1)
    # The leaky twin: on noise the pooled AUC is 0, far below chance.
    assert auc(predictions["y_true"], predictions["y_prob"]) == 0.0
    with pytest.raises(RadpipeError, match="pooled leave-one-out predictions is biased; found 60"):
        check_pooling(predictions["fold"])
    settings = Evaluation(bootstrap=100)
    table = performance_table(predictions, settings, 1).set_index("metric")
    assert np.isnan(table.loc["auc", "estimate"])
    assert table.loc["auc", "method"].startswith("refused")
    assert roc_table(predictions).empty
    twins = pd.concat([predictions, predictions.assign(model="twin")])
    assert comparison_table(twins, settings)["method"].str.startswith("refused").all()


def test_g09_stratified_folds_are_pooled_and_averaged():
    tables = []
    for seed in range(10):
        predictions = out_of_fold(StratifiedKFold(5), seed)
        check_pooling(predictions["fold"])
        tables.append(performance_table(predictions, Evaluation(bootstrap=100), 1))
    means = pd.concat(tables).groupby("metric")["estimate"].mean()
    assert 0.40 < means["auc"] < 0.60
    assert 0.40 < means["auc_fold_mean"] < 0.60


def test_g09_a_fold_of_one_patient_with_two_cases_is_leave_one_out():
    fold, patient = np.repeat(np.arange(10), 2), np.repeat(np.arange(10), 2)
    with pytest.raises(RadpipeError, match="folds of one patient"):
        check_pooling(fold, patient)


def test_g12_the_plain_t_test_over_folds_finds_what_is_not_there():
    # Two equal models: fold differences share training data, here a common shift per cohort.
    rng = np.random.default_rng(12)
    naive, corrected = [], []
    for _ in range(400):
        # Correlation between folds is n_test / (n_test + n_train) = 0.2 for five folds.
        shared = np.sqrt(0.2) * rng.normal()
        differences = shared + np.sqrt(0.8) * rng.normal(size=50)
        naive.append(ttest_1samp(differences, 0).pvalue < 0.05)
        corrected.append(nadeau_bengio(differences, 160, 40).p < 0.05)
    assert np.mean(naive) > 0.4
    assert np.mean(corrected) <= 0.08


def test_g13_the_best_of_fifty_noise_models_is_no_finding():
    rng = np.random.default_rng(13)
    y = np.tile([0, 1], 40)
    unadjusted, adjusted = [], []
    for _ in range(60):
        p = []
        for _ in range(50):
            found = delong_interval(y, rng.normal(size=80))
            error = (found.high - found.low) / 2 / 1.959964
            p.append(2 * _upper_tail(abs(found.estimate - 0.5) / error))
        unadjusted.append(min(p) < 0.05)
        adjusted.append(holm(p).min() < 0.05)
    assert np.mean(unadjusted) > 0.80
    assert np.mean(adjusted) <= 0.08


def _upper_tail(z):
    from scipy.stats import norm

    return norm.sf(z)


def test_g15_a_small_cohort_with_many_candidates_is_not_enough():
    found = riley_binary(parameters=1000, prevalence=0.4, found=80).set_index("criterion")
    assert not found.loc["all", "met"]
    assert found.loc["all", "needed"] > 10_000
    example = riley_binary(parameters=24, prevalence=0.174, found=662, r2_cox_snell=0.288)
    assert example["met"].all()
    assert example.set_index("criterion").loc["events", "needed"] == pytest.approx(115.188)


@pytest.mark.parametrize("statistic", [brier, lambda y, p: net_benefit(y, p, [0.2])])
def test_g20_scores_and_missing_predictions_are_refused(statistic):
    y = [0, 1, 0, 1]
    with pytest.raises(RadpipeError, match="a probability is outside"):
        statistic(y, [-1.3, 0.4, 0.2, 2.2])
    with pytest.raises(RadpipeError, match="not a finite number; found 1 of 4"):
        statistic(y, [0.3, np.nan, 0.2, 0.7])


def test_g24_emptying_a_prediction_never_improves_a_mean():
    reference = np.zeros((12, 12, 12), dtype=bool)
    reference[4:8, 4:8, 4:8] = True
    near, far = np.roll(reference, 1, axis=2), np.roll(reference, 4, axis=2)
    empty = np.zeros_like(reference)

    def table(*predictions):
        scores = [score_mask(p, reference, (1.0, 1.0, 1.0), [1.0]) for p in predictions]
        return pd.DataFrame([s.row() for s in scores])

    before, after = table(near, far), table(near, empty)
    honest = [summarise_overlap(t).set_index("metric") for t in (before, after)]
    for metric in ("hd95_mm", "assd_mm", "hd_mm"):
        # The leaky twin drops what is missing, and so the worst case.
        assert after[metric].mean() < before[metric].mean()
        assert honest[1].loc[metric, "mean"] > honest[0].loc[metric, "mean"]
    for metric in ("dice", "surface_dice_1mm"):
        assert honest[1].loc[metric, "mean"] <= honest[0].loc[metric, "mean"]
    assert honest[1].loc["hd95_mm", "n_missed"] == 1
    assert honest[1].loc["hd95_mm", "n"] == 2
