"""What a study of a simulated cohort found, beside what is true."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radpipe.errors import RadpipeError
from radpipe.io.files import read_json
from radpipe.io.images import array_of, labels_of, read_image
from radpipe.io.tables import read_table
from radpipe.types import DEVELOPMENT, FINAL, Mask, Matrix, Vector

FIELD_GOAL = 0.90
"""Mean correlation of the estimated with the true logarithm of the bias field."""

DICE_GOAL = 0.80
"""Mean Dice of out-of-fold masks."""

_POINTS = 2000
"""About so many points of the brain measure a registration."""

CaseModality = tuple[str, str]
"""A case and one of its modalities."""


@dataclass(frozen=True)
class Found:
    """The files a study made, where it has made them.

    Attributes:
        transforms: estimated transform of each registered image, points of the reference to
            points of the moving image.
        imported: images before, and
        corrected: after correction of the bias field, for the images that were corrected.
        segmentation: `segmentation.tsv`.
        performance: `performance.tsv`.
    """

    transforms: Mapping[CaseModality, Path] = field(default_factory=dict)
    imported: Mapping[CaseModality, Path] = field(default_factory=dict)
    corrected: Mapping[CaseModality, Path] = field(default_factory=dict)
    segmentation: Path | None = None
    performance: Path | None = None


def score_truth(
    cases: pd.DataFrame, *, truth: Path, found: Found
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Compare what a study found with the truth of its cohort, stage by stage.

    Args:
        cases: the usable cases, with columns `case` and `cohort`.
        truth: the folder `truth` of the cohort.
        found: the files of the study; stages without files are left out.

    Returns:
        `stage, measure, value, goal, met` (`goal` is text; `met` is missing where a cohort of
        this size cannot tell), and the values case by case: `case, stage, measure, value`.

    Raises:
        RadpipeError: the truth is of another cohort.
    """
    content = read_json(truth / "truth.json")
    _check_cases(cases, truth)
    spacing_mm = float(content["spec"]["spacing_mm"])
    details = pd.DataFrame(
        [
            *_registration_errors(cases, truth, found),
            *_field_correlations(cases, truth, found),
            *_overlaps(cases, found),
        ],
        columns=["case", "stage", "measure", "value"],
    )
    rows = [
        *_summarise_registration(details, spacing_mm),
        *_summarise_fields(details),
        *_summarise_overlaps(details),
        *_summarise_discrimination(found, content["ceiling_auc"]),
    ]
    summary = pd.DataFrame(rows, columns=["stage", "measure", "value", "goal", "met"])
    return summary.astype({"met": "boolean", "value": float}), details


def target_registration_error(
    estimated: sitk.Transform, true: sitk.Transform, points_mm: Matrix
) -> Vector:
    """Distance in mm between where two transforms take each point, shape (n,).

    Args:
        estimated: a transform from points of the reference to points of the moving image.
        true: the true one.
        points_mm: points of the reference, world x, y, z, shape (n, 3).
    """
    moved = [
        np.array([transform.TransformPoint(point) for point in points_mm.tolist()])
        for transform in (estimated, true)
    ]
    return np.asarray(np.linalg.norm(moved[0] - moved[1], axis=1))


def field_correlation(imported: sitk.Image, corrected: sitk.Image, true_field: sitk.Image) -> float:
    """Pearson correlation in the brain of the estimated and the true log bias field.

    The estimated field is `imported / corrected` where both are above zero. A constant estimate
    knows nothing of the field: its correlation is 0.
    """
    before, after, bias = (array_of(image) for image in (imported, corrected, true_field))
    brain: Mask = (before > 0) & (after > 0)
    estimate = np.log(before[brain] / after[brain])
    if estimate.size < 2 or np.ptp(estimate) < 1e-6:
        return 0.0
    return float(np.corrcoef(estimate, np.log(bias[brain]))[0, 1])


def _check_cases(cases: pd.DataFrame, truth: Path) -> None:
    known = set(read_table(truth / "latent.tsv")["case"])
    strange = sorted(set(cases["case"]) - known)
    if strange:
        raise RadpipeError(
            "the truth is of another cohort",
            file=truth,
            found=f"no truth for case '{strange[0]}'",
            expected="every case of the study",
        )


def _of_cases(cases: pd.DataFrame, files: Mapping[CaseModality, Path]) -> list[CaseModality]:
    names = set(cases["case"])
    return sorted(key for key in files if key[0] in names)


def _registration_errors(
    cases: pd.DataFrame, truth: Path, found: Found
) -> Iterator[tuple[str, str, str, float]]:
    for case, modality in _of_cases(cases, found.transforms):
        true = sitk.ReadTransform(str(truth / "transforms" / case / f"{modality}.tfm"))
        estimated = sitk.ReadTransform(str(found.transforms[case, modality]))
        brain = read_image(truth / "brain" / f"{case}.nii.gz", case=case)
        errors = target_registration_error(estimated, true, _brain_points(brain))
        yield case, "registration", f"target_registration_error_mm_{modality}", errors.mean()


def _brain_points(brain: sitk.Image) -> Matrix:
    """World x, y, z of about `_POINTS` voxels spread over the brain, shape (n, 3)."""
    voxels = np.argwhere(labels_of(brain) > 0)
    voxels = voxels[:: max(1, len(voxels) // _POINTS)]
    return np.array([brain.TransformIndexToPhysicalPoint(v[::-1].tolist()) for v in voxels])


def _field_correlations(
    cases: pd.DataFrame, truth: Path, found: Found
) -> Iterator[tuple[str, str, str, float]]:
    for case, modality in _of_cases(cases, found.corrected):
        correlation = field_correlation(
            read_image(found.imported[case, modality], case=case),
            read_image(found.corrected[case, modality], case=case),
            read_image(truth / "bias" / case / f"{modality}.nii.gz", case=case),
        )
        yield case, "bias_correction", f"field_correlation_{modality}", correlation


def _overlaps(cases: pd.DataFrame, found: Found) -> Iterator[tuple[str, str, str, float]]:
    """Dice of masks that were drawn for development cases by weights that never saw them."""
    if found.segmentation is None:
        return
    table = read_table(found.segmentation)
    development = set(cases.loc[cases["cohort"] == DEVELOPMENT, "case"])
    table = table[table["case"].isin(development) & (table["fold"] != FINAL)]
    for (segmenter, case), dice in table.groupby(["segmenter", "case"])["dice"]:
        yield str(case), "segmentation", f"dice_{segmenter}", float(dice.mean())


Row = tuple[str, str, float, str, bool | None]


def _summarise_registration(details: pd.DataFrame, voxel_mm: float) -> Iterator[Row]:
    for measure, values in _values_of(details, "registration"):
        for name, value, limit in (
            ("median", float(values.median()), voxel_mm),
            ("max", float(values.max()), 2 * voxel_mm),
        ):
            yield "registration", f"{measure}_{name}", value, f"< {limit:g}", value < limit


def _summarise_fields(details: pd.DataFrame) -> Iterator[Row]:
    everything = details.loc[details["stage"] == "bias_correction", "value"]
    if everything.empty:
        return
    mean = float(everything.mean())
    goal = f">= {FIELD_GOAL:.2f}"
    yield "bias_correction", "field_correlation_mean", mean, goal, mean >= FIELD_GOAL
    for measure, values in _values_of(details, "bias_correction"):
        mean = float(values.mean())
        yield "bias_correction", f"{measure}_mean", mean, goal, mean >= FIELD_GOAL
        yield "bias_correction", f"{measure}_min", float(values.min()), "", None


def _summarise_overlaps(details: pd.DataFrame) -> Iterator[Row]:
    for measure, values in _values_of(details, "segmentation"):
        mean = float(values.mean())
        goal = f">= {DICE_GOAL:.2f}"
        yield "segmentation", f"{measure}_mean", mean, goal, mean >= DICE_GOAL
        yield "segmentation", f"{measure}_min", float(values.min()), "", None


def _summarise_discrimination(found: Found, ceilings: Mapping[str, float | None]) -> Iterator[Row]:
    """AUC of each model beside the ceiling; whether it is met takes many cohorts to tell."""
    if found.performance is None:
        return
    table = read_table(found.performance)
    for row in table[table["metric"] == "auc"].to_dict("records"):
        ceiling = ceilings.get(row["cohort"])
        goal = "" if ceiling is None else f"ceiling {ceiling:.2f}"
        goal += f" (large sample {ceilings['large_sample']:.2f})"
        measure = f"auc_{row['model']}_{row['cohort']}"
        yield "discrimination", measure, float(row["estimate"]), goal, None


def _values_of(details: pd.DataFrame, stage: str) -> Iterator[tuple[str, pd.Series]]:
    for measure, rows in details[details["stage"] == stage].groupby("measure"):
        yield str(measure), rows["value"]
