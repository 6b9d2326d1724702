"""Whether predicted risks are true, and whether acting on them does good."""

from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, literal
from radpipe.reporting.numbers import number
from radpipe.reporting.sections.models import metric_table
from radpipe.reporting.tidy import cohorts_of, metric_of

_OVERALL = ("calibration_slope", "calibration_intercept", "ici")
_SCORES = ("brier", "scaled_brier", "log_loss")


def calibration(context: Context) -> Section | None:
    """Calibration curves, slope, intercept and proper scores."""
    table = context.table("performance")
    drawn = context.figures("calibration")
    has_slope = len(table) and (table["metric"] == "calibration_slope").any()
    if not drawn and not has_slope:
        return None
    blocks: list[Block] = [
        Paragraph(
            "A calibrated model has a slope of 1 and an intercept of 0 [@vancalster2019]; a slope "
            "below 1 says that predictions are too extreme, the mark of overfitting. The ICI is "
            "the mean distance of the loess curve from the diagonal [@austin2019]; with few cases "
            "that curve follows single cases and the ICI comes out too large. A scaled Brier score "
            f"of 0 is no better than the prevalence.{_primary_slope(context)}"
        ),
        *drawn,
    ]
    for cohort in cohorts_of(table) if len(table) else []:
        blocks += metric_table(context, cohort, _OVERALL, "Calibration")
        blocks += metric_table(context, cohort, _SCORES, "Overall scores")
    return Section("calibration", "Calibration", tuple(blocks))


def _primary_slope(context: Context) -> str:
    if context.primary is None:
        return ""
    table, sentences = context.table("performance"), []
    for cohort in context.cohorts:
        found = metric_of(table, context.primary.name, cohort, "calibration_slope")
        if not found.bounded:
            continue
        ends = f"{number(found.estimate, 2)} ({number(found.low, 2)} to {number(found.high, 2)})"
        verdict = "an interval that includes 1"
        if found.high < 1:
            verdict = "predictions too extreme"
        elif found.low > 1:
            verdict = "predictions not extreme enough"
        sentences.append(
            f" In the {literal(cohort)} cohort the primary model has slope {ends}: {verdict}."
        )
    return "".join(sentences)


def decision(context: Context) -> Section | None:
    """Decision curves."""
    drawn = context.figures("decision")
    if context.table("decision_curve").empty or not drawn:
        return None
    low, high = context.study.evaluation.decision_range
    text = (
        "Net benefit weighs true against false positives by the odds of the threshold probability "
        "[@vickers2006]. A model is of use at a threshold only where its curve lies above treating "
        "all, treating none and the trivial baselines; which thresholds between "
        f"{low:g} and {high:g} matter is a clinical question, not answered here. The curves carry "
        "no intervals: with few cases small gaps between them mean nothing."
    )
    return Section("decision", "Decision curves", (Paragraph(text), *drawn))
