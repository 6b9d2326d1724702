"""How well every model does, beside the trivial baselines, and how models compare."""

import pandas as pd

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.method_names import method_names
from radpipe.reporting.numbers import as_float, number, p_value, percent, significant, with_bounds
from radpipe.reporting.sections.judgement import CONDITIONAL, chance_callout
from radpipe.reporting.tidy import cohorts_of, metric_of, models_of
from radpipe.types import DEVELOPMENT

METRIC_NAMES = {
    "auc": "AUC",
    "auc_fold_mean": "AUC, mean of folds",
    "average_precision": "average precision",
    "brier": "Brier",
    "scaled_brier": "scaled Brier",
    "log_loss": "log loss",
    "calibration_slope": "slope",
    "calibration_intercept": "intercept",
    "ici": "ICI",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "mcc": "MCC",
}
_DISCRIMINATION = ("auc", "auc_fold_mean", "average_precision")
_CUT = ("sensitivity", "specificity", "ppv", "npv")
_CUT_SUMMARY = ("accuracy", "balanced_accuracy", "f1", "mcc")


def performance(context: Context) -> Section | None:
    """Discrimination and the operating point of every model in every cohort."""
    table = context.table("performance")
    if table.empty:
        return None
    blocks: list[Block] = [Paragraph(_how(context)), *context.figures("forest")]
    for cohort in cohorts_of(table):
        blocks += metric_table(context, cohort, _DISCRIMINATION, "Discrimination")
        if context.primary is not None:
            found = metric_of(table, context.primary.name, cohort, "auc")
            callout = chance_callout(found, cohort)
            blocks += [callout] if callout else []
        if cohort == DEVELOPMENT:
            blocks.append(Callout("info", CONDITIONAL))
    blocks += [*context.figures("roc"), *context.figures("scores")]
    blocks.append(Paragraph(_threshold_text(context)))
    for cohort in cohorts_of(table):
        blocks += metric_table(context, cohort, _CUT, "At the threshold")
        blocks += metric_table(context, cohort, _CUT_SUMMARY, "At the threshold, in one number")
    blocks += _confusion(context)
    return Section("models", "Models", tuple(blocks))


def _how(context: Context) -> str:
    seeds = context.study.splits.repeats
    spread = (
        f"Figures are over all {seeds} repeats of the cross-validation; no repeat is singled out."
        if seeds > 1
        else "Figures come from the one partition into folds that the seed of the study fixes; "
        "other partitions would give other figures, and the spread over partitions is not shown."
    )
    return (
        "Every model listed in the config is shown, in the order of the config. Each prediction "
        "in the development cohort comes from a model that saw no case of that patient, with "
        "every fitted step (imputation, scaling, selection, tuning, threshold) inside the "
        f"training part [@ambroise2002]. {spread}"
    )


def _threshold_text(context: Context) -> str:
    threshold = context.study.evaluation.threshold
    rule = (
        "where sensitivity + specificity is largest"
        if threshold.rule == "youden"
        else f"at a sensitivity of {threshold.value:g}"
    )
    return (
        f"The threshold of each fold was chosen on inner folds of its training part, {rule}, and "
        "applied unchanged to the test part and to external cohorts."
    )


def metric_table(
    context: Context, cohort: str, metrics: tuple[str, ...], title: str
) -> list[Block]:
    """Every model with the metrics of one cohort and their intervals; empty if there are none."""
    table = context.table("performance")
    shown = table[(table["cohort"] == cohort) & table["metric"].isin(metrics)]
    present = [m for m in metrics if (shown["metric"] == m).any()]
    if not present:
        return []
    models = models_of(context.study, shown)
    rows = [
        (model, *(with_bounds(*metric_of(table, model, cohort, m).ends) for m in present))
        for model in models
    ]
    primary = context.study.primary
    part = "out-of-fold" if cohort == DEVELOPMENT else "scored once"
    confidence = percent(context.study.evaluation.confidence)
    return [
        Table(
            ("model", *(METRIC_NAMES[m] for m in present)),
            tuple(rows),
            f"**{title}**, {literal(cohort)} cohort ({part}).",
            _note(shown, confidence, conditional=cohort == DEVELOPMENT),
            frozenset(i for i, model in enumerate(models) if model == primary),
        )
    ]


def _note(shown: pd.DataFrame, confidence: str, *, conditional: bool) -> str:
    methods = literal("; ".join(method_names(shown["method"])))
    note = f"In brackets the {confidence} interval ({methods or 'no method given'})"
    note += ", conditional on the fitted models" if conditional else ""
    sizes = shown["n"].map(as_float).dropna()
    note += f"; n = {sizes.max():.0f}. The primary model is set off." if len(sizes) else "."
    return note


def _confusion(context: Context) -> list[Block]:
    table = context.table("operating_points")
    if table.empty:
        return []
    rows: list[tuple[str, ...]] = []
    strong = []
    for cohort in cohorts_of(table):
        for model in models_of(context.study, table):
            here = (table["model"] == model) & (table["cohort"] == cohort)
            for row in table[here].iloc[:1].itertuples():
                if model == context.study.primary:
                    strong.append(len(rows))
                counts = (significant(n) for n in (row.tp, row.fp, row.fn, row.tn))
                rows.append((model, cohort, _thresholds(row), *counts))
    return [
        Table(
            ("model", "cohort", "threshold", "TP", "FP", "FN", "TN"),
            tuple(rows),
            "**Confusion counts** at the thresholds chosen on training parts"
            + (" (first repeat)." if context.study.splits.repeats > 1 else "."),
            "Each fold has its own threshold: the range is shown.",
            frozenset(strong),
        )
    ]


def _thresholds(row: object) -> str:
    low = getattr(row, "threshold_low", getattr(row, "threshold", None))
    high = getattr(row, "threshold_high", low)
    ends = number(low), number(high)
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def comparisons(context: Context) -> Section | None:
    """Differences of AUC between pairs of models, adjusted for their number."""
    table = context.table("comparisons")
    if table.empty:
        return None
    blocks: list[Block] = [
        Paragraph(
            "Differences in AUC between models scored on the same cases, with a test for "
            "correlated curves that counts the patient as the unit [@delong1988] "
            "[@obuchowski1997]. The p-values are adjusted for the number of comparisons "
            "[@holm1979]; the intervals are not. On out-of-fold predictions both are conditional "
            "on the fitted models and thus too sure of themselves."
        )
    ]
    for cohort in cohorts_of(table):
        part = table[table["cohort"] == cohort]
        rows = [
            (
                f"{r.model_a} − {r.model_b}",
                with_bounds(r.difference, r.ci_low, r.ci_high).replace("\n", " "),
                p_value(r.p),
                p_value(r.p_holm),
            )
            for r in part.itertuples()
        ]
        methods = "; ".join(method_names(part["method"]))
        primary = context.study.primary
        blocks.append(
            Table(
                ("pair", "difference in AUC", "p", "p (Holm)"),
                tuple(rows),
                f"**Comparison of models**, {literal(cohort)} cohort.",
                f"Method: {literal(methods)}. Comparisons with the primary model are set off."
                if methods
                else "Comparisons with the primary model are set off.",
                frozenset(
                    i for i, r in enumerate(part.itertuples()) if primary in (r.model_a, r.model_b)
                ),
            )
        )
    return Section("comparisons", "Comparison of models", tuple(blocks))
