"""The performance of every survival model in every cohort, each metric with its interval."""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation.performance_shared import Judgement, performance_rows
from radpipe.evaluation.procedure_intervals import concordance_procedure_interval
from radpipe.evaluation.survival_checks import check_event_probabilities, check_survival
from radpipe.evaluation.survival_utility import complementary_log_log
from radpipe.evaluation.survival_weighted import (
    weighted_auc_at,
    weighted_brier_at,
    weighted_concordance,
    weighted_in_large,
    weighted_integrated_brier,
    weighted_slope,
    weighted_uno,
)
from radpipe.evaluation.tables_shared import Scored, scored
from radpipe.types import Interval, Matrix, Vector

PREFIX = "event_prob_"
"""Begins the columns of the probability of the event by other times than the horizon."""

FEWEST_TIMES = 3
"""Fewer points of a curve are no basis for its integral."""

WEIGHTED = ("c_index_uno", "auc_t", "brier_t", "ibs")
"""Metrics that weigh by inverse censoring: refused past the last event (guardrail G22)."""


def performance_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Every metric of every model in every cohort that has outcomes, at the horizon of the study.

    Metrics: `c_index` (Harrell's), `c_index_uno` (events up to the horizon) and `auc_t` (at the
    horizon) of `risk`; `brier_t` of `event_prob`; `ibs`, Brier(t) averaged over 0 to the last time
    of the columns `event_prob_<time>`; `calibration_slope` of log(-log(1 - event_prob)) in a Cox
    model and `calibration_in_large`, observed over expected (1 is right for both). Censoring is
    estimated by Kaplan-Meier in the cases judged; events come before censoring at one time.

    Out of fold `c_index` has the interval of `procedure_intervals`; others resample patients.

    Args:
        predictions: `model, case, patient, cohort, fold, time, event, risk, event_prob, horizon`
            (one value: the time that `event_prob` is about), and optionally `event_prob_<time>`.
        settings: `confidence` and `bootstrap` are used.
        seed: of the bootstrap.

    Returns:
        `model, cohort, metric, estimate, ci_low, ci_high, method, n`.

    Raises:
        RadpipeError: see `tables_shared.scored`; there are several horizons, a probability is
            outside [0, 1], or an outcome cannot be one.
    """
    horizon = horizon_in(predictions)
    parts = survival_parts(predictions)
    return performance_rows(parts, lambda part: _judge(part, horizon), settings, seed)


def survival_parts(predictions: pd.DataFrame) -> list[Scored]:
    """Each model in each cohort, its outcomes and probabilities checked."""
    columns = ["risk", "event_prob", *curve_columns(predictions)]
    parts = scored(predictions, ["time", "event"], columns)
    for part in parts:
        check_survival(part.number("time"), part.number("event"))
        for column in columns[1:]:
            for values in part.scores[column]:
                check_event_probabilities(values, part.n)
    return parts


def horizon_in(predictions: pd.DataFrame) -> float:
    """The one time that all `event_prob` are about.

    Raises:
        RadpipeError: there is no column `horizon`, or not one value in it.
    """
    if "horizon" not in predictions:
        raise RadpipeError("the predictions lack columns", found=["horizon"])
    found = predictions["horizon"].unique()
    if len(found) != 1 or not float(found[0]) > 0:
        raise RadpipeError(
            "the predictions are not about one horizon",
            found=list(found)[:4],
            expected="one time above 0",
        )
    return float(found[0])


def curve_columns(predictions: pd.DataFrame) -> list[str]:
    """The columns `event_prob_<time>` in ascending time."""
    pattern = re.compile(re.escape(PREFIX) + r"[0-9.]+(e[+-]?[0-9]+)?")
    found = [str(c) for c in predictions.columns if pattern.fullmatch(str(c))]
    return sorted(found, key=lambda column: float(column.removeprefix(PREFIX)))


def curve_names(times: Vector) -> list[str]:
    """The names of the columns for the probability of the event by each time."""
    return [f"{PREFIX}{time:.6g}" for time in times]


def curve_times(horizon: float, points: int = 20) -> Vector:
    """The times at which a model should give the probability of the event: up to the horizon."""
    return np.linspace(0, horizon, points + 1)[1:]


def _judge(part: Scored, horizon: float) -> Judgement:
    t, e = part.number("time"), part.number("event")
    names = curve_columns(pd.DataFrame(columns=list(part.scores)))
    refused = _refused(t, e, horizon, _times(names))

    def statistics(weights: Matrix) -> Mapping[str, Vector]:
        repeats = [
            _metrics(part, repeat, horizon, names, weights, refused)
            for repeat in range(part.repeats)
        ]
        return {name: np.mean([r[name] for r in repeats], axis=0) for name in repeats[0]}

    def concordance(confidence: float) -> Interval:
        risk = part.scores["risk"]
        return concordance_procedure_interval((t, e), risk, part.fold, part.patient, confidence)

    with_event = np.unique(part.patient[e == 1]).size
    return Judgement(
        statistics,
        refused=refused,
        undefined={
            "c_index": "no pair of cases can be compared",
            "c_index_uno": "no pair of cases can be compared",
            "auc_t": "nobody is followed beyond the horizon free of the event",
            "calibration_slope": "predictions constant or separating the events",
            "calibration_in_large": "all predictions are 0",
        },
        ranks=frozenset({"c_index", "c_index_uno", "auc_t"}),
        support=dict.fromkeys(("c_index", "c_index_uno", "auc_t"), with_event),
        procedure={"c_index": concordance},
    )


def _metrics(
    part: Scored,
    repeat: int,
    horizon: float,
    names: list[str],
    weights: Matrix,
    refused: Mapping[str, str],
) -> dict[str, Vector]:
    """The metrics of one repeat that are not refused."""
    t, e = part.number("time"), part.number("event")
    risk, p = part.scores["risk"][repeat], part.scores["event_prob"][repeat]

    def integrated() -> Vector:
        curve = np.stack([part.scores[c][repeat] for c in names], axis=1)
        return weighted_integrated_brier(curve, t, e, weights, _times(names))

    metrics = {
        "c_index": lambda: weighted_concordance(risk, t, e, weights),
        "c_index_uno": lambda: weighted_uno(risk, t, e, weights, horizon),
        "auc_t": lambda: weighted_auc_at(risk, t, e, weights, horizon),
        "brier_t": lambda: weighted_brier_at(p, t, e, weights, horizon),
        "ibs": integrated,
        "calibration_slope": lambda: weighted_slope(complementary_log_log(p), t, e, weights),
        "calibration_in_large": lambda: weighted_in_large(p, t, e, weights, horizon),
    }
    return {name: metric() for name, metric in metrics.items() if name not in refused}


def _times(names: list[str]) -> Vector:
    return np.array([float(name.removeprefix(PREFIX)) for name in names])


def _refused(t: Vector, e: Vector, horizon: float, times: Vector) -> dict[str, str]:
    """Why metrics cannot be computed in a cohort, by name."""
    last = float(t[e == 1].max()) if e.any() else 0.0
    past = "refused: the horizon is past the last event"
    refused = dict.fromkeys(WEIGHTED, past) if horizon > last else {}
    if times.size < FEWEST_TIMES:
        refused["ibs"] = f"undefined: needs columns {PREFIX}<time> at {FEWEST_TIMES} times or more"
    elif times[-1] > last:
        refused["ibs"] = past
    if horizon > t.max():
        refused["calibration_in_large"] = "refused: the horizon is past the last follow-up"
    return refused
