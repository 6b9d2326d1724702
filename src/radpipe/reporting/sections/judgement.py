"""Sentences that follow from numbers alone: what an interval allows one to say."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Callout, literal
from radpipe.reporting.numbers import bounds, count, listing, number, p_clause, percent
from radpipe.reporting.tidy import Difference, Finding

WIDE = 0.2
"""An interval of the AUC wider than this separates no useful model from a useless one."""

_NO_WIDTH = 1e-9

FEW_EVENTS = 50
"""With fewer cases in the smaller class the figures of one study swing by chance alone."""

CONDITIONAL = (
    "The interval of an out-of-fold AUC is conditional on the models fitted in these folds: it "
    "counts the sampling of the cases scored, not the fitting of the models [@bengio2004] "
    "[@bates2024]. It is narrower than an interval for the whole procedure would be and covers "
    "the truth less often than its nominal confidence. The interval of an external cohort is "
    "free of this."
)


def auc_phrase(found: Finding, confidence: float) -> str:
    """`0.781 (95 % interval 0.61 to 0.92)`."""
    if not found.bounded:
        return f"{number(found.estimate)} (no interval can be given)"
    ends = bounds(found.low, found.high)
    return f"{number(found.estimate)} ({percent(confidence)} interval {ends})"


def chance_callout(found: Finding, cohort: str) -> Callout | None:
    """What to say when the interval of an AUC includes chance, lies below it or is wide."""
    where = literal(cohort)
    if not found.known:
        return None
    if not found.bounded:
        return Callout(
            "warning",
            f"No interval can be given for the AUC in the {where} cohort, so it is no "
            "evidence for or against the model.",
        )
    width = found.high - found.low
    if width < _NO_WIDTH:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval has no width.** The classes are separated "
            "completely in these few cases, so no uncertainty can be estimated; that is not "
            "certainty.",
        )
    if found.low <= 0.5 <= found.high:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval includes 0.5.** These data cannot tell this "
            f"model from chance ({bounds(found.low, found.high)}).",
        )
    if found.high < 0.5:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval lies below 0.5.** The model ranks patients worse "
            "than chance; look for a reversed outcome, a shift between cohorts or unstable folds.",
        )
    if width > WIDE:
        return Callout(
            "warning",
            f"**{_capital(where)}: the interval is wide.** It spans {number(width, 2)} of AUC; "
            "a poor and a very good model are both compatible with these data.",
        )
    return None


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def small_sample_callout(context: Context) -> Callout | None:
    """A warning that names the cohorts in which the smaller class is small."""
    cases, outcome = context.table("cases"), context.study.outcome
    if outcome is None or cases.empty:
        return None
    small = []
    for cohort in context.cohorts:
        part = cases[cases["cohort"] == cohort]
        positive = int((part[outcome.column].astype(str) == str(outcome.positive)).sum())
        if min(positive, len(part) - positive) < FEW_EVENTS:
            patients = count(part["patient"].nunique(), "patient")
            small.append(
                f"the {literal(cohort)} cohort has {patients} "
                f"({positive} positive and {len(part) - positive} negative cases)"
            )
    if not small:
        return None
    return Callout(
        "warning",
        f"**Small sample.** {_capital(listing(small))}. Figures from so few cases swing widely by "
        "chance; none of them can guide a decision about a patient.",
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
    )


def difference_sentence(model: str, other: str, cohort: str, found: Difference) -> str:
    """What the comparison of two models in one cohort allows one to say."""
    sign = "+" if found.estimate > 0 else ""
    numbers = (
        f"difference in AUC {sign}{number(found.estimate)}, {bounds(found.low, found.high)}, "
        f"Holm-adjusted {p_clause(found.p_holm)}"
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
