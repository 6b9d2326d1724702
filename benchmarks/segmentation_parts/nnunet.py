"""The second peer: nnU-Net v2 from PyPI, in a Python of its own, on the same folds and seconds.

nnU-Net plans from all cases, those of the test part included, as it always does; its preprocessing
is not counted as training.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pandas as pd

from radpipe.io import files
from radpipe.logs import THREAD_VARIABLES
from segmentation_parts.cohorts import Cohort
from segmentation_parts.tasks import Tables, process_facts

NAME = "nnunet"
DATASET = "Dataset001_Benchmark"
SCRIPT = Path(__file__).with_name("nnunet_script.py")

SETTINGS = (
    "its own plan, network, loss, optimiser, augmentation, windows and mirroring; "
    "`splits_final.json` holds our folds; training ends when the cpu seconds are spent, with its "
    "polynomial schedule stretched over them and without validation of epochs; the final weights "
    "are used. It plans from all cases, those to be drawn included, as it always does, and its "
    "planning and preprocessing are not counted. It is made for 250,000 steps on a GPU: what it "
    "shows here is what a core can do with it in these minutes, not what it can reach"
)


def prepare_dataset(cohort: Cohort, python: Path, folder: Path) -> None:
    """Write the dataset as nnU-Net wants it and let it plan and preprocess, once.

    Raises:
        RuntimeError: it failed; the last line of its log is told.
    """
    splits = folder / "preprocessed" / DATASET / "splits_final.json"
    if not splits.is_file():
        _plan(cohort, python, folder)
    folds = [
        {"train": cohort.part(fold, "train"), "val": cohort.part(fold, "test")}
        for fold in cohort.folds
    ]
    files.write_json(folds, splits)


def _plan(cohort: Cohort, python: Path, folder: Path) -> None:
    raw = folder / "raw" / DATASET
    for kind in ("imagesTr", "labelsTr"):
        (raw / kind).mkdir(parents=True, exist_ok=True)
    for case in cohort.cases["case"]:
        for number, modality in enumerate(cohort.modalities):
            image = cohort.folder / "imported" / case / f"{modality}.nii.gz"
            shutil.copyfile(image, raw / "imagesTr" / f"{case}_{number:04d}.nii.gz")
        shutil.copyfile(cohort.native(case), raw / "labelsTr" / f"{case}.nii.gz")
    content = {
        "channel_names": {str(n): m for n, m in enumerate(cohort.modalities)},
        "labels": {"background": 0, **cohort.labels},
        "numTraining": len(cohort.cases),
        "file_ending": ".nii.gz",
    }
    files.write_json(content, raw / "dataset.json")
    _call(python, folder, ["prepare"], folder / "prepare.log")


def run_nnunet(cohort: Cohort, fold: str, seconds: float, python: Path, folder: Path) -> Tables:
    """Train and draw one fold; the process that does it is a child of this one."""
    out = folder / fold
    out.mkdir(parents=True, exist_ok=True)
    number = cohort.folds.index(fold)
    asked = ["fold", "--fold", str(number), "--seconds", str(seconds), "--out", str(out)]
    _call(python, folder, asked, out / "fold.log")
    facts = files.read_json(out / "facts.json")
    row = {"segmenter": NAME, "fold": fold, "network": NAME, "device": "cpu", **facts}
    row["settings"] = SETTINGS
    # The memory of this process is not that of the child.
    row |= process_facts() | {"memory_gb": float("nan")}
    return cohort.score(out / "masks", fold, NAME), pd.DataFrame([row])


def _call(python: Path, folder: Path, arguments: list[str], log: Path) -> None:
    places = {f"nnUNet_{kind}": str(folder / kind) for kind in ("raw", "preprocessed", "results")}
    one = {**dict.fromkeys(THREAD_VARIABLES, "1"), "nnUNet_def_n_proc": "1", "nnUNet_compile": "f"}
    # Patches are made in the training process itself; its planner wants a number above zero.
    one["nnUNet_n_proc_DA"] = "1" if arguments[0] == "prepare" else "0"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as stream:
        done = subprocess.run(
            [str(python), str(SCRIPT), *arguments],
            env=os.environ | places | one,
            stdout=stream,
            stderr=subprocess.STDOUT,
            check=False,
        )
    if done.returncode:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        raise RuntimeError(f"nnU-Net ended with code {done.returncode}: {(lines or [''])[-1]}")
