"""Training jobs on one machine take one GPU each; the lock files need no GPU to be tested."""

import os
import threading
from pathlib import Path

import pytest

from radpipe.slots import SCHEDULERS, gpu_slot, visible_gpus


@pytest.fixture(autouse=True)
def _workstation(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*SCHEDULERS, "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_gpu_the_job_runs_at_once(tmp_path: Path) -> None:
    assert visible_gpus(tmp_path / "no driver") == []


def test_gpus_are_counted_as_the_driver_lists_them(tmp_path: Path) -> None:
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / name).mkdir()
    assert visible_gpus(tmp_path) == ["0", "1"]


def test_two_jobs_take_two_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
    with gpu_slot(tmp_path) as first:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")
        with gpu_slot(tmp_path) as second:
            assert (first, second) == ("3", "5")
            assert os.environ["CUDA_VISIBLE_DEVICES"] == "5"


def test_a_third_job_waits_for_a_free_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    taken: list[str | None] = []

    def late() -> None:
        with gpu_slot(tmp_path, wait_s=0.01) as name:
            taken.append(name)

    with gpu_slot(tmp_path):
        job = threading.Thread(target=late)
        job.start()
        job.join(0.1)
        assert taken == []
    job.join(5)
    assert taken == ["0"]


def test_a_scheduler_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with gpu_slot(tmp_path) as name:
        assert name is None
        assert os.environ["CUDA_VISIBLE_DEVICES"] == "0,1"
