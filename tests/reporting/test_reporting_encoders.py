"""What a report says of deep features."""

from typing import get_args

import numpy as np
import pytest
from pydantic import BaseModel

from radpipe.config import Encoder, read_encoder
from radpipe.io.tables import write_arrays
from radpipe.reporting.document import Figure, Table, spans_of
from radpipe.reporting.figures.reconstructions import reconstruction_panels
from radpipe.reporting.references import REFERENCES
from radpipe.reporting.sections.encoders import describe

ENCODERS = [
    {"kind": "autoencoder"},
    {"kind": "denoising", "margin_mm": 5},
    {"kind": "variational", "margin_voxels": 3, "resample": True},
    {"kind": "belief", "mask_channel": False},
    {"kind": "cnn3d"},
    {"kind": "lstm"},
    {"kind": "transformer"},
    {"kind": "capsule"},
    {"kind": "segmenter", "segmenter": "unet"},
    {"kind": "given", "network": "resnet10", "weights": "w.pt"},
    {"kind": "given", "network": "densenet121", "weights": "w.pt"},
]


@pytest.mark.parametrize("section", ENCODERS, ids=lambda s: s["kind"])
def test_every_encoder_is_described_with_its_paper(section: dict[str, object]) -> None:
    text = describe(read_encoder({"name": "deep", **section}))
    cited = {s.text for s in spans_of(text) if s.kind == "cite"}
    assert cited <= set(REFERENCES)
    assert cited or section["kind"] in ("segmenter", "cnn3d")
    taught = section["kind"] in ("cnn3d", "lstm", "transformer", "capsule")
    assert taught == ("on the outcome of the training part" in text)


def test_no_kind_of_encoder_is_without_words() -> None:
    kinds = {get_args(m.model_fields["kind"].annotation)[0] for m in sections_of(Encoder)}
    assert kinds == {section["kind"] for section in ENCODERS}


def sections_of(union: object) -> list[type[BaseModel]]:
    if isinstance(union, type) and issubclass(union, BaseModel):
        return [union]
    return [section for part in get_args(union) for section in sections_of(part)]


def test_the_crop_of_an_encoder_is_said() -> None:
    text = describe(read_encoder({"name": "a", "margin_mm": 5, "mask_channel": False}))
    assert "blanked beyond the box of the region and 5 mm around it and without the mask" in text


def test_reconstructions_come_with_their_errors(demo) -> None:
    section = next(s for s in demo.report.sections if s.key == "encoders")
    table = next(b for b in section.blocks if isinstance(b, Table))
    assert table.rows == (("ae", "40", "0.75", "0.30", "1.20", "0.38"),)
    assert sum(isinstance(b, Figure) for b in section.blocks) == 1


def test_an_archive_without_cases_is_not_drawn(tmp_path) -> None:
    write_arrays({"modalities": np.array(["T1w"])}, tmp_path / "none.npz")
    assert reconstruction_panels(tmp_path / "none.npz") is None
