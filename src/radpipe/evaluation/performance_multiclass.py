"""The performance of every model of several classes in every cohort, each with its interval."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Evaluation
from radpipe.errors import RadpipeError
from radpipe.evaluation.calibration import FLOOR
from radpipe.evaluation.discrimination import weighted_auc
from radpipe.evaluation.performance_shared import Judgement, performance_rows
from radpipe.evaluation.tables_multiclass import PREFIX, classes_of, weighted_hand_till
from radpipe.evaluation.tables_shared import Scored, scored
from radpipe.io.outcomes import value_key
from radpipe.types import Matrix, Vector

SUM_TOLERANCE = 1e-6
"""The probabilities of a case may miss 1 by this much: text keeps ten digits."""


def performance_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Every metric of every model in every cohort that has outcomes.

    Metrics: `auc_hand_till`; `auc_<class>`, the class against all others; `accuracy`,
    `balanced_accuracy`, `macro_f1` and `mcc` of the likeliest class (of equal ones the first);
    `log_loss`; `brier`, the sum over classes of squared errors, from 0 to 2.

    Args:
        predictions: `model, case, patient, cohort, fold, y_true` (the class) and one column
            `y_prob_<class>` for each.
        settings: `confidence` and `bootstrap` are used.
        seed: of the bootstrap.

    Returns:
        `model, cohort, metric, estimate, ci_low, ci_high, method, n`.

    Raises:
        RadpipeError: see `tables_shared.scored`; there are not two classes, a class has no column,
            or the probabilities of a case are outside [0, 1] or do not add up to 1.
    """
    return performance_rows(multiclass_parts(predictions), _judge, settings, seed)


def multiclass_parts(predictions: pd.DataFrame) -> list[Scored]:
    """Each model in each cohort, its classes and probabilities checked."""
    names = classes_of(predictions)
    if len(names) < 2:
        raise RadpipeError(
            "the predictions lack the probabilities of the classes",
            found=f"{len(names)} columns {PREFIX}<class>",
            expected="at least two",
        )
    keys = predictions["y_true"].map(value_key)
    table = predictions.assign(y_true=keys.where(keys != ""))
    strange = table[(keys != "") & ~keys.isin(names)]
    if len(strange):
        raise RadpipeError(
            "the class of a case has no probabilities",
            case=str(strange["case"].iloc[0]),
            found=f"'{strange['y_true'].iloc[0]}'",
            expected=" or ".join(f"'{name}'" for name in names),
        )
    parts = scored(table, ["y_true"], [PREFIX + name for name in names])
    for part in parts:
        _check_sums(part)
    return parts


def confusion(truth: npt.NDArray[np.intp], called: npt.NDArray[np.intp], weights: Matrix) -> Matrix:
    """Weighted confusion matrices, shape (B, K, K), truth by call.

    Args:
        truth: index of the class of each case, shape (n,); the largest is K - 1 in either.
        called: index of the class it is called, shape (n,).
        weights: case weights, shape (B, n).
    """
    classes = int(max(truth.max(), called.max())) + 1
    return _confusion(truth, called, weights, classes)


def call_metrics(matrices: Matrix) -> dict[str, Vector]:
    """Accuracy, balanced accuracy, macro F1 and MCC of confusion matrices (B, K, K).

    NaN: balanced accuracy where a class has no case, F1 where a class is neither there nor called,
    MCC where all cases are of one class or all called one (Gorodkin, Comput Biol Chem 2004;28:367).
    """
    right = np.diagonal(matrices, axis1=1, axis2=2)
    there, called = matrices.sum(axis=2), matrices.sum(axis=1)
    total = there.sum(axis=1)
    recall, f1 = _ratio(right, there), _ratio(2 * right, there + called)
    spread = (total**2 - (called**2).sum(axis=1)) * (total**2 - (there**2).sum(axis=1))
    excess = right.sum(axis=1) * total - (there * called).sum(axis=1)
    return {
        "accuracy": right.sum(axis=1) / total,
        "balanced_accuracy": recall.mean(axis=1),
        "macro_f1": f1.mean(axis=1),
        "mcc": _ratio(excess, np.sqrt(np.maximum(spread, 0))),
    }


def _judge(part: Scored) -> Judgement:
    names = [column.removeprefix(PREFIX) for column in part.scores]
    labels = np.asarray(part.truth["y_true"]).astype(str)
    truth = np.array([names.index(label) for label in labels])
    each = np.stack([part.scores[PREFIX + name] for name in names], axis=2)

    def statistics(weights: Matrix) -> Mapping[str, Vector]:
        repeats = [_metrics(truth, p, names, weights) for p in each]
        return {name: np.mean([r[name] for r in repeats], axis=0) for name in repeats[0]}

    # Of the patients of a class, those behind an AUC of 1 are at least the fewer of both sides.
    patients = [np.unique(part.patient[truth == k]).size for k in range(len(names))]
    others = [np.unique(part.patient[truth != k]).size for k in range(len(names))]
    areas = {f"auc_{name}": min(patients[k], others[k]) for k, name in enumerate(names)}
    absent = dict.fromkeys(areas, "the class, or every other, is absent")
    missing = "a class is absent"
    return Judgement(
        statistics,
        undefined={
            **absent,
            "auc_hand_till": missing,
            "balanced_accuracy": missing,
            "macro_f1": "a class is neither there nor called",
            "mcc": "all cases are of one class, or called one",
        },
        ranks=frozenset({"auc_hand_till", *areas}),
        support={
            **areas,
            "auc_hand_till": min(patients),
            **dict.fromkeys(("accuracy", "balanced_accuracy"), np.unique(part.patient).size),
        },
    )


def _metrics(
    truth: npt.NDArray[np.intp], p: Matrix, names: list[str], weights: Matrix
) -> dict[str, Vector]:
    total, own = weights.sum(axis=1), np.eye(len(names))[truth]
    labels = np.asarray(names)[truth]
    areas = {
        f"auc_{name}": weighted_auc(own[:, k], p[:, k], weights) for k, name in enumerate(names)
    }
    surprise = -np.log(np.clip(p[np.arange(len(p)), truth], FLOOR, 1))
    matrices = _confusion(truth, np.argmax(p, axis=1), weights, len(names))
    return {
        "auc_hand_till": weighted_hand_till(labels, p, names, weights),
        **areas,
        **call_metrics(matrices),
        "log_loss": weights @ surprise / total,
        "brier": weights @ ((p - own) ** 2).sum(axis=1) / total,
    }


def _confusion(
    truth: npt.NDArray[np.intp], called: npt.NDArray[np.intp], weights: Matrix, classes: int
) -> Matrix:
    cells = np.eye(classes**2)[truth * classes + called]
    return (weights @ cells).reshape(len(weights), classes, classes)


def _check_sums(part: Scored) -> None:
    each = np.stack(list(part.scores.values()), axis=2)
    wrong = (each < 0).any(axis=2) | (each > 1).any(axis=2)
    wrong |= np.abs(each.sum(axis=2) - 1) > SUM_TOLERANCE
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        raise RadpipeError(
            f"model '{part.model}': the probabilities of the classes are not those of one case",
            case=str(part.case[column]),
            found=np.round(each[row, column], 6).tolist(),
            expected="values in [0, 1] that add up to 1",
        )


def _ratio(above: Matrix, below: Matrix) -> Matrix:
    return np.divide(above, below, out=np.full(above.shape, np.nan), where=below > 0)
