"""Whether the cohort is large enough for the models that were fitted on it."""

from math import ceil

from radpipe.config.outcome import OutcomeKind
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import as_float, percent, significant
from radpipe.reporting.sections.judgement import planned_sample_sentence

_CRITERIA = {
    "shrinkage": "global shrinkage at least the value",
    "optimism": "optimism in Nagelkerke's R² at most the value",
    "overall_risk": "overall risk estimated within ± the value",
    "all": "all criteria (value: events per parameter)",
    "events": "events (value: events per case)",
    "residual_sd": "residual standard deviation known within this share",
    "mean": "mean outcome known within this share",
    "smallest_class": "cases of the smallest class (value: its share)",
}
_OWN: dict[OutcomeKind, dict[str, str]] = {
    "binary": {"events": "events (value: prevalence)"},
    "multiclass": {
        "shrinkage": "shrinkage at least the value in each pair of classes",
        "overall_risk": "share of each class estimated within ± the value",
        "all": "all criteria (value: cases of the smallest class per parameter)",
    },
    "regression": {
        "optimism": "optimism in R² at most the value",
        "all": "all criteria (value: cases per parameter)",
    },
    "survival": {"overall_risk": "overall risk at the horizon estimated within ± the value"},
}
"""What criteria are called where that depends on the kind of outcome."""

_MODEL: dict[OutcomeKind, str] = {
    "binary": "a model of a binary outcome [@riley2020]",
    "multiclass": "a model of an outcome of several classes [@pate2023]",
    "regression": "a model of a number [@riley2019]",
    "survival": "a model of a time to an event [@riley2019b]",
}


def sample_size(context: Context) -> Section | None:
    """Riley's criteria and what they say of this study."""
    table = context.table("sample_size")
    if table.empty:
        return None
    names = _CRITERIA | _OWN[kind_of_study(context.study).name]
    rows = [
        (
            names.get(str(r.criterion), str(r.criterion)),
            significant(r.value),
            f"{ceil(as_float(r.needed)):,}",
            f"{as_float(r.found):,.0f}",
            "no" if str(r.met).lower() == "false" else "yes",
        )
        for r in table.itertuples()
    ]
    sentence = planned_sample_sentence(table)
    verdict: Block = Callout("info", f"All criteria are met. {sentence}")
    if any(row[-1] == "no" for row in rows):
        verdict = Callout(
            "warning",
            f"**The sample is too small.** {sentence} The performance is likely to be "
            "overestimated here and to fall elsewhere.",
        )
    table_of_criteria = Table(
        ("criterion", "value", "needed", "found", "met"),
        tuple(rows),
        "**Sample size**: needed and found.",
    )
    return Section(
        "sample-size", "Sample size", (Paragraph(_how(context)), table_of_criteria, verdict)
    )


def _how(context: Context) -> str:
    """What is asked, of what kind of model, with which expectation."""
    kind, expected = kind_of_study(context.study).name, context.study.evaluation.expected_r2
    measure = "adjusted R²" if kind == "regression" else "Cox–Snell R²"
    assumed = (
        f"{percent(0.15)} of its maximum, as is advised where nothing better is known"
        if expected is None
        else f"{significant(expected)}, as the config says"
    )
    each = (
        " A parameter of several classes is fitted once for each class but one."
        if kind == "multiclass"
        else ""
    )
    networks = (
        " Networks are not counted here: they have far more parameters than any of these models."
        if any(model.is_network for model in context.study.models)
        else ""
    )
    return (
        "How many cases would a model of this outcome need? Criteria for developing "
        f"{_MODEL[kind]}, counted on all candidate parameters before anything was fitted (one "
        "of a number, k − 1 of a column of k categories), also those that a selection discards "
        f"later. The {measure} that is expected of the model is {assumed}.{each}{networks}"
    )
