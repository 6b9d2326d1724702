"""Weights come back as they were, or with a sentence."""

import hashlib
from pathlib import Path

import pytest
import torch

from radpipe.errors import RadpipeError
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.registry import build_network
from radpipe.networks.spec import NetworkSpec
from radpipe.networks.weights import load_weights, save_weights


def test_there_and_back(tmp_path: Path) -> None:
    file = tmp_path / "w" / "weights.safetensors"
    a, b = (build_network("unet", NetworkSpec(2, 2, channels=[4, 8])) for _ in range(2))
    digest = save_weights(a, file)
    assert digest == hashlib.sha256(file.read_bytes()).hexdigest()
    assert digest == save_weights(a, tmp_path / "again.safetensors")
    load_weights(b, file)
    assert all(torch.equal(b.state_dict()[k], v) for k, v in a.state_dict().items())


def test_weights_of_another_network_are_refused_and_change_nothing(tmp_path: Path) -> None:
    file = tmp_path / "weights.safetensors"
    save_weights(Classifier3D(1, [4, 8]), file)
    other = Classifier3D(2, [4, 8])
    before = {k: v.clone() for k, v in other.state_dict().items()}
    expected = r"'features.0.weight' differs; found \(4, 1, 3, 3, 3\), expected \(4, 2, 3, 3, 3\)"
    with pytest.raises(RadpipeError, match=expected):
        load_weights(other, file)
    assert all(torch.equal(before[k], v) for k, v in other.state_dict().items())
    with pytest.raises(RadpipeError, match="expected no such tensor"):
        load_weights(Classifier3D(1, [4]), file)


@pytest.mark.parametrize("content", [b"", b"not weights at all"])
def test_a_file_of_something_else_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "weights.safetensors"
    file.write_bytes(content)
    with pytest.raises(RadpipeError, match=r"weights\.safetensors: the weights cannot be read"):
        load_weights(Classifier3D(1, [4]), file)


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(RadpipeError, match="the weights cannot be read"):
        load_weights(Classifier3D(1, [4]), tmp_path / "none.safetensors")
