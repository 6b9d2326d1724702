"""What the tables of every kind of outcome share: arrays of predictions, paired comparisons."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation.checks import check_finite, repeat_of
from radpipe.evaluation.cohorts import Predicted, resamples
from radpipe.evaluation.comparison import Difference
from radpipe.evaluation.intervals import percentile_interval
from radpipe.evaluation.multiplicity import holm
from radpipe.types import DEVELOPMENT, Matrix, Vector

COMPARISON_COLUMNS = [
    "model_a",
    "model_b",
    "cohort",
    "metric",
    "difference",
    "ci_low",
    "ci_high",
    "z",
    "p",
    "p_holm",
    "method",
    "n",
    "primary",
]
PAIRED_BOOTSTRAP = "patient_bootstrap_paired"
SAMPLES_A_PAIR = 100
"""Bootstrap samples for each pair compared, at least.

The smallest p of B samples is 2 / (B + 1), and Holm multiplies it by the number of pairs: with 2000
samples and 55 pairs (11 models) no difference, however large, could reach 0.05."""


@dataclass(frozen=True)
class Scored(Predicted):
    """Predictions of any kind of outcome.

    Attributes:
        truth: the columns of the outcome, each of shape (n,).
        scores: the columns of the predictions, each of shape (repeats, n).
    """

    truth: Mapping[str, npt.NDArray[np.generic]]
    scores: Mapping[str, Matrix]

    def number(self, column: str) -> Vector:
        """A column of the outcome as numbers, shape (n,)."""
        return np.asarray(self.truth[column], dtype=float)

    def repeat(self, index: int) -> Self:
        """The predictions of one repeat."""
        rows = slice(index, index + 1)
        scores = {name: values[rows] for name, values in self.scores.items()}
        return replace(self, scores=scores, fold=self.fold[rows])

    def subset(self, keep: npt.NDArray[np.bool_]) -> Self:
        """The same for some of the cases, `keep` of shape (n,)."""
        return replace(
            super().subset(keep),
            truth={name: values[keep] for name, values in self.truth.items()},
            scores={name: values[:, keep] for name, values in self.scores.items()},
        )


PartT = TypeVar("PartT", bound=Predicted)

Statistic = Callable[[Scored, Matrix], Vector]
"""A number of each row of case weights (B, n), shape (B,); the mean over repeats."""


def scored(predictions: pd.DataFrame, truth: Sequence[str], scores: Sequence[str]) -> list[Scored]:
    """Each model in each cohort, in the order of the table; rows without an outcome are left out.

    Args:
        predictions: the rows of `predictions.tsv`.
        truth: columns of the outcome.
        scores: columns of the predictions.

    Raises:
        RadpipeError: a column is missing, a prediction is not finite, a development case has no
            outcome, or the repeats of a model do not hold the same cases once each.
    """
    needed = ["model", "case", "patient", "cohort", "fold", *truth, *scores]
    absent = [column for column in needed if column not in predictions.columns]
    if absent:
        raise RadpipeError("the predictions lack columns", found=absent, expected="all of them")
    known = predictions[list(truth)].notna().all(axis=1)
    lost = predictions[~known & (predictions["cohort"] == DEVELOPMENT)]
    if len(lost):
        raise RadpipeError("a development case has no outcome", case=str(lost["case"].iloc[0]))
    rows = predictions[known]
    for column in scores:
        check_finite(rows, column)
    rows = rows.assign(repeat=[repeat_of(str(fold)) for fold in rows["fold"]])
    return [
        _arrays(str(model), str(cohort), group, truth, scores)
        for (model, cohort), group in rows.groupby(["model", "cohort"], sort=False)
    ]


def compare(
    parts: Sequence[Scored],
    statistic: Statistic,
    settings: Evaluation,
    seed: int,
    *,
    metric: str,
    primary: str | None = None,
) -> pd.DataFrame:
    """All pairs of models in each cohort by a paired bootstrap of patients, on common cases.

    In pairs of the primary model it is `model_a`; the other pairs are by order of the parts, the
    later model first. The interval holds the middle of the differences of the resamples; p is twice
    the smaller share of them at or beyond 0, with one added to count and number (Davison & Hinkley,
    Bootstrap Methods and their Application, 1997, ch. 4), and z the difference over their standard
    deviation. Holm's adjustment is over all pairs of a cohort; there are at least `SAMPLES_A_PAIR`
    resamples a pair, so that p can be small enough for it.

    Args:
        parts: what every model predicted.
        statistic: the metric compared.
        settings: `confidence`, `bootstrap`, and `primary` unless it is given here.
        seed: of the bootstrap.
        metric: its name in the table.
        primary: the model named before; default: that of the settings, else the last one.

    Returns:
        The columns of `COMPARISON_COLUMNS`.
    """
    tables = []
    for cohort, named, pairs in pairs_of(parts, primary or settings.primary):
        rows = []
        samples = max(settings.bootstrap, SAMPLES_A_PAIR * len(pairs))
        enough = settings.model_copy(update={"bootstrap": samples})
        for first, second in pairs:
            a, b = common_cases(first, second)
            found = _paired(a, b, statistic, enough, seed)
            rows.append(comparison_row(a.model, b.model, a.n, found))
        tables.append(adjusted(rows, cohort, metric, named))
    return joined(tables, COMPARISON_COLUMNS)


def pairs_of(
    parts: Sequence[PartT], primary: str | None
) -> list[tuple[str, str, list[tuple[PartT, PartT]]]]:
    """Each cohort with the primary model's name and the pairs of models that are compared."""
    names = list(dict.fromkeys(part.model for part in parts))
    named = primary or (names[-1] if names else "")
    order = sorted(names, key=lambda name: (name != named, -names.index(name)))
    found = []
    for cohort in dict.fromkeys(part.cohort for part in parts):
        by_name = {part.model: part for part in parts if part.cohort == cohort}
        inside = [by_name[name] for name in order if name in by_name]
        if len(inside) > 1:
            found.append((cohort, named, list(combinations(inside, 2))))
    return found


def common_cases(first: PartT, second: PartT) -> tuple[PartT, PartT]:
    """Both models on the cases that both predicted."""
    common = np.intersect1d(first.case, second.case)
    return (
        first.subset(np.isin(first.case, common)),
        second.subset(np.isin(second.case, common)),
    )


def comparison_row(a: str, b: str, n: int, found: Difference) -> dict[str, object]:
    """One pair as a row of `comparisons.tsv`."""
    return {
        "model_a": a,
        "model_b": b,
        "difference": found.difference,
        "ci_low": found.low,
        "ci_high": found.high,
        "z": found.z,
        "p": found.p,
        "method": found.method,
        "n": n,
    }


def adjusted(
    rows: list[dict[str, object]], cohort: str, metric: str, primary: str | None
) -> pd.DataFrame:
    """The pairs of one cohort with Holm's adjustment over all of them."""
    table = pd.DataFrame(rows)
    return table.assign(
        cohort=cohort,
        metric=metric,
        p_holm=holm(table["p"]),
        primary=table["model_a"] == primary,
    )


def untested(reason: str) -> Difference:
    """A difference that cannot be told, and why."""
    return Difference(np.nan, np.nan, np.nan, np.nan, np.nan, reason)


def joined(tables: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    """One table of those that have rows; without rows if none has."""
    filled = [table for table in tables if len(table)]
    if not filled:
        return pd.DataFrame(columns=columns)
    return pd.concat(filled, ignore_index=True)[columns]


def _paired(
    a: Scored, b: Scored, statistic: Statistic, settings: Evaluation, seed: int
) -> Difference:
    if not a.n:
        return untested("undefined: no common case")
    if not (a.poolable and b.poolable):
        return untested("refused: pooled leave-one-out predictions are biased")
    once = np.ones((1, a.n))
    difference = float((statistic(a, once) - statistic(b, once))[0])
    if not np.isfinite(difference):
        return untested("undefined: the metric does not exist in these cases")
    weights = resamples(a.patient, a.cohort, settings.bootstrap, seed)
    drawn = statistic(a, weights) - statistic(b, weights)
    name = a.method(PAIRED_BOOTSTRAP)
    found = percentile_interval(difference, drawn, settings.confidence, name)
    finite = drawn[np.isfinite(drawn)]
    if not (np.isfinite(found.low) and finite.size > 1):
        return Difference(difference, np.nan, np.nan, np.nan, np.nan, found.method)
    tail = min(int((finite <= 0).sum()), int((finite >= 0).sum()))
    spread = float(finite.std(ddof=1))
    return Difference(
        difference,
        found.low,
        found.high,
        difference / spread if spread else 0.0,
        min(1.0, 2 * (tail + 1) / (finite.size + 1)),
        found.method,
    )


def _arrays(
    model: str, cohort: str, group: pd.DataFrame, truth: Sequence[str], scores: Sequence[str]
) -> Scored:
    by_case = group.sort_values(["repeat", "case"], kind="stable")
    repeats = by_case["repeat"].nunique()
    cases = by_case["case"].to_numpy(dtype=str)
    table = cases.reshape(repeats, -1) if not cases.size % repeats else cases[None, :0]
    if not (table.size == cases.size and (table == table[0]).all()):
        raise RadpipeError(
            f"the repeats of model '{model}' in cohort '{cohort}' hold different cases",
            expected="the same cases once in each repeat",
        )
    if np.unique(table[0]).size < table.shape[1]:
        raise RadpipeError(f"model '{model}' predicts a case of cohort '{cohort}' twice")
    first = by_case.iloc[: table.shape[1]]
    return Scored(
        model,
        cohort,
        table[0],
        first["patient"].to_numpy(dtype=str),
        by_case["fold"].to_numpy(dtype=str).reshape(repeats, -1),
        truth={column: first[column].to_numpy() for column in truth},
        scores={c: by_case[c].to_numpy(dtype=float).reshape(repeats, -1) for c in scores},
    )
