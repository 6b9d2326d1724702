"""Captions of the figures of models, by kind: text (with marks) and alternative text."""

MODELS: dict[str, tuple[str, str]] = {
    "precision_recall": (
        "**Precision over sensitivity** of every model [@saito2015]. The numbers are average "
        "precisions; a dotted line is the prevalence of a cohort, the precision of calling every "
        "case positive.",
        "Precision-recall curves, one panel a model.",
    ),
    "roc_classes": (
        "**Receiver operating characteristic of each class against all others**, {subject} "
        "cohort. The numbers are AUCs in the colour of the class.",
        "ROC curves of each class in the {subject} cohort, one panel a model.",
    ),
    "confusion": (
        "**Confusion matrices in the {subject} cohort**: cases of each true class (rows) called "
        "each class (columns), with the share of the row; counts are means over repeats. Right "
        "calls lie on the diagonal.",
        "Confusion matrices in the {subject} cohort, one panel a model.",
    ),
    "scatter": (
        "**Observed over predicted values in the {subject} cohort.** A point is a case; on the "
        "line both are equal.",
        "Scatter of observed over predicted values in the {subject} cohort, one panel a model.",
    ),
    "bland_altman": (
        "**Bland–Altman plots in the {subject} cohort**: predicted minus observed over their "
        "mean, with the bias (line) and the limits of agreement (dashed). A trend says that large "
        "values are predicted too small, or too large.",
        "Differences of predicted and observed values over their mean in the {subject} cohort.",
    ),
    "kaplan_meier": (
        "**Survival by predicted risk in the {subject} cohort.** Kaplan–Meier curves with "
        "pointwise intervals; a tick is a censored case. Below the axis, the cases at risk in the "
        "colour of their group.",
        "Kaplan-Meier curves of low and high predicted risk in the {subject} cohort.",
    ),
    "survival_scores": (
        "**Discrimination over time.** AUC of each model for the event by a time; the interval of "
        "the primary model is shaded, the dashed line is the horizon. Where probabilities at "
        "several times were predicted, below, the Brier score with that of the Kaplan–Meier "
        "estimate (dotted).",
        "AUC and Brier score over time for each model, one column a cohort.",
    ),
    "calibration_other": (
        "**Calibration in the {subject} cohort.** Points are groups of cases with the interval of "
        "what was observed; the diagonal is perfect calibration. The line is a loess curve, with "
        "few cases a straight one (on the scale of the model): a smooth curve would follow single "
        "cases.",
        "Calibration curves in the {subject} cohort, one panel a model.",
    ),
    "repeats": (
        "**Spread over seeds.** A point is one repeat of the whole cross-validation with new "
        "folds; the bar is their mean. On the right, mean ± standard deviation over repeats. It "
        "shows what the partition does, not what other patients would do.",
        "Primary metric of each repeat of the cross-validation, one row a model.",
    ),
    "multiverse": (
        "**Multiverse**: the primary metric, out of fold, of all ways this study was done, sorted. "
        "A column is one model in one repeat of the cross-validation; the marks below it "
        "say what the model is made of. The dotted line is no skill, the solid one the median of "
        "all. The right end was picked by its height and is no result.",
        "Primary metric of every model in every repeat, sorted, above a matrix of the choices.",
    ),
    "subgroups": (
        "**Subgroups.** The primary model `{subject}` in each level, with intervals. The dotted "
        "line is no skill.",
        "Forest plot of model {subject} by subgroup.",
    ),
    "selection": (
        "**Features selected** by model `{subject}`, and in what share of the folds.",
        "Bars of the share of folds in which model {subject} selects a feature.",
    ),
}
