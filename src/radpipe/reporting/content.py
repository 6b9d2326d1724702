"""What a report holds, said once; `html` and `pdf` set it.

A chapter appears when the tables it is written from exist, so a study without an outcome ends with
a segmentation report and a study of twelve patients says by itself how little it can tell.
"""

from collections.abc import Callable

from radpipe.config import Study
from radpipe.reporting.context import Context, make_context
from radpipe.reporting.document import (
    Block,
    Callout,
    Figure,
    Paragraph,
    Report,
    Section,
    Span,
    Table,
    literal,
    plain,
    spans_of,
)
from radpipe.reporting.inputs import ReportInputs
from radpipe.reporting.numbers import count
from radpipe.reporting.sections import (
    appendix,
    checks,
    cohort,
    encoders,
    explanations,
    features,
    imaging,
    methods,
    models,
    multiverse,
    sample_size,
    segmentation,
    spread,
    stability,
    summary,
    utility,
)

__all__ = [
    "Block",
    "Callout",
    "Figure",
    "Paragraph",
    "Report",
    "Section",
    "Span",
    "Table",
    "build_report",
    "literal",
    "plain",
    "spans_of",
]

CHAPTERS: tuple[Callable[[Context], Section | None], ...] = (
    summary.summary,
    cohort.cohort,
    imaging.quality,
    segmentation.segmentation,
    features.features,
    stability.stability,
    encoders.deep_features,
    models.performance,
    utility.calibration,
    utility.decision,
    models.comparisons,
    spread.repeats,
    multiverse.multiverse,
    spread.subgroups,
    spread.selection,
    explanations.explanations,
    checks.controls,
    checks.truth,
    sample_size.sample_size,
    methods.methods,
    appendix.reproducibility,
    appendix.tables,
)


def build_report(study: Study, inputs: ReportInputs) -> Report:
    """Write the report of a study from its tables and its figures.

    Args:
        study: the config.
        inputs: paths of the tables; `figures` names the folder that `draw_figures` filled.

    Raises:
        RadpipeError: a table that is named cannot be read.
    """
    context = make_context(study, inputs)
    sections = [chapter(context) for chapter in CHAPTERS]
    return Report(
        title=study.report.title or f"Study {study.study}",
        subtitle=f"{_kind(study)} of study {study.study}",
        sections=tuple(section for section in sections if section is not None),
        authors=tuple(study.report.authors),
        facts=_facts(context),
    )


def _facts(context: Context) -> tuple[tuple[str, str], ...]:
    """The few numbers that stand under the title."""
    cases = context.table("cases")
    facts = []
    if len(cases):
        facts.append(("Patients", str(cases["patient"].nunique())))
        facts.append(("Cases", str(len(cases))))
    if context.study.images.modalities:
        facts.append(("Images", ", ".join(context.study.images.modalities)))
    if context.study.outcome is not None:
        facts.append(("Outcome", context.study.outcome.column))
        facts.append(("Models", str(len(context.study.models))))
    facts.append(("Cross-validation", _resampling(context.study)))
    return tuple(facts)


def _resampling(study: Study) -> str:
    folds = count(study.splits.folds, "fold")
    repeats = study.splits.repeats
    return folds if repeats == 1 else f"{repeats} × {folds}"


def _kind(study: Study) -> str:
    """What a study without an outcome ends in is what it has."""
    if study.outcome is not None:
        return "Prediction model report"
    return "Segmentation report" if study.segmentation.segmenters else "Feature report"
