"""Agreement, calibration and comparisons of models of a number, as tidy tables."""

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation.calibration import prediction_groups, usual_groups
from radpipe.evaluation.cohorts import resamples
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.loess import loess_weighted
from radpipe.evaluation.regression import weighted_r2
from radpipe.evaluation.tables_curves import (
    CALIBRATION_COLUMNS,
    SMOOTH_FROM,
    Fit,
    calibration_curve,
)
from radpipe.evaluation.tables_shared import Scored, compare, joined, scored
from radpipe.types import Matrix, Vector

AGREEMENT_COLUMNS = ["model", "cohort", "measure", "estimate", "ci_low", "ci_high", "method", "n"]
LIMIT_SD = 1.96
"""Standard deviations from the bias to a limit of agreement: 95 % of normal differences."""


def agreement_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Bias and limits of agreement of predicted minus observed, with intervals.

    Bland & Altman, Lancet 1986;327:307: bias is the mean of the differences, the limits lie 1.96
    standard deviations below and above. The intervals resample patients.

    Returns:
        `model, cohort, measure, estimate, ci_low, ci_high, method, n` with the measures `bias`,
        `sd`, `lower_limit` and `upper_limit`; means over repeats.
    """
    rows = []
    for part in _parts(predictions):
        once = _differences(part, np.ones((1, part.n)))
        drawn = _differences(part, resamples(part.patient, part.cohort, settings.bootstrap, seed))
        for measure, value in once.items():
            method = part.method("patient_bootstrap")
            estimate = float(value[0])
            found = percentile_interval(estimate, drawn[measure], settings.confidence, method)
            ends = (found.estimate, found.low, found.high, found.method)
            rows.append((part.model, part.cohort, measure, *ends, part.n))
    return pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)


def calibration_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Observed against predicted: groups (`bin`) and a curve with intervals.

    A group holds cases of neighbouring predictions; its observed value is their mean. The curve is
    a `loess` fit, with fewer than `SMOOTH_FROM` cases the `linear` least-squares line; it is left
    out where all predictions are equal. Intervals resample patients, with the groups held fixed.

    Returns:
        `model, cohort, predicted, observed, ci_low, ci_high, n, kind`; means over repeats.
    """
    tables = []
    for part in _parts(predictions):
        weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
        kind = "loess" if part.n >= SMOOTH_FROM else "linear"
        groups = _groups(part, weights, settings.confidence)
        curve = calibration_curve(
            part.scores["y_pred"],
            _fit(kind, part.number("y_true")),
            np.ones((1, part.n)),
            weights,
            settings.confidence,
        )
        for name, table in (("bin", groups), (kind, curve)):
            tables.append(table.assign(model=part.model, cohort=part.cohort, kind=name))
    return joined(tables, CALIBRATION_COLUMNS)


def comparison_table(
    predictions: pd.DataFrame, settings: Evaluation, seed: int, *, primary: str | None = None
) -> pd.DataFrame:
    """Differences in R2 by a paired bootstrap of patients; see `compare`."""
    return compare(_parts(predictions), mean_r2, settings, seed, metric="r2", primary=primary)


def mean_r2(part: Scored, weights: Matrix) -> Vector:
    """R2 against the mean of the observed values, the mean over repeats, shape (B,)."""
    y = part.number("y_true")
    return np.asarray(np.mean([weighted_r2(y, p, weights) for p in part.scores["y_pred"]], axis=0))


def _parts(predictions: pd.DataFrame) -> list[Scored]:
    return scored(predictions, ["y_true"], ["y_pred"])


def _differences(part: Scored, weights: Matrix) -> dict[str, Vector]:
    """Bias, spread and limits of each row of case weights."""
    total = weights.sum(axis=1)
    bias, sd = [], []
    for predicted in part.scores["y_pred"]:
        difference = predicted - part.number("y_true")
        mean = weights @ difference / total
        squares = np.maximum(weights @ difference**2 - total * mean**2, 0)
        bias.append(mean)
        sd.append(np.sqrt(squares / (total - 1)) if part.n > 1 else np.full_like(mean, np.nan))
    centre, spread = np.mean(bias, axis=0), np.mean(sd, axis=0)
    return {
        "bias": centre,
        "sd": spread,
        "lower_limit": centre - LIMIT_SD * spread,
        "upper_limit": centre + LIMIT_SD * spread,
    }


def _groups(part: Scored, weights: Matrix, confidence: float) -> pd.DataFrame:
    """The mean of the observed values in groups of neighbouring predictions."""
    y, p = part.number("y_true"), part.scores["y_pred"]
    index = prediction_groups(p, usual_groups(part.n))
    rows = []
    for group in np.unique(index):
        # How often each case lies in the group, over repeats.
        inside = (index == group).sum(axis=0).astype(float)
        drawn = weights * inside
        size = drawn.sum(axis=1)
        means = np.divide(drawn @ y, size, out=np.full(len(size), np.nan), where=size > 0)
        observed = float(inside @ y / inside.sum())
        found = percentile_interval(observed, means, confidence)
        n = int(np.ceil(inside.sum() / part.repeats))
        rows.append((float(p[index == group].mean()), observed, found.low, found.high, n))
    return pd.DataFrame(rows, columns=["predicted", "observed", "ci_low", "ci_high", "n"])


def _fit(kind: str, y: Vector) -> Fit:
    """The mean of the observed values at a prediction."""
    curve = _line if kind == "linear" else loess_weighted
    return lambda p, at, weights: curve(p, y, at, weights)


def _line(x: Vector, y: Vector, at: Vector, weights: Matrix) -> Matrix:
    """The weighted least-squares line at some points, one row a row of weights."""
    centre, scale = x.mean(), x.std() or 1.0
    z = (x - centre) / scale
    total = weights.sum(axis=1)
    mean_z, mean_y = weights @ z / total, weights @ y / total
    spread = weights @ z**2 - total * mean_z**2
    together = weights @ (z * y) - total * mean_z * mean_y
    slope = np.divide(together, spread, out=np.full(len(total), np.nan), where=spread > 1e-9)
    return np.asarray(mean_y[:, None] + slope[:, None] * ((at - centre) / scale - mean_z[:, None]))
