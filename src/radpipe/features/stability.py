"""How well features survive a second measurement: perturbed images, or a second visit.

A table of measurements has one row a measurement: `case, subject, source, repeat`, then feature
columns. Subjects are what an intraclass correlation tells apart: cases for perturbations, patients
for test-retest. As a filter for a model, `stable_columns` sees the cases of a training part only.
"""

import math
from collections.abc import Collection, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import SimpleITK as sitk

from radpipe.config import Handcrafted, Stability
from radpipe.errors import RadpipeError
from radpipe.evaluation.agreement import IccForm, icc, koo_li
from radpipe.features.boxes import Box, bounding_box, triple
from radpipe.features.collection import MEASUREMENT_KEYS
from radpipe.features.image_filters import LOG_MARGIN_SIGMA, POINT_WISE
from radpipe.features.perturbations import perturb
from radpipe.features.table import ROI, FeatureSettings, case_seed, measure_case
from radpipe.io.images import labels_of
from radpipe.logs import progress

UNCHANGED = "unchanged"
"""The source of the measurement that perturbations are compared with."""

RETEST = "retest"
STABILITY_COLUMNS = [
    *("feature", "source", "icc_form", "icc", "ci_low", "ci_high", "n", "k", "class"),
]
COLUMNS = 500
"""Features held in memory at a time while the stability of a large cohort is judged."""

VOXELS_AROUND = 10
"""Kept around the region in any case: wavelets and gradients look at some voxels, not mm."""


def perturbed_table(
    features: pd.DataFrame,
    images: dict[str, sitk.Image],
    mask: sitk.Image,
    settings: FeatureSettings,
    stability: Stability,
) -> pd.DataFrame:
    """Measure one case again after each perturbation.

    Args:
        features: the table of the case (`features.table.case_table`), whose region is the
            unperturbed measurement.
        images: prepared images on the grid of the mask.
        mask: integer labels.
        settings: which features of which regions.
        stability: which perturbations.

    Returns:
        `case, subject, source, repeat, status`, then the feature columns; first the unperturbed
        region (`unchanged`, repeat 0). A case without a region has no other row.
    """
    region = features[features["variant"] == ROI]
    case = str(region["case"].iloc[0])
    first = region.drop(columns=["case", "variant", "status"]).iloc[0].to_dict()
    status = region["status"].iloc[0]
    rows = [_row(case, UNCHANGED, 0, status, first)]
    images, mask = _cropped(images, mask, settings.handcrafted, stability)
    seed = case_seed(case, settings.seed)
    for version in progress(perturb(images, mask, stability, seed), "perturbation"):
        found = measure_case(version.images, version.mask, settings)
        rows.append(_row(case, version.source, version.repeat, found.status, found.values))
    return pd.DataFrame(rows, columns=[*MEASUREMENT_KEYS, *first])


def retest_table(features: pd.DataFrame, cases: pd.DataFrame, column: str) -> pd.DataFrame:
    """The measurements of patients who were seen more than once.

    Args:
        features: `case`, then the feature columns.
        cases: the case table; `column` numbers the visits, and an empty cell takes a case out.
        column: of the case table.

    Returns:
        A table of measurements, subjects being patients and repeats their visits.

    Raises:
        RadpipeError: the column is missing, or a patient has a visit twice.
    """
    if column not in cases:
        raise RadpipeError(
            f"features.stability.retest names '{column}', which is no column of the case sheet",
            expected=", ".join(map(str, cases.columns)),
        )
    visits = cases.loc[cases[column].notna() & (cases[column].astype(str) != "")]
    twice = visits[visits.duplicated(["patient", column])]
    if len(twice):
        row = twice.iloc[0]
        raise RadpipeError(
            f"patient '{row['patient']}' has visit {row[column]} twice",
            case=str(row["case"]),
            expected=f"each value of '{column}' once a patient",
        )
    keys = pd.DataFrame(
        {
            "case": visits["case"].astype(str),
            "subject": visits["patient"].astype(str),
            "source": RETEST,
            "repeat": visits[column].rank(method="dense").astype(int),
            "status": "",
        }
    )
    return keys.merge(features, on="case", how="inner", validate="one_to_one")


def stability_table(
    measurements: pd.DataFrame, settings: Stability, confidence: float = 0.95
) -> pd.DataFrame:
    """The intraclass correlation of every feature and source, with the interval and its class.

    Only subjects with every repeat of a feature count for it. With fewer than two of them, or where
    nothing varies, the correlation is missing.

    Args:
        measurements: tables of perturbed cases, of test-retest, or both, one below the other.
        settings: form of the correlation, and what its class is read from.
        confidence: of the intervals.

    Returns:
        `feature, source, icc_form, icc, ci_low, ci_high, n, k, class`: n subjects, k measurements
        of each; class poor, moderate, good or excellent after Koo and Li, by the lower end of the
        interval unless `judged_by` says otherwise.
    """
    rows = []
    for source, columns, values in _comparisons(measurements):
        for name, table in zip(columns, np.moveaxis(values, 2, 0), strict=True):
            found, n = _icc(table, settings.form, confidence)
            judged = dict(zip(("icc", "ci_low"), found[:2], strict=True))[settings.judged_by]
            rows.append((name, source, settings.form, *found, n, table.shape[1], koo_li(judged)))
    return pd.DataFrame(rows, columns=STABILITY_COLUMNS)


def stability_of_file(path: Path, settings: Stability, confidence: float = 0.95) -> pd.DataFrame:
    """`stability_table` of a Parquet file of measurements, some columns at a time."""
    columns = [c for c in pq.read_schema(path).names if c not in MEASUREMENT_KEYS]
    tables = [
        stability_table(
            pd.read_parquet(path, columns=[*MEASUREMENT_KEYS, *columns[i : i + COLUMNS]]),
            settings,
            confidence,
        )
        for i in range(0, len(columns), COLUMNS)
    ]
    table = pd.concat(tables, ignore_index=True)
    return table.sort_values("source", kind="stable", ignore_index=True)


def stable_columns(
    measurements: pd.DataFrame,
    cases: Collection[str],
    minimum: float,
    settings: Stability | None = None,
) -> list[str]:
    """The features that are stable in some cases, such as the training part of a fold.

    Args:
        measurements: as of `stability_table`, of any cases.
        cases: the only ones that are looked at.
        minimum: what the lower end of the interval (or the correlation itself, as `judged_by` says)
            must reach in every source of measurements.
        settings: form of the correlation and `judged_by`.

    Returns:
        Feature columns in the order of the table; a feature whose correlation is missing is not
        stable.

    Raises:
        RadpipeError: none of the cases was measured twice.
    """
    settings = settings or Stability()
    known = measurements[measurements["case"].astype(str).isin(set(map(str, cases)))]
    table = stability_table(known, settings)
    if table.empty or table["n"].max() < 2:
        raise RadpipeError(
            "no feature of the training part was measured twice",
            found=f"{known['subject'].nunique()} subjects",
            expected="at least two, each with all its repeats",
        )
    reached = table[settings.judged_by] >= minimum
    stable = reached.groupby(table["feature"], sort=False).all()
    return [str(name) for name in stable.index[stable]]


def _icc(table: np.ndarray, form: IccForm, confidence: float) -> tuple[tuple[float, ...], int]:
    """Correlation and interval of the complete rows (subjects) of one feature, and their number."""
    complete = table[np.isfinite(table).all(axis=1)]
    if min(complete.shape) < 2:
        return (math.nan, math.nan, math.nan), len(complete)
    found = icc(complete, form, confidence)
    return (found.estimate, found.low, found.high), len(complete)


def _comparisons(measurements: pd.DataFrame) -> Iterator[tuple[str, list[str], np.ndarray]]:
    """Each source with its columns and values, axes (subject, repeat, feature).

    The unperturbed measurement is a repeat of every perturbation. A subject that lacks a repeat
    altogether has NaN there.
    """
    columns = [c for c in measurements.columns if c not in MEASUREMENT_KEYS]
    unchanged = measurements[measurements["source"] == UNCHANGED]
    for source in measurements.loc[measurements["source"] != UNCHANGED, "source"].unique():
        rows = measurements[measurements["source"] == source]
        if source != RETEST:
            rows = pd.concat([unchanged, rows])
        subjects, subject = np.unique(rows["subject"].astype(str), return_inverse=True)
        repeats, repeat = np.unique(rows["repeat"], return_inverse=True)
        values = np.full((len(subjects), len(repeats), len(columns)), np.nan)
        values[subject, repeat] = rows[columns].to_numpy(dtype=float)
        yield str(source), columns, values


def _row(case: str, source: str, repeat: int, status: str, values: dict) -> dict[str, object]:
    keys = {"case": case, "subject": case, "source": source, "repeat": repeat, "status": status}
    return keys | values


def _cropped(
    images: dict[str, sitk.Image], mask: sitk.Image, settings: Handcrafted, stability: Stability
) -> tuple[dict[str, sitk.Image], sitk.Image]:
    """Images and mask around the region with all that filters and perturbations can reach.

    An axis along which that comes near the border of the image is kept whole, because a wavelet
    sees the opposite side there; images whose filters scale with their maximum are kept whole.
    """
    region = labels_of(mask) > 0
    if not region.any() or set(settings.image_types) & set(POINT_WISE):
        return images, mask
    reach_mm = 4 * stability.contour_mm + settings.ring_mm
    if "log" in settings.image_types:
        reach_mm += LOG_MARGIN_SIGMA * max(settings.log_sigma_mm)
    box = bounding_box(region)
    # A turned region reaches out of its box, at most by its own diagonal.
    extent_mm = np.multiply(box.shape, mask.GetSpacing()[::-1])
    turned_mm = float(np.hypot(*extent_mm[1:])) * math.sin(math.radians(stability.rotation_deg))
    start, stop = [], []
    for first, last, size, step in zip(
        box.start, box.stop, region.shape, mask.GetSpacing()[::-1], strict=True
    ):
        margin = math.ceil((reach_mm + turned_mm) / step) + VOXELS_AROUND
        near = first < margin or last + margin > size
        start.append(0 if near else first - margin)
        stop.append(size if near else last + margin)
    outer = Box(triple(start), triple(stop))
    return {m: outer.crop(image) for m, image in images.items()}, outer.crop(mask)
