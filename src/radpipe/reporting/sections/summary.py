"""The first page: what was done, what came out, and what a reader must not miss."""

import pandas as pd

from radpipe.config import Study
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Callout, Paragraph, Section, literal
from radpipe.reporting.figures.style import role_of
from radpipe.reporting.kinds import kind_of_study, meaning
from radpipe.reporting.numbers import as_float, bounds, count, listing, number, percent, significant
from radpipe.reporting.sections.judgement import (
    chance_callout,
    difference_sentence,
    few_repeats_callout,
    out_of_fold_note,
    phrase_of,
    planned_sample_sentence,
    small_sample_callout,
)
from radpipe.reporting.sections.looks import looks_callout, scored
from radpipe.reporting.sections.segmentation import overall_label
from radpipe.reporting.segmenter_names import shown_name
from radpipe.reporting.tidy import difference_of, metric_of
from radpipe.types import DEVELOPMENT

_ALONE = {"volume": "volume alone", "clinical": "clinical data alone", "site": "site alone"}

_SEGMENTERS_TOLD = 3
"""Of more segmenters only the first and the last by mean Dice are named."""


def summary(context: Context) -> Section:
    """The summary, in plain sentences."""
    blocks: list[Block] = [Paragraph(_what(context))]
    if context.study.outcome is None:
        blocks += _segmentation(context)
    elif len(context.table("performance")) and context.primary is not None:
        blocks += _prediction(context)
        if context.study.segmentation.segmenters:
            blocks += _segmentation(context)
    blocks += _warnings(context)
    return Section("summary", "Summary", tuple(blocks))


def _what(context: Context) -> str:
    study, cases = context.study, context.table("cases")
    images = listing([f"`{m}`" for m in study.images.modalities])
    labels = listing([f"`{name}`" for name in study.segmentation.labels])
    if study.outcome is None:
        names = listing([f"`{s.name}`" for s in study.segmentation.segmenters])
        task = f"This study segments {labels} in {images} images with {names}"
        if not names:
            task = f"This study measures drawn masks ({labels}) in {images} images"
    else:
        task = (
            f"This study predicts `{literal(study.outcome.column)}` "
            f"({literal(meaning(study.outcome))}) from {_sources(study)}"
        )
    parts = []
    for cohort in context.cohorts:
        part = cases[cases["cohort"] == cohort]
        patients = count(part["patient"].nunique(), "patient")
        parts.append(f"{patients} ({count(len(part), 'case')}) of the {literal(cohort)} cohort")
    excluded = context.table("exclusions")
    aside = excluded["case"].nunique() if len(excluded) else 0
    tail = (
        "No case was set aside." if not aside else f"{_were(aside)} set aside before the analysis."
    )
    return f"{task}, in {listing(parts) or 'no cases'}. {tail}"


def _sources(study: Study) -> str:
    """What models see: images and the region drawn in them, or a table; and clinical columns."""
    clinical = " and clinical data" if study.features.clinical else ""
    if not study.images.modalities:
        return f"a table of features{clinical}"
    images = listing([f"`{m}`" for m in study.images.modalities])
    labels = listing([f"`{name}`" for name in study.segmentation.labels])
    return f"{images} images{',' if clinical else ' and'} the region {labels}{clinical}"


def _were(n: int) -> str:
    return f"{count(n, 'case')} {'was' if n == 1 else 'were'}"


def _prediction(context: Context) -> list[Block]:
    study, performance = context.study, context.table("performance")
    primary = context.primary
    if primary is None:
        return []
    confidence = study.evaluation.confidence
    named = "named before the study" if study.evaluation.primary else "the last one listed"
    sees = listing([f"`{block}`" for block in primary.blocks or primary.of])
    kind = kind_of_study(study)
    inside = metric_of(performance, primary.name, DEVELOPMENT, kind.metric)
    text = (
        f"**The primary model** `{primary.name}` ({named}; it sees {sees}) reached an out-of-fold "
        f"{kind.label} of **{phrase_of(inside, confidence)}** over the whole development cohort"
    )
    outside = []
    for cohort in context.external:
        found = metric_of(performance, primary.name, cohort, kind.metric)
        if found.known:
            outside.append(
                f"**{phrase_of(found, confidence)}** in the {literal(cohort)} cohort, "
                f"{scored(context, [primary.name])} by the model refitted on all development cases"
            )
    text += f", and {listing(outside)}." if outside else "; there is no external cohort."
    note = out_of_fold_note(kind, study.splits.repeats)
    blocks: list[Block] = [Paragraph(f"{text} {note}")]
    blocks.append(Paragraph(_against_baselines(context)))
    return blocks


def _against_baselines(context: Context) -> str:
    """The primary model beside volume, clinical data and site alone."""
    study, primary = context.study, context.primary
    if primary is None:
        return ""
    performance, comparisons = context.table("performance"), context.table("comparisons")
    kind = kind_of_study(study)
    sentences = []
    for baseline in context.baselines:
        if baseline.name == primary.name:
            continue
        word = _ALONE[role_of(baseline)]
        found = metric_of(performance, baseline.name, DEVELOPMENT, kind.metric)
        phrase = phrase_of(found, study.evaluation.confidence)
        sentences.append(f"{_capital(word)} (`{baseline.name}`) reached {phrase} out-of-fold.")
        for cohort in context.cohorts:
            difference = difference_of(comparisons, primary.name, baseline.name, cohort)
            if difference is not None:
                sentences.append(
                    difference_sentence(primary.name, baseline.name, cohort, difference, kind)
                )
    if not sentences:
        return (
            "**No trivial baseline was fitted**, so this report cannot say whether the images "
            "add anything to volume or to clinical data [@welch2019]."
        )
    what = "radiomics" if context.study.features.table is None else "the features of the table"
    return f"**Did {what} add anything?** {' '.join(sentences)} {_verdict(context)}"


def _verdict(context: Context) -> str:
    """One sentence on the added value, from the comparisons in all cohorts."""
    primary, comparisons = context.primary, context.table("comparisons")
    if primary is None or role_of(primary) != "model":
        return "The primary model is itself a trivial baseline."
    judged = [
        difference_of(comparisons, primary.name, baseline.name, cohort)
        for baseline in context.baselines
        for cohort in context.cohorts
    ]
    known = [d for d in judged if d is not None]
    if not known:
        return "The models were not compared, so the question stays open."
    if all(d.p_holm < 0.05 and d.low > 0 for d in known):
        return "In every comparison made the primary model did better than the trivial baselines."
    if not any(d.p_holm < 0.05 and d.low > 0 for d in known):
        return (
            "These data do not show that the primary model adds anything to the trivial baselines."
        )
    return (
        "The primary model did better than a trivial baseline in some comparisons, not in all: "
        "an added value is not established."
    )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _segmentation(context: Context) -> list[Block]:
    """What each segmenter reached; of many the first and the last by mean Dice."""
    table = context.table("segmentation_summary")
    if table.empty:
        return []
    dice = table[(table["metric"] == "dice") & (table["cohort"] == DEVELOPMENT)]
    if dice.empty:
        return []
    n = dice["segmenter"].nunique()
    if n > 1:
        dice = dice[dice["label"] == overall_label(dice)]
    ends = ""
    if n > _SEGMENTERS_TOLD:
        order = dice.sort_values("mean", ascending=False, kind="stable")
        source = order["segmenter"] == context.study.segmentation.mask_source
        dice = pd.concat([order.iloc[[0]], order[source].iloc[:1], order.iloc[[-1]]])
        dice = dice.drop_duplicates("segmenter")
        ends = (
            f" These are the first and the last by mean Dice of {n} segmenters"
            f"{', and the one whose masks were used' if source.any() else ''}; the first of many "
            "is flattered by having been picked."
        )
    sentences = [_reached(context, row) for _, row in dice.iterrows()]
    return [Paragraph("**Segmentation.** " + " ".join(sentences) + ends)]


def _reached(context: Context, row: pd.Series) -> str:
    label = "the mean over all labels" if row["label"] == "all" else f"`{literal(row['label'])}`"
    missed = f", {as_float(row['n_missed']):.0f} missed" if as_float(row["n_missed"]) else ""
    confidence = percent(context.study.evaluation.confidence)
    return (
        f"`{literal(shown_name(context.study, str(row['segmenter'])))}` reached a mean out-of-fold "
        f"Dice of **{number(row['mean'])}** ({confidence} interval "
        f"{bounds(row['ci_low'], row['ci_high'])}) for {label} (median {number(row['median'])}, "
        f"{significant(row['n'])} cases{missed})."
    )


def _warnings(context: Context) -> list[Block]:
    """Callouts, the gravest first."""
    study, performance = context.study, context.table("performance")
    blocks: list[Callout | None] = []
    kind = kind_of_study(study)
    if study.outcome is not None and context.primary is not None and len(performance):
        for cohort in context.cohorts:
            found = metric_of(performance, context.primary.name, cohort, kind.metric)
            blocks.append(chance_callout(found, cohort, kind))
        blocks.append(looks_callout(context))
        blocks.append(small_sample_callout(context))
        blocks.append(few_repeats_callout(context.study))
        blocks.append(_planned_sample(context))
        if not context.external:
            blocks.append(
                Callout(
                    "info",
                    "There is no external cohort: how the model does elsewhere is unknown.",
                )
            )
    return [block for block in blocks if block is not None]


def _planned_sample(context: Context) -> Callout | None:
    table = context.table("sample_size")
    if table.empty:
        return None
    if not (table["met"].astype(str).str.lower() == "false").any():
        return None
    return Callout(
        "warning",
        f"**Fewer patients than a model of this size needs.** {planned_sample_sentence(table)} "
        "Expect the performance to be overestimated here and to fall elsewhere.",
    )
