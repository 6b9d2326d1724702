"""What a report shows of the models of each kind of outcome beside the primary metric."""

from collections.abc import Callable

from radpipe.config.outcome import OutcomeKind
from radpipe.reporting.context import Context
from radpipe.reporting.document import Block, Paragraph, Table, literal
from radpipe.reporting.kinds import kind_of_study
from radpipe.reporting.metric_names import class_aucs
from radpipe.reporting.numbers import count, number, p_clause, significant, with_bounds
from radpipe.reporting.sections.metrics import metric_table
from radpipe.reporting.tidy import cohorts_of, models_of
from radpipe.types import DEVELOPMENT

_CUT = ("sensitivity", "specificity", "ppv", "npv")
_CUT_SUMMARY = ("accuracy", "balanced_accuracy", "f1", "mcc")
_CALLS = ("accuracy", "balanced_accuracy", "macro_f1", "mcc")
_ERRORS = ("rmse", "mae", "mse")
_EXPLAINED = ("r2", "explained_variance", "pearson", "spearman", "concordance")
_MEASURES = {
    "bias": "bias",
    "sd": "standard deviation",
    "lower_limit": "lower limit",
    "upper_limit": "upper limit",
}


def first_tables(context: Context) -> list[tuple[str, tuple[str, ...]]]:
    """Titles and metrics of the tables that stand first, those of the primary metric."""
    kind = kind_of_study(context.study).name
    if kind == "multiclass":
        metrics = [str(m) for m in context.table("performance")["metric"]]
        return [("Discrimination", ("auc_hand_till", *class_aucs(metrics)))]
    if kind == "regression":
        return [
            ("Agreement with the observed values", _EXPLAINED),
            (f"Errors, in the unit of {_outcome(context)} (MSE: in its square)", _ERRORS),
        ]
    if kind == "survival":
        return [("Discrimination", ("c_index", "c_index_uno", "auc_t"))]
    return [("Discrimination", ("auc", "auc_fold_mean", "average_precision"))]


def _outcome(context: Context) -> str:
    """The column of the outcome, as it is printed."""
    outcome = context.study.outcome
    return literal(outcome.column) if outcome is not None else "the outcome"


def details(context: Context) -> list[Block]:
    """The figures and tables that only this kind of outcome has."""
    return _DETAILS[kind_of_study(context.study).name](context)


def _binary(context: Context) -> list[Block]:
    blocks: list[Block] = [*context.figures("roc"), *context.figures("precision_recall")]
    blocks += [*context.figures("scores"), Paragraph(_threshold_text(context))]
    for cohort in cohorts_of(context.table("performance")):
        blocks += metric_table(context, cohort, _CUT, "At the threshold")
        blocks += metric_table(context, cohort, _CUT_SUMMARY, "At the threshold, in one number")
    return blocks + _confusion_counts(context)


def _multiclass(context: Context) -> list[Block]:
    blocks: list[Block] = [
        Paragraph(
            "The AUC of Hand and Till is the mean over all pairs of classes of how well each two "
            "are told apart; it does not depend on how common they are [@hand2001]. The AUC of a "
            "class is that of its probability against all other classes."
        ),
        *context.figures("roc_classes"),
        Paragraph("Each case is called the class of its largest probability."),
    ]
    for cohort in cohorts_of(context.table("performance")):
        blocks += metric_table(context, cohort, _CALLS, "Called by the largest probability")
    return [*blocks, *context.figures("confusion")]


def _regression(context: Context) -> list[Block]:
    blocks: list[Block] = [
        Paragraph(
            "R² is 1 less the squared error over that of the mean of the same cases: a model that "
            "knows nothing has 0 or less. The concordance of Lin also counts shifts of location "
            "and scale against the model [@lin1989]. The limits of agreement hold 95 % of the "
            "differences if these are normal [@bland1986]."
        ),
        *context.figures("scatter"),
        *context.figures("bland_altman"),
    ]
    return blocks + _agreement(context)


def _survival(context: Context) -> list[Block]:
    blocks: list[Block] = []
    if len(context.table("survival_curves")):
        blocks.append(
            Paragraph(
                "C is the share of pairs of patients in which the one with the earlier event had "
                "the higher risk [@harrell1982]; Uno's C weighs the pairs so that it does not "
                "depend on the censoring [@uno2011]. Risk groups: at or above the threshold that "
                "was chosen on the training part of each fold, or below. The curves are those of "
                "Kaplan and Meier [@kaplan1958], compared by the log-rank test [@mantel1966]. "
                f"{_log_rank_sentence(context)}"
            )
        )
        blocks += context.figures("kaplan_meier")
    scores = context.figures("survival_scores")
    if scores:
        blocks.append(
            Paragraph(
                "The AUC at a time tells patients with the event by then from those still free of "
                "it, with weights by inverse probability of censoring [@blanche2013]. It is shown "
                "only at times with enough events and enough patients still at risk."
            )
        )
    return [*blocks, *scores]


_DETAILS: dict[OutcomeKind, Callable[[Context], list[Block]]] = {
    "binary": _binary,
    "multiclass": _multiclass,
    "regression": _regression,
    "survival": _survival,
}


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


def _confusion_counts(context: Context) -> list[Block]:
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


def _agreement(context: Context) -> list[Block]:
    """Bias and limits of agreement of every model."""
    table = context.table("agreement")
    blocks: list[Block] = []
    for cohort in cohorts_of(table) if len(table) else []:
        part = table[table["cohort"] == cohort]
        models = models_of(context.study, part)
        found = {(r.model, r.measure): r for r in part.itertuples()}
        rows = []
        for model in models:
            each = [found[model, measure] for measure in _MEASURES]
            rows.append((model, *(with_bounds(r.estimate, r.ci_low, r.ci_high) for r in each)))
        blocks.append(
            Table(
                ("model", *_MEASURES.values()),
                tuple(rows),
                f"**Predicted less observed**, {literal(cohort)} cohort: bias and limits of "
                f"agreement, in the unit of {_outcome(context)}.",
                "In brackets the interval by bootstrap over patients"
                + (", conditional on the fitted models." if cohort == DEVELOPMENT else "."),
                frozenset(i for i, m in enumerate(models) if m == context.study.primary),
            )
        )
    return blocks


def _log_rank_sentence(context: Context) -> str:
    """What the log-rank test says of the primary model in each cohort."""
    curves, primary = context.table("survival_curves"), context.study.primary
    sentences = []
    for cohort in cohorts_of(curves):
        part = curves[(curves["model"] == primary) & (curves["cohort"] == cohort)]
        if part["group"].nunique() < 2:
            continue
        starts = part[part["time"] == 0].set_index("group")["at_risk"]
        sentences.append(
            f"In the {literal(cohort)} cohort the primary model puts {starts['high']:.0f} of "
            f"{count(int(starts.sum()), 'case')} into the group of high risk (log-rank "
            f"{p_clause(part['log_rank_p'].iloc[0])})."
        )
    return " ".join(sentences)
