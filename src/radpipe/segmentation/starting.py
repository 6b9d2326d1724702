"""Given weights that a training goes on from: whether they are of the network."""

from pathlib import Path

import safetensors
from torch import nn

from radpipe.errors import RadpipeError
from radpipe.networks.weights import load_weights

NAMED = 3
"""Tensors that differ which a message names."""

LABELS = "labels"

Shapes = dict[str, tuple[int, ...]]


def load_start(network: nn.Module, path: Path, *, outputs: str = LABELS) -> None:
    """Read the weights in `path` into `network`, in place: every tensor, each of its own shape.

    Args:
        network: that is to be trained.
        path: a safetensors file.
        outputs: what the last layer tells apart; labels have a background beside them, and a
            network for anything else sees the mask beside the modalities.

    Raises:
        RadpipeError: the file is no safetensors file, or its tensors are not those of the network.
    """
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = _shapes(path)
    # In the order of the network: its inputs come first, its outputs last.
    wrong = [n for n in (*expected, *found) if expected.get(n) != found.get(n)]
    if wrong:
        raise RadpipeError(
            _difference(wrong, found, expected, outputs),
            file=path,
            hint=f"network, channels, modalities and {outputs} must be those of that training",
        )
    load_weights(network, path)


def _shapes(path: Path) -> Shapes:
    try:
        with safetensors.safe_open(str(path), framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise RadpipeError(
            "the weights to start from cannot be read", file=path, found=error
        ) from None


def _difference(wrong: list[str], found: Shapes, expected: Shapes, outputs: str) -> str:
    """What the matter is, in a phrase: most often the number of labels or of modalities."""
    wrong = list(dict.fromkeys(wrong))
    text = "tensor " + ", ".join(
        f"'{name}' is {found.get(name, 'not there')} instead of {expected.get(name, 'not there')}"
        for name in wrong[:NAMED]
    )
    text += f" and {len(wrong) - NAMED} more" if len(wrong) > NAMED else ""
    changes = [_changes(found.get(name, ()), expected.get(name, ())) for name in wrong]
    if all(len(change) == 1 for change in changes) and len(set(map(tuple, changes))) == 1:
        ((was, wanted),) = changes[0]
        names = list(expected)
        last, labels = names.index(wrong[0]) >= len(names) / 2, outputs == LABELS
        what = outputs if last else "modalities"
        if last == labels:
            was, wanted = was - 1, wanted - 1
        return f"the weights to start from are for {was} {what}, the study has {wanted}: {text}"
    return f"the weights to start from are of another network: {text}"


def _changes(found: tuple[int, ...], expected: tuple[int, ...]) -> list[tuple[int, int]]:
    """The sizes that differ between two shapes; none if one has more axes."""
    if len(found) != len(expected):
        return []
    return [(a, b) for a, b in zip(found, expected, strict=True) if a != b]
