"""Segmenters against each other on the same cases, every pair of them."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.comparison import holm
from radpipe.evaluation.overlap import BY_TOLERANCE, DISTANCES
from radpipe.evaluation.paired import paired_difference
from radpipe.segmentation.scoring import ALL_LABELS

COMPARED = ("dice", "hd95_mm")
"""Metrics that `comparison_table` compares."""

COLUMNS = (
    *("segmenter_a", "segmenter_b", "cohort", "label", "metric", "difference"),
    *("ci_low", "ci_high", "p", "p_holm", "n_patients", "method"),
)


def comparison_table(
    scores: pd.DataFrame, cases: pd.DataFrame, *, confidence: float, samples: int, seed: int
) -> pd.DataFrame:
    """`compare_segmenters` for Dice and for HD95, one table below the other."""
    tables = [
        compare_segmenters(
            scores, cases, metric=metric, confidence=confidence, samples=samples, seed=seed
        )
        for metric in COMPARED
    ]
    return pd.concat(tables, ignore_index=True)


def compare_segmenters(
    scores: pd.DataFrame,
    cases: pd.DataFrame,
    *,
    metric: str = "dice",
    confidence: float,
    samples: int,
    seed: int,
) -> pd.DataFrame:
    """Mean difference of each pair of segmenters, patient by patient.

    Every patient counts with the mean over his cases (`evaluation.paired.paired_difference`). What
    a mask that is not there counts as: a missed label has Dice 0 and a distance of the diagonal of
    the field of view; where the reference is empty, an empty prediction is right and counts as
    Dice 1 and distance 0 if the other segmenter drew something, and the label is left out for both
    if neither did.

    Args:
        scores: as made by `scoring.score_segmentation`.
        cases: columns `case, patient, cohort`.
        metric: `dice`, `iou`, a distance, or a column of the surface Dice or boundary IoU.
        confidence: of the intervals.
        samples: bootstrap samples of patients.
        seed: of the draws.

    Returns:
        `segmenter_a, segmenter_b, cohort, label, metric, difference` (a minus b)`, ci_low, ci_high,
        p, p_holm` (over the pairs of a cohort, label and metric)`, n_patients, method`. With
        several labels, `label` `all` is the mean over them.

    Raises:
        RadpipeError: a segmenter lacks a case or a label that another has, or the metric is not
            one of those named.
    """
    _check_metric(metric, scores)
    scores = scores.merge(cases[["case", "patient", "cohort"]], on="case", validate="many_to_one")
    settings = {"confidence": confidence, "samples": samples, "seed": seed}
    rows = []
    for cohort, part in scores.groupby("cohort", sort=False):
        tables = {
            str(name): own.set_index(["case", "label"]).sort_index()
            for name, own in part.groupby("segmenter", sort=False)
        }
        _check_complete(tables)
        for a, b in combinations(tables, 2):
            pair = _differences(tables[a], tables[b], metric)
            if scores["label"].nunique() > 1:
                pair = pd.concat([pair, _mean_over_labels(pair)])
            for label, here in pair.groupby("label", sort=False):
                place = (a, b, str(cohort), str(label), metric)
                rows.append((*place, *_compared(here, settings)))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    family = table.groupby(["cohort", "label"], sort=False)["p"]
    return table.assign(p_holm=family.transform(lambda p: holm(p)) if rows else table["p"])


def _compared(pair: pd.DataFrame, settings: Mapping[str, Any]) -> tuple[object, ...]:
    """The columns of a comparison from the difference on; `p_holm` needs the other pairs."""
    values = [pair[side].fillna(pair["diagonal"]) for side in ("a", "b")]
    found = paired_difference(values[0] - values[1], pair["patient"], **settings)
    numbers = (found.difference, found.low, found.high, found.p, np.nan)
    return (*numbers, pair["patient"].nunique(), found.method)


def _differences(a: pd.DataFrame, b: pd.DataFrame, metric: str) -> pd.DataFrame:
    """A row a case and label that can be judged: both values, a distance NaN where it is lost."""
    best = 0.0 if metric in DISTANCES else 1.0
    empty = [table["both_empty"].astype(bool) for table in (a, b)]
    values = [
        table[metric].astype(float).mask(nothing, best)
        for table, nothing in zip((a, b), empty, strict=True)
    ]
    pair = pd.DataFrame(
        {
            "a": values[0],
            "b": values[1],
            "diagonal": a["grid_diagonal_mm"],
            "patient": a["patient"].astype(str),
        }
    )
    return pair[~(empty[0] & empty[1])].reset_index()


def _mean_over_labels(pair: pd.DataFrame) -> pd.DataFrame:
    """A row a case; a distance is lost if that of one label is, as in `segmentation_summary`."""
    groups = pair.groupby("case", sort=False)
    means = groups[["diagonal"]].mean().assign(patient=groups["patient"].first())
    for side in ("a", "b"):
        lost = pair[side].isna().groupby(pair["case"], sort=False).any()
        means[side] = groups[side].mean().mask(lost)
    return means.reset_index().assign(label=ALL_LABELS)


def _check_metric(metric: str, scores: pd.DataFrame) -> None:
    known: Sequence[str] = ("dice", "iou", *DISTANCES)
    by_tolerance = tuple(f"{name}_" for name in BY_TOLERANCE)
    if metric not in scores.columns or not (metric in known or metric.startswith(by_tolerance)):
        raise RadpipeError(
            "segmenters cannot be compared by this metric",
            found=metric,
            expected=", ".join([*known, *(f"{name}_<mm>mm" for name in BY_TOLERANCE)]),
        )


def _check_complete(tables: dict[str, pd.DataFrame]) -> None:
    """A case that a segmenter leaves out would flatter it."""
    everything = set().union(*(table.index for table in tables.values()))
    for name, table in tables.items():
        lacking = sorted(everything - set(table.index))
        if lacking or not table.index.is_unique:
            case, label = lacking[0] if lacking else table.index[table.index.duplicated()][0]
            raise RadpipeError(
                f"segmenter '{name}' cannot be compared",
                case=str(case),
                found=f"{'no score' if lacking else 'several scores'} of label '{label}'",
                expected="one score of each case and label that another segmenter has",
            )
