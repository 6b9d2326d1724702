"""New cases scored by bundles that draw their masks with segmenters of every kind."""

from pathlib import Path
from typing import Any

import pytest
from conftest import StudyRun, apply_to_external, rivals_config, scores_of, tabular_config

from radpipe.io.tables import read_table, write_table

pytestmark = [pytest.mark.workflow, pytest.mark.slow]


def drawn_config(cohort: Path) -> dict[str, Any]:
    """Masks by an ensemble of a network of folds, a cascade and a box; embeddings of all kinds.

    Images fused in every way are a channel of the networks and have features of their own.
    """
    config = tabular_config(cohort) | {"study": "drawn"}
    config["images"]["fused"] = [
        {"name": method, "of": ["T1w", "FLAIR"], "method": method}
        for method in ("average", "wavelet", "guided")
    ]
    config["features"]["handcrafted"]["preset"] = {"wavelet": "fused"}
    segmentation = rivals_config(cohort)["segmentation"]
    planned, fine, box, _ = segmentation["segmenters"]
    every = {"name": "every", "ensemble": ["planned", "fine", "box"], "combine": "vote"}
    config["segmentation"] = {
        "segmenters": [planned, fine | {"external": "final"}, box, every],
        "mask_source": "every",
    }
    config["features"]["encoders"] = [
        {"name": "deepest", "kind": "segmenter", "segmenter": "fine"},
        {
            "name": "denoised",
            "kind": "denoising",
            "crop": [16, 16, 16],
            "channels": [4, 8],
            "latent": 4,
            "steps": 5,
        },
    ]
    blocks = ["clinical", "volume", "handcrafted", "deepest", "denoised"]
    small = {"crop": [16, 16, 16], "channels": [4, 8], "steps": [5]}
    config["models"] = [
        {"name": "fusion", "blocks": blocks, "predictor": "random_forest"},
        {
            **{"name": "cnn", "blocks": ["images"], "predictor": "cnn3d"},
            **{"modalities": ["guided", "FLAIR"], **small},
        },
        {"name": "joined", "of": ["clinical", "cnn", "fusion"], "predictor": "stack"},
    ]
    return config


@pytest.fixture(scope="module")
def drawn(tiny_cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> StudyRun:
    """The study as far as its models and what they say of external cases."""
    run = StudyRun(tmp_path_factory.mktemp("drawn"), drawn_config(tiny_cohort))
    run.run("models")
    return run


def test_masks_of_every_kind_of_segmenter_are_drawn_anew(
    drawn: StudyRun, tiny_cohort: Path, tmp_path: Path
) -> None:
    columns = read_table(drawn.results / "tables/features.parquet").columns
    fused = {"average", "wavelet", "guided"}
    assert fused <= {column.split("__")[0] for column in columns}
    expected = drawn.results / "models/fusion/external.tsv"
    together, said = apply_to_external(drawn, tiny_cohort, "fusion", tmp_path / "together")
    assert scores_of(together) == scores_of(expected)
    assert "warning" not in said
    case = read_table(expected)["case"].iloc[0]
    alone, _ = apply_to_external(drawn, tiny_cohort, "fusion", tmp_path / "alone", [case])
    assert scores_of(alone) == [row for row in scores_of(expected) if case in row]


def test_a_fusion_of_decisions_scores_raw_images_as_the_workflow_did(
    drawn: StudyRun, tiny_cohort: Path, tmp_path: Path
) -> None:
    expected = drawn.results / "models/joined/external.tsv"
    looks = read_table(drawn.results / "models/joined/looks.tsv")
    assert list(looks["bundle_sha256"]) == list(read_table(expected)["bundle_sha256"].unique())
    together, said = apply_to_external(drawn, tiny_cohort, "joined", tmp_path / "together")
    assert scores_of(together) == scores_of(expected)
    assert "warning" not in said
    case = read_table(expected)["case"].iloc[-1]
    alone, _ = apply_to_external(drawn, tiny_cohort, "joined", tmp_path / "alone", [case])
    assert scores_of(alone) == [row for row in scores_of(expected) if case in row]


def test_a_bad_case_is_one_sentence_and_the_others_are_scored(
    drawn: StudyRun, tiny_cohort: Path, tmp_path: Path
) -> None:
    """The box needs a drawn mask; without one the case cannot be segmented."""
    sheet = read_table(tiny_cohort / "cases.tsv")
    cohort = tmp_path / "cohort"
    cohort.mkdir()
    for column in (c for c in sheet if c.startswith(("image_", "mask"))):
        sheet[column] = [
            str(tiny_cohort / cell) if isinstance(cell, str) else "" for cell in sheet[column]
        ]
    external = list(read_table(drawn.results / "models/fusion/external.tsv")["case"])
    sheet.loc[sheet["case"] == external[0], "mask"] = ""
    sheet.loc[sheet["case"] == external[1], "image_T1w"] = "nowhere.nii.gz"
    write_table(sheet, cohort / "cases.tsv")
    table, _ = apply_to_external(drawn, cohort, "fusion", tmp_path / "bad", external[:3])
    status = read_table(table).set_index("case")["status"]
    assert "no mask is named" in status[external[0]]
    assert "does not exist" in status[external[1]]
    assert status[external[2]] == "ok"
