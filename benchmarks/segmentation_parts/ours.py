"""Segmenters of radpipe on a fold: planned or named networks, and classical methods."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from radpipe.config import Classical, Network
from radpipe.io.images import write_image
from radpipe.io.tables import write_table
from radpipe.networks.devices import device
from radpipe.networks.registry import count_parameters
from radpipe.segmentation.classical.drawing import segment_classical
from radpipe.segmentation.classical.fitting import fit_classical
from radpipe.segmentation.fingerprint import fingerprint
from radpipe.segmentation.inference import Member
from radpipe.segmentation.members import draw_fold
from radpipe.segmentation.plan import Plan, write_plan
from radpipe.segmentation.planning import make_plan
from radpipe.segmentation.training import train_segmenter
from segmentation_parts.cohorts import Cohort
from segmentation_parts.options import SEED
from segmentation_parts.tasks import Spent, Tables, process_facts, spending


def run_network(
    cohort: Cohort, fold: str, settings: Network, folder: Path, threads: int = 1
) -> Tables:
    """Plan, train and draw a fold as a study does; what is timed begins at the files.

    Args:
        cohort: prepared cases.
        fold: its training part is all that the plan and the network see.
        settings: of the network; the name is that of the segmenter.
        folder: gets the plan, the log and the masks.
        threads: of this process.
    """
    with spending() as training:
        cases = cohort.files(fold, "train")
        facts = fingerprint(cases, cohort.labels) if settings.network == "auto" else None
        plan = make_plan(
            settings, facts, cohort.labels, cohort.modalities, normalised=cohort.normalised
        )
        network, log = train_segmenter(
            cases,
            plan,
            cohort.labels,
            patients=cohort.patients(fold),
            seed=SEED,
            threads=threads,
        )
    write_plan(plan, folder / "plan.yaml")
    write_table(log, folder / "training.tsv")
    with spending() as drawing:
        draw_fold(
            plan.segmenter,
            [Member(network, plan)],
            cohort.files(fold, "test"),
            cohort.labels,
            coarse=None,
            target=folder,
        )
    facts_of_run = {
        **_plan_facts(plan),
        "parameters": count_parameters(network),
        "device": device().type,
        "minutes": settings.budget.minutes,
        "n_train": len(cases),
        "waiting_share": log["waiting"].sum() / log["seconds"].iloc[-1],
    }
    scores = cohort.score(folder / "masks", fold, settings.name)
    return scores, run_row(settings.name, fold, training, drawing, facts_of_run)


def run_classical(
    cohort: Cohort, folds: Sequence[str], settings: Classical, folder: Path
) -> Tables:
    """Fit and draw a classical method, fold after fold.

    Within a box it is given the drawn mask to set the box around, and nothing else of it.
    """
    scores, runs = [], []
    for fold in folds:
        with spending() as training:
            cases = cohort.files(fold, "train")
            fitted = fit_classical(cases, settings, cohort.labels, seed=SEED)
        masks = folder / fold / "masks"
        with spending() as drawing:
            for files in cohort.files(fold, "test"):
                name = f"{files.case}.nii.gz"
                box = cohort.folder / "masks" / name if settings.within == "box" else None
                mask = segment_classical(fitted, files, settings, cohort.labels, box=box)
                write_image(mask, masks / name)
        scores.append(cohort.score(masks, fold, settings.name))
        about = {"network": settings.classical, "device": "cpu", "within": settings.within}
        runs.append(run_row(settings.name, fold, training, drawing, about))
    return pd.concat(scores, ignore_index=True), pd.concat(runs, ignore_index=True)


def run_row(
    segmenter: str, fold: str, training: Spent, drawing: Spent, about: dict[str, Any]
) -> pd.DataFrame:
    """The row of a fold in the table of runs."""
    row = {
        "segmenter": segmenter,
        "fold": fold,
        **about,
        "training_cpu_s": training.cpu,
        "training_wall_s": training.wall,
        "drawing_cpu_s": drawing.cpu,
        "drawing_wall_s": drawing.wall,
        **process_facts(),
    }
    return pd.DataFrame([row])


def _plan_facts(plan: Plan) -> dict[str, Any]:
    own = plan.segmenter
    return {
        "network": own.network,
        "channels": "-".join(map(str, own.channels)) if own.channels else "",
        "patch": "x".join(map(str, own.patch)),
        "batch": own.batch,
        "steps": own.steps,
    }
