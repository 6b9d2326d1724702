"""Metrics of the tables as headings: `auc_hand_till` -> `AUC (Hand–Till)`."""

METRIC_NAMES = {
    "auc": "AUC",
    "auc_fold_mean": "AUC, mean of folds",
    "average_precision": "average precision",
    "brier": "Brier",
    "scaled_brier": "scaled Brier",
    "log_loss": "log loss",
    "calibration_slope": "slope",
    "calibration_intercept": "intercept",
    "calibration_in_large": "in the large",
    "ici": "ICI",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "ppv": "PPV",
    "npv": "NPV",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "f1": "F1",
    "macro_f1": "macro F1",
    "mcc": "MCC",
    "auc_hand_till": "AUC (Hand–Till)",
    "mse": "MSE",
    "rmse": "RMSE",
    "mae": "MAE",
    "r2": "R²",
    "explained_variance": "explained variance",
    "pearson": "Pearson r",
    "spearman": "Spearman ρ",
    "concordance": "concordance",
    "bias": "bias",
    "c_index": "C",
    "c_index_uno": "C (Uno)",
    "auc_t": "AUC at the horizon",
    "brier_t": "Brier at the horizon",
    "ibs": "integrated Brier",
}
CLASS_AUC = "auc_"
"""Begins the AUC of one class against all others, unless the name is one of the above."""


def metric_name(metric: str) -> str:
    """A metric as a heading; of a class: `AUC of glioma`."""
    if metric in METRIC_NAMES:
        return METRIC_NAMES[metric]
    if metric.startswith(CLASS_AUC):
        return f"AUC of {metric.removeprefix(CLASS_AUC)}"
    return metric.replace("_", " ")


def class_aucs(metrics: list[str]) -> list[str]:
    """Those metrics of several classes that are the AUC of one class, in the order given."""
    spreads = ("_hand_till", "_fold_mean", "_fold_sd", "_repeat_sd")
    return [
        m for m in dict.fromkeys(metrics) if m.startswith(CLASS_AUC) and not m.endswith(spreads)
    ]
