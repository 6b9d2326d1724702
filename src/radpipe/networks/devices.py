"""Where networks run, and from which seed.

Apart from `training`, so that drawing masks does not wait for Lightning (three seconds a job).
"""

import random

import numpy as np
import torch


def device() -> torch.device:
    """The first GPU, or the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def half() -> torch.dtype | None:
    """The short type of mixed precision on a GPU; None on a CPU, which computes in full."""
    if device().type != "cuda":
        return None
    # Older cards only emulate bfloat16, slowly.
    native = torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if native else torch.float16


def mixed() -> torch.autocast:
    """Mixed precision for what is computed without Lightning, in the type that training uses."""
    kind = half()
    return torch.autocast(device().type, dtype=kind or torch.bfloat16, enabled=kind is not None)


def seed_everything(seed: int, threads: int = 1) -> None:
    """Seed Python, numpy and torch, and bound torch to `threads`: call before building a network.

    The sum of floats depends on the number of threads, so both belong together.
    """
    random.seed(seed)
    # Libraries (MONAI's transforms among them) draw from numpy's global state.
    np.random.seed(seed % 2**32)  # noqa: NPY002
    torch.manual_seed(seed)
    torch.set_num_threads(threads)
    torch.backends.cudnn.deterministic = True
    torch.backends.cudnn.benchmark = False
