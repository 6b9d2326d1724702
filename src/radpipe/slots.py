"""The GPUs of one machine, one training job each.

Snakemake counts GPUs (`resources: gpu=1`) but does not say which one a job may take. On a cluster
the scheduler says so, and nothing is done here.
"""

import fcntl
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRIVER = Path("/proc/driver/nvidia/gpus")
SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID")


def visible_gpus(driver: Path = DRIVER) -> list[str]:
    """Names of the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` has them."""
    allowed = os.environ.get("CUDA_VISIBLE_DEVICES")
    if allowed is not None:
        return [name for name in allowed.split(",") if name.strip()]
    return [str(number) for number, _ in enumerate(driver.iterdir())] if driver.is_dir() else []


@contextmanager
def gpu_slot(folder: Path | None = None, *, wait_s: float = 1.0) -> Iterator[str | None]:
    """Hold one GPU for the length of the block; wait while other jobs hold them all.

    The lock ends with the process, however it ends. Without a GPU, or under a scheduler, the block
    runs at once.

    Args:
        folder: where lock files lie; default: the temporary folder of the machine.
        wait_s: seconds between two tries.
    """
    names = [] if any(name in os.environ for name in SCHEDULERS) else visible_gpus()
    if not names:
        yield None
        return
    before = os.environ.get("CUDA_VISIBLE_DEVICES")
    name, descriptor = _claim(names, folder or Path(tempfile.gettempdir()), wait_s)
    os.environ["CUDA_VISIBLE_DEVICES"] = name
    try:
        yield name
    finally:
        os.close(descriptor)
        if before is None:
            del os.environ["CUDA_VISIBLE_DEVICES"]
        else:
            os.environ["CUDA_VISIBLE_DEVICES"] = before


def _claim(names: list[str], folder: Path, wait_s: float) -> tuple[str, int]:
    """A GPU and the open, locked file that stands for it."""
    while True:
        for name in names:
            lock = folder / f"radpipe-{os.getuid()}-gpu-{name.replace('/', '_')}.lock"
            descriptor = os.open(lock, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                continue
            return name, descriptor
        time.sleep(wait_s)
