"""Predicted masks against drawn ones, case by case and in the mean."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.evaluation.intervals import patient_weights, percentile_interval
from radpipe.evaluation.labels import score_labels
from radpipe.evaluation.overlap import (
    DISTANCES,
    score_mask,
    summarise_overlap,
    summarised_metrics,
)
from radpipe.io import images
from radpipe.io.tables import read_table
from radpipe.io.volumes import check_same_grid
from radpipe.types import Matrix, Vector

ALL_LABELS = "all"
"""Stands in the column `label` for the mean over the labels of a case."""

NATIVE = "native"
"""Folder of a segmenter's masks on the grids of the images as they were imported."""

OF_THE_CASE = ("pixel_accuracy", "mean_accuracy", "mean_iou")
"""Metrics over all labels of a case, repeated in the row of each label."""


class MaskPair(NamedTuple):
    """A predicted mask and the drawn one, on one grid."""

    case: str
    fold: str
    segmenter: str
    prediction: Path
    reference: Path


def mask_pairs(
    segmenter: str, folder: str | Path, references: Mapping[str, str | Path]
) -> list[MaskPair]:
    """Every drawn mask beside the mask of a segmenter, both on the grid of the imported image.

    Args:
        segmenter: its name.
        folder: its out-of-fold masks: `manifest.tsv`, and `native/<case>.nii.gz` on the grid of
            the reference modality as it was imported.
        references: the drawn mask of each case, as it was imported.

    Raises:
        CaseError: a case has a drawn mask and the segmenter has none: it must not fall out.
    """
    folder = Path(folder)
    manifest = read_table(folder / "manifest.tsv")
    folds = dict(zip(manifest["case"], manifest["fold"], strict=True))
    pairs = []
    for case, reference in references.items():
        if case not in folds:
            raise CaseError(
                f"segmenter '{segmenter}' has no out-of-fold mask of a case with a drawn one",
                case=case,
                file=folder / "manifest.tsv",
            )
        prediction = folder / NATIVE / f"{case}.nii.gz"
        pairs.append(MaskPair(case, folds[case], segmenter, prediction, Path(reference)))
    return pairs


def score_segmentation(
    pairs: Iterable[MaskPair], labels: Mapping[str, int], tolerances_mm: Sequence[float]
) -> pd.DataFrame:
    """Compare masks label by label.

    Args:
        pairs: masks to compare; plain tuples in the order of `MaskPair` serve as well.
        labels: name and value in the masks of each label.
        tolerances_mm: tolerances of the surface Dice, widths of the boundary IoU.

    Returns:
        `case, fold, segmenter, label` (its name), then the columns of `OverlapScores.row`, then
        `OF_THE_CASE`. A missed label has Dice 0 and no distance; `missed` says so.

    Raises:
        CaseError: two masks are not on one grid.
    """
    rows = []
    for pair in map(MaskPair._make, pairs):
        predicted = images.read_image(pair.prediction, case=pair.case)
        drawn = images.read_image(pair.reference, case=pair.case)
        _check_one_grid(predicted, drawn, pair)
        p, r = images.labels_of(predicted), images.labels_of(drawn)
        spacing_mm = images.spacing_zyx(drawn)
        place = {"case": pair.case, "fold": pair.fold, "segmenter": pair.segmenter}
        whole = asdict(score_labels(p, r, list(labels.values())))
        for name, value in labels.items():
            scores = score_mask(p == value, r == value, spacing_mm, tolerances_mm)
            rows.append(place | {"label": name} | scores.row() | whole)
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
        n_missed, n_both_empty`; with several labels, `label` `all` is the mean over them, and the
        metrics `OF_THE_CASE` stand there only.
    """
    scores = scores.merge(cases[["case", "patient", "cohort"]], on="case", validate="many_to_one")
    single = scores["label"].nunique() == 1
    if not single:
        scores = pd.concat([scores, _mean_over_labels(scores)], ignore_index=True)
    tables = []
    keys = ["segmenter", "cohort", "label"]
    for (segmenter, cohort, label), rows in scores.groupby(keys, sort=False):
        whole = single or label == ALL_LABELS
        shown = rows if whole else rows.drop(columns=list(OF_THE_CASE), errors="ignore")
        table = summarise_overlap(shown)
        table = table.assign(segmenter=str(segmenter), cohort=str(cohort), label=str(label))
        weights = patient_weights(rows["patient"], samples, seed)
        limits = [_limits(full_values(rows, m), weights, confidence) for m in table["metric"]]
        table[["ci_low", "ci_high"]] = limits
        tables.append(table)
    last = ["sd", "median", "mean_found", "n", "n_missed", "n_both_empty"]
    columns = [*keys, "metric", "mean", "ci_low", "ci_high", *last]
    return pd.concat(tables, ignore_index=True)[columns]


def full_values(rows: pd.DataFrame, metric: str) -> Vector:
    """A metric with the field's diagonal for distances that a missed label does not have."""
    values = rows[metric].astype(float)
    lost = ~rows["both_empty"].astype(bool) & values.isna()
    filled = values.mask(lost, rows["grid_diagonal_mm"]) if metric in DISTANCES else values
    return filled.to_numpy()


def _check_one_grid(predicted: sitk.Image, drawn: sitk.Image, pair: MaskPair) -> None:
    try:
        check_same_grid(predicted, drawn, case=pair.case, file=pair.prediction)
    except CaseError as error:
        raise CaseError(
            "the predicted mask is not on the grid of the drawn one",
            case=pair.case,
            file=pair.prediction,
            found=error.found,
            expected=error.expected,
        ) from None


def _mean_over_labels(scores: pd.DataFrame) -> pd.DataFrame:
    """One row a case and segmenter: the mean over labels; without distances if one was missed."""
    keys = ["case", "fold", "segmenter", "patient", "cohort"]
    lost = scores["hd_mm"].isna() & ~scores["both_empty"].astype(bool)
    groups = scores.assign(lost=lost).groupby(keys, sort=False)
    means = groups[[*summarised_metrics(list(scores.columns)), "grid_diagonal_mm"]].mean()
    flags = groups[["missed", "lost"]].any()
    distances = [d for d in DISTANCES if d in means.columns]
    means[distances] = means[distances].mask(flags["lost"])
    means["missed"] = flags["missed"]
    means["both_empty"] = groups["both_empty"].all()
    return means.reset_index().assign(label=ALL_LABELS)


def _limits(values: Vector, weights: Matrix, confidence: float) -> tuple[float, float]:
    """The ends of the interval of a mean over the cases that have a value."""
    found = np.isfinite(values)
    if not found.any():
        return np.nan, np.nan
    counted = weights[:, found]
    with np.errstate(invalid="ignore"):  # a sample without any of these cases has no mean
        replicates = counted @ values[found] / counted.sum(axis=1)
    interval = percentile_interval(float(values[found].mean()), replicates, confidence)
    return interval.low, interval.high
