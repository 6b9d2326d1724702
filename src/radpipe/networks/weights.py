"""Weights on disk as safetensors: numbers only, nothing that runs when a file is read."""

from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError
from torch import nn

from radpipe.errors import RadpipeError
from radpipe.io import files


def save_weights(network: nn.Module, path: str | Path) -> str:
    """Write the weights of `network`; returns the SHA-256 of the file."""
    tensors = {
        name: tensor.detach().cpu().contiguous() for name, tensor in network.state_dict().items()
    }
    with files.atomic(path) as part:
        safetensors.torch.save_file(tensors, str(part))
    return files.sha256(path)


def load_weights(network: nn.Module, path: str | Path) -> None:
    """Read weights into `network`, in place.

    Raises:
        RadpipeError: the file is no safetensors file, or its tensors are not those of `network`.
    """
    try:
        tensors = safetensors.torch.load_file(str(path))
    except (OSError, SafetensorError) as error:
        raise RadpipeError("the weights cannot be read", file=path, found=error) from None
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    for name in sorted(expected.keys() | found.keys()):
        if expected.get(name) != found.get(name):
            raise RadpipeError(
                f"the weights are of another network: tensor '{name}' differs",
                file=path,
                found=found.get(name, "no such tensor"),
                expected=expected.get(name, "no such tensor"),
                hint="modalities, labels and channels must be those of the training",
            )
    network.load_state_dict(tensors)
