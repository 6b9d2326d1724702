"""How well does radpipe draw masks, beside its peers and at what cost?

Planned networks on hippocampi under five folds; MONAI's tutorial UNet and nnU-Net v2 on the same
folds with the same cpu seconds; every network of the zoo on one of them; sarcomas from PET, CT and
T1. Tables go to benchmarks/results/segmentation/, the page to docs/benchmarks/segmentation.md.

    python benchmarks/segmentation.py --jobs 2 --nnunet /path/to/a/python/with/nnunetv2

A run that was stopped goes on with the first task that is not finished.
"""

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path

import torch
from segmentation_parts.cohorts import Cohort, make_cohort
from segmentation_parts.machine import write_machine
from segmentation_parts.monai_tutorial import run_tutorial
from segmentation_parts.nnunet import prepare_dataset, run_nnunet
from segmentation_parts.options import ROOT, Options, data_folder, results_folder
from segmentation_parts.ours import run_classical, run_network
from segmentation_parts.page import read_tables, render_page, verdicts
from segmentation_parts.sarcoma import FOLDS, baselines, planned, planned_network
from segmentation_parts.tasks import Part, Task, say
from segmentation_parts.zoo import run_entry, zoo_names

from radpipe.io import files

PAGE = ROOT / "docs" / "benchmarks" / "segmentation.md"
PARTS = ("hippocampus", "peers", "zoo", "sts")
GPU_THREADS = 8


def hippocampi(options: Options) -> Cohort:
    """The hippocampi in their folds."""
    return make_cohort("hippocampus", options, folds=options.folds)


def hippocampus_part(options: Options) -> Part:
    """Where the folds of `auto` are kept."""
    keys = ("folds", "minutes", "gpu_minutes", "quick")
    return Part("hippocampus", options, {key: getattr(options, key) for key in keys})


def run_hippocampus(options: Options) -> None:
    """`auto` fold by fold, on one core each, and on a GPU if one is there."""
    cohort, part = hippocampi(options), hippocampus_part(options)
    folder = options.work / "auto"
    settings = planned_network("auto", options.minutes, options, gpu=False)
    tasks = [
        Task(f"auto_{fold}", run_network, (cohort, fold, settings, folder / fold))
        for fold in cohort.folds
    ]
    part.run(tasks, jobs=options.jobs)
    if torch.cuda.is_available():
        settings = planned_network("auto_gpu", options.gpu_minutes, options, gpu=True)
        threads, folder = min(GPU_THREADS, os.cpu_count() or 1), options.work / "auto_gpu"
        tasks = [
            Task(f"auto_gpu_{fold}", run_network, (cohort, fold, settings, folder / fold, threads))
            for fold in cohort.folds
        ]
        part.run(tasks, jobs=1, gpu=True)


def run_peers(options: Options) -> None:
    """The peers, with the cpu seconds that training `auto` took in the same fold."""
    cohort = hippocampi(options)
    # Whatever is run anew here, the folds of `auto` are not.
    ours = hippocampus_part(replace(options, redo=False))
    seconds = {f: float(ours.runs(f"auto_{f}")["training_cpu_s"].iloc[0]) for f in cohort.folds}
    part = Part("peers", options, {"folds": options.folds, "seconds": seconds})
    folder = options.work / "monai_tutorial"
    tasks = [
        Task(f"monai_tutorial_{f}", run_tutorial, (cohort, f, seconds[f], folder / f))
        for f in cohort.folds
    ]
    if options.nnunet is not None:
        folder = options.work / "nnunet"
        say("peers: nnU-Net plans and prepares its data")
        try:
            prepare_dataset(cohort, options.nnunet, folder)
        except RuntimeError as error:
            # The page says so; the other peer and all that follows do not depend on it.
            part.failed.append({"task": "nnunet", "error": str(error)})
        else:
            tasks += [
                Task(f"nnunet_{f}", run_nnunet, (cohort, f, seconds[f], options.nnunet, folder))
                for f in cohort.folds
            ]
    part.run(tasks, jobs=options.jobs)


def run_zoo(options: Options) -> None:
    """Every network, and classical methods for several labels, on the first fold."""
    cohort = hippocampi(options)
    part = Part("zoo", options, {"folds": options.folds, "steps": options.steps})
    fold, folder = cohort.folds[0], options.work / "zoo"
    tasks = [
        Task(name, run_entry, (cohort, fold, name, options.steps, folder / name))
        for name in zoo_names(quick=options.quick)
    ]
    part.run(tasks, jobs=options.jobs)


def run_sts(options: Options) -> None:
    """`auto` and the baselines on the sarcomas."""
    cohort = make_cohort("sts", options, folds=2 if options.quick else FOLDS)
    part = Part("sts", options, {"minutes": options.sts_minutes, "quick": options.quick})
    folder = options.work
    tasks = [
        Task(f"auto_{f}", run_network, (cohort, f, planned(options), folder / "sts_auto" / f))
        for f in cohort.folds
    ]
    tasks += [
        Task(own.name, run_classical, (cohort, cohort.folds, own, folder / f"sts_{own.name}"))
        for own in baselines()
    ]
    part.run(tasks, jobs=options.jobs)


RUNNERS = {
    "hippocampus": run_hippocampus,
    "peers": run_peers,
    "zoo": run_zoo,
    "sts": run_sts,
}


def write_page(*, quick: bool) -> bool:
    """Write the page from the tables alone and print the verdicts.

    Returns:
        Whether all are met and nothing failed.
    """
    results = results_folder(quick=quick)
    tables = read_tables(results)
    page = results / "page.md" if quick else PAGE
    with files.atomic(page) as part:
        part.write_text(render_page(tables), encoding="utf-8")
    found = verdicts(tables)
    print(f"\n{found.to_string(index=False, float_format='%.3f')}\n\n{page}")
    failed = any(len(t) for name, t in tables.items() if name.endswith("_failures"))
    return bool(found["met"].all()) and not failed


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--jobs", type=int, default=2, help="processes, of one thread each")
    parser.add_argument("--folds", type=int, default=5, help="of the hippocampi")
    parser.add_argument("--minutes", type=float, default=8.0, help="budget of a fold on one core")
    parser.add_argument("--gpu-minutes", type=float, default=10.0, help="the same on a GPU")
    parser.add_argument("--sts-minutes", type=float, default=5.0, help="budget of a sarcoma fold")
    parser.add_argument("--steps", type=int, default=100, help="of every network of the zoo")
    parser.add_argument("--nnunet", type=Path, help="a python that has nnunetv2")
    parser.add_argument("--redo", action="store_true", help="discard what is finished")
    parser.add_argument("--page", action="store_true", help="only write the page from the tables")
    parser.add_argument("--quick", action="store_true", help="a smoke run, without a verdict")
    return parser.parse_args()


def main() -> int:
    """Run, write, print; 1 where a verdict fails."""
    arguments = parse()
    if arguments.nnunet is not None and not arguments.nnunet.is_file():
        raise SystemExit(f"--nnunet: {arguments.nnunet} is not there")
    if arguments.page:
        return 0 if write_page(quick=arguments.quick) or arguments.quick else 1
    data = data_folder()
    if data is None:
        print("benchmarks/segmentation.py: RADPIPE_TEST_DATA does not name the test data")
        return 0 if arguments.quick else 2
    given = {k: v for k, v in vars(arguments).items() if k not in ("parts", "page")}
    options = Options(data=data, **given)
    if options.quick:
        small = {"folds": 2, "minutes": 1.0, "sts_minutes": 1.0, "steps": 20}
        options = Options(data=data, **given | small)
    write_machine(options)
    for part in PARTS:
        if part in arguments.parts:
            RUNNERS[part](options)
    met = write_page(quick=options.quick)
    return 0 if met or options.quick else 1


if __name__ == "__main__":
    sys.exit(main())
