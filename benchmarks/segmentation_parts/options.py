"""What a run of the benchmark was asked for."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

SEED = 2026
CONFIDENCE = 0.95
SAMPLES = 2000
"""Bootstrap samples of patients."""


@dataclass(frozen=True)
class Options:
    """Settings of all parts.

    Attributes:
        data: folder of the real test data.
        jobs: processes at a time, of one thread each.
        folds: of the hippocampi.
        minutes: budget of a fold of the hippocampi on one core.
        gpu_minutes: the same on a GPU.
        sts_minutes: budget of a fold of the sarcomas.
        steps: training steps of every network of the zoo.
        nnunet: a python that has nnunetv2; none: that peer is left out.
        quick: few cases, folds, steps and networks: it shows that everything runs.
        redo: finished tasks are run again.
    """

    data: Path
    jobs: int = 2
    folds: int = 5
    minutes: float = 8.0
    gpu_minutes: float = 10.0
    sts_minutes: float = 5.0
    steps: int = 100
    nnunet: Path | None = None
    quick: bool = False
    redo: bool = False

    @property
    def results(self) -> Path:
        """The folder of the tables; git ignores it."""
        return results_folder(quick=self.quick)

    @property
    def work(self) -> Path:
        """The folder of prepared images and drawn masks."""
        return self.results / "work"

    @property
    def cases(self) -> int | None:
        """How many cases of a cohort are used; none: all."""
        return 10 if self.quick else None

    @property
    def own_steps(self) -> int | None:
        """Steps of a planned network; none: what its plan says."""
        return 20 if self.quick else None


def results_folder(*, quick: bool) -> Path:
    """Where the tables lie."""
    return ROOT / "benchmarks" / "results" / ("segmentation_quick" if quick else "segmentation")


def data_folder() -> Path | None:
    """The folder that RADPIPE_TEST_DATA names, if it is there."""
    name = os.environ.get("RADPIPE_TEST_DATA")
    return Path(name).resolve() if name and Path(name).is_dir() else None
