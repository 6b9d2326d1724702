"""Encoders in a config: one section a kind, and what must hold between them and the study."""

from typing import Any

import pytest

from radpipe.config import load_study
from radpipe.errors import ConfigError


def study_with(*encoders: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "study": "s",
        "cases": "cases.tsv",
        "images": {"modalities": ["T1w"]},
        "outcome": {"column": "grade"},
        "segmentation": {
            "segmenters": [{"name": "net"}, {"name": "otsu", "classical": "otsu"}],
        },
        "features": {"encoders": list(encoders)},
        **changes,
    }


def test_the_kind_says_which_keys_an_encoder_has() -> None:
    study = load_study(
        study_with(
            {"name": "a"},
            {"name": "b", "kind": "variational", "beta": 2},
            {"name": "c", "kind": "segmenter", "segmenter": "net"},
        )
    )
    names = [type(e).__name__ for e in study.features.encoders]
    assert names == ["Autoencoder", "Variational", "Bottleneck"]
    assert study.encoder("a").model_dump()["kind"] == "autoencoder"


@pytest.mark.parametrize(
    ("encoder", "message"),
    [
        ({"name": "a", "kind": "autoencode"}, r"features\.encoders\.0.*autoencode"),
        (
            {"name": "a", "betta": 1, "kind": "variational"},
            "encoders.0.betta', did you mean 'beta'",
        ),
        ({"name": "a", "beta": 1}, r"unknown key 'features\.encoders\.0\.beta'"),
        ({"name": "a", "kind": "segmenter"}, "'features.encoders.0.segmenter' is missing"),
        ({"name": "a", "kind": "lstm", "latent": 3}, "multiple of 2"),
        (
            {"name": "a", "kind": "segmenter", "segmenter": "nett"},
            "segmenter of encoder 'a': 'nett' is unknown, did you mean 'net'",
        ),
        (
            {"name": "a", "kind": "segmenter", "segmenter": "otsu"},
            "segmenter of encoder 'a': 'otsu' is unknown",
        ),
        ({"name": "a", "resample": True}, "resample needs margin_mm or margin_voxels"),
        ({"name": "a", "margin_mm": 1, "margin_voxels": 1}, "margin_mm or margin_voxels, not both"),
    ],
)
def test_faults_name_the_encoder_or_the_key(encoder: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_study(study_with(encoder))


@pytest.mark.parametrize("kind", ["cnn3d", "lstm", "transformer", "capsule"])
def test_what_learns_from_the_outcome_needs_one(kind: str) -> None:
    encoder = {"name": "a", "kind": kind}
    load_study(study_with(encoder))
    with pytest.raises(ConfigError, match=f"encoder 'a' of kind {kind} learns from the outcome"):
        load_study(study_with(encoder, outcome=None))
