"""Reading single findings out of the tidy tables."""

from dataclasses import dataclass
from math import isfinite, nan

import pandas as pd

from radpipe.config import Study
from radpipe.reporting.numbers import as_float
from radpipe.types import DEVELOPMENT


@dataclass(frozen=True)
class Finding:
    """One number of a table with its interval; NaN where the table has none."""

    estimate: float = nan
    low: float = nan
    high: float = nan
    method: str = ""
    n: int = 0

    @property
    def ends(self) -> tuple[float, float, float]:
        """Estimate, lower and upper end."""
        return self.estimate, self.low, self.high

    @property
    def known(self) -> bool:
        """Whether there is a number at all."""
        return isfinite(self.estimate)

    @property
    def bounded(self) -> bool:
        """Whether the number has an interval."""
        return isfinite(self.low) and isfinite(self.high)


def metric_of(performance: pd.DataFrame, model: str, cohort: str, metric: str) -> Finding:
    """One metric of one model in one cohort, from `performance.tsv`."""
    if performance.empty:
        return Finding()
    here = (performance["model"] == model) & (performance["cohort"] == cohort)
    rows = performance[here & (performance["metric"] == metric)]
    if rows.empty:
        return Finding()
    row = rows.iloc[0]
    n = as_float(row["n"])
    return Finding(
        as_float(row["estimate"]),
        as_float(row["ci_low"]),
        as_float(row["ci_high"]),
        str(row["method"]),
        int(n) if isfinite(n) else 0,
    )


@dataclass(frozen=True)
class Difference:
    """Primary metric of one model minus that of another."""

    estimate: float
    low: float
    high: float
    p: float
    p_holm: float


def difference_of(
    comparisons: pd.DataFrame, model: str, other: str, cohort: str
) -> Difference | None:
    """`model` minus `other` in one cohort, whichever way round the table has the pair."""
    if comparisons.empty:
        return None
    for a, b, sign in ((model, other, 1), (other, model, -1)):
        here = (comparisons["model_a"] == a) & (comparisons["model_b"] == b)
        rows = comparisons[here & (comparisons["cohort"] == cohort)]
        if len(rows):
            row = rows.iloc[0]
            low, high = sorted(sign * as_float(row[c]) for c in ("ci_low", "ci_high"))
            return Difference(
                sign * as_float(row["difference"]),
                low,
                high,
                as_float(row["p"]),
                as_float(row["p_holm"]),
            )
    return None


def ends_of(by_metric: pd.DataFrame, metric: str, column: str) -> tuple[float, float, float]:
    """A number of a table indexed by metric, with the ends of its interval; NaN if it has none."""
    if metric not in by_metric.index:
        return nan, nan, nan
    row = by_metric.loc[metric]
    return as_float(row[column]), as_float(row["ci_low"]), as_float(row["ci_high"])


def cohorts_of(table: pd.DataFrame) -> list[str]:
    """The cohorts of a table, development first."""
    names = [str(name) for name in table["cohort"].dropna().unique()]
    return sorted(names, key=lambda name: (name != DEVELOPMENT, name))


def models_of(study: Study, table: pd.DataFrame) -> list[str]:
    """The models of a table in the order of the config."""
    present = set(table["model"])
    return [model.name for model in study.models if model.name in present]


def first_repeat(predictions: pd.DataFrame) -> pd.DataFrame:
    """One prediction a case and model: the first repeat of the splits, and external cases."""
    fold = predictions["fold"].astype(str)
    return predictions[fold.str.startswith("r1f") | (fold == "final")]
