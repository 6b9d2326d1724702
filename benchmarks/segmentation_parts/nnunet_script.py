"""What the second peer does in its own Python: plan, train for so many cpu seconds, draw.

Run by `nnunet.py` with a python that has nnunetv2; it imports nothing of radpipe.

    python nnunet_script.py prepare
    python nnunet_script.py fold --fold 0 --seconds 300 --out FOLDER

The folders are those of nnU-Net's three variables. Every planning default is nnU-Net's own. What
differs in training: it ends when its cpu seconds are spent, with the polynomial schedule of the
learning rate stretched over those; no epoch is validated, which would cost time and change nothing
but the choice of a checkpoint that is not used; patches are made in this process.
"""

import argparse
import json
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from nnunetv2.experiment_planning.plan_and_preprocess_api import (
    extract_fingerprints,
    plan_experiments,
    preprocess,
)
from nnunetv2.inference.predict_from_raw_data import nnUNetPredictor
from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

DATASET = "Dataset001_Benchmark"
CONFIGURATION = "3d_fullres"
PLANS = "nnUNetPlans"


class TimedTrainer(nnUNetTrainer):
    """nnU-Net's trainer, made for so many cpu seconds instead of a thousand epochs."""

    def train_for(self, seconds: float) -> int:
        """The steps made; reading and patches count, as they do for the others."""
        start, spent, steps = time.process_time(), 0.0, 0
        self.num_epochs = seconds
        self.on_train_start()
        self.network.train()
        self.lr_scheduler.max_steps = seconds
        while spent < seconds:
            self.lr_scheduler.step(spent)
            self.train_step(next(self.dataloader_train))
            steps += 1
            spent = time.process_time() - start
            print(f"step {steps}, {spent:.0f} of {seconds:.0f} s", flush=True)
        return steps

    def plot_network_architecture(self) -> None:
        """Nothing: the picture costs time."""


def prepare() -> None:
    """Fingerprint, plan and preprocessing of all cases, as nnU-Net does it."""
    extract_fingerprints([1], num_processes=1)
    plan_experiments([1])
    preprocess([1], PLANS, (CONFIGURATION,), (1,))


def run_fold(fold: int, seconds: float, out: Path) -> None:
    """Train one fold of `splits_final.json`, draw its `val` part, write what it took."""
    np.random.seed(fold)  # noqa: NPY002 - what nnU-Net draws from
    torch.manual_seed(fold)
    torch.set_num_threads(1)
    folder = _folder("preprocessed")
    plans = _read(folder / f"{PLANS}.json") | {"continue_training": False}
    trainer = TimedTrainer(
        plans, CONFIGURATION, fold, _read(folder / "dataset.json"), torch.device("cpu")
    )
    start, clock = time.process_time(), time.monotonic()
    steps = trainer.train_for(seconds)
    facts: dict[str, Any] = {
        "training_cpu_s": time.process_time() - start,
        "training_wall_s": time.monotonic() - clock,
    }
    start, clock = time.process_time(), time.monotonic()
    _draw(trainer, _read(folder / "splits_final.json")[fold]["val"], out)
    own = trainer.configuration_manager
    features = own.network_arch_init_kwargs["features_per_stage"]
    facts |= {
        "drawing_cpu_s": time.process_time() - start,
        "drawing_wall_s": time.monotonic() - clock,
        "steps": steps,
        "patch": "x".join(map(str, own.patch_size)),
        "batch": own.batch_size,
        "channels": "-".join(map(str, features)),
        "parameters": sum(p.numel() for p in trainer.network.parameters()),
    }
    (out / "facts.json").write_text(json.dumps(facts), encoding="utf-8")


def _draw(trainer: TimedTrainer, cases: list[str], out: Path) -> None:
    """Windows and mirroring as nnU-Net does by default."""
    trainer.set_deep_supervision_enabled(False)
    predictor = nnUNetPredictor(device=torch.device("cpu"), perform_everything_on_device=False)
    predictor.manual_initialization(
        trainer.network,
        trainer.plans_manager,
        trainer.configuration_manager,
        [trainer.network.state_dict()],
        trainer.dataset_json,
        "TimedTrainer",
        trainer.inference_allowed_mirroring_axes,
    )
    images = _folder("raw") / "imagesTr"
    masks = out / "masks"
    masks.mkdir(parents=True, exist_ok=True)
    predictor.predict_from_files_sequential(
        [[str(path) for path in sorted(images.glob(f"{case}_????.nii.gz"))] for case in cases],
        [str(masks / case) for case in cases],
    )


def _folder(kind: str) -> Path:
    return Path(os.environ[f"nnUNet_{kind}"]) / DATASET


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


def main() -> None:
    """Read the arguments."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["prepare", "fold"])
    parser.add_argument("--fold", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--out", type=Path, default=Path())
    arguments = parser.parse_args()
    if arguments.what == "prepare":
        prepare()
    else:
        run_fold(arguments.fold, arguments.seconds, arguments.out)


if __name__ == "__main__":
    main()
