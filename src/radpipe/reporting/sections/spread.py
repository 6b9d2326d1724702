"""How far results move: over repeats of the splits, over subgroups, over folds (selection)."""

import pandas as pd

from radpipe.evaluation.selection_stability import STABILITY
from radpipe.io.outcomes import value_key
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, Table, literal
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.metric_names import metric_name
from radpipe.reporting.numbers import count, number, percent, significant, with_bounds
from radpipe.reporting.sections.judgement import few_repeats_callout
from radpipe.reporting.tidy import cohorts_of, models_of


def repeats(context: Context) -> Section | None:
    """The primary metric in each repeat of the cross-validation."""
    table = context.table("repeats")
    if table.empty:
        return None
    rows = []
    models = models_of(context.study, table)
    for model in models:
        values = table.loc[table["model"] == model, "estimate"].astype(float)
        ends = (number(values.min()), number(values.median()), number(values.max()))
        rows.append((model, number(values.mean()), number(values.std()), *ends))
    seeds = count(context.study.splits.repeats, "repeat")
    label = kind_of_study(context.study).label
    few = few_repeats_callout(context.study)
    text = (
        f"The cross-validation was run {seeds.replace('repeats', 'times')} with new folds. The "
        f"reported figures are means over all of them; a study that ran only one could have "
        "reported any of these."
    )
    return Section(
        "repeats",
        "Spread over seeds",
        (
            Paragraph(text),
            *([few] if few else []),
            *context.figures("repeats"),
            Table(
                ("model", "mean", "standard deviation", "lowest", "median", "highest"),
                tuple(rows),
                f"**{label} over repeats** of the cross-validation.",
                "",
                frozenset(i for i, m in enumerate(models) if m == context.study.primary),
            ),
        ),
    )


def subgroups(context: Context) -> Section | None:
    """The performance inside the levels of the columns that the config names."""
    table = context.table("subgroups")
    own = table[table["model"] == context.study.primary] if len(table) else table
    if own.empty:
        return None
    blocks: list[Block] = [
        Paragraph(
            "The same predictions, judged inside each level of a column. Subgroups are small and "
            "many, so that some differ by chance: a level whose interval lies apart from the "
            "others is a reason to look, not a finding. Levels without a figure have too few "
            f"cases or a single outcome. Shown is the primary model `{context.study.primary}`; all "
            "others are in `subgroups.tsv`."
        ),
        *context.figures("subgroups"),
    ]
    blocks += [
        _subgroup_table(context, own[own["cohort"] == cohort], cohort) for cohort in cohorts_of(own)
    ]
    return Section("subgroups", "Subgroups", tuple(blocks))


def _subgroup_table(context: Context, table: pd.DataFrame, cohort: str) -> Table:
    primary = kind_of_study(context.study).metric
    metrics = sorted(dict.fromkeys(table["metric"]), key=lambda metric: metric != primary)
    keyed = table.assign(level=table["level"].map(value_key))
    rows = []
    for (subgroup, level), part in keyed.groupby(["subgroup", "level"], sort=False):
        found = part.set_index("metric")
        each = [found.loc[metric] for metric in metrics]
        cells = (with_bounds(row["estimate"], row["ci_low"], row["ci_high"]) for row in each)
        rows.append((f"{subgroup}: {level}", *cells, significant(part["n"].iloc[0])))
    confidence = percent(context.study.evaluation.confidence)
    return Table(
        ("subgroup", *(metric_name(m) for m in metrics), "n"),
        tuple(rows),
        f"**Performance by subgroup**, {literal(cohort)} cohort.",
        f"In brackets the {confidence} interval; the methods are in `subgroups.tsv`.",
    )


def selection(context: Context) -> Section | None:
    """How stable the selection of features is from fold to fold."""
    table = context.table("selection_stability")
    index = table[table["measure"] == STABILITY] if len(table) else table
    drawn = context.figures("selection")
    if index.empty and not drawn:
        return None
    models = models_of(context.study, index)
    by_model = index.drop_duplicates("model").set_index("model")
    rows = []
    for model in models:
        row = by_model.loc[model]
        cell = with_bounds(row["estimate"], row["ci_low"], row["ci_high"]).replace("\n", " ")
        rows.append((model, cell, significant(row["n"])))
    return Section(
        "selection",
        "Stability of the selection",
        (
            Paragraph(
                "Which features a model uses depends on the cases it was fitted on. The index of "
                "Nogueira is 1 if every fold selects the same features and about 0 if each "
                "selects at random; above 0.75 it is called excellent, below 0.4 poor "
                "[@nogueira2018]. Folds share most of their training cases, which flatters the "
                "index and narrows its interval. A feature of a selection that is not stable is "
                "no biomarker."
            ),
            Table(
                ("model", "stability", "folds"),
                tuple(rows),
                "**Stability of the selection of features** over folds.",
                "A dash: nothing is selected, or everything.",
                frozenset(i for i, m in enumerate(models) if m == context.study.primary),
            ),
            *drawn,
        ),
    )
