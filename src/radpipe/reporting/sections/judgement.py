"""Sentences that follow from numbers alone: what an interval allows one to say."""

from collections.abc import Mapping
from math import isfinite

import numpy as np
import pandas as pd

from radpipe.config import Study
from radpipe.evaluation.procedure_intervals import measured_coverage
from radpipe.reporting.context import Context
from radpipe.reporting.document import Callout, literal
from radpipe.reporting.kinds import Kind, made_up_of, smallest_count
from radpipe.reporting.numbers import bounds, count, listing, number, p_clause, percent
from radpipe.reporting.tidy import Difference, Finding

_NO_WIDTH = 1e-9

FEW_EVENTS = 50
"""With fewer cases in the smallest class, or events, figures of one study swing by chance alone."""

FEW_NUMBERS = 100
"""Likewise with fewer cases whose outcome is a number."""

ENOUGH_REPEATS = 10
"""Repeats of the cross-validation that show the spread over partitions (guardrail G21)."""

_CONDITIONAL = (
    "conditional on the models fitted in these folds: it counts the sampling of the cases scored, "
    "not the fitting of the models [@bengio2004] [@bates2024]. It is narrower than an interval for "
    "the whole procedure would be and covers the truth less often than its nominal confidence. The "
    "interval of an external cohort is free of this."
)
_WHOLE = {
    "binary": {"auc": "AUC", "calibration_slope": "calibration slope"},
    "survival": {"c_index": "Harrell's C"},
}
"""Metrics whose intervals are about the whole procedure, by kind of outcome."""


def out_of_fold_note(kind: Kind, repeats: int) -> str:
    """What intervals of out-of-fold figures are about, and what they leave out."""
    if kind.name not in _WHOLE:
        return f"The interval of an out-of-fold figure is {_CONDITIONAL}"
    metrics = _WHOLE[kind.name]
    note = (
        f"The intervals of the out-of-fold {listing(list(metrics.values()))} are about the whole "
        "procedure: they count the fitting of the models as well as the sampling of the cases, "
        "from how much predictions move between repeats of the cross-validation "
        f"({_coverage_clause(metrics)})."
    )
    if repeats == 1:
        note += (
            " With a single repeat that is not known, so the interval is as wide as for models "
            "that learned nothing but chance; `splits.repeats: 10` mostly gives a narrower one."
        )
    return f"{note} The interval of every other out-of-fold figure is {_CONDITIONAL}"


def _coverage_clause(metrics: Mapping[str, str]) -> str:
    """How often such intervals held the truth in simulated studies, by name of the metric."""
    found = measured_coverage().loc[list(metrics)]
    shares = [
        f"the true {name} in {100 * row['coverage_low']:.1f} to {100 * row['coverage_high']:.1f} %"
        for name, (_, row) in zip(metrics.values(), found.iterrows(), strict=True)
    ]
    fewest = [
        f"{100 * low:.1f} % ({name})"
        for name, low in zip(metrics.values(), found["others_low"], strict=True)
    ]
    return (
        f"in {found['settings'].max()} kinds of simulated studies of "
        f"{found['patients_low'].min()} to {found['patients_high'].max()} patients with "
        f"{found['repeats'].max()} repeats, {found['cohorts'].min()} studies of each kind, 95 % "
        f"intervals held {listing(shares)} of the studies, depending on the kind; in "
        f"{found['others'].max()} further kinds, such as with a screening of features or rare "
        f"outcomes, in {listing(fewest)} at least"
    )


def phrase_of(found: Finding, confidence: float) -> str:
    """`0.781 (95 % interval 0.61 to 0.92)`."""
    if not found.bounded:
        return f"{number(found.estimate)} (no interval can be given)"
    ends = bounds(found.low, found.high)
    return f"{number(found.estimate)} ({percent(confidence)} interval {ends})"


def chance_callout(found: Finding, cohort: str, kind: Kind) -> Callout | None:
    """What to say when the interval of the primary metric includes chance, is below it or wide."""
    where = literal(cohort)
    if not found.known:
        return None
    if not found.bounded:
        return Callout(
            "warning",
            f"No interval can be given for the {kind.label} in the {where} cohort, so it is no "
            "evidence for or against the model.",
        )
    width = found.high - found.low
    if width < _NO_WIDTH:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval has no width.** The outcome is told completely "
            "in these few cases, so no uncertainty can be estimated; that is not certainty.",
        )
    nothing = f"{kind.ignorant:g}"
    if found.low <= kind.ignorant <= found.high:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval includes {nothing}.** These data cannot tell this "
            f"model from {kind.chance} ({bounds(found.low, found.high)}).",
        )
    if found.high < kind.ignorant:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval lies below {nothing}.** {kind.worse}",
        )
    if width > kind.wide:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval is wide.** It spans {number(width, 2)} of "
            f"{kind.label}; a poor and a very good model are both compatible with these data.",
        )
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def small_sample_callout(context: Context) -> Callout | None:
    """A warning that names the cohorts with few cases of a class, few events or few cases."""
    cases, outcome = context.table("cases"), context.study.outcome
    if outcome is None or cases.empty:
        return None
    enough = FEW_NUMBERS if outcome.kind == "regression" else FEW_EVENTS
    small = []
    for cohort in context.cohorts:
        part = cases[cases["cohort"] == cohort]
        if smallest_count(part, outcome) < enough:
            patients = count(part["patient"].nunique(), "patient")
            small.append(
                f"the {literal(cohort)} cohort has {patients} "
                f"({literal(made_up_of(part, outcome))})"
            )
    if not small:
        return None
    return Callout(
        "warning",
        f"**Small sample.** {_capital(listing(small))}. Figures from so few "
        f"{_NEEDED[outcome.kind]} swing widely by chance; none of them can guide a decision about "
        "a patient.",
    )


_NEEDED = {
    "binary": "cases",
    "multiclass": "cases of a class",
    "regression": "cases",
    "survival": "events",
}


def few_repeats_callout(study: Study) -> Callout | None:
    """A warning when too few repeats were made to tell a finding from a lucky partition."""
    repeats = study.splits.repeats
    if study.outcome is None or repeats >= ENOUGH_REPEATS:
        return None
    run, spread = f"{repeats} times", f"that spread is known from {repeats} partitions only"
    if repeats == 1:
        run, spread = "once", "how much they would move with another partition is not known"
    return Callout(
        "warning",
        f"**Few repeats of the cross-validation.** It was run {run}; {ENOUGH_REPEATS} times is the "
        "least that shows how far the out-of-fold figures depend on which cases happened to fall "
        f"into which fold [@an2021]. Here {spread}. Set `splits.repeats: {ENOUGH_REPEATS}` (or "
        "more) in the config and run the study again.",
    )


def planned_sample_sentence(table: pd.DataFrame) -> str:
    """What Riley's criteria ask for and what there was, from `sample_size.tsv`."""
    # The last row counts events; all others count patients.
    asked = table[table["criterion"] != "events"].sort_values("needed", kind="stable").iloc[-1]
    candidates = int(asked["parameters"])
    return (
        f"The model with the most features to choose from, `{literal(asked['model'])}`, has "
        f"{candidates:,} candidate parameters; those that a selection discards count too. To "
        f"develop a model of that size Riley's criteria [@riley2020] ask for "
        f"{float(asked['needed']):,.0f} patients; there were {float(asked['found']):,.0f}."
        f"{_counted_sentence(table)}"
    )


def _counted_sentence(table: pd.DataFrame) -> str:
    """The same in events, or in cases of the rarest class, where the kind of outcome has them."""
    counted = {"events": "have the event", "smallest_class": "be of the rarest class"}
    for criterion, words in counted.items():
        rows = table[table["criterion"] == criterion]
        if len(rows):
            needed = np.ceil(float(rows["needed"].iloc[0]))
            return f" Of those needed {needed:,.0f} would have to {words}."
    return ""


def difference_sentence(model: str, other: str, cohort: str, found: Difference, kind: Kind) -> str:
    """What the comparison of two models in one cohort allows one to say."""
    sign = "+" if found.estimate > 0 else ""
    if not isfinite(found.low):
        return (
            f"In the {literal(cohort)} cohort the difference in {kind.label} between "
            f"`{literal(model)}` and `{literal(other)}` is {sign}{number(found.estimate)}; no "
            "interval can be given."
        )
    numbers = (
        f"difference in {kind.label} {sign}{number(found.estimate)}, "
        f"{bounds(found.low, found.high)}, Holm-adjusted {p_clause(found.p_holm)}"
    )
    names = f"`{literal(model)}` and `{literal(other)}`"
    where = f"in the {literal(cohort)} cohort"
    # Both conditions: the interval is not adjusted for the number of comparisons, the p-value is.
    if found.p_holm < 0.05 and found.low > 0:
        return (
            f"{_capital(where)} `{literal(model)}` did better than `{literal(other)}` ({numbers})."
        )
    if found.p_holm < 0.05 and found.high < 0:
        return (
            f"{_capital(where)} `{literal(model)}` did worse than `{literal(other)}` ({numbers})."
        )
    return f"{_capital(where)} {names} could not be told apart ({numbers})."
