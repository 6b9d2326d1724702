from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from radpipe.config import Model, Splits, Threshold
from radpipe.errors import CaseError, FitError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling import bundles
from radpipe.modelling.cnn import FittedCNN, fit_cnn, predict_cnn_scores
from radpipe.modelling.fitting import FitSettings
from radpipe.modelling.predictions import score_table

MODEL = Model(
    name="cnn", blocks=["images"], predictor="cnn3d", channels=[4, 8], batch=6, steps=[15, 30]
)
SETTINGS = FitSettings(Splits(inner_folds=2), Threshold(), seed=3)


def _crops(n: int = 16, size: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """A ball that is brighter in positive cases; the last channel is its mask."""
    random = np.random.default_rng(0)
    z, y, x = np.indices((size, size, size)) - (size - 1) / 2
    ball = (z**2 + y**2 + x**2 < 9).astype(np.float32)
    outcome = np.array([0.0, 1.0] * (n // 2))
    images = [100 + 10 * random.normal(size=ball.shape) + ball * 30 * v for v in outcome]
    return np.stack([np.stack([i, ball]) for i in images]).astype(np.float32), outcome


def _fit(crops: np.ndarray, y: np.ndarray, order: np.ndarray | None = None) -> FittedCNN:
    order = np.arange(len(y)) if order is None else order
    cases, patients = [f"c{i:02d}" for i in order], [f"p{i:02d}" for i in order]
    return fit_cnn(crops[order], y[order], patients, cases, MODEL, SETTINGS)


def probabilities(fitted: FittedCNN, crops: np.ndarray) -> np.ndarray:
    names = [f"c{i:02d}" for i in range(len(crops))]
    return predict_cnn_scores(fitted, crops, names)["y_prob"].to_numpy()


@pytest.fixture(scope="module")
def fitted() -> FittedCNN:
    return _fit(*_crops())


def test_a_bright_ball_is_told_from_a_dark_one(fitted: FittedCNN) -> None:
    crops, y = _crops()
    assert auc(y, probabilities(fitted, crops)) > 0.9
    assert fitted.tuning["steps"].tolist() == [15, 30]
    assert fitted.card["steps"] == fitted.tuning.loc[fitted.tuning["log_loss"].idxmin(), "steps"]
    assert fitted.card["crop"] == [8, 8, 8]


def test_training_is_repeatable_and_blind_to_the_order_of_cases(fitted: FittedCNN) -> None:
    crops, y = _crops()
    again = _fit(crops, y, np.random.default_rng(1).permutation(len(y)))
    assert (probabilities(again, crops) == probabilities(fitted, crops)).all()
    assert again.card == fitted.card


def test_rows_do_not_influence_each_other(fitted: FittedCNN) -> None:
    crops, _ = _crops()
    alone = np.concatenate([probabilities(fitted, crops[i : i + 1]) for i in range(len(crops))])
    assert (alone == probabilities(fitted, crops)).all()


def test_a_network_survives_disk_and_bundle(fitted: FittedCNN, tmp_path: Path) -> None:
    crops, _ = _crops()
    bundles.write_model(fitted, tmp_path / "model")
    bundles.write_bundle(tmp_path / "model", tmp_path / "cnn.zip", {"modalities": ["T1w"]})
    read = bundles.read_bundle(tmp_path / "cnn.zip").fitted
    assert isinstance(read, FittedCNN)
    assert (probabilities(read, crops) == probabilities(fitted, crops)).all()
    scores = pd.DataFrame({"y_prob": probabilities(read, crops[:2])}, index=["a", "b"])
    table = score_table(read, scores, "final")
    assert table["threshold"].tolist() == [fitted.threshold] * 2


def test_bad_crops_are_named(fitted: FittedCNN) -> None:
    crops, y = _crops()
    with pytest.raises(FitError, match=r"do not fit model 'cnn'; found \(C, D, H, W\) = \(1, 8"):
        probabilities(fitted, crops[:, :1])
    broken = crops.copy()
    broken[2, 0, 0, 0, 0] = np.nan
    with pytest.raises(CaseError, match=r"case 'c02': the crop has voxels that are not finite"):
        _fit(broken, y)
    with pytest.raises(FitError, match="neither 0 nor 1"):
        _fit(crops, y * 2)
    with pytest.raises(FitError, match="fewer positive patients than folds"):
        _fit(crops, y * 0)
