"""Curves, calibration and comparisons of models of survival, as tidy tables."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Evaluation, Outcome
from radpipe.evaluation.calibration import prediction_groups, usual_groups
from radpipe.evaluation.cohorts import resamples
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.performance_survival import PREFIX, curve_columns, horizon_in
from radpipe.evaluation.survival_curves import kaplan_meier, log_rank
from radpipe.evaluation.survival_scores import brier_at, brier_null, horizon_weights
from radpipe.evaluation.survival_utility import net_benefit_survival
from radpipe.evaluation.survival_weighted import weighted_auc_at, weighted_concordance
from radpipe.evaluation.tables_curves import (
    CALIBRATION_COLUMNS,
    SMOOTH_FROM,
    calibration_curve,
    decision_rows,
    decision_thresholds,
    proportion_fit,
)
from radpipe.evaluation.tables_shared import Scored, compare, joined, scored
from radpipe.types import DEVELOPMENT, Matrix, Vector

TRUTH = ["time", "event"]
SCORES = ["risk", "event_prob", "threshold"]
LOW, HIGH = "low", "high"
"""Names of the risk groups: below, and at or above the threshold of the training part."""

CURVE_COLUMNS = [
    *["model", "cohort", "group", "time", "survival", "ci_low", "ci_high"],
    *["at_risk", "events", "censored", "log_rank_p"],
]
SCORE_COLUMNS = [
    *["model", "cohort", "time", "auc", "ci_low", "ci_high", "brier", "brier_null"],
    *["events", "at_risk", "horizon"],
]
TIMES = 15
"""Times at which AUC(t) is measured where the predictions name none."""

FEW = 5
"""AUC(t) is measured where this many cases had the event and as many are still at risk."""


def with_horizon(predictions: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """The predictions with the column `horizon`, the time that `event_prob` is about.

    Where it is not there: the horizon of the outcome, else the median follow-up of the development
    cases, each counted once.
    """
    if "horizon" in predictions.columns:
        return predictions
    inside = predictions[predictions["cohort"] == DEVELOPMENT]
    median = float(inside.drop_duplicates("case")["time"].median())
    return predictions.assign(horizon=median if outcome.horizon is None else outcome.horizon)


def survival_curves(predictions: pd.DataFrame, settings: Evaluation) -> pd.DataFrame:
    """Kaplan-Meier curves of the cases of low and of high predicted risk, with the log-rank test.

    A case is of high risk if its risk reaches the threshold of the training part that predicted it,
    in at least half of the repeats. Limits are pointwise on the scale of log(-log). Cases of one
    patient count as if they were of several. p is missing where all cases are in one group.

    Returns:
        The columns of `CURVE_COLUMNS`; the first row of a group is at time 0.
    """
    tables = []
    for part in scored(predictions, TRUTH, SCORES):
        time, event = part.number("time"), part.number("event")
        high = (part.scores["risk"] >= part.scores["threshold"]).mean(axis=0) >= 0.5
        several = 0 < high.sum() < part.n
        p = log_rank(time, event, high).p if several else np.nan
        for name, inside in ((LOW, ~high), (HIGH, high)):
            if inside.any():
                curve = _steps(time[inside], event[inside], settings.confidence)
                place = {"model": part.model, "cohort": part.cohort, "group": name}
                tables.append(curve.assign(**place, log_rank_p=p))
    return joined(tables, CURVE_COLUMNS)


def survival_scores(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """AUC(t) of the risk and Brier(t) over time, beside Brier(t) of the Kaplan-Meier estimate.

    The times are the horizon and those of the columns `event_prob_<time>`; without such columns
    they are quantiles of the event times of a cohort, and Brier(t) is empty but at the horizon. The
    intervals resample patients.

    Returns:
        The columns of `SCORE_COLUMNS`: `ci_low` and `ci_high` belong to `auc`; `events` by then and
        `at_risk` beyond; `horizon` marks the row at the horizon; means over repeats.
    """
    horizon, curves = horizon_in(predictions), curve_columns(predictions)
    columns = {float(name.removeprefix(PREFIX)): name for name in curves} | {horizon: "event_prob"}
    rows: list[tuple[object, ...]] = []
    for part in scored(predictions, TRUTH, [*SCORES, *curves]):
        time, event = part.number("time"), part.number("event")
        weights = resamples(part.patient, part.cohort, settings.bootstrap, seed)
        quantiles = [] if curves or not event.any() else _quantiles(time[event == 1])
        for at in sorted({*columns, *quantiles}):
            if _enough(time, event, at):
                found = _scores_at(part, at, columns.get(at), weights, settings.confidence)
                had, beyond = ((time <= at) & (event == 1)).sum(), (time > at).sum()
                place = (part.model, part.cohort, at)
                rows.append((*place, *found, int(had), int(beyond), at == horizon))
    return pd.DataFrame(rows, columns=SCORE_COLUMNS)


def calibration_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Observed against predicted probability of the event by the horizon.

    In groups of neighbouring predictions (`bin`) the observed probability is 1 less the
    Kaplan-Meier estimate, with limits on the scale of log(-log). The curve weighs cases by the
    inverse probability of being uncensored (held fixed in the resamples of patients): `loess`, with
    fewer than `SMOOTH_FROM` cases the `logistic` line. A cohort whose last event comes before the
    horizon has no rows.

    Returns:
        `model, cohort, predicted, observed, ci_low, ci_high, n, kind`; means over repeats.
    """
    horizon = horizon_in(predictions)
    tables = []
    for part in scored(predictions, TRUTH, SCORES):
        if not _reaches(part.number("time"), part.number("event"), horizon):
            continue
        kind = "loess" if part.n >= SMOOTH_FROM else "logistic"
        groups = _groups(part, horizon, settings.confidence)
        curve = _curve(part, horizon, settings, seed, kind)
        for name, table in (("bin", groups), (kind, curve)):
            tables.append(table.assign(model=part.model, cohort=part.cohort, kind=name))
    return joined(tables, CALIBRATION_COLUMNS)


def comparison_table(
    predictions: pd.DataFrame, settings: Evaluation, seed: int, *, primary: str | None = None
) -> pd.DataFrame:
    """Differences in Harrell's C by a paired bootstrap of patients; see `compare`."""
    parts = scored(predictions, TRUTH, SCORES)
    return compare(parts, mean_c, settings, seed, metric="c_index", primary=primary)


def decision_table(predictions: pd.DataFrame, settings: Evaluation) -> pd.DataFrame:
    """Net benefit at the horizon of each model, of treating all and none, over `decision_range`.

    The share of events among those treated is their Kaplan-Meier estimate. A cohort that nobody
    follows to the horizon has no rows; a threshold at which none of the treated is followed so far
    has no value.

    Returns:
        `model, cohort, threshold, net_benefit`, with the models `treat_all` and `treat_none` once a
        cohort; means over repeats.
    """
    horizon, thresholds = horizon_in(predictions), decision_thresholds(settings)
    found = []
    for part in scored(predictions, TRUTH, SCORES):
        time, event = part.number("time"), part.number("event")
        if time.max() >= horizon:
            each = part.scores["event_prob"]
            curves = [net_benefit_survival(p, time, event, horizon, thresholds) for p in each]
            found.append((part, curves))
    return decision_rows(found, thresholds)


def mean_c(part: Scored, weights: Matrix) -> Vector:
    """Harrell's C of each row of case weights, the mean over repeats, shape (B,)."""
    time, event = part.number("time"), part.number("event")
    each = [weighted_concordance(r, time, event, weights) for r in part.scores["risk"]]
    return np.asarray(np.mean(each, axis=0))


def _steps(time: Vector, event: Vector, confidence: float) -> pd.DataFrame:
    curve = kaplan_meier(time, event)
    low, high = curve.limits(curve.time, kind="log-log", confidence=confidence)
    table = pd.DataFrame(
        {
            "time": curve.time,
            "survival": curve.survival,
            "ci_low": low,
            "ci_high": high,
            "at_risk": curve.n_risk.astype(int),
            "events": curve.n_event.astype(int),
            "censored": curve.n_censor.astype(int),
        }
    )
    table = table[table["time"] > 0]
    start = {"time": 0.0, "survival": 1.0, "ci_low": 1.0, "ci_high": 1.0, "at_risk": time.size}
    first = pd.DataFrame([{**start, "events": 0, "censored": 0}])
    return pd.concat([first, table], ignore_index=True)


def _reaches(time: Vector, event: Vector, at: float) -> bool:
    """Whether weights by inverse censoring exist at a time: not past the last event."""
    return bool(event.any() and 0 < at <= time[event == 1].max())


def _quantiles(times: Vector) -> list[float]:
    return [float(at) for at in np.quantile(times, np.linspace(0.1, 0.9, TIMES))]


def _enough(time: Vector, event: Vector, at: float) -> bool:
    """Whether AUC(t) can be told from more than a few cases."""
    had, beyond = (time <= at) & (event == 1), time > at
    return _reaches(time, event, at) and min(int(had.sum()), int(beyond.sum())) >= FEW


def _scores_at(
    part: Scored, at: float, column: str | None, weights: Matrix, confidence: float
) -> tuple[float, float, float, float, float]:
    """AUC(t) with its interval, Brier(t), and that of the Kaplan-Meier estimate."""
    time, event = part.number("time"), part.number("event")

    def mean_auc(rows: Matrix) -> Vector:
        each = [weighted_auc_at(risk, time, event, rows, at) for risk in part.scores["risk"]]
        return np.asarray(np.mean(each, axis=0))

    once = np.ones((1, part.n))
    auc = float(mean_auc(once)[0])
    found = percentile_interval(auc, mean_auc(weights), confidence)
    if column is None:
        return auc, found.low, found.high, np.nan, np.nan
    each = [brier_at(p, time, event, at) for p in part.scores[column]]
    return auc, found.low, found.high, float(np.mean(each)), brier_null(time, event, at)


def _groups(part: Scored, horizon: float, confidence: float) -> pd.DataFrame:
    """The observed share of events in groups of neighbouring predictions."""
    p = part.scores["event_prob"]
    index = prediction_groups(p, usual_groups(part.n))
    rows = [
        (float(p[index == group].mean()), *_observed(part, index == group, horizon, confidence))
        for group in np.unique(index)
    ]
    columns = ["predicted", "observed", "ci_low", "ci_high", "n"]
    return pd.DataFrame(rows, columns=columns).dropna(subset="observed")


def _observed(
    part: Scored, inside: npt.NDArray[np.bool_], horizon: float, confidence: float
) -> tuple[float, float, float, int]:
    """1 - Kaplan-Meier at the horizon of a group; NaN where it was not followed so far."""
    time, event = (np.tile(part.number(c), (part.repeats, 1))[inside] for c in TRUTH)
    n = int(np.ceil(inside.sum() / part.repeats))
    curve = kaplan_meier(time, event)
    if time.max() < horizon and curve.survival[-1] > 0:
        return np.nan, np.nan, np.nan, n
    # A case that stands in the group once a repeat is still one case.
    honest = replace(curve, variance_log=curve.variance_log * part.repeats)
    low, high = honest.limits([horizon], kind="log-log", confidence=confidence)
    return float(1 - curve.at([horizon])[0]), float(1 - high[0]), float(1 - low[0]), n


def _curve(
    part: Scored, horizon: float, settings: Evaluation, seed: int, kind: str
) -> pd.DataFrame:
    known = horizon_weights(part.number("time"), part.number("event"), horizon)
    fit, once = proportion_fit(kind, known.had.astype(float)), known.weight[None, :]
    weights = resamples(part.patient, part.cohort, settings.bootstrap, seed) * known.weight
    p = part.scores["event_prob"]
    return calibration_curve(p, fit, once, weights, settings.confidence)
