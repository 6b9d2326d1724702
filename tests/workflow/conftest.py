"""Small studies run by the real Snakemake, in folders of their own."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from radpipe.io.tables import read_table
from radpipe.phantoms.cohort import CohortSpec, make_cohort

ROOT = Path(__file__).parents[2]
RESULTS = ("predictions.tsv", "performance.tsv")
"""What two runs of a study must agree in to the byte."""
SCORES = ("y_prob", "y_pred", "risk", "event_prob", "threshold")
"""How columns begin that hold what a model of any kind says of a case."""


@dataclass(frozen=True)
class StudyRun:
    """A study in a folder of its own, and the ways to run it."""

    folder: Path
    config: dict[str, Any]

    @property
    def results(self) -> Path:
        return self.folder / "results" / self.config["study"]

    def table(self, name: str) -> bytes:
        return (self.results / "tables" / name).read_bytes()

    def command(self, *arguments: str, profile: str = "default") -> list[str]:
        (self.folder / "study.yaml").write_text(yaml.safe_dump(self.config))
        return [
            *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
            *("--workflow-profile", str(ROOT / "workflow/profiles" / profile)),
            *("--directory", str(self.folder), "--configfile", str(self.folder / "study.yaml")),
            *(() if profile == "slurm" else ("--cores", "2")),
            *arguments,
        ]

    def run(self, *arguments: str, check: bool = True, profile: str = "default") -> str:
        """Run Snakemake; its output, both streams together."""
        done = subprocess.run(
            self.command(*arguments, profile=profile),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            check=False,
        )
        if check and done.returncode:
            pytest.fail(f"snakemake ended with {done.returncode}:\n{done.stdout[-4000:]}")
        return done.stdout

    def run_with_a_kill(self, *, within_s: float) -> None:
        """Start a run, kill it at any moment after the folds are made, unlock, and go on."""
        process = subprocess.Popen(
            self.command(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        started = self.results / "cohort/splits.tsv"
        while process.poll() is None and not started.exists():
            time.sleep(0.2)
        time.sleep(random.uniform(0, within_s))  # any moment will do: that is the claim
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert "--unlock" in self.run(check=False)
        self.run("--unlock")
        self.run()


def jobs_of(output: str) -> dict[str, int]:
    """How many jobs of each rule finished, or would run, by Snakemake's own words."""
    finished = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", output)
    return {rule: finished.count(rule) for rule in set(finished)}


def apply_to_external(
    study: StudyRun, cohort: Path, model: str, folder: Path, cases: Sequence[str] | None = None
) -> tuple[Path, str]:
    """`radpipe apply` on the external cases of a study, or some of them, as a user would.

    Returns:
        The table of scores and what was printed. The sheet lies elsewhere than the cohort's and
        holds no outcome.
    """
    used = read_table(study.results / "models" / model / "external.tsv")["case"]
    sheet = pd.read_csv(cohort / "cases.tsv", sep="\t", dtype=str, keep_default_na=False)
    sheet = sheet[sheet["case"].isin(used if cases is None else cases)]
    outcome = [c for c in study.config["outcome"].values() if isinstance(c, str)]
    sheet = sheet.drop(columns=[c for c in outcome if c in sheet])
    for column in (c for c in sheet if c.startswith(("image_", "mask"))):
        sheet[column] = [str(cohort / cell) if cell else "" for cell in sheet[column]]
    folder.mkdir()
    sheet.to_csv(folder / "new.tsv", sep="\t", index=False)
    bundle = study.results / "bundles" / f"{model}.zip"
    arguments = ["apply", bundle, "--cases", folder / "new.tsv", "--out", folder / "scores.tsv"]
    done = subprocess.run(
        [sys.executable, "-c", "from radpipe.cli import main; main()", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        check=False,
    )
    if done.returncode:
        pytest.fail(f"radpipe apply ended with {done.returncode}:\n{done.stdout[-4000:]}")
    return folder / "scores.tsv", done.stdout


def scores_of(table: Path) -> list[tuple[str, ...]]:
    """The text of every score, to the last digit, case by case."""
    text = pd.read_csv(table, sep="\t", dtype=str)
    scores = [c for c in text if c.startswith(SCORES)]
    assert scores, f"{table} holds no scores"
    text = text[["model", "case", "fold", *scores, "bundle_sha256"]]
    return sorted(text.itertuples(index=False, name=None))


def tabular_config(cohort: Path) -> dict[str, Any]:
    """A study without networks: drawn masks, first-order and texture features, two models."""
    return {
        "study": "tiny",
        "seed": 3,
        "cases": str(cohort / "cases.tsv"),
        "outcome": {"column": "high_grade", "kind": "binary", "positive": 1},
        "images": {"modalities": ["T1w", "FLAIR"]},
        "registration": {"iterations": 20, "shrink": [2, 1], "smoothing_mm": [6, 0]},
        "bias_correction": {"modalities": ["T1w"], "iterations": [10, 10]},
        "features": {"handcrafted": {"image_types": ["original"]}, "clinical": ["age", "sex"]},
        "splits": {"folds": 2, "inner_folds": 2},
        "models": [
            {"name": "volume", "blocks": ["volume"], "predictor": "logistic"},
            {
                "name": "radiomics",
                "blocks": ["handcrafted"],
                "predictor": "elastic_net",
                "selection": {"method": "anova", "keep": [5]},
            },
        ],
        "evaluation": {"bootstrap": 100, "controls": {"permutations": 2}},
        "report": {"overlays": 2},
    }


def whole_config(cohort: Path) -> dict[str, Any]:
    """A study with every stage switched on, each as small as it can be."""
    config = tabular_config(cohort)
    config["segmentation"] = {
        "mask_source": "unet",
        "segmenters": [
            {
                "name": "unet",
                "network": "unet",
                "channels": [8, 16],
                "patch": [16, 16, 16],
                "steps": 60,
            }
        ],
    }
    config["features"]["encoders"] = [
        {"name": "autoencoder", "crop": [16, 16, 16], "channels": [4, 8], "latent": 4, "steps": 10}
    ]
    config["models"] += [
        {
            "name": "cnn",
            "blocks": ["images"],
            "predictor": "cnn3d",
            "crop": [16, 16, 16],
            "channels": [4, 8],
            "steps": [5],
        },
        {
            "name": "fusion",
            "blocks": ["clinical", "handcrafted", "autoencoder"],
            "predictor": "random_forest",
            "selection": {"method": "anova", "keep": [5]},
        },
    ]
    config["evaluation"]["truth"] = str(cohort / "truth")
    return config


SMALL: dict[str, Any] = {
    "channels": [4, 8],
    "patch": [16, 16, 16],
    "batch": 2,
    "steps": 3,
    "external": "folds",
}
SEGMENTERS: list[dict[str, Any]] = [
    {"name": "planned", "network": "auto", **SMALL},
    {"name": "fine", "network": "unet", "cascade": "planned", **SMALL},
    {"name": "box", "classical": "otsu", "modality": "FLAIR", "within": "box"},
    {"name": "both", "ensemble": ["planned", "box"], "cleaning": {"largest_component": True}},
]
"""Every kind of segmenter, each as small as it can be."""


def rivals_config(cohort: Path) -> dict[str, Any]:
    """A study without an outcome that compares segmenters of every kind."""
    return {
        "study": "rivals",
        "seed": 3,
        "cases": str(cohort / "cases.tsv"),
        "images": {"modalities": ["T1w", "FLAIR"]},
        "registration": {"enabled": False},
        "segmentation": {"segmenters": SEGMENTERS, "mask_source": "both"},
        "splits": {"folds": 2},
        "evaluation": {"bootstrap": 100},
        "report": {"overlays": 0},
    }


@pytest.fixture(scope="session")
def tiny_cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny cohort with known truth and a few bad cases."""
    folder = tmp_path_factory.mktemp("cohort")
    make_cohort(folder, CohortSpec.tiny(seed=5, development=12, external=4))
    return folder
