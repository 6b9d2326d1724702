"""Predicted masks against drawn ones, case by case and in the mean."""

from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from radpipe.errors import CaseError
from radpipe.evaluation.intervals import bootstrap_interval
from radpipe.evaluation.overlap import DISTANCES, SUMMARISED, score_mask, summarise_overlap
from radpipe.io import images
from radpipe.io.tables import read_table

ALL_LABELS = "all"
"""Stands in the column `label` for the mean over the labels of a case."""


class MaskPair(NamedTuple):
    """A predicted mask and the drawn one, on one grid."""

    case: str
    fold: str
    segmenter: str
    prediction: Path
    reference: Path


def mask_pairs(
    segmenter: str, folder: str | Path, references: Iterable[str | Path]
) -> list[MaskPair]:
    """Every drawn mask beside the mask of a segmenter.

    Args:
        segmenter: its name.
        folder: its out-of-fold masks, `<case>.nii.gz` and `manifest.tsv`.
        references: drawn masks, files named `<case>.nii.gz`.

    Raises:
        CaseError: a case has a drawn mask and the segmenter has none: it must not fall out.
    """
    folder = Path(folder)
    manifest = read_table(folder / "manifest.tsv")
    folds = dict(zip(manifest["case"], manifest["fold"], strict=True))
    pairs = []
    for reference in map(Path, references):
        case = reference.name.removesuffix(".nii.gz")
        if case not in folds:
            raise CaseError(
                f"segmenter '{segmenter}' has no out-of-fold mask of a case with a drawn one",
                case=case,
                file=folder / "manifest.tsv",
            )
        pairs.append(MaskPair(case, folds[case], segmenter, folder / f"{case}.nii.gz", reference))
    return pairs


def score_segmentation(
    pairs: Iterable[MaskPair], labels: dict[str, int], tolerance_mm: float
) -> pd.DataFrame:
    """Compare masks label by label.

    Args:
        pairs: masks to compare; plain tuples in the order of `MaskPair` serve as well.
        labels: name and value in the masks of each label.
        tolerance_mm: tolerance of the surface Dice.

    Returns:
        `case, fold, segmenter, label` (its name), then the columns of `OverlapScores`. A missed
        label has Dice 0 and no distance; `missed` says so.

    Raises:
        CaseError: two masks are not on one grid.
    """
    rows = []
    for pair in map(MaskPair._make, pairs):
        predicted = images.read_image(pair.prediction, case=pair.case)
        drawn = images.read_image(pair.reference, case=pair.case)
        if predicted.GetSize() != drawn.GetSize():
            raise CaseError(
                "the predicted mask is not on the grid of the drawn one",
                case=pair.case,
                file=pair.prediction,
                found=predicted.GetSize(),
                expected=drawn.GetSize(),
            )
        p, r = images.labels_of(predicted), images.labels_of(drawn)
        spacing_mm = images.spacing_zyx(drawn)
        for name, value in labels.items():
            scores = score_mask(p == value, r == value, spacing_mm, tolerance_mm)
            place = {"case": pair.case, "fold": pair.fold, "segmenter": pair.segmenter}
            rows.append(place | {"label": name} | asdict(scores))
    return pd.DataFrame(rows)


def segmentation_summary(
    scores: pd.DataFrame, cases: pd.DataFrame, *, confidence: float, samples: int, seed: int
) -> pd.DataFrame:
    """Mean of each metric with its interval by resampling patients; missed labels are counted.

    A distance that does not exist because a label was missed counts as the diagonal of the field
    of view (`evaluation.overlap.summarise_overlap`).

    Args:
        scores: as made by `score_segmentation`.
        cases: columns `case, patient, cohort`.
        confidence: of the intervals.
        samples: bootstrap samples of patients.
        seed: of the draws.

    Returns:
        `segmenter, cohort, label, metric, mean, ci_low, ci_high, sd, median, mean_found, n,
        n_missed, n_both_empty`; with several labels, `label` `all` is the mean over them.
    """
    scores = scores.merge(cases[["case", "patient", "cohort"]], on="case", validate="many_to_one")
    if scores["label"].nunique() > 1:
        scores = pd.concat([scores, _mean_over_labels(scores)], ignore_index=True)
    tables = []
    keys = ["segmenter", "cohort", "label"]
    for (segmenter, cohort, label), rows in scores.groupby(keys, sort=False):
        table = summarise_overlap(rows)
        table = table.assign(segmenter=str(segmenter), cohort=str(cohort), label=str(label))
        limits = [_interval(rows, m, confidence, samples, seed) for m in table["metric"]]
        table[["ci_low", "ci_high"]] = limits
        tables.append(table)
    last = ["sd", "median", "mean_found", "n", "n_missed", "n_both_empty"]
    columns = [*keys, "metric", "mean", "ci_low", "ci_high", *last]
    return pd.concat(tables, ignore_index=True)[columns]


def _mean_over_labels(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a case and segmenter: the mean over labels; without distances if one was missed."""
    keys = ["case", "fold", "segmenter", "patient", "cohort"]
    lost = scores["hd_mm"].isna() & ~scores["both_empty"].astype(bool)
    groups = scores.assign(lost=lost).groupby(keys, sort=False)
    means = groups[[*SUMMARISED, "grid_diagonal_mm"]].mean()
    flags = groups[["missed", "lost"]].any()
    means[list(DISTANCES)] = means[list(DISTANCES)].mask(flags["lost"])
    means["missed"] = flags["missed"]
    means["both_empty"] = groups["both_empty"].all()
    return means.reset_index().assign(label=ALL_LABELS)


def _full(rows: pd.DataFrame, metric: str) -> pd.Series:
    """A metric with the field's diagonal for distances that a missed label does not have."""
    values = rows[metric].astype(float)
    lost = ~rows["both_empty"].astype(bool) & values.isna()
    return values.mask(lost, rows["grid_diagonal_mm"]) if metric in DISTANCES else values


def _interval(
    rows: pd.DataFrame, metric: str, confidence: float, samples: int, seed: int
) -> tuple[float, float]:
    values = _full(rows, metric).to_numpy()
    found = np.isfinite(values)
    if not found.any():
        return np.nan, np.nan
    interval = bootstrap_interval(
        np.mean,
        [values[found]],
        rows["patient"].to_numpy()[found],
        samples=samples,
        confidence=confidence,
        seed=seed,
    )
    return interval.low, interval.high
