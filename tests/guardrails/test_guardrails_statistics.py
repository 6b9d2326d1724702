"""G09, G15, G20, G22, G23, G24: statistics that refuse, warn or count; each twin goes without."""

import re
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modelling_noise import chance_band
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneOut, StratifiedKFold, cross_val_predict

import radpipe
from radpipe.config import Evaluation, Splits
from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import brier, calibration_slope
from radpipe.evaluation.cohorts import check_pooling
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.overlap import score_mask, summarise_overlap
from radpipe.evaluation.performance import performance_table
from radpipe.evaluation.reclassification import WARNING, continuous_nri
from radpipe.evaluation.sample_size import sample_size_table
from radpipe.evaluation.survival import uno_c
from radpipe.evaluation.survival_curves import censoring_curve
from radpipe.evaluation.survival_scores import auc_at, brier_at, integrated_brier
from radpipe.evaluation.tables import comparison_table, roc_table
from radpipe.evaluation.utility import net_benefit
from radpipe.modelling.recalibration import fit_platt
from radpipe.modelling.splits import fold_table, part_of
from radpipe.reporting.sections.judgement import planned_sample_sentence

# G09: pooling


@cache
def _out_of_fold(leave_one_out: bool, seed: int) -> pd.DataFrame:
    """Out-of-fold probabilities of a heavily penalised model on noise."""
    random = np.random.default_rng(seed)
    x, y = random.normal(size=(60, 20)), np.tile([0, 1], 30)
    scheme = LeaveOneOut() if leave_one_out else StratifiedKFold(5)
    p = cross_val_predict(LogisticRegression(C=1e-3), x, y, cv=scheme, method="predict_proba")
    fold = np.empty(60, dtype=object)
    for k, (_, test) in enumerate(scheme.split(x, y), start=1):
        fold[test] = f"r1f{k}"
    names = [f"c{i:02d}" for i in range(60)]
    fixed = {"model": "noise", "case": names, "patient": names, "cohort": "development"}
    return pd.DataFrame({**fixed, "fold": fold, "y_true": y, "y_prob": p[:, 1], "threshold": 0.5})


def test_g09_stratified_folds_are_pooled_and_averaged(record_property) -> None:
    pooled = []
    for seed in range(10):
        rows = _out_of_fold(False, seed)
        check_pooling(rows["fold"])
        pooled.append(auc(rows["y_true"], rows["y_prob"]))
    record_property("mean pooled AUC", float(np.mean(pooled)))
    assert abs(np.mean(pooled) - 0.5) <= chance_band(10, sd=0.1)
    table = performance_table(_out_of_fold(False, 0), Evaluation(bootstrap=100), 1)
    assert {"auc", "auc_fold_mean"} <= set(table.dropna(subset="estimate")["metric"])


def test_g09_twin_pooled_leave_one_out_is_far_from_chance(record_property) -> None:
    rows = _out_of_fold(True, 1)
    found = auc(rows["y_true"], rows["y_prob"])
    record_property("pooled AUC", found)
    assert abs(found - 0.5) > chance_band(1, sd=0.1)


def test_g09_pooled_leave_one_out_is_refused_wherever_it_would_be_printed() -> None:
    rows = _out_of_fold(True, 1)
    with pytest.raises(RadpipeError, match="pooled leave-one-out predictions is biased; found 60"):
        check_pooling(rows["fold"])
    settings = Evaluation(bootstrap=100)
    table = performance_table(rows, settings, 1).set_index("metric")
    assert np.isnan(table.loc["auc", "estimate"])
    assert table.loc["auc", "method"].startswith("refused")
    assert roc_table(rows).empty
    pair = pd.concat([rows, rows.assign(model="other")])
    assert comparison_table(pair, settings)["method"].str.startswith("refused").all()


def test_g09_a_fold_of_one_patient_with_two_cases_is_leave_one_out() -> None:
    fold, patient = np.repeat(np.arange(10), 2), np.repeat(np.arange(10), 2)
    with pytest.raises(RadpipeError, match="folds of one patient"):
        check_pooling(fold, patient)


# G15: sample size


def _enough(candidates: int) -> bool:
    """Whether Riley's criteria let 400 patients develop a model of so many candidates."""
    card = {"name": "m", "parameters": candidates, "prevalence": 0.4, "n_patients": 400}
    table = sample_size_table([card]).set_index("criterion")
    return bool(table["met"].all())


def test_g15_every_candidate_counts_and_too_small_a_cohort_is_warned_of() -> None:
    assert not _enough(candidates=1000)
    card = {"name": "radiomics", "parameters": 1000, "prevalence": 0.4, "n_patients": 80}
    sentence = planned_sample_sentence(sample_size_table([card]))
    assert "has 1,000 candidate parameters; those that a selection discards count too" in sentence
    assert re.search(r"ask for \d\d,\d{3} patients; there were 80\.", sentence)


def test_g15_twin_counting_only_selected_parameters_hides_it() -> None:
    assert _enough(candidates=3)


# G20: probabilities


@pytest.mark.parametrize("statistic", [brier, lambda y, p: net_benefit(y, p, [0.2])])
def test_g20_scores_and_missing_predictions_are_refused(statistic) -> None:
    y = [0, 1, 0, 1]
    with pytest.raises(RadpipeError, match="a probability is outside"):
        statistic(y, [-1.3, 0.4, 0.2, 2.2])
    with pytest.raises(RadpipeError, match="not a finite number; found 1 of 4"):
        statistic(y, [0.3, np.nan, 0.2, 0.7])


def test_g20_twin_the_bare_formula_counts_a_missing_prediction_as_negative() -> None:
    y, p = np.array([0, 1, 0, 1]), np.array([0.3, np.nan, 0.2, 0.7])
    called = p >= 0.25
    bare = (called & (y == 1)).mean() - (called & (y == 0)).mean() * 0.25 / 0.75
    assert bare == pytest.approx(1 / 4 - 1 / 12)


def _slope(seed: int, *, link_on_evaluation_rows: bool) -> float:
    """Calibration slope of probabilities that are twice too sure."""
    random = np.random.default_rng(seed)
    x = random.normal(size=200)
    y = (random.random(200) < expit(x)).astype(float)
    p = expit(2 * x)
    if link_on_evaluation_rows:
        p = fit_platt(y, logit(p)).probability(logit(p))
    return calibration_slope(y, p)


def test_g20_the_calibration_of_the_given_probabilities_is_judged(record_property) -> None:
    found = np.mean([_slope(seed, link_on_evaluation_rows=False) for seed in range(10)])
    record_property("mean slope", float(found))
    assert found == pytest.approx(0.5, abs=0.1)


def test_g20_twin_a_link_fitted_on_evaluation_rows_makes_any_model_calibrated(
    record_property,
) -> None:
    found = np.mean([_slope(seed, link_on_evaluation_rows=True) for seed in range(10)])
    record_property("mean slope", float(found))
    assert abs(found - 0.5) > 0.3


# G22: survival


def _follow_up(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Risk, time and event of 80 cases; the last ones are all censored."""
    random = np.random.default_rng(seed)
    risk = random.normal(size=80)
    event, censored = random.exponential(np.exp(-risk)), random.uniform(0, 3, 80)
    time = np.minimum(event, censored)
    return risk, time, ((event <= censored) & (time < 2)).astype(float)


def test_g22_weights_past_the_last_event_are_refused() -> None:
    risk, time, event = _follow_up()
    p, last = expit(risk), time[event == 1].max()
    past = last + 0.05
    grid = np.array([0.2, 0.5])
    assert uno_c(risk, time, event, horizon=last).estimate > 0.6
    for refused in (
        lambda: uno_c(risk, time, event, horizon=past),
        lambda: auc_at(risk, time, event, past),
        lambda: brier_at(p, time, event, past),
        lambda: integrated_brier(np.column_stack([p, p]), time, event, grid + past),
    ):
        with pytest.raises(RadpipeError, match="not defined at this horizon; found"):
            refused()


def test_g22_twin_unguarded_weights_grow_without_bound() -> None:
    _, time, event = _follow_up()
    last = time[event == 1].max()
    curve = censoring_curve(time, event)
    within = 1 / float(curve.before(np.array([last]))[0])
    past = np.append(time[time > last], time.max() + 0.1)
    with np.errstate(divide="ignore"):
        weights = 1 / np.asarray([float(curve.at(t)) for t in past])
    assert within < 20
    assert weights.max() == np.inf


def _fewest_events(seed: int, kind: str) -> int:
    """Fewest events in a fold, of 10 events in 60 patients."""
    random = np.random.default_rng(seed)
    event = random.permutation(np.arange(60) < 10).astype(float)
    names = [f"p{i:02d}" for i in range(60)]
    targets = pd.DataFrame({"patient": names, "event": event, "y": event}, index=names)
    folds = fold_table(
        targets.assign(time=1.0), Splits(), seed, stratified=kind == "survival", kind=kind
    )
    tests = (part_of(folds, fold, "test") for fold in dict.fromkeys(folds["fold"]))
    return min(int(targets.loc[test, "event"].sum()) for test in tests)


def test_g22_folds_are_stratified_by_event() -> None:
    assert [_fewest_events(seed, "survival") for seed in range(10)] == [2] * 10


def test_g22_twin_folds_without_strata_may_hold_no_event() -> None:
    assert min(_fewest_events(seed, "binary") for seed in range(10)) == 0


# G23: reclassification is a by-product


def _places_that_name(pattern: str, *packages: str) -> list[str]:
    root = Path(radpipe.__file__).parent
    files = sorted(f for package in packages for f in (root / package).rglob("*.*"))
    named = re.compile(pattern, re.IGNORECASE)
    texts = [f for f in files if f.suffix in (".py", ".html", ".css", ".typ", ".js")]
    return [f.name for f in texts if named.search(f.read_text(encoding="utf-8"))]


NRI = r"\bnri\b|\bidi\b|reclassif"


def test_g23_neither_report_nor_workflow_prints_nri_or_idi() -> None:
    assert _places_that_name(NRI, "reporting", "modelling", "explanation") == []
    scripts = Path(__file__).resolve().parents[2] / "workflow" / "scripts"
    assert not [f for f in scripts.glob("*.py") if re.search(NRI, f.read_text(), re.IGNORECASE)]
    table = performance_table(_out_of_fold(False, 0), Evaluation(bootstrap=100), 1)
    assert {"auc", "brier", "calibration_slope"} <= set(table["metric"])
    assert not table["metric"].str.contains(NRI, case=False).any()


def test_g23_twin_the_search_sees_the_module_that_has_them() -> None:
    assert _places_that_name(NRI, "evaluation") == ["reclassification.py"]


def _sharpened() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome, true probabilities, and the same ranks made far too sure."""
    random = np.random.default_rng(4)
    x = random.normal(size=600)
    return (random.random(600) < expit(x)).astype(float), expit(x), expit(2.5 * x)


def test_g23_auc_calibration_and_brier_show_no_gain_of_a_model_that_is_too_sure() -> None:
    y, old, new = _sharpened()
    assert auc(y, new) == pytest.approx(auc(y, old))
    assert brier(y, new) > brier(y, old)
    assert calibration_slope(y, new) < 0.6
    assert all(name in WARNING for name in ("AUC", "calibration", "net benefit"))


def test_g23_twin_nri_alone_calls_it_a_gain(record_property) -> None:
    y, old, new = _sharpened()
    found = continuous_nri(y, old, new)
    record_property("continuous NRI", found.total)
    assert found.p < 0.001
    assert found.total == pytest.approx(found.events + found.non_events)
    assert found.total > 0.3


# G24: missed masks


def _boxes() -> tuple[np.ndarray, ...]:
    reference = np.zeros((12, 12, 12), dtype=bool)
    reference[4:8, 4:8, 4:8] = True
    near, far = np.roll(reference, 1, axis=2), np.roll(reference, 4, axis=2)
    return reference, near, far, np.zeros_like(reference)


def _scores(reference: np.ndarray, *predictions: np.ndarray) -> pd.DataFrame:
    scores = [score_mask(p, reference, (1.0, 1.0, 1.0), [1.0]) for p in predictions]
    return pd.DataFrame([s.row() for s in scores])


def test_g24_emptying_a_prediction_never_improves_a_mean() -> None:
    reference, near, far, empty = _boxes()
    drawn, emptied = (
        summarise_overlap(_scores(reference, near, other)).set_index("metric")
        for other in (far, empty)
    )
    for metric in ("hd95_mm", "assd_mm", "hd_mm"):
        assert emptied.loc[metric, "mean"] > drawn.loc[metric, "mean"]
    for metric in ("dice", "surface_dice_1mm"):
        assert emptied.loc[metric, "mean"] <= drawn.loc[metric, "mean"]
    assert emptied.loc["hd95_mm", "n_missed"] == 1
    assert emptied.loc["hd95_mm", "n"] == 2


def test_g24_twin_a_mean_that_drops_what_is_missing_improves() -> None:
    reference, near, far, empty = _boxes()
    drawn, emptied = (_scores(reference, near, other) for other in (far, empty))
    for metric in ("hd95_mm", "assd_mm", "hd_mm"):
        assert emptied[metric].mean() < drawn[metric].mean()
