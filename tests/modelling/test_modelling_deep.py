"""Every predictor on images: one contract, on a bright ball."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from radpipe.config import Model, Splits, Start, Threshold
from radpipe.config.modelling import NETWORK_PREDICTORS, View
from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import auc
from radpipe.evaluation.performance_survival import curve_names, curve_times
from radpipe.modelling import bundles
from radpipe.modelling.cards import FitSettings
from radpipe.modelling.cnn import FittedCNN, fit_cnn, predict_cnn_scores
from radpipe.modelling.deep.building import ENCODERS, build_network
from radpipe.networks.devices import seed_everything
from radpipe.networks.heads import Head
from radpipe.networks.views import largest_slice
from radpipe.networks.weights import save_weights

KINDS = ("binary", "multiclass", "regression", "survival")
CHEAP = ("cnn3d", "cnn2d", "cnn25d", "cnn_lstm", "cnn_transformer", "capsule")
"""Those without MONAI, which train in a second."""
MONAI = tuple(name for name in NETWORK_PREDICTORS if name not in CHEAP)
WIDTHS = {"resnet": [4, 8], "se_resnet": [4, 8], "densenet": [4], "efficientnet": [8]}


def model_of(predictor: str, **changes: object) -> Model:
    content = {
        "name": "net",
        "blocks": ["images"],
        "predictor": predictor,
        "channels": WIDTHS.get(predictor, [4, 8]),
        "width": 8,
        "batch": 8,
        "steps": [40],
        "learning_rate": 5e-3,
    }
    return Model.model_validate(content | changes)


def settings_of(kind: str = "binary", seed: int = 3) -> FitSettings:
    classes = ("low", "middle", "high") if kind == "multiclass" else ()
    return FitSettings(Splits(inner_folds=2), Threshold(), seed=seed, kind=kind, classes=classes)


def phantom(
    n: int = 24,
    size: tuple[int, int, int] = (8, 8, 8),
    modalities: int = 1,
    seed: int = 0,
    signal: float = 3.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Crops of noise with a ball whose brightness grows with a latent value; the mask is last."""
    random = np.random.default_rng(seed)
    z, y, x = np.meshgrid(*(np.arange(s) - (s - 1) / 2 for s in size), indexing="ij")
    ball = (z**2 + y**2 + x**2 < 9).astype(np.float32)
    latent = random.permutation(np.linspace(-1, 1, n))
    noise = random.normal(size=(n, modalities, *size))
    images = 100 + 10 * (noise + signal * latent[:, None, None, None, None] * ball)
    masks = np.broadcast_to(ball, (n, 1, *size))
    return np.concatenate([images, masks], axis=1).astype(np.float32), latent


def outcome_of(kind: str, latent: np.ndarray) -> np.ndarray:
    """An outcome that follows from the latent value: likelier, higher or earlier with it."""
    if kind == "regression":
        return 50 + 10 * latent
    if kind == "survival":
        target = np.empty(len(latent), dtype=[("event", bool), ("time", float)])
        target["time"] = 10 * np.exp(-2 * latent)
        target["event"] = np.arange(len(latent)) % 4 != 0
        return target
    ranks = np.argsort(np.argsort(latent))
    return (ranks * (2 if kind == "binary" else 3) // len(latent)).astype(float)


def fit(model: Model, crops: np.ndarray, y: np.ndarray, settings: FitSettings) -> FittedCNN:
    names = [f"c{i:02d}" for i in range(len(y))]
    return fit_cnn(crops, y, names, names, model, settings)


def agreement(fitted: FittedCNN, crops: np.ndarray, latent: np.ndarray) -> float:
    """Of ranks: of the score with the latent value, or with its highest class; 1 is the best."""
    scores = predict_cnn_scores(fitted, crops, [str(i) for i in range(len(crops))])
    kind = fitted.card["kind"]
    score = scores.iloc[:, -1 if kind == "multiclass" else 0].to_numpy()
    if kind in ("binary", "multiclass"):
        y = outcome_of(kind, latent)
        return 2 * auc((y == y.max()).astype(float), score) - 1
    return float(np.corrcoef(*(np.argsort(np.argsort(v)) for v in (score, latent)))[0, 1])


def test_the_registry_holds_every_network_of_the_config() -> None:
    assert tuple(ENCODERS) == NETWORK_PREDICTORS


def learned(predictor: str, kind: str, **changes: object) -> float:
    """Agreement with the planted signal in new cases."""
    crops, latent = phantom()
    fitted = fit(model_of(predictor, **changes), crops, outcome_of(kind, latent), settings_of(kind))
    return agreement(fitted, *phantom(seed=1))


@pytest.mark.parametrize("predictor", ["cnn2d", "cnn_lstm"])
def test_a_planted_signal_is_learned(predictor: str) -> None:
    assert learned(predictor, "binary") > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("predictor", NETWORK_PREDICTORS)
def test_every_network_learns_every_kind_of_outcome(predictor: str, kind: str) -> None:
    assert learned(predictor, kind, steps=[120]) > 0.5


@pytest.mark.slow
@pytest.mark.parametrize("predictor", NETWORK_PREDICTORS)
def test_without_a_signal_there_is_chance(predictor: str) -> None:
    found = []
    for seed in range(4):
        crops, latent = phantom(signal=0.0, seed=seed)
        y = outcome_of("binary", latent)
        fitted = fit(model_of(predictor, steps=[20]), crops, y, settings_of(seed=seed))
        new, truth = phantom(n=60, signal=0.0, seed=100 + seed)
        found.append(agreement(fitted, new, truth))
    # 2 AUC - 1 of 60 cases has a standard error of 0.15, the mean of four 0.075.
    assert abs(np.mean(found)) < 0.25


BY_COST = [
    pytest.param(name, marks=[] if name in CHEAP else [pytest.mark.slow])
    for name in NETWORK_PREDICTORS
]


@pytest.mark.parametrize("predictor", BY_COST)
def test_a_seed_gives_one_network(predictor: str) -> None:
    crops, latent = phantom(n=12)
    y, names = outcome_of("binary", latent), [str(i) for i in range(12)]
    first, again = (fit(model_of(predictor, steps=[3]), crops, y, settings_of()) for _ in range(2))
    assert predict_cnn_scores(first, crops, names).equals(predict_cnn_scores(again, crops, names))
    other = fit(model_of(predictor, steps=[3]), crops, y, settings_of(seed=4))
    assert not predict_cnn_scores(other, crops, names).equals(
        predict_cnn_scores(first, crops, names)
    )


@pytest.mark.parametrize(
    "kind", [pytest.param(k, marks=[] if k == "binary" else [pytest.mark.slow]) for k in KINDS]
)
@pytest.mark.parametrize("predictor", BY_COST)
def test_a_blank_modality_and_crops_of_one_voxel_a_slice_are_no_obstacle(
    predictor: str, kind: str
) -> None:
    """A modality that no case has is a constant; crops that are all alike tell nothing."""
    crops, latent = phantom(n=12, size=(4, 6, 5), modalities=2)
    crops[:, 1] = 0.0
    y, names = outcome_of(kind, latent), [str(i) for i in range(12)]
    fitted = fit(model_of(predictor, steps=[2]), crops, y, settings_of(kind))
    assert np.isfinite(predict_cnn_scores(fitted, crops, names).to_numpy()).all()
    alike = np.ones_like(crops)
    fitted = fit(model_of(predictor, steps=[2]), alike, y, settings_of(kind))
    scores = predict_cnn_scores(fitted, alike, names)
    assert np.isfinite(scores.to_numpy()).all()
    assert (scores == scores.iloc[0]).all(axis=None), "what is alike is scored alike"


def outputs_of_odd_crops(
    predictor: str, modalities: int, **changes: object
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """What networks for three classes say of three cases, and of the first of them alone."""
    for size in ((5, 9, 7), (1, 6, 8)):
        for streams in (False, True):
            model = model_of(predictor, streams=streams, **changes)
            seed_everything(0)
            head = Head("multiclass", 3)
            network = build_network(model, modalities + 1, size, head).eval()
            x = torch.randn(3, modalities + 1, *size)
            yield network(x), network(x[:1])


@pytest.mark.parametrize("predictor", CHEAP)
@pytest.mark.parametrize("modalities", [1, 4])
def test_odd_crops_and_streams_give_outputs(predictor: str, modalities: int) -> None:
    for outputs, of_the_first in outputs_of_odd_crops(predictor, modalities):
        assert outputs.shape == (3, 3)
        assert torch.allclose(outputs[:1], of_the_first, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("view", get_args(View))
@pytest.mark.parametrize("slices", ["largest", "mean"])
@pytest.mark.parametrize("predictor", MONAI)
def test_odd_crops_in_every_view(predictor: str, view: str, slices: str) -> None:
    for outputs, of_the_first in outputs_of_odd_crops(predictor, 2, view=view, slices=slices):
        assert outputs.shape == (3, 3)
        assert torch.allclose(outputs[:1], of_the_first, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_are_scored_and_survive_the_disk(kind: str, tmp_path: Path) -> None:
    crops, latent = phantom(n=16)
    y = outcome_of(kind, latent)
    model, settings = model_of("cnn25d", steps=[2, 4]), settings_of(kind)
    fitted = fit(model, crops, y, settings)
    names = [f"c{i:02d}" for i in range(16)]
    scores = predict_cnn_scores(fitted, crops, names)
    expected = {
        "binary": ["y_prob"],
        "multiclass": ["y_prob_low", "y_prob_middle", "y_prob_high"],
        "regression": ["y_pred"],
        "survival": ["risk", "event_prob"],
    }[kind]
    curve = curve_names(curve_times(fitted.card["horizon"])) if kind == "survival" else []
    assert list(scores) == expected + curve
    assert (np.diff(scores[curve].to_numpy(), axis=1) >= 0).all(), "it can only grow with time"
    assert scores.index.tolist() == names
    bundles.write_model(fitted, tmp_path)
    read = bundles.read_model(tmp_path)
    assert isinstance(read, FittedCNN)
    assert predict_cnn_scores(read, crops, names).equals(scores)
    again = fit(model, crops, y, settings)
    assert predict_cnn_scores(again, crops, names).equals(scores)
    assert fitted.inner is not None
    assert list(fitted.inner) == [c for c in expected if c != "event_prob"]
    assert fitted.inner.notna().all(axis=None)
    if kind == "multiclass":
        assert np.allclose(scores.sum(axis=1), 1)
    if kind == "survival":
        assert scores["event_prob"].between(0, 1).all()
        order = np.argsort(scores["risk"].to_numpy())
        assert (np.diff(scores["event_prob"].to_numpy()[order]) >= 0).all()
        assert fitted.threshold == pytest.approx(scores["risk"].median())


def test_training_begins_with_given_weights_and_leaves_the_frozen_ones(tmp_path: Path) -> None:
    crops, latent = phantom(n=16)
    y, size = outcome_of("binary", latent), crops.shape[2:]
    seed_everything(99)
    before = build_network(model_of("cnn2d"), 2, size, Head("binary"))
    save_weights(before, tmp_path / "w.safetensors")
    start = Start(weights=tmp_path / "w.safetensors", frozen=["encoder."], unseen=True)
    fitted = fit(model_of("cnn2d", steps=[3], start=start), crops, y, settings_of())
    own, given = fitted.network.state_dict(), before.state_dict()
    same = {name: bool(torch.equal(own[name], given[name])) for name in own}
    assert same == {name: name.startswith("encoder.") for name in own}
    assert fitted.card["start"]["frozen"] == ["encoder."]
    assert len(fitted.card["start"]["weights_sha256"]) == 64


def test_weights_of_another_network_are_refused(tmp_path: Path) -> None:
    crops, latent = phantom(n=16)
    y = outcome_of("binary", latent)
    three = build_network(model_of("cnn2d"), 4, crops.shape[2:], Head("binary"))
    save_weights(three, tmp_path / "w.safetensors")
    model = model_of("cnn2d", start=Start(weights=tmp_path / "w.safetensors", unseen=True))
    with pytest.raises(RadpipeError, match="are for 3 modalities, the study has 1: tensor"):
        fit(model, crops, y, settings_of())
    classes = build_network(model_of("cnn2d"), 2, crops.shape[2:], Head("multiclass", 3))
    save_weights(classes, tmp_path / "w.safetensors")
    with pytest.raises(RadpipeError, match="are for 3 outputs, the study has 1: tensor"):
        fit(model, crops, y, settings_of())


def test_the_largest_slice_is_where_the_region_is_widest() -> None:
    masks = torch.zeros(3, 5, 4, 4)
    masks[0, 1, :2] = 1
    masks[0, 3, :1] = 1
    masks[1, [1, 3], :2] = 1
    # The third has no region: the middle. Of two alike nearest to the middle the first.
    assert largest_slice(masks).tolist() == [1, 1, 2]
    assert largest_slice(2 * masks - 7).tolist() == [1, 1, 2]


def test_a_stream_sees_its_own_modality() -> None:
    seed_everything(0)
    network = build_network(model_of("cnn3d", streams=True), 3, (6, 6, 6), Head("binary")).eval()
    x = torch.randn(2, 3, 6, 6, 6)
    changed = x.clone()
    changed[:, 1] += 1
    codes = [[e.encode(v[:, [i, 2]]) for i, e in enumerate(network.encoders)] for v in (x, changed)]
    assert torch.equal(codes[0][0], codes[1][0])
    assert not torch.equal(codes[0][1], codes[1][1])
