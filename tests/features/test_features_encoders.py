"""Embeddings: repeatable, independent of their neighbours, and of something in the image."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config.encoders import Autoencoder
from radpipe.errors import FitError
from radpipe.features.encoders import embed, load_encoder, train_encoder
from radpipe.io.images import write_image
from radpipe.networks.weights import save_weights
from radpipe.types import CaseFiles

SETTINGS = Autoencoder(
    name="ae", crop=(8, 8, 8), channels=[4, 8], latent=3, batch=4, steps=60, learning_rate=1e-2
)
MODALITIES = ["T1w", "FLAIR"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[CaseFiles]:
    """Twelve cases whose region is brighter from case to case, and one without a region."""
    folder = tmp_path_factory.mktemp("cases")
    rng = np.random.default_rng(0)
    files = []
    for number in range(13):
        mask = np.zeros((12, 12, 12), dtype=np.uint8)
        mask[4:8, 4:8, 4:8] = number < 12
        images = {}
        for modality, sign in (("T1w", 1), ("FLAIR", -1)):
            array = 0.3 * rng.normal(size=mask.shape) + 100 + sign * number * mask.astype(float)
            images[modality] = folder / f"{number}_{modality}.nii.gz"
            write_image(sitk.GetImageFromArray(array.astype(np.float32)), images[modality])
        write_image(sitk.GetImageFromArray(mask), folder / f"{number}_mask.nii.gz")
        files.append(CaseFiles(f"case{number}", images, folder / f"{number}_mask.nii.gz"))
    return files


@pytest.fixture(scope="module")
def trained(cases: list[CaseFiles]):
    return train_encoder(cases, MODALITIES, SETTINGS, seed=3)


def test_training_learns_and_logs(trained) -> None:
    _, log = trained
    assert list(log) == ["step", "loss", "learning_rate", "seconds", "waiting", "validation"]
    assert len(log) == SETTINGS.steps
    assert log["loss"].tail(5).mean() < 0.5 * log["loss"].head(5).mean()


def test_the_embedding_follows_what_differs_between_cases(trained, cases) -> None:
    table = embed(trained[0], cases[:12], SETTINGS)
    codes = table.drop(columns="case").to_numpy()
    brightness = np.arange(12)
    best = max(abs(np.corrcoef(codes[:, e], brightness)[0, 1]) for e in range(3))
    assert best > 0.95


def test_the_table_names_its_columns_and_its_missing_rows(trained, cases) -> None:
    table = embed(trained[0], cases, SETTINGS)
    assert list(table.columns) == ["case", "ae__e000", "ae__e001", "ae__e002"]
    assert table["case"].tolist() == [files.case for files in cases]
    assert table.isna().any(axis=1).tolist() == [False] * 12 + [True]
    assert embed(trained[0], [], SETTINGS).empty


def test_a_row_does_not_depend_on_its_neighbours(trained, cases) -> None:
    together = embed(trained[0], cases[:5], SETTINGS)
    for row in range(5):
        alone = embed(trained[0], [cases[row]], SETTINGS)
        pd.testing.assert_frame_equal(
            alone, together.iloc[[row]].reset_index(drop=True), check_exact=True
        )


def test_the_same_seed_gives_the_same_encoder(trained, cases, tmp_path: Path) -> None:
    again, _ = train_encoder(cases, MODALITIES, SETTINGS, seed=3)
    other, _ = train_encoder(cases, MODALITIES, SETTINGS, seed=4)
    hashes = [save_weights(n, tmp_path / "w") for n in (trained[0], again, other)]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_weights_file_holds_everything(trained, cases, tmp_path: Path) -> None:
    """The scale of the channels too, or an embedding would change when it is read again."""
    save_weights(trained[0], tmp_path / "weights.safetensors")
    fresh = load_encoder(tmp_path / "weights.safetensors", MODALITIES, SETTINGS)
    assert float(fresh.shift[0]) == pytest.approx(100, abs=10)
    pd.testing.assert_frame_equal(
        embed(fresh, cases[:3], SETTINGS),
        embed(trained[0], cases[:3], SETTINGS),
        check_exact=True,
    )


def test_no_region_at_all_is_refused(cases: list[CaseFiles]) -> None:
    with pytest.raises(
        FitError, match="encoder 'ae' has nothing to train on; found no region in 1"
    ):
        train_encoder(cases[12:], MODALITIES, SETTINGS, seed=0)
