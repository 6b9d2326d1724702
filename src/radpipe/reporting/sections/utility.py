"""Whether predicted risks are true, and whether acting on them does good."""

from radpipe.config.outcome import OutcomeKind
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Section, literal
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.numbers import number
from radpipe.reporting.sections.metrics import metric_table
from radpipe.reporting.tidy import cohorts_of, metric_of

_TABLES: dict[OutcomeKind, tuple[tuple[str, tuple[str, ...]], ...]] = {
    "binary": (
        ("Calibration", ("calibration_slope", "calibration_intercept", "ici")),
        ("Overall scores", ("brier", "scaled_brier", "log_loss")),
    ),
    "multiclass": (("Overall scores", ("log_loss", "brier")),),
    "regression": (),
    "survival": (
        ("Calibration at the horizon", ("calibration_slope", "calibration_in_large")),
        ("Overall scores", ("brier_t", "ibs")),
    ),
}
_TEXT: dict[OutcomeKind, str] = {
    "binary": "A calibrated model has a slope of 1 and an intercept of 0 [@vancalster2019]; a "
    "slope below 1 says that predictions are too extreme, the mark of overfitting. The ICI is the "
    "mean distance of the loess curve from the diagonal [@austin2019]; with few cases that curve "
    "follows single cases and the ICI comes out too large. A scaled Brier score of 0 is no better "
    "than the prevalence.",
    "multiclass": "The probability of each class beside the share of cases that are of it, each "
    "class against all others [@vancalster2019].",
    "regression": "On the diagonal the mean observed value is the predicted one. A line flatter "
    "than the diagonal says that predictions are too extreme, the mark of overfitting.",
    "survival": "Predicted and observed probability of the event by the horizon; what is observed "
    "takes censoring into account, in groups by Kaplan and Meier, for the line by inverse "
    "probability of censoring [@mclernon2023]. A calibrated model has a slope of 1; a slope below "
    "1 says that predictions are too extreme, the mark of overfitting. In the large is observed "
    "over expected: 1 is right, more says that the predictions are too low. The Brier score at "
    "the horizon is the mean squared error of that probability [@graf1999].",
}


def calibration(context: Context) -> Section | None:
    """Calibration curves, and what tells in numbers how true the predictions are."""
    table, kind = context.table("performance"), kind_of_study(context.study).name
    drawn = [*context.figures("calibration"), *context.figures("calibration_other")]
    metrics = {metric for _, group in _TABLES[kind] for metric in group}
    measured = len(table) and table["metric"].isin(metrics).any()
    if not drawn and not measured:
        return None
    blocks: list[Block] = [Paragraph(_TEXT[kind] + _primary_slope(context)), *drawn]
    for cohort in cohorts_of(table) if len(table) else []:
        for title, group in _TABLES[kind]:
            blocks += metric_table(context, cohort, group, title)
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
    censored = (
        " Patients whose follow-up ends before the horizon count by the Kaplan-Meier estimate of "
        "those called positive [@vickers2008]."
        if kind_of_study(context.study).name == "survival"
        else ""
    )
    text = (
        "Net benefit weighs true against false positives by the odds of the threshold probability "
        f"[@vickers2006].{censored} A model is of use at a threshold only where its curve lies "
        "above treating all, treating none and the trivial baselines; which thresholds between "
        f"{low:g} and {high:g} matter is a clinical question, not answered here. The curves carry "
        "no intervals: with few cases small gaps between them mean nothing."
    )
    return Section("decision", "Decision curves", (Paragraph(text), *drawn))
