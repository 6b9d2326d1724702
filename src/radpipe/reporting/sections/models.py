"""How well every model does, beside the trivial baselines, and how models compare."""

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, Table, literal
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.method_names import method_names
from radpipe.reporting.numbers import p_value, with_bounds
from radpipe.reporting.sections.judgement import chance_callout, out_of_fold_note
from radpipe.reporting.sections.looks import looks
from radpipe.reporting.sections.metrics import metric_table
from radpipe.reporting.sections.models_by_kind import details, first_tables
from radpipe.reporting.tidy import cohorts_of, metric_of
from radpipe.types import DEVELOPMENT


def performance(context: Context) -> Section | None:
    """How well every model does in every cohort, by the measures of its kind of outcome."""
    table = context.table("performance")
    if table.empty:
        return None
    kind = kind_of_study(context.study)
    blocks: list[Block] = [Paragraph(_how(context)), *context.figures("forest")]
    for cohort in cohorts_of(table):
        for title, metrics in first_tables(context):
            blocks += metric_table(context, cohort, metrics, title)
        if context.primary is not None:
            found = metric_of(table, context.primary.name, cohort, kind.metric)
            callout = chance_callout(found, cohort, kind)
            blocks += [callout] if callout else []
        if cohort == DEVELOPMENT:
            blocks.append(Callout("info", out_of_fold_note(kind, context.study.splits.repeats)))
    return Section("models", "Models", (*blocks, *looks(context), *details(context)))


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


def comparisons(context: Context) -> Section | None:
    """Differences in the primary metric between pairs of models, adjusted for their number."""
    table = context.table("comparisons")
    if table.empty:
        return None
    label, primary = kind_of_study(context.study).label, context.study.primary
    blocks: list[Block] = [Paragraph(_tested(context))]
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
        methods = literal("; ".join(method_names(part["method"])))
        pairs = zip(part["model_a"], part["model_b"], strict=True)
        blocks.append(
            Table(
                ("pair", f"difference in {label}", "p", "p (Holm)"),
                tuple(rows),
                f"**Comparison of models**, {literal(cohort)} cohort.",
                f"{f'Method: {methods}. ' if methods else ''}Comparisons with the primary model "
                "are set off.",
                frozenset(i for i, pair in enumerate(pairs) if primary in pair),
            )
        )
    return Section("comparisons", "Comparison of models", tuple(blocks))


def _tested(context: Context) -> str:
    kind = kind_of_study(context.study)
    test = (
        "a test for correlated curves that counts the patient as the unit [@delong1988] "
        "[@obuchowski1997]"
        if kind.name == "binary"
        else "a paired bootstrap of patients [@davison1997]: the same resampled patients for both "
        "models, p from the share of resamples on the other side of 0"
    )
    return (
        f"Differences in {kind.label} between models scored on the same cases, with {test}. The "
        "p-values are adjusted for the number of comparisons [@holm1979]; the intervals are not. "
        "On out-of-fold predictions both are conditional on the fitted models and thus too sure "
        "of themselves."
    )
