"""The page of the benchmark, made from its tables alone."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from segmentation_parts.page_tables import (
    ALL,
    Tables,
    comparisons,
    hippocampus_table,
    interval,
    markdown,
    sts_table,
    summary,
    verdicts,
    waiting_share,
    wall_minutes,
    zoo_table,
)

__all__ = ["read_tables", "render_page", "verdicts"]

from radpipe.io.tables import read_table

TITLE = """# Segmentation, measured

Written by `python benchmarks/segmentation.py` from the tables it leaves in
`benchmarks/results/segmentation/` (`--page` writes it anew from those); do not edit. Dice is that
of hard masks on the original grid, whole volumes, each label by itself, background never counted;
a missed label counts as 0. Intervals are 95 % by bootstrap of patients."""

TUNED = """The folds are not untouched: how the planner weighs widths against steps
(`segmentation/sizing.py`) and how far it varies patches (`segmentation/planner.py`) was settled on
splits of these same cases, so the Dice of `auto` is a little hopeful. No setting of a peer was
tried on them."""

PEERS = """### The peers, on the same folds with the same cpu seconds

Each peer trained, fold by fold, for the cpu seconds that `auto` took in that fold: one thread,
measured as process time, with reading and making patches counted. Its last weights drew the masks.

- `monai_tutorial`: {monai}.
- `nnunet`: {nnunet}."""

ZOO = """## The zoo: the same data, the same number of steps

Every network of the registry at the small widths given, so that each runs on one core, on one fold
of the hippocampi ({train} cases to train, {test} to test): {settings}. All with `dice_ce`, one
learning rate and the same augmentation. So few steps tell what a network learns soon, not what it
can reach; a learning rate of its own would help some. Seconds are of cpu time, one thread. Memory
is the peak of the process, about 0.7 GB of which are the libraries. Parameters as published are
those of the default widths for one image and two labels. Classical methods draw two labels that
have the same intensities: those that see intensities alone must fail."""

STS = """## Soft-tissue sarcomas: {patients} patients, PET + CT + T1

Prepared as `config/sts.yaml` says, 3 mm; {folds} folds by patient. `auto` with {minutes} minutes a
fold. The PET methods learn their threshold on the training part; `(box)` is
semi-automatic: a box around the drawn tumour, 10 mm wider, is given, as a reader would set it, and
a score against that same tumour is no score of a method that had to find it. Images are crops
around the tumour, which helps all. The largest piece is kept for all methods but `auto`, which
plans that itself. Scored on the original grid of T1."""


def read_tables(results: Path) -> Tables:
    """All tables of a run that are there, by name."""
    return {path.stem: read_table(path) for path in sorted(results.glob("*.tsv"))}


def render_page(tables: Tables) -> str:
    """The page in Markdown; a part that was not run is said to be missing."""
    blocks = [TITLE, _machine(tables)]
    sections: dict[str, Callable[[Tables], list[str]]] = {
        "hippocampus": _hippocampus,
        "zoo": _zoo,
        "sts": _sts,
    }
    for name, section in sections.items():
        if f"{name}_runs" in tables:
            blocks += section(tables)
        else:
            blocks.append(f"## {name.capitalize()}\n\nNot run yet.")
    return "\n\n".join([*blocks, *_failures(tables)]) + "\n"


def _machine(tables: Tables) -> str:
    machine = tables["machine"]
    facts = dict(zip(machine["what"], machine["value"].astype(str), strict=True))
    return (
        f"Run on {facts['date']}: {facts['processor']}, {facts['cores']} cores, "
        f"{facts['processes']} processes of one thread; GPU: {facts['gpu']}; radpipe "
        f"{facts['radpipe']}, Python {facts['python']}, torch {facts['torch']}, "
        f"MONAI {facts['monai']}."
    )


def _hippocampus(tables: Tables) -> list[str]:
    runs = tables["hippocampus_runs"]
    own = runs[runs["segmenter"] == "auto"]
    cases = tables["hippocampus_scores"]["case"].nunique()
    blocks = [
        f"## Hippocampus: {cases} cases, {len(own)} folds by case, two labels",
        f"`network: auto` with {own['minutes'].iloc[0]:g} minutes a fold on one core; the plan is "
        f"made from the training part of each fold: {_plan(own)}. All folds took "
        f"{wall_minutes(own):.1f} minutes on the clock with {int(own['processes'].iloc[0])} at a "
        f"time, from the start of the first process to the masks of the last fold; of the time of "
        f"a training {waiting_share(own):.1%} was waiting for data. {_gpu(runs)}",
        TUNED,
        markdown(hippocampus_table(tables)),
        "### Verdicts",
        markdown(verdicts(tables).round(3)),
    ]
    return blocks + _peers(tables)


def _plan(own: pd.DataFrame) -> str:
    keys = ("network", "channels", "patch", "batch", "steps")
    return ", ".join(f"{key} {'/'.join(map(str, own[key].unique()))}" for key in keys)


def _gpu(runs: pd.DataFrame) -> str:
    own = runs[runs["segmenter"] == "auto_gpu"]
    if own.empty:
        return "No GPU was at hand, so the goal for a GPU (0.89) is not tested."
    return (
        f"`auto_gpu` had {own['minutes'].iloc[0]:g} minutes a fold on a GPU: {_plan(own)}; "
        f"{wall_minutes(own):.1f} minutes for all folds, {waiting_share(own):.1%} waiting."
    )


def _peers(tables: Tables) -> list[str]:
    if "peers_runs" not in tables:
        return ["### The peers", "Not run yet."]
    runs = tables["peers_runs"]
    there = set(runs["segmenter"])
    settings = {
        name: runs.loc[runs["segmenter"] == name, "settings"].iloc[0]
        if name in there
        else "not in this run (no python with nnunetv2 was given, or it failed, see below)"
        for name in ("monai_tutorial", "nnunet")
    }
    text = PEERS.format(monai=settings["monai_tutorial"], nnunet=settings["nnunet"])
    blocks = [text]
    table = comparisons(tables)
    if not table.empty:
        words = "Paired differences, `auto` minus the peer, mean of both labels:"
        blocks += [words, markdown(table)]
    return blocks


def _zoo(tables: Tables) -> list[str]:
    runs = tables["zoo_runs"]
    networks = runs[runs["steps"].notna()]
    first = networks.iloc[0]
    text = ZOO.format(
        train=int(first["n_train"]),
        test=tables["zoo_scores"]["case"].nunique(),
        settings=f"{first['steps']:g} steps of {first['batch']:g} patches of {first['patch']}",
    )
    return [text, markdown(zoo_table(tables))]


def _sts(tables: Tables) -> list[str]:
    runs = tables["sts_runs"]
    minutes = runs.loc[runs["segmenter"] == "auto", "minutes"]
    text = STS.format(
        minutes=f"{minutes.iloc[0]:g}" if len(minutes) else "no",
        patients=tables["sts_scores"]["case"].nunique(),
        folds=runs["fold"].nunique(),
    )
    blocks = [text, markdown(sts_table(tables))]
    means = summary(tables["sts_scores"])
    dice = means[(means["metric"] == "dice") & (means["label"] != ALL)].set_index("segmenter")
    boxed = set(runs.loc[runs["within"] == "box", "segmenter"]) if "within" in runs else set()
    alone = dice.loc[[n for n in dice.index if n not in boxed], "mean"]
    alone = alone.sort_values(ascending=False)
    best = dice.loc[alone.index[0]]
    blocks.append(f"Best without a reader's box: `{alone.index[0]}`, Dice {interval(best)}.")
    return blocks


def _failures(tables: Tables) -> list[str]:
    lines = [
        f"- {name.removesuffix('_failures')}, {row.task}: {row.error}"
        for name, table in tables.items()
        if name.endswith("_failures")
        for row in table.itertuples()
    ]
    return ["## What failed", "\n".join(lines)] if lines else []
