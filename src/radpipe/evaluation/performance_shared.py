"""Rows of `performance.tsv` for outcomes of any kind: one set of resamples, every interval."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation.cohorts import resamples
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.performance import COLUMNS
from radpipe.evaluation.tables_shared import Scored
from radpipe.types import Interval, Matrix, Vector

LEAVE_ONE_OUT = "refused: pooled leave-one-out predictions are biased"
BOOTSTRAP = "patient_bootstrap"


@dataclass(frozen=True)
class Judgement:
    """How one model is judged in one cohort.

    Attributes:
        statistics: every metric of each row of case weights (B, n), shape (B,), by name; the mean
            over repeats. NaN where a metric does not exist.
        refused: why a metric is not computed at all, by name; `statistics` need not have it.
        undefined: why a metric may not exist, by name.
        ranks: metrics that rank cases of different folds together.
        support: patients behind a metric in [0, 1] that no resample can move off 0 or 1.
        procedure: from the confidence to the interval of the whole procedure, of metrics that have
            one out of fold.
    """

    statistics: Callable[[Matrix], Mapping[str, Vector]]
    refused: Mapping[str, str] = field(default_factory=dict)
    undefined: Mapping[str, str] = field(default_factory=dict)
    ranks: frozenset[str] = frozenset()
    support: Mapping[str, int] = field(default_factory=dict)
    procedure: Mapping[str, Callable[[float], Interval]] = field(default_factory=dict)


def performance_rows(
    parts: Sequence[Scored],
    judge: Callable[[Scored], Judgement],
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """Every metric of every model in every cohort with its bootstrap interval.

    Patients are resampled, with the same samples for all models of a cohort and all metrics. A
    metric of 0 or 1 that stays there in all resamples gets the exact limit of a proportion instead
    of an interval without width. A metric that does not exist keeps its row, and the method says
    why.

    Returns:
        The columns of `performance.COLUMNS`; n counts cases.
    """
    rows = []
    for part in parts:
        found = judge(part)
        refused = dict(found.refused)
        if not part.poolable:
            refused |= dict.fromkeys(found.ranks, LEAVE_ONE_OUT)
        once = found.statistics(np.ones((1, part.n)))
        weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
        drawn = found.statistics(weights)
        for metric in dict.fromkeys([*once, *refused]):
            if metric in refused:
                interval = _nothing(refused[metric])
            else:
                estimate = float(once[metric][0])
                interval = _interval(part, found, metric, estimate, drawn[metric], settings)
            ends = (interval.estimate, interval.low, interval.high, interval.method)
            rows.append((part.model, part.cohort, metric, *ends, part.n))
    return pd.DataFrame(rows, columns=COLUMNS)


def _interval(
    part: Scored,
    found: Judgement,
    metric: str,
    estimate: float,
    drawn: Vector,
    settings: Evaluation,
) -> Interval:
    if not np.isfinite(estimate):
        return _nothing(f"undefined: {found.undefined.get(metric, 'not defined in these cases')}")
    patients = found.support.get(metric, 0)
    if patients and estimate in (0.0, 1.0):
        limit = ((1 - settings.confidence) / 2) ** (1 / patients)
        low, high = (limit, 1.0) if estimate == 1 else (0.0, 1 - limit)
        return Interval(estimate, low, high, part.method("clopper_pearson"))
    if part.cross_validated and metric in found.procedure:
        whole = found.procedure[metric](settings.confidence)
        if np.isfinite(whole.low):
            return whole
    method = part.method(BOOTSTRAP)
    return percentile_interval(estimate, drawn, settings.confidence, method)


def _nothing(reason: str) -> Interval:
    return Interval(np.nan, np.nan, np.nan, reason)
