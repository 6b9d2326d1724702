"""Tables of metrics: every model with its intervals, one cohort a table."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Table, literal
from radpipe.reporting.method_names import method_names, whole_procedure
from radpipe.reporting.metric_names import metric_name
from radpipe.reporting.numbers import as_float, percent, with_bounds
from radpipe.reporting.sections.looks import scored
from radpipe.reporting.tidy import metric_of, models_of
from radpipe.types import DEVELOPMENT

_NOT_MADE = "undefined: needs columns"


def metric_table(
    context: Context, cohort: str, metrics: tuple[str, ...], title: str
) -> list[Block]:
    """Every model with the metrics of one cohort and their intervals; empty if there are none."""
    table = context.table("performance")
    # What needs predictions that the study does not make is no metric of it.
    made = ~table["method"].astype(str).str.startswith(_NOT_MADE)
    shown = table[(table["cohort"] == cohort) & table["metric"].isin(metrics) & made]
    present = [m for m in metrics if (shown["metric"] == m).any()]
    if not present:
        return []
    models = models_of(context.study, shown)
    rows = [
        (model, *(with_bounds(*metric_of(table, model, cohort, m).ends) for m in present))
        for model in models
    ]
    primary = context.study.primary
    part = "out-of-fold" if cohort == DEVELOPMENT else scored(context, models)
    confidence = percent(context.study.evaluation.confidence)
    return [
        Table(
            ("model", *(metric_name(m) for m in present)),
            tuple(rows),
            f"**{title}**, {literal(cohort)} cohort ({part}).",
            _note(shown, confidence, out_of_fold=cohort == DEVELOPMENT),
            frozenset(i for i, model in enumerate(models) if model == primary),
        )
    ]


def _note(shown: pd.DataFrame, confidence: str, *, out_of_fold: bool) -> str:
    methods = literal("; ".join(method_names(shown["method"])))
    note = f"In brackets the {confidence} interval ({methods or 'no method given'})"
    if out_of_fold and not whole_procedure(shown["method"]).all():
        note += ", conditional on the fitted models"
        note += " except that of the procedure" if whole_procedure(shown["method"]).any() else ""
    sizes = shown["n"].map(as_float).dropna()
    note += f"; n = {sizes.max():.0f}. The primary model is set off." if len(sizes) else "."
    return note
