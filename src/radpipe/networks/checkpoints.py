"""The file a training goes on from after a kill, and what makes going on exact."""

import hashlib
import pickle
import random
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from radpipe import __version__
from radpipe.networks.devices import device
from radpipe.networks.draws import DrawDataset
from radpipe.networks.schedule import TrainingSettings

FILE = "last.ckpt"
IDENTITY = "radpipe_training"
FREE = ("checkpoints", "checkpoint_every", "threads", "workers")
"""Settings that a training may be resumed with another value of."""


def identity(network: nn.Module, dataset: Any, settings: TrainingSettings) -> str:
    """A digest of what a training starts from: settings, first weights, first batch, versions.

    A checkpoint of another training must not be taken for one of this.
    """
    chosen = {k: v for k, v in asdict(settings).items() if k not in FREE}
    digest = hashlib.sha256(repr((__version__, torch.__version__, device().type)).encode())
    digest.update(repr(sorted(chosen.items())).encode())
    for name, tensor in network.state_dict().items():
        _add(digest, name, tensor)
    if isinstance(dataset, DrawDataset):
        for draw in range(settings.batch):
            for name, tensor in dataset[draw].items():
                _add(digest, name, tensor)
    else:
        digest.update(str(len(dataset)).encode())
    return digest.hexdigest()


def resumable(folder: Path, expected: str) -> Path | None:
    """The checkpoint in `folder`, if it can be read and belongs to the training `expected`."""
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        found = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
        own = found[IDENTITY]
    except (OSError, EOFError, RuntimeError, ValueError, KeyError, pickle.UnpicklingError) as error:
        print(f"checkpoint {path} cannot be read ({type(error).__name__}): starting anew")
        return None
    if own != expected:
        print(f"checkpoint {path} is of another training: starting anew")
        return None
    return path


def remove(folder: Path) -> None:
    """Delete what a training kept in `folder`, and the folder if nothing else lies in it."""
    for path in (folder / FILE, *folder.glob(".part-*.ckpt")):
        path.unlink(missing_ok=True)
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def random_state() -> dict[str, Any]:
    """Where the generators of Python, numpy and torch stand, as tensors and plain values."""
    # Libraries (MONAI's transforms among them) draw from numpy's global state.
    name, keys, *rest = np.random.get_state()  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
        "torch": torch.get_rng_state(),
        "cuda": torch.cuda.get_rng_state_all() if torch.cuda.is_available() else [],
    }


def set_random_state(state: dict[str, Any]) -> None:
    """Put the generators where `random_state` found them."""
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    if state["cuda"]:
        torch.cuda.set_rng_state_all(state["cuda"])


def _add(digest: Any, name: str, tensor: Tensor) -> None:
    values = tensor.detach().cpu().contiguous()
    digest.update(f"{name} {values.dtype} {tuple(values.shape)}".encode())
    digest.update(values.reshape(-1).view(torch.uint8).numpy())
