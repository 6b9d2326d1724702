"""One contract for every predictor of every kind of outcome."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest
from lifelines import CoxPHFitter
from modelling_outcomes import (
    CHANCE,
    agreement,
    agreement_with_noise,
    blocks,
    cohort,
    difficult,
    fit,
    outcome,
    values,
)

from radpipe.config import Evaluation, Outcome
from radpipe.errors import ConfigError, FitError
from radpipe.evaluation import by_kind
from radpipe.evaluation.performance_survival import curve_names, curve_times
from radpipe.modelling import bundles
from radpipe.modelling.fitting import predict, predict_scores
from radpipe.modelling.outcomes import survival_array
from radpipe.modelling.predictions import score_cases
from radpipe.modelling.predictors import GRIDS, build_predictor, registry
from radpipe.modelling.predictors.base import to_scores, weights_of
from radpipe.modelling.predictors.calibrated import grouped_folds
from radpipe.modelling.predictors.survival import (
    MartingaleForest,
    PenalisedCox,
    cox_loss,
    martingale,
)

ALL = [(kind, name) for kind, grid in GRIDS.items() for name in grid]


@pytest.fixture(scope="module", autouse=True)
def _small_forests() -> Iterator[None]:
    """The contract does not depend on the number of trees; the time of these tests does."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "TREES", 30)
        patch.setattr(registry, "TUNING_TREES", 10)
        yield


@pytest.fixture(scope="module")
def fitted() -> dict:
    """Every predictor on its planted signal, fitted once."""
    found = {}
    for kind, name in ALL:
        x, y, latent = cohort(kind)
        found[kind, name] = fit(kind, name, x, y), x, latent
    return found


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_it_learns_a_planted_signal(fitted: dict, kind: str, name: str) -> None:
    model, _, _ = fitted[kind, name]
    new = values(80, 8, seed=9)
    scores = predict_scores(model, blocks(new))
    assert agreement(scores, new[:, 0]) > 0.6
    _check_scores(scores, kind)


def _check_scores(scores: pd.DataFrame, kind: str) -> None:
    assert np.isfinite(scores.to_numpy()).all()
    wanted = {
        "binary": ["y_prob"],
        "multiclass": ["y_prob_0", "y_prob_1", "y_prob_2"],
        "regression": ["y_pred"],
        "survival": ["risk", "event_prob"],
    }
    assert list(scores.columns) == wanted[kind]
    for column in scores:
        if "prob" in column:
            assert scores[column].between(0, 1).all()
    if kind == "multiclass":
        assert scores.sum(axis=1).to_numpy() == pytest.approx(1)


@pytest.mark.parametrize("name", [name for kind, name in ALL if kind == "survival"])
def test_a_survival_curve_grows_and_ends_at_the_horizon(fitted: dict, name: str) -> None:
    model, x, _ = fitted["survival", name]
    scores = predict_scores(model, x, curve=True)
    curve = curve_names(curve_times(model.card["horizon"]))
    assert list(scores) == ["risk", "event_prob", *curve]
    assert (np.diff(scores[curve].to_numpy(), axis=1) >= -1e-12).all()
    assert scores[curve[-1]].to_numpy() == pytest.approx(scores["event_prob"].to_numpy())


def test_the_curve_of_a_model_gives_its_integrated_brier_score(fitted: dict) -> None:
    model, x, _ = fitted["survival", "cox"]
    _, y, _ = cohort("survival")
    scores = score_cases(model, x, "final", curve=True)
    place = {"patient": scores["case"], "cohort": "external", "horizon": model.card["horizon"]}
    known = scores.assign(**place, time=y["time"], event=y["event"].astype(int))
    survival = Outcome(kind="survival", time="time", event="event")
    found = by_kind.performance(known, survival, Evaluation(bootstrap=100), 1).set_index("metric")
    assert 0 < found.loc["ibs", "estimate"] < found.loc["brier_t", "estimate"] < 0.25
    assert found.loc["ibs", "ci_low"] < found.loc["ibs", "estimate"] < found.loc["ibs", "ci_high"]


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_it_is_read_back_as_it_was_and_rows_are_independent(
    fitted: dict, kind: str, name: str, tmp_path: object
) -> None:
    model, x, _ = fitted[kind, name]
    bundles.write_model(model, tmp_path)
    read = bundles.read_model(tmp_path)
    together = predict_scores(model, x).iloc[:6]
    pd.testing.assert_frame_equal(predict_scores(read, x).iloc[:6], together)
    alone = pd.concat([predict_scores(read, x.table.iloc[[i]]) for i in range(6)])
    assert alone.to_numpy() == pytest.approx(together.to_numpy(), rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_it_is_deterministic(fitted: dict, kind: str, name: str) -> None:
    model, x, _ = fitted[kind, name]
    _, y, _ = cohort(kind)
    again = fit(kind, name, x, y)
    assert again.card == model.card
    pd.testing.assert_frame_equal(predict_scores(again, x), predict_scores(model, x))


@pytest.mark.parametrize(("kind", "name"), ALL)
def test_it_survives_gaps_one_feature_many_features_and_constants(kind: str, name: str) -> None:
    for x, y, new in difficult(kind):
        model = fit(kind, name, x, y, selection={"method": "none"})
        _check_scores(predict_scores(model, new), kind)


@pytest.mark.parametrize(
    ("kind", "name"),
    # Stacking fits every member in inner folds, for every seed.
    [
        pytest.param(kind, name, marks=[pytest.mark.slow] if name == "stacking" else [])
        for kind, name in ALL
    ],
)
def test_it_stays_at_chance_without_a_signal(kind: str, name: str) -> None:
    assert abs(agreement_with_noise(kind, 5, lambda x, y: fit(kind, name, x, y))) < CHANCE


def test_unknown_names_and_wrong_kinds_are_named() -> None:
    with pytest.raises(ConfigError, match=r"predictor of a survival outcome; found 'svm', exp"):
        build_predictor("svm", 0, kind="survival")
    with pytest.raises(ConfigError, match=r"'knn' of a binary outcome takes no class weights"):
        build_predictor("knn", 0, class_weight="balanced")
    with pytest.raises(ConfigError, match="oversampling needs classes; the outcome is regression"):
        build_predictor("ridge", 0, kind="regression", oversampling=True)
    x, y, _ = cohort("regression")
    with pytest.raises(FitError, match=r"another kind of outcome; found 'lda' for a regression"):
        fit("regression", "lda", x, y)
    x, y, _ = cohort("multiclass")
    with pytest.raises(FitError, match="a score for each class; found 3 classes"):
        predict(fit("multiclass", "logistic", x, y), x)


def test_outcomes_that_do_not_fit_their_kind_are_named() -> None:
    x, _, _ = cohort("binary", 24)
    y = np.arange(24) % 3 + 0.5
    with pytest.raises(FitError, match=r"case 'c000': .* no index of a class; found 0.5"):
        fit("multiclass", "logistic", x, y)
    with pytest.raises(FitError, match=r"fields event and time"):
        fit("survival", "cox", x, y)
    with pytest.raises(FitError, match=r"case 'c000': .* no time; found -0.5"):
        fit("survival", "cox", x, survival_array(np.ones(24), -y))
    with pytest.raises(FitError, match="no event was seen"):
        fit("survival", "cox", x, survival_array(np.zeros(24), y))
    with pytest.raises(FitError, match=r"case 'c000': .* no number"):
        fit("regression", "ridge", x, np.full(24, np.nan))


@pytest.mark.parametrize("setting", [{"class_weight": "balanced"}, {"oversampling": True}])
def test_rare_classes_may_weigh_more_and_probabilities_stay_true(setting: dict) -> None:
    x = values(200, 3)
    y = (np.argsort(np.argsort(x[:, 0] + values(200, 1, 8)[:, 0])) >= 160).astype(float)
    scores = predict(fit("binary", "logistic", blocks(x), y, **setting), blocks(x))
    assert scores.mean() == pytest.approx(0.2, abs=0.03)


def test_folds_inside_a_predictor_keep_patients_together() -> None:
    patients = np.repeat([f"p{i}" for i in range(8)], 3)
    y = np.repeat(np.arange(8) % 2, 3).astype(float)
    for train, test in grouped_folds(y, patients, 0, "binary"):
        assert not set(patients[train]) & set(patients[test])
    assert grouped_folds(np.array([0.0, 1, 0]), None, 0, "binary") == []


def test_cox_is_that_of_lifelines() -> None:
    x = values(60, 2, 3)
    y = outcome("survival", x[:, 0])
    own = PenalisedCox(strength=1e9).fit(x, y)
    table = pd.DataFrame(x).assign(t=y["time"], e=y["event"])
    reference = CoxPHFitter().fit(table, "t", "e")
    assert own.coef_ == pytest.approx(reference.params_.to_numpy(), abs=2e-3)
    # At an event: between two of them lifelines draws a straight line.
    horizon = float(np.sort(y["time"][y["event"]])[20])
    expected = 1 - reference.predict_survival_function(table, times=[horizon]).to_numpy()[0]
    assert own.event_probability(x, horizon) == pytest.approx(expected, abs=5e-3)
    assert own.event_probability(x, 0.0) == pytest.approx(0)


def test_the_gradient_of_the_cox_loss_is_the_martingale_residual() -> None:
    y = survival_array([1, 1, 0, 1, 0], [2.0, 2, 3, 5, 6])
    eta = np.array([0.3, -0.2, 0.1, 0.4, -1.0])
    step = 1e-6
    for row, residual in enumerate(martingale(y, eta)):
        moved = eta + step * (np.arange(5) == row)
        slope = (cox_loss(y, moved) - cox_loss(y, eta)) / step
        assert slope == pytest.approx(-residual, abs=1e-5)
    assert martingale(y, eta).sum() == pytest.approx(0)


def test_a_forest_of_one_leaf_gives_the_nelson_aalen_estimate() -> None:
    y = survival_array([1, 0, 1, 1], [1.0, 2, 3, 4])
    forest = MartingaleForest(trees=3, min_samples_leaf=4).fit(values(4, 2), y)
    hazard = 1 / 4 + 1 / 2
    assert forest.event_probability(values(1, 2), 3.5) == pytest.approx(1 - np.exp(-hazard))


def test_scores_and_weights_are_what_they_say() -> None:
    assert to_scores(np.array([[0.5], [0.0]]), "binary")[:, 0] == pytest.approx(
        [0, np.log(1 / 999)]
    )
    assert to_scores(np.array([[0.5, 0.5]]), "multiclass")[0] == pytest.approx([np.log(0.5)] * 2)
    x, y = values(30, 4), np.arange(30) % 2
    assert weights_of(build_predictor("knn", 0).fit(x, y)).tolist() == [1, 1, 1, 1]
    assert weights_of(build_predictor("lda", 0).fit(x, y)).shape == (4,)
