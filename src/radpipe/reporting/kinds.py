"""The words of each kind of outcome: its primary metric, what that is called, what chance is."""

from dataclasses import dataclass

import pandas as pd

from radpipe.config import Outcome, Study
from radpipe.config.outcome import OutcomeKind
from radpipe.io.outcomes import outcome_values, value_key
from radpipe.reporting.numbers import count, listing, significant


@dataclass(frozen=True)
class Kind:
    """How a report speaks of one kind of outcome.

    Attributes:
        name: the kind.
        metric: its primary metric in `performance.tsv`.
        label: that metric as it is printed.
        phrase: the metric with its article, for sentences.
        ignorant: what a model that knows nothing reaches.
        chance: what such a model is called.
        wide: an interval wider than this separates no useful model from a useless one.
        worse: what it may mean if the interval lies below `ignorant`.
    """

    name: OutcomeKind
    metric: str
    label: str
    phrase: str
    ignorant: float
    chance: str
    wide: float
    worse: str


_RANKS_WORSE = (
    "The model ranks patients worse than chance; look for a reversed outcome, a shift between "
    "cohorts or unstable folds."
)
KINDS: dict[OutcomeKind, Kind] = {
    "binary": Kind("binary", "auc", "AUC", "an AUC", 0.5, "chance", 0.2, _RANKS_WORSE),
    "multiclass": Kind(
        "multiclass",
        "auc_hand_till",
        "AUC (Hand–Till)",
        "an AUC over all pairs of classes (Hand–Till)",
        0.5,
        "chance",
        0.2,
        _RANKS_WORSE,
    ),
    "regression": Kind(
        "regression",
        "r2",
        "R²",
        "an R²",
        0.0,
        "predicting the mean for everybody",
        0.3,
        "The model predicts worse than the mean of the outcome would; look for a shift between "
        "cohorts or a model that is too large.",
    ),
    "survival": Kind(
        "survival", "c_index", "C", "a C (concordance)", 0.5, "chance", 0.2, _RANKS_WORSE
    ),
}


def kind_of_study(study: Study) -> Kind:
    """The words for the outcome of a study; of a study without one, those of a binary outcome."""
    return KINDS["binary" if study.outcome is None else study.outcome.kind]


def meaning(outcome: Outcome) -> str:
    """What counts as what, for brackets after the name of the outcome; empty for a number."""
    if outcome.kind == "binary":
        return f"positive: {outcome.positive}"
    if outcome.kind == "multiclass":
        return f"classes: {', '.join(map(str, outcome.classes))}" if outcome.classes else "classes"
    if outcome.kind == "survival":
        return f"event: {outcome.event_value}, time: {outcome.time}"
    return "a number"


def make_up(cases: pd.DataFrame, outcome: Outcome) -> list[str]:
    """What the outcome is in some cases, in short lines: counts of classes, or events, or range."""
    if outcome.kind == "multiclass":
        classes = cases[outcome.column].map(value_key)
        counts = classes[classes != ""].value_counts()
        listed = [value_key(name) for name in outcome.classes or sorted(counts.index)]
        return [f"{counts[name]} {name}" for name in listed if name in counts]
    values = outcome_values(cases, outcome).dropna()
    if outcome.kind == "regression":
        if values.empty:
            return []
        return [f"{outcome.column} {significant(values.min())} to {significant(values.max())}"]
    events = int((values == 1).sum())
    if outcome.kind == "survival":
        return [count(events, "event"), f"{len(values) - events} censored"]
    return [f"{events} positive", f"{len(values) - events} negative"]


def smallest_count(cases: pd.DataFrame, outcome: Outcome) -> int:
    """What limits a study of this kind: events, cases of the smallest class, or cases."""
    if outcome.kind == "multiclass":
        keys = cases[outcome.column].map(value_key)
        counts = keys[keys != ""].value_counts()
        return int(counts.min()) if len(counts) else 0
    values = outcome_values(cases, outcome).dropna()
    positive = int((values == 1).sum())
    if outcome.kind == "regression":
        return len(values)
    return positive if outcome.kind == "survival" else min(positive, len(values) - positive)


def made_up_of(cases: pd.DataFrame, outcome: Outcome) -> str:
    """`make_up` as one phrase."""
    return listing(make_up(cases, outcome))
