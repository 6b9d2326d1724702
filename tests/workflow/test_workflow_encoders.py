"""Encoders of every kind in one study, from weights of the fold to the reconstructions shown."""

import json
from pathlib import Path

import pytest
import torch
from conftest import StudyRun, jobs_of, tabular_config
from monai.networks.nets.resnet import resnet10

from radpipe.io.tables import read_table

pytestmark = [pytest.mark.workflow, pytest.mark.slow]

SMALL = {"crop": [8, 8, 8], "channels": [4, 8], "batch": 4, "steps": 3}
ENCODERS = [
    {"name": "plain", **SMALL, "latent": 3},
    {"name": "denoising", "kind": "denoising", **SMALL, "latent": 3, "margin_mm": 4},
    {"name": "variational", "kind": "variational", **SMALL, "latent": 3},
    {"name": "belief", "kind": "belief", "crop": [8, 8, 8], "hidden": [8, 3], "steps": 3},
    {"name": "cnn", "kind": "cnn3d", **SMALL},
    {"name": "lstm", "kind": "lstm", **SMALL, "latent": 4},
    {"name": "transformer", "kind": "transformer", **SMALL, "latent": 4},
    {"name": "capsule", "kind": "capsule", **SMALL, "dimension": 4},
    {"name": "bottleneck", "kind": "segmenter", "segmenter": "net"},
]
RECONSTRUCTING = ("plain", "denoising", "variational", "belief")


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_cohort: Path):
    folder = tmp_path_factory.mktemp("encoders")
    torch.manual_seed(0)
    network = resnet10(spatial_dims=3, n_input_channels=1, feed_forward=False, pretrained=False)
    torch.save(network.state_dict(), folder / "given.pt")
    given = {"kind": "given", "network": "resnet10", "unseen": True, "crop": [8, 8, 8]}
    encoders = [*ENCODERS, {"name": "given", **given, "weights": str(folder / "given.pt")}]
    config = tabular_config(tiny_cohort)
    config["registration"] = {"enabled": False}
    config["segmentation"] = {
        "segmenters": [
            {
                "name": "net",
                "network": "unet",
                "channels": [4, 8],
                "patch": [16, 16, 16],
                "batch": 2,
                "steps": 3,
            }
        ]
    }
    config["features"]["encoders"] = encoders
    config["models"].append(
        {"name": "deep", "blocks": [e["name"] for e in encoders], "predictor": "random_forest"}
    )
    run = StudyRun(folder, config)
    return run, jobs_of(run.run())


def test_every_encoder_is_fitted_in_every_fold(study):
    run, jobs = study
    assert jobs["train_encoder"] == jobs["embed_cases"] == 3 * 10
    assert jobs["reconstruct_cases"] == len(RECONSTRUCTING)
    splits = read_table(run.results / "cohort/splits.tsv")
    for encoder in run.config["features"]["encoders"]:
        for fold in ("r1f1", "r1f2", "final"):
            part = splits[splits["fold"] == fold]
            folder = run.results / "encoders" / encoder["name"] / fold
            saw = json.loads((folder / "manifest.json").read_text())
            assert set(saw["cases"]) == set(part.loc[part["part"] == "train", "case"])
            table = read_table(run.results / f"tables/embeddings/{encoder['name']}/{fold}.parquet")
            assert sorted(table["case"]) == sorted(part["case"])
            assert table.notna().all(axis=None)


def test_the_hash_of_given_weights_is_recorded(study):
    run, _ = study
    start = json.loads((run.results / "encoders/given/r1f1/manifest.json").read_text())["start"]
    assert len(start["weights_sha256"]) == 64
    assert start["vouched"]


def test_held_out_cases_are_reconstructed_and_shown(study):
    run, _ = study
    cases = read_table(run.results / "cohort/cases.tsv")
    developed = sorted(cases.loc[cases["cohort"] == "development", "case"])
    page = (run.folder / "reports/tiny/report.html").read_text()
    for name in RECONSTRUCTING:
        table = read_table(run.results / f"tables/embeddings/{name}/reconstruction.tsv")
        assert sorted(table["case"]) == developed
        assert (run.results / f"figures/reconstructions_{name}.png").is_file()
        assert f"an encoder keeps them</strong> (<code>{name}</code>)" in page.replace("\n", " ")


def test_nothing_is_left_to_do(study):
    run, _ = study
    assert "Nothing to be done" in run.run("-n")
