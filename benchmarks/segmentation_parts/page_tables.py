"""The numbers of the page: summaries, verdicts, tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from radpipe.segmentation.comparison import compare_segmenters
from radpipe.segmentation.scoring import ALL_LABELS as ALL
from radpipe.segmentation.scoring import segmentation_summary
from segmentation_parts.options import CONFIDENCE, SAMPLES, SEED

Tables = Mapping[str, pd.DataFrame]
"""Tables of a run by the name of their file."""

DICE_GOAL, GPU_GOAL, MINUTES_GOAL = 0.87, 0.89, 25.0
PEERS = ("monai_tutorial", "nnunet")


def summary(scores: pd.DataFrame) -> pd.DataFrame:
    """`segmentation_summary` of a table of scores; every case is a patient in these data."""
    cases = pd.DataFrame({"case": scores["case"].unique()})
    cases = cases.assign(patient=cases["case"], cohort="development")
    return segmentation_summary(scores, cases, confidence=CONFIDENCE, samples=SAMPLES, seed=SEED)


def hippocampus_scores(tables: Tables) -> pd.DataFrame:
    """Ours and the peers'; a peer that lacks a fold is left out, as its mean would be of others."""
    names = [n for n in ("hippocampus_scores", "peers_scores") if n in tables]
    scores = pd.concat([tables[name] for name in names], ignore_index=True)
    wanted = scores[scores["segmenter"] == "auto"]["case"].nunique()
    counts = scores.groupby("segmenter")["case"].nunique()
    return scores[scores["segmenter"].isin(counts.index[counts == wanted])]


def hippocampus_table(tables: Tables) -> pd.DataFrame:
    """Ours and the peers: Dice, distances, cost."""
    names = [n for n in ("hippocampus_runs", "peers_runs") if n in tables]
    runs = pd.concat([tables[name] for name in names], ignore_index=True)
    means = summary(hippocampus_scores(tables))
    rows = []
    for segmenter, own in means.groupby("segmenter", sort=False):
        cost = runs[runs["segmenter"] == segmenter]
        rows.append(
            {
                "segmenter": f"`{segmenter}`",
                **_dice_columns(own),
                "HD95 (mm)": _mean(own, "hd95_mm"),
                **_surface_dice(own),
                "training, cpu min (all folds)": f"{cost['training_cpu_s'].sum() / 60:.1f}",
                "drawing, cpu min": f"{cost['drawing_cpu_s'].sum() / 60:.1f}",
                "steps a fold": f"{cost['steps'].mean():.0f}",
                "parameters": _millions(cost["parameters"].iloc[0]),
            }
        )
    return pd.DataFrame(rows)


def zoo_table(tables: Tables) -> pd.DataFrame:
    """Networks by their Dice, then classical methods."""
    means, runs = summary(tables["zoo_scores"]), tables["zoo_runs"]
    dice = means[(means["metric"] == "dice") & (means["label"] == ALL)]
    value = dict(zip(dice["segmenter"], dice["mean"], strict=True))
    order = sorted(
        runs.to_dict("records"), key=lambda r: (pd.isna(r["steps"]), -value[r["segmenter"]])
    )
    rows = []
    for run in order:
        own = means[means["segmenter"] == run["segmenter"]]
        minutes = run["training_cpu_s"] / 60
        network = not pd.isna(run["steps"])
        step = f"{run['training_cpu_s'] / run['steps']:.2f}" if network else ""
        rows.append(
            {
                "segmenter": f"`{run['segmenter']}`",
                **_dice_columns(own),
                "channels": run["channels"] if network else "",
                "parameters": _millions(run["parameters"]) if network else "",
                "as published": _millions(run["published"]) if network else "",
                "s a step": step,
                "training, cpu min": f"{minutes:.1f}",
                "peak memory (GB)": f"{run['memory_gb']:.1f}",
                "Dice a minute": f"{value[run['segmenter']] / minutes:.2f}",
            }
        )
    return pd.DataFrame(rows)


def sts_table(tables: Tables) -> pd.DataFrame:
    """All methods by their Dice."""
    means, runs = summary(tables["sts_scores"]), tables["sts_runs"]
    rows = []
    for segmenter, own in means.groupby("segmenter", sort=False):
        cost = runs[runs["segmenter"] == segmenter]
        boxed = "within" in cost and (cost["within"] == "box").any()
        dice = own[own["metric"] == "dice"].iloc[0]
        rows.append(
            {
                "value": dice["mean"],
                "segmenter": f"`{segmenter}`" + (" (box)" if boxed else ""),
                "Dice": interval(dice),
                "HD95 (mm)": _mean(own, "hd95_mm"),
                "volume difference (ml)": _mean(own, "volume_difference_ml"),
                "its size (ml)": _mean(own, "absolute_volume_difference_ml"),
                "missed": int(dice["n_missed"]),
                "of": int(dice["n"]),
                "training, cpu s a fold": f"{cost['training_cpu_s'].mean():.0f}",
            }
        )
    return pd.DataFrame(rows).sort_values("value", ascending=False).drop(columns="value")


def comparisons(tables: Tables) -> pd.DataFrame:
    """`auto` minus each peer in Dice and HD95."""
    scores = hippocampus_scores(tables)
    cases = pd.DataFrame({"case": scores["case"].unique()})
    cases = cases.assign(patient=cases["case"], cohort="development")
    rows = []
    for metric in ("dice", "hd95_mm"):
        own = scores[scores["segmenter"].isin(["auto", *PEERS])]
        table = compare_segmenters(
            own, cases, metric=metric, confidence=CONFIDENCE, samples=SAMPLES, seed=SEED
        )
        for pair in table[table["label"] == ALL].to_dict("records"):
            if pair["segmenter_a"] != "auto":
                continue
            low, high = pair["ci_low"], pair["ci_high"]
            rows.append(
                {
                    "peer": pair["segmenter_b"],
                    "metric": metric,
                    "difference": f"{pair['difference']:.3f} ({low:.3f} to {high:.3f})",
                    "p (Holm)": f"{pair['p_holm']:.4f}",
                    "patients": pair["n_patients"],
                }
            )
    return pd.DataFrame(rows)


def verdicts(tables: Tables) -> pd.DataFrame:
    """What was aimed at: `claim, value, limit, met`; parts that were not run are not judged."""
    rows: list[tuple[str, float, str, bool]] = []
    if "hippocampus_scores" not in tables:
        return pd.DataFrame(rows, columns=["claim", "value", "limit", "met"])
    means = summary(hippocampus_scores(tables))
    whole = means[(means["metric"] == "dice") & (means["label"] == ALL)]
    dice = whole.set_index("segmenter")["mean"]
    runs = tables["hippocampus_runs"]
    planned = runs[runs["segmenter"] == "auto"]
    minutes, processes = wall_minutes(planned), int(planned["processes"].max())
    own = dice["auto"]
    rows.append(("mean out-of-fold Dice of auto", own, "≥ 0.87", own >= DICE_GOAL))
    rows.append(
        (
            f"minutes of all its folds, processes: {processes}",
            minutes,
            "≤ 25",
            minutes <= MINUTES_GOAL,
        )
    )
    if "auto_gpu" in dice:
        value = dice["auto_gpu"]
        rows.append(("mean out-of-fold Dice on a GPU", value, "≥ 0.89", value >= GPU_GOAL))
    for peer in PEERS:
        if peer in dice:
            gain = own - dice[peer]
            rows.append((f"auto ahead of {peer} in Dice by", gain, "> 0", gain > 0))
    return pd.DataFrame(rows, columns=["claim", "value", "limit", "met"])


def wall_minutes(runs: pd.DataFrame) -> float:
    """Minutes on the clock in which at least one of the runs was going on."""
    total, reached = 0.0, 0.0
    for start, end in sorted(zip(runs["started"], runs["finished"], strict=True)):
        total += max(0.0, end - max(start, reached))
        reached = max(reached, end)
    return total / 60


def waiting_share(runs: pd.DataFrame) -> float:
    """Mean share of the training in which the network waited for data."""
    return float(runs["waiting_share"].mean())


def interval(row: Any) -> str:
    """A mean with its interval."""
    return f"{row['mean']:.3f} ({row['ci_low']:.3f} to {row['ci_high']:.3f})"


def markdown(table: pd.DataFrame) -> str:
    """A table in Markdown."""
    lines: list[Sequence[object]] = [list(table.columns), ["---"] * len(table.columns)]
    lines += table.astype(str).to_numpy().tolist()
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _dice_columns(means: pd.DataFrame) -> dict[str, str]:
    """The mean over labels with its interval, and each label."""
    dice = means[means["metric"] == "dice"]
    columns = {"Dice": interval(dice[dice["label"] == ALL].iloc[0])}
    labels = dice[dice["label"] != ALL]
    for label, value in zip(labels["label"], labels["mean"], strict=True):
        columns[str(label)] = f"{value:.3f}"
    return columns


def _mean(means: pd.DataFrame, metric: str) -> str:
    """The mean over labels of a metric, or of the only label."""
    own = means[means["metric"] == metric]
    whole = own[own["label"] == ALL]
    return f"{(whole if len(whole) else own)['mean'].iloc[0]:.2f}"


def _surface_dice(means: pd.DataFrame) -> dict[str, str]:
    names = [m for m in means["metric"].unique() if m.startswith("surface_dice")]
    return {
        f"surface Dice {name.removeprefix('surface_dice_')}": _mean(means, name) for name in names
    }


def _millions(count: float) -> str:
    return f"{count / 1e6:.2f} M"
