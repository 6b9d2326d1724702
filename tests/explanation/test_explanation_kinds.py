"""Models of every kind of outcome explained: what is explained, its scale, and its direction."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from radpipe.config import Model, Selection, Splits, Threshold
from radpipe.explanation.models import explain_model, occlusion_maps, scale_of, typical_cases
from radpipe.explanation.tabular import explain_number
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.cnn import FittedCNN, fit_cnn, predict_cnn_scores
from radpipe.modelling.fitting import FitSettings, FittedModel, fit_tabular, predict_scores
from radpipe.modelling.outcomes import SURVIVAL_DTYPE
from radpipe.modelling.predictors.survival import MartingaleForest

CASES = 36
NAMES = [f"c{number:02d}" for number in range(CASES)]
KINDS = {
    "binary": ("probability", "y_prob"),
    "multiclass": ("probability of high", "y_prob_high"),
    "regression": ("value", "y_pred"),
    "survival": ("risk", "risk"),
}
"""The scale of each kind and the score that is explained."""


def outcome_of(kind: str, latent: np.ndarray) -> np.ndarray:
    """An outcome that is likelier, of a later class, larger or earlier with the latent value."""
    if kind == "regression":
        return 50 + 10 * latent
    if kind == "survival":
        y = np.empty(len(latent), dtype=SURVIVAL_DTYPE)
        y["time"], y["event"] = 10 * np.exp(-2 * latent), np.arange(len(latent)) % 4 != 0
        return y
    ranks = latent.argsort().argsort()
    return (ranks * (2 if kind == "binary" else 3) // len(latent)).astype(float)


def settings_of(kind: str) -> FitSettings:
    facts: dict[str, Any] = {"kind": kind}
    facts |= {"classes": ("low", "middle", "high")} if kind == "multiclass" else {}
    facts |= {"horizon": 8.0} if kind == "survival" else {}
    return FitSettings(Splits(inner_folds=2), Threshold(), seed=3, **facts)


def tabular(kind: str, predictor: str = "elastic_net") -> tuple[FittedModel, pd.DataFrame]:
    """A model of columns of which f_a alone tells the outcome; one value is missing."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(rng.normal(size=(CASES, 4)), columns=list("abcd")).add_prefix("f_")
    table.index = pd.Index(NAMES, name="case")
    y = outcome_of(kind, table["f_a"].to_numpy())
    table.iloc[3, 1] = np.nan
    blocks = Blocks(table, dict.fromkeys(table, "handcrafted"))
    selection = Selection(method="anova", keep=[2])
    model = Model(name="m", blocks=["handcrafted"], predictor=predictor, selection=selection)
    return fit_tabular(blocks, y, NAMES, model, settings_of(kind)), table


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_of_any_kind_is_explained_by_what_tells_its_outcome(kind: str) -> None:
    fitted, table = tabular(kind)
    shap, lime = explain_model(fitted, table, NAMES[:2], seed=1)
    scale, score = KINDS[kind]
    assert shap.groupby("feature")["shap"].agg(lambda s: s.abs().mean()).idxmax() == "f_a"
    own = shap[shap["feature"] == "f_a"].astype({"value": float})
    assert np.corrcoef(own["value"], own["shap"])[0, 1] > 0.8
    # A linear model of two classes is explained on its own scale, the log-odds.
    assert set(shap["scale"]) == {"log_odds" if kind == "binary" else scale}
    assert set(lime["scale"]) == {scale}
    expected = predict_scores(fitted, table.loc[NAMES[:2]])[score]
    assert lime.groupby("case")["prediction"].first().tolist() == pytest.approx([*expected])
    first = lime.groupby("case").head(1)
    assert set(first["feature"]) == {"f_a"}
    assert (first["weight_mean"].abs() > first["weight_sd"]).all()


def sums_less_predictions(shap: pd.DataFrame, predicted: pd.Series) -> np.ndarray:
    """What is left of each prediction when its SHAP values are taken off: one base for all."""
    total = shap.groupby("case")["shap"].sum().loc[predicted.index]
    return (predicted - total).to_numpy()


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "binary"])
def test_shapley_values_of_any_kind_add_up_to_differences_of_predictions(kind: str) -> None:
    fitted, table = tabular(kind)
    shap, _ = explain_model(fitted, table, NAMES[:1], seed=1)
    bases = sums_less_predictions(shap, predict_scores(fitted, table)[KINDS[kind][1]])
    assert bases == pytest.approx(np.full(CASES, bases[0]), abs=1e-6)


EXACT = [
    ("regression", "ridge", "linear"),
    ("regression", "random_forest", "tree"),
    ("regression", "extra_trees", "tree"),
    ("survival", "cox", "linear"),
    ("survival", "martingale_forest", "tree"),
]


@pytest.mark.parametrize(("kind", "predictor", "explainer"), EXACT)
def test_lines_and_forests_of_numbers_are_explained_exactly(
    kind: str, predictor: str, explainer: str
) -> None:
    fitted, table = tabular(kind, predictor)
    found = explain_number(fitted.pipeline, table, table)
    assert found is not None
    assert (found.explainer, found.scale) == (explainer, KINDS[kind][0])
    predicted = predict_scores(fitted, table)[KINDS[kind][1]]
    assert found.prediction.to_numpy() == pytest.approx(predicted.to_numpy())
    bases = sums_less_predictions(found.table, predicted)
    assert bases == pytest.approx(np.full(CASES, predicted.mean()), abs=1e-5)


def test_other_predictors_of_numbers_have_no_exact_values() -> None:
    fitted, table = tabular("survival", "gradient_boosting")
    assert explain_number(fitted.pipeline, table, table) is None


def test_the_risk_of_a_forest_is_explained_without_the_chance_of_the_event(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """That chance took minutes: it was worked out anew for a million rows."""
    fitted, table = tabular("survival", "martingale_forest")

    def refuse(*_: Any) -> None:
        raise AssertionError("the chance of the event is not explained")

    monkeypatch.setattr(MartingaleForest, "event_probability", refuse)
    shap, lime = explain_model(fitted, table, NAMES[:1], seed=1)
    assert set(shap["scale"]) == set(lime["scale"]) == {"risk"}


def network(kind: str) -> tuple[FittedCNN, np.ndarray]:
    """A network of crops with a ball whose brightness tells the outcome; the mask is last."""
    rng = np.random.default_rng(0)
    z, y, x = np.indices((8, 8, 8)) - 3.5
    ball = (z**2 + y**2 + x**2 < 9).astype(np.float32)
    latent = rng.permutation(np.linspace(-1, 1, CASES))
    images = rng.normal(size=(CASES, 8, 8, 8)) + 3 * latent[:, None, None, None] * ball
    crops = np.stack([np.stack([image, ball]) for image in images]).astype(np.float32)
    model = Model(name="net", blocks=["images"], predictor="cnn3d", channels=[4, 8], steps=[30])
    y_of = outcome_of(kind, latent)
    return fit_cnn(crops, y_of, NAMES, NAMES, model, settings_of(kind)), crops


@pytest.mark.parametrize("kind", KINDS)
def test_a_network_of_any_kind_is_mapped(kind: str) -> None:
    fitted, crops = network(kind)
    maps = occlusion_maps(fitted, crops[:2], NAMES[:2])
    assert str(maps["scale"]) == KINDS[kind][0]
    scores = predict_cnn_scores(fitted, crops[:2], NAMES[:2])[KINDS[kind][1]]
    for case, expected in zip(NAMES[:2], scores, strict=True):
        assert float(maps[f"{case}__prediction"]) == pytest.approx(expected)
        assert maps[f"{case}__map"].shape == (8, 8, 8)
        assert np.abs(maps[f"{case}__map"]).max() > 0


def test_the_scale_is_said_in_words() -> None:
    assert scale_of({"kind": "multiclass", "classes": ["low", "high"]}) == "probability of high"
    assert scale_of({"kind": "survival"}) == "risk"


def test_typical_cases_are_ordered_by_risk_and_not_by_the_last_column() -> None:
    predictions = pd.DataFrame(
        {
            "model": "m",
            "case": ["a", "b", "c"],
            "cohort": "development",
            "risk": [0.3, -1.0, 2.0],
            "event_prob": [0.9, 0.8, 0.7],
            "time": [1.0, 2.0, 3.0],
        }
    )
    assert typical_cases(predictions, "m", 3) == ["b", "a", "c"]
