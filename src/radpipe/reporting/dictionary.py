"""The data dictionary: what each table of a study holds, column by column."""

from collections.abc import Iterable

CASE = "case"
COLUMNS: dict[str, str] = {
    "case": "the examination that gets one prediction",
    "patient": "the unit of splitting",
    "site": "where the images were made",
    "cohort": "development, or the name of an external cohort",
    "fold": "r<repeat>f<k> of the cross-validation; final: refit on the whole development cohort",
    "part": "train or test",
    "stage": "step of the workflow",
    "reason": "why the case was set aside",
    "modality": "name of the image",
    "measure": "what was measured, with its unit",
    "value": "the number",
    "segmenter": "name of the configuration that drew the mask",
    "label": "region of the mask; all: mean over the labels of a case",
    "expected_dice": "Dice that a segmenter expects of its own mask",
    "n_patients": "patients compared",
    "p_holm": "p-value adjusted for all pairs by Holm's method",
    "model": "name of the model",
    "y_true": "outcome; binary: 1 is positive",
    "y_prob": "predicted probability of the positive outcome",
    "y_pred": "predicted value, or the class that is called",
    "risk": "predicted risk: the higher, the earlier the event is expected",
    "event_prob": "predicted probability of the event by the horizon",
    "time": "follow-up, or a time in its unit",
    "class": "class, against all others",
    "threshold": "operating point chosen on training folds, or threshold probability",
    "metric": "name of the metric in lower case",
    "estimate": "the metric",
    "ci_low": "lower end of the interval",
    "ci_high": "upper end of the interval",
    "method": "how the interval or the test was made",
    "n": "cases counted",
    "feature": "<modality>__<image_type>__<class>__<feature>",
}
"""Columns that mean the same in every table."""

TABLES: dict[str, tuple[str, str]] = {
    "cohort/cases.tsv": (
        "usable cases of the sheet, one row a case",
        "case, patient, site, cohort, all columns of the sheet",
    ),
    "cohort/exclusions.tsv": ("cases set aside", "case, stage, reason"),
    "cohort/splits.tsv": ("which case lies in which part of which fold", "fold, case, part"),
    "tables/quality.tsv": (
        "numbers on every image and every registration",
        "case, stage, modality, measure, value",
    ),
    "tables/segmentation.tsv": (
        "agreement of each predicted mask with the reference",
        "case, fold, segmenter, label, then one column a metric with its unit (surface_dice_2mm: "
        "tolerance 2 mm, boundary_iou_2mm: rim of 2 mm), lesions, lesions_found, lesions_false, "
        "missed, both_empty, grid_diagonal_mm; pixel_accuracy, mean_accuracy and mean_iou are of "
        "the case and stand in the row of each label",
    ),
    "tables/segmentation_summary.tsv": (
        "means over cases with intervals",
        "segmenter, cohort, label, metric, mean, ci_low, ci_high, sd, median, mean_found, n, "
        "n_missed, n_both_empty",
    ),
    "tables/segmenter_comparisons.tsv": (
        "pairs of segmenters; difference is the mean over patients, segmenter_a minus segmenter_b",
        "segmenter_a, segmenter_b, cohort, label, metric, difference, ci_low, ci_high, p, p_holm, "
        "n_patients, method",
    ),
    "tables/uncertainty.tsv": (
        "what each segmenter expects of its own masks, without the reference",
        "case, fold, segmenter, label, expected_dice and further measures",
    ),
    "tables/uncertainty_quality.tsv": (
        "how well the expected Dice tells the Dice that was reached",
        "segmenter, cohort, label, metric, estimate, ci_low, ci_high, method, n",
    ),
    "tables/features.parquet": (
        "handcrafted features, one row a case (also features.tsv.gz)",
        "case, then <modality>__<image_type>__<class>__<feature>",
    ),
    "tables/feature_dictionary.tsv": (
        "pyradiomics name and IBSI code of each feature column",
        "feature and its names",
    ),
    "tables/feature_status.tsv": (
        "why a region could not be measured",
        "case, variant, status",
    ),
    "tables/feature_warnings.tsv": (
        "settings that collapse: few or many grey levels, few voxels, constant images",
        "case, modality, image_type, region, warning, found, expected",
    ),
    "tables/feature_maps.tsv": (
        "maps of single features: what they hold, case by case",
        "case, feature, status, voxels, minimum, mean, maximum",
    ),
    "tables/feature_settings.tsv": (
        "what the intensities of each modality are measured with, and why",
        "modality, setting, value, reason, source",
    ),
    "tables/stability.tsv": (
        "agreement of repeated measurements; n subjects with k measurements each",
        "feature, source, icc_form, icc, ci_low, ci_high, n, k, class",
    ),
    "tables/measurements.parquet": (
        "the repeated measurements themselves, one row each",
        "case, subject, source, repeat, status, then feature columns",
    ),
    "tables/predictions.tsv": (
        "every prediction; out-of-fold in the development cohort",
        "model, case, patient, cohort, fold, then by outcome: y_true, y_prob, threshold (binary); "
        "y_true, y_prob_<class> (several classes); y_true, y_pred (a number); time, event, risk, "
        "event_prob, threshold, horizon (survival)",
    ),
    "models/<model>/looks.tsv": (
        "bundles of a model that were scored on external cases, in order",
        "look, bundle_sha256, cases_sha256, n",
    ),
    "tables/performance.tsv": (
        "every metric of every model",
        "model, cohort, metric, estimate, ci_low, ci_high, method, n",
    ),
    "tables/roc.tsv": (
        "points of the ROC and precision-recall curves; of several classes each against the rest",
        "model, cohort, class, threshold, false_positive_rate, true_positive_rate, precision",
    ),
    "tables/confusion.tsv": (
        "cases of each class called each class, the mean over repeats",
        "model, cohort, y_true, y_pred, n",
    ),
    "tables/agreement.tsv": (
        "predicted minus observed: bias, sd, lower_limit and upper_limit of agreement",
        "model, cohort, measure, estimate, ci_low, ci_high, method, n",
    ),
    "tables/survival_curves.tsv": (
        "Kaplan-Meier curves by predicted risk; group is low or high",
        "model, cohort, group, time, survival, ci_low, ci_high, at_risk, events, censored, "
        "log_rank_p",
    ),
    "tables/survival_scores.tsv": (
        "AUC(t) with its interval and Brier(t) over time; horizon marks the horizon of the study",
        "model, cohort, time, auc, ci_low, ci_high, brier, brier_null, events, at_risk, horizon",
    ),
    "tables/multiverse.tsv": (
        "the primary metric of every model in every repeat of the cross-validation, lowest first",
        "model, cohort, repeat, metric, estimate, n",
    ),
    "tables/repeats.tsv": (
        "the primary metric in each repeat of the cross-validation",
        "model, cohort, repeat, metric, estimate, n",
    ),
    "tables/subgroups.tsv": (
        "metrics inside each level of a column",
        "model, cohort, subgroup, level, metric, estimate, ci_low, ci_high, method, n",
    ),
    "tables/selection_stability.tsv": (
        "share of the n folds that select a feature; Nogueira's index of a model",
        "model, measure, feature, estimate, ci_low, ci_high, n",
    ),
    "tables/operating_points.tsv": (
        "confusion counts",
        "model, cohort, repeat, threshold_low, threshold_high, tp, fp, tn, fn, n, metrics",
    ),
    "tables/comparisons.tsv": (
        "pairs of models; difference is the metric of model_a minus that of model_b",
        "model_a, model_b, cohort, metric, difference, ci_low, ci_high, z, p, p_holm, method, n, "
        "primary",
    ),
    "tables/calibration.tsv": (
        "calibration curves; kind is bin, loess or (with few cases) logistic or linear",
        "model, cohort, class, predicted, observed, ci_low, ci_high, n, kind",
    ),
    "tables/decision_curve.tsv": (
        "net benefit, with the models treat_all and treat_none",
        "model, cohort, threshold, net_benefit",
    ),
    "tables/sample_size.tsv": (
        "Riley's criteria for the model with the most candidate parameters",
        "criterion, value, needed, found, met, model, parameters",
    ),
    "tables/tripwires.tsv": (
        "what the search for copies of the outcome among the features found; no row: nothing",
        "warning",
    ),
    "tables/controls.tsv": (
        "negative controls",
        "control, model, metric, estimate, ci_low, ci_high, p, n, expected",
    ),
    "tables/selection.tsv": (
        "features that have weight in each fold",
        "model, fold, block, feature, weight",
    ),
    "tables/truth.tsv": (
        "results beside the truth of a simulated cohort",
        "stage, measure, value, goal, met",
    ),
    "tables/truth_cases.tsv": (
        "the same for single cases",
        "case, stage, measure, value",
    ),
    "tables/explanations/<model>.tsv": (
        "SHAP values",
        "model, case, feature, value, shap, scale",
    ),
    "tables/explanations/<model>_lime.tsv": (
        "LIME weights, mean and standard deviation over seeds",
        "model, case, feature, value, weight_mean, weight_sd, fidelity, seeds, prediction, scale",
    ),
    "tables/explanations/<model>_occlusion.npz": (
        "occlusion maps, axes (z, y, x)",
        "for each case its image, mask, map and prediction; scale: what is predicted",
    ),
}
"""File below `results/<study>/`, what a row is, its columns."""


def described(names: Iterable[str]) -> list[tuple[str, str, str]]:
    """Rows of the dictionary for files whose name without folder and suffix is in `names`."""
    wanted = set(names)
    return [
        (file, what, columns)
        for file, (what, columns) in TABLES.items()
        if file.rsplit("/", 1)[-1].split(".")[0] in wanted
    ]
