"""Tasks in processes of their own, resumable one by one, and the tables they end in."""

import multiprocessing
import os
import resource
import shutil
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import psutil

from radpipe.io import files
from radpipe.io.tables import read_table, write_table
from radpipe.logs import set_threads
from segmentation_parts.options import Options

Tables = tuple[pd.DataFrame, pd.DataFrame]
"""Scores as `score_segmentation` gives them, and runs: a row a fold, what it was and cost."""

SCORES, RUNS, FAILURES = "scores", "runs", "failures"


@dataclass(frozen=True)
class Task:
    """One process: `function(*arguments)` gives `Tables`; the name is that of its folder."""

    name: str
    function: Callable[..., Tables]
    arguments: tuple[Any, ...]


@dataclass
class Spent:
    """Seconds of this process between two points: of all its threads, and on the clock."""

    cpu: float = field(default=0.0)
    wall: float = field(default=0.0)


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure what the body takes."""
    spent, cpu, wall = Spent(), time.process_time(), time.monotonic()
    yield spent
    spent.cpu, spent.wall = time.process_time() - cpu, time.monotonic() - wall


def process_facts() -> dict[str, float]:
    """Since when this process is there, imports included, and the most memory it had."""
    started = psutil.Process().create_time()
    return {"started": started, "finished": time.time(), "memory_gb": _peak_kb() / 1024**2}


def _peak_kb() -> float:
    """The most memory this program had; `ru_maxrss` of a child holds that of its parent too."""
    status = Path("/proc/self/status")
    if status.is_file():
        for line in status.read_text(encoding="utf-8").splitlines():
            if line.startswith("VmHWM:"):
                return float(line.split()[1])
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


class Part:
    """A part of the benchmark: its tasks, which of them are finished, and its tables."""

    def __init__(self, name: str, options: Options, settings: Mapping[str, Any]) -> None:
        self.name = name
        self.options = options
        self.rows = options.results / "rows" / name
        self.failed: list[dict[str, str]] = []
        if options.redo and self.rows.is_dir():
            shutil.rmtree(self.rows)
        self._check_settings(dict(settings))

    def _check_settings(self, settings: dict[str, Any]) -> None:
        """Folds made with other settings must not stand in one table."""
        path = self.rows / "settings.json"
        if path.is_file() and files.read_json(path) != settings:
            raise SystemExit(
                f"{self.name}: {self.rows} holds results of other settings "
                f"({files.read_json(path)}, now {settings}); --redo discards them"
            )
        files.write_json(settings, path)

    def run(self, tasks: Sequence[Task], *, jobs: int, gpu: bool = False) -> None:
        """Run the tasks that are not finished, in their order, and collect the tables."""
        waiting = [task for task in tasks if not (self.rows / task.name / f"{RUNS}.tsv").is_file()]
        say(f"{self.name}: {len(waiting)} of {len(tasks)} tasks to do")
        with _processes(jobs, gpu=gpu) as pool:
            log = self.options.work / "logs" / self.name
            futures = {pool.submit(_work, task, log / f"{task.name}.log"): task for task in waiting}
            for done, future in enumerate(as_completed(futures), start=1):
                task = futures[future]
                error = self._finish(task, future, jobs)
                if error:
                    self.failed.append({"task": task.name, "error": error})
                say(f"{self.name} {done}/{len(waiting)}: {task.name} {error or 'done'}")
        table = pd.DataFrame(self.failed, columns=["task", "error"])
        write_table(table, self.options.results / f"{self.name}_{FAILURES}.tsv")
        self.collect()

    def _finish(self, task: Task, future: Future[Tables], jobs: int) -> str:
        """Write the tables of a task, runs last; what went wrong, in a line."""
        error = future.exception()
        if error is not None:
            return f"{type(error).__name__}: {error}".splitlines()[0]
        scores, runs = future.result()
        write_table(scores, self.rows / task.name / f"{SCORES}.tsv")
        write_table(runs.assign(processes=jobs), self.rows / task.name / f"{RUNS}.tsv")
        return ""

    def runs(self, task: str) -> pd.DataFrame:
        """What a finished task cost.

        Raises:
            SystemExit: it is not finished.
        """
        path = self.rows / task / f"{RUNS}.tsv"
        if not path.is_file():
            raise SystemExit(f"{self.name}: {task} is not finished yet; run that part first")
        return read_table(path)

    def collect(self) -> None:
        """Join the tables of all finished tasks."""
        for kind in (SCORES, RUNS):
            found = sorted(self.rows.glob(f"*/{kind}.tsv"))
            if found:
                table = pd.concat([read_table(path) for path in found], ignore_index=True)
                write_table(table, self.options.results / f"{self.name}_{kind}.tsv")


@contextmanager
def _processes(jobs: int, *, gpu: bool) -> Iterator[ProcessPoolExecutor]:
    """A fresh process a task, of one thread; on the CPU no GPU is seen."""
    set_threads(1)
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if not gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    try:
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, spawn, max_tasks_per_child=1) as pool:
            yield pool
    finally:
        os.environ.pop("CUDA_VISIBLE_DEVICES")
        if seen is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = seen


def _work(task: Task, log: Path) -> Tables:
    """Run a task; what the library says of its progress goes to a log."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1) as stream, redirect_stdout(stream):
        try:
            return task.function(*task.arguments)
        except Exception:
            traceback.print_exc(file=stream)
            raise


def say(line: str) -> None:
    """Print at once, with the time."""
    print(f"{time.strftime('%H:%M:%S')} {line}", flush=True)
