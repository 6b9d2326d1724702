"""One call for every kind of outcome: the tables that predictions of this kind are judged by."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd

from radpipe.config import Evaluation, Outcome
from radpipe.config.outcome import OutcomeKind
from radpipe.errors import ConfigError, RadpipeError
from radpipe.evaluation import performance as performance_binary
from radpipe.evaluation import (
    performance_multiclass,
    performance_regression,
    performance_survival,
    tables,
    tables_multiclass,
    tables_regression,
    tables_survival,
)
from radpipe.evaluation.checks import repeat_of
from radpipe.evaluation.discrimination import weighted_auc
from radpipe.evaluation.multiverse import multiverse_table
from radpipe.evaluation.tables_shared import Scored, Statistic, scored
from radpipe.io.outcomes import value_key
from radpipe.types import DEVELOPMENT, Matrix, Vector

PRIMARY_METRIC: dict[OutcomeKind, str] = {
    "binary": "auc",
    "multiclass": "auc_hand_till",
    "regression": "r2",
    "survival": "c_index",
}
"""The metric by which models of a kind are compared."""

CURVES: dict[OutcomeKind, tuple[str, ...]] = {
    "binary": ("roc", "operating_points"),
    "multiclass": ("roc", "confusion"),
    "regression": ("agreement",),
    "survival": ("survival_curves", "survival_scores"),
}
"""The tables that `curves` makes."""

DECIDABLE: tuple[OutcomeKind, ...] = ("binary", "survival")
"""Kinds of outcome with a threshold probability, and so with a decision curve."""

Measure = Callable[[pd.DataFrame, Evaluation, int], pd.DataFrame]
"""What makes a table of predictions, by settings and the seed of the bootstrap."""

PERFORMANCE: dict[OutcomeKind, Measure] = {
    "binary": performance_binary.performance_table,
    "multiclass": performance_multiclass.performance_table,
    "regression": performance_regression.performance_table,
    "survival": performance_survival.performance_table,
}
CALIBRATION: dict[OutcomeKind, Measure] = {
    "binary": tables.calibration_table,
    "multiclass": tables_multiclass.calibration_table,
    "regression": tables_regression.calibration_table,
    "survival": tables_survival.calibration_table,
}

SUBGROUP_METRICS: dict[OutcomeKind, tuple[str, ...]] = {
    "binary": ("auc", "sensitivity", "specificity"),
    "multiclass": ("auc_hand_till", "balanced_accuracy"),
    "regression": ("r2", "mae"),
    "survival": ("c_index", "calibration_in_large"),
}
SUBGROUP_COLUMNS = [
    *["model", "cohort", "subgroup", "level", "metric"],
    *["estimate", "ci_low", "ci_high", "method", "n"],
]
REPEAT_COLUMNS = ["model", "cohort", "repeat", "metric", "estimate", "n"]


def table_names(outcome: Outcome, *, repeats: int, subgroups: Sequence[str]) -> list[str]:
    """The tables that `judge` makes for a study with this many repeats and these subgroups."""
    names = ["performance", *CURVES[outcome.kind], "multiverse"]
    names += ["repeats"] if repeats > 1 else []
    return names + (["subgroups"] if subgroups else [])


def judge(
    predictions: pd.DataFrame,
    cases: pd.DataFrame,
    outcome: Outcome,
    settings: Evaluation,
    seed: int,
) -> dict[str, pd.DataFrame]:
    """All that is measured of the models, by name of the table; see `table_names`."""
    return {
        "performance": performance(predictions, outcome, settings, seed),
        **curves(predictions, outcome, settings, seed),
        "multiverse": multiverse_table(
            *_primary(predictions, outcome.kind), PRIMARY_METRIC[outcome.kind]
        ),
        "repeats": repeats(predictions, outcome),
        "subgroups": subgroups(predictions, cases, outcome, settings, seed),
    }


def performance(
    predictions: pd.DataFrame, outcome: Outcome, settings: Evaluation, seed: int
) -> pd.DataFrame:
    """Every metric of every model in every cohort, with the columns of `performance.COLUMNS`."""
    return PERFORMANCE[outcome.kind](_with_horizon(predictions, outcome), settings, seed)


def primary_metric(predictions: pd.DataFrame, kind: OutcomeKind) -> float:
    """The metric that `performance` calls `PRIMARY_METRIC`, of one model in one cohort."""
    statistic, (part,) = _primary(predictions, kind)
    return float(statistic(part, np.ones((1, part.n)))[0])


def curves(
    predictions: pd.DataFrame, outcome: Outcome, settings: Evaluation, seed: int
) -> dict[str, pd.DataFrame]:
    """The tables of `CURVES` by name."""
    if outcome.kind == "binary":
        points = performance_binary.operating_points(predictions)
        return {"roc": tables.roc_table(predictions), "operating_points": points}
    if outcome.kind == "multiclass":
        confusion = tables_multiclass.confusion_table(predictions)
        return {"roc": tables_multiclass.roc_table(predictions), "confusion": confusion}
    if outcome.kind == "regression":
        return {"agreement": tables_regression.agreement_table(predictions, settings, seed)}
    judged = tables_survival.with_horizon(predictions, outcome)
    return {
        "survival_curves": tables_survival.survival_curves(judged, settings),
        "survival_scores": tables_survival.survival_scores(judged, settings, seed),
    }


def comparisons(
    predictions: pd.DataFrame,
    outcome: Outcome,
    settings: Evaluation,
    seed: int,
    *,
    primary: str | None = None,
) -> pd.DataFrame:
    """Differences in the primary metric of all pairs of models in each cohort.

    Returns:
        The columns of `tables_shared.COMPARISON_COLUMNS`.
    """
    if outcome.kind == "binary":
        return tables.comparison_table(predictions, settings, primary=primary)
    table = {
        "multiclass": tables_multiclass.comparison_table,
        "regression": tables_regression.comparison_table,
        "survival": tables_survival.comparison_table,
    }[outcome.kind]
    return table(predictions, settings, seed, primary=primary)


def calibration(
    predictions: pd.DataFrame, outcome: Outcome, settings: Evaluation, seed: int
) -> pd.DataFrame:
    """Observed against predicted; of several classes with a column `class`."""
    return CALIBRATION[outcome.kind](_with_horizon(predictions, outcome), settings, seed)


def decision(predictions: pd.DataFrame, outcome: Outcome, settings: Evaluation) -> pd.DataFrame:
    """Net benefit of acting on each model.

    Raises:
        RadpipeError: the outcome is not one of `DECIDABLE`.
    """
    if outcome.kind == "binary":
        return tables.decision_table(predictions, settings)
    if outcome.kind == "survival":
        judged = tables_survival.with_horizon(predictions, outcome)
        return tables_survival.decision_table(judged, settings)
    raise RadpipeError(
        "a decision curve needs a probability to act on",
        found=f"a {outcome.kind} outcome",
        expected=" or ".join(DECIDABLE),
    )


def repeats(predictions: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """The primary metric in each repeat of the cross-validation, how far it depends on the seed.

    Returns:
        `model, cohort, repeat, metric, estimate, n`; empty with a single repeat.
    """
    statistic, parts = _primary(predictions, outcome.kind)
    rows = []
    for part in parts:
        if part.cohort != DEVELOPMENT or part.repeats < 2 or not part.poolable:
            continue
        for k in range(part.repeats):
            single = part.repeat(k)
            value = float(statistic(single, np.ones((1, part.n)))[0])
            name = repeat_of(str(single.fold[0, 0]))
            metric = PRIMARY_METRIC[outcome.kind]
            rows.append((part.model, part.cohort, name, metric, value, part.n))
    return pd.DataFrame(rows, columns=REPEAT_COLUMNS)


def subgroups(
    predictions: pd.DataFrame,
    cases: pd.DataFrame,
    outcome: Outcome,
    settings: Evaluation,
    seed: int,
) -> pd.DataFrame:
    """The performance inside each level of each column named in `settings.subgroups`.

    Args:
        predictions: the rows of `predictions.tsv`.
        cases: the case table with the columns.
        outcome: what is predicted.
        settings: `subgroups`, `confidence` and `bootstrap` are used.
        seed: of the bootstrap.

    Returns:
        The columns of `SUBGROUP_COLUMNS`, the metrics of `SUBGROUP_METRICS`; a case without a value
        is in no level.

    Raises:
        ConfigError: the case table has no such column.
    """
    tables_of_levels = []
    for column in settings.subgroups:
        for level, inside in _levels(predictions, cases, column):
            table = performance(inside, outcome, settings, seed)
            table = table[table["metric"].isin(SUBGROUP_METRICS[outcome.kind])]
            tables_of_levels.append(table.assign(subgroup=column, level=level))
    if not tables_of_levels:
        return pd.DataFrame(columns=SUBGROUP_COLUMNS)
    return pd.concat(tables_of_levels, ignore_index=True)[SUBGROUP_COLUMNS]


def _with_horizon(predictions: pd.DataFrame, outcome: Outcome) -> pd.DataFrame:
    """The predictions as a `Measure` wants them: of survival with the time they are about."""
    if outcome.kind != "survival":
        return predictions
    return tables_survival.with_horizon(predictions, outcome)


def _levels(
    predictions: pd.DataFrame, cases: pd.DataFrame, column: str
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The predictions of the cases of each level of a column, in sorted order."""
    if column not in cases.columns:
        raise ConfigError(
            f"evaluation.subgroups: the case sheet has no column '{column}'",
            expected=f"one of {', '.join(map(str, cases.columns))}",
        )
    levels = cases.set_index(cases["case"].astype(str))[column].map(value_key)
    own = predictions["case"].astype(str).map(levels)
    for level in sorted(set(own.dropna()) - {""}):
        yield level, predictions[own == level].reset_index(drop=True)


def _primary(predictions: pd.DataFrame, kind: OutcomeKind) -> tuple[Statistic, Sequence[Scored]]:
    """The primary metric as a function, and the predictions it is measured on."""
    if kind == "binary":
        return _mean_auc, scored(predictions, ["y_true"], ["y_prob"])
    if kind == "multiclass":
        return tables_multiclass.mean_hand_till, tables_multiclass.class_parts(predictions)
    if kind == "regression":
        return tables_regression.mean_r2, scored(predictions, ["y_true"], ["y_pred"])
    return tables_survival.mean_c, scored(predictions, ["time", "event"], ["risk"])


def _mean_auc(part: Scored, weights: Matrix) -> Vector:
    y = part.number("y_true")
    each = [weighted_auc(y, p, weights) for p in part.scores["y_prob"]]
    return np.asarray(np.mean(each, axis=0))
