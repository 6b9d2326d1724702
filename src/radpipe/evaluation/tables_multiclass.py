"""Curves and comparisons of models of several classes, as tidy tables."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation import tables, tables_curves
from radpipe.evaluation.discrimination import weighted_auc
from radpipe.evaluation.tables_shared import Scored, compare, joined, scored
from radpipe.io.outcomes import value_key
from radpipe.types import Matrix, Vector

PREFIX = "y_prob_"
"""Begins the column of the probability of a class."""

ROC_COLUMNS = ["model", "cohort", "class", *tables.ROC_COLUMNS[2:]]
CALIBRATION_COLUMNS = ["model", "cohort", "class", *tables_curves.CALIBRATION_COLUMNS[2:]]
CONFUSION_COLUMNS = ["model", "cohort", "y_true", "y_pred", "n"]


def classes_of(predictions: pd.DataFrame) -> list[str]:
    """The classes in the order of their columns `y_prob_<class>`."""
    columns = (str(column) for column in predictions.columns)
    return [column.removeprefix(PREFIX) for column in columns if column.startswith(PREFIX)]


def one_against_rest(predictions: pd.DataFrame, name: str) -> pd.DataFrame:
    """The predictions of one class as those of a binary outcome, called from one half on."""
    truth = predictions["y_true"].map(value_key)
    binary = (truth == name).astype(float).where(truth != "")
    table = predictions[["model", "case", "patient", "cohort", "fold"]]
    return table.assign(y_true=binary, y_prob=predictions[PREFIX + name], threshold=0.5)


def roc_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """The ROC curve of each class against all others, with the columns of `ROC_COLUMNS`."""
    found = [
        tables.roc_table(one_against_rest(predictions, name)).assign(**{"class": name})
        for name in classes_of(predictions)
    ]
    return joined(found, ROC_COLUMNS)


def calibration_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Observed against predicted of each class against all others; see `tables`."""
    found = [
        tables.calibration_table(one_against_rest(predictions, name), settings, seed).assign(
            **{"class": name}
        )
        for name in classes_of(predictions)
    ]
    return joined(found, CALIBRATION_COLUMNS)


def confusion_table(predictions: pd.DataFrame) -> pd.DataFrame:
    """How often each class was called each class: the one of the largest probability.

    Returns:
        `model, cohort, y_true, y_pred, n`, all pairs of classes; n is the mean over repeats. Of
        equal probabilities the first class is called.
    """
    names = classes_of(predictions)
    rows = []
    for part in class_parts(predictions):
        truth = part.truth["y_true"]
        called = np.argmax(_probabilities(part, names), axis=2)
        for name in names:
            inside = called[:, truth == name]
            counts = [(inside == k).sum() / part.repeats for k in range(len(names))]
            rows += [
                (part.model, part.cohort, name, other, n)
                for other, n in zip(names, counts, strict=True)
            ]
    return pd.DataFrame(rows, columns=CONFUSION_COLUMNS)


def comparison_table(
    predictions: pd.DataFrame, settings: Evaluation, seed: int, *, primary: str | None = None
) -> pd.DataFrame:
    """Differences in Hand and Till's AUC by a paired bootstrap of patients; see `compare`."""
    parts = class_parts(predictions)
    return compare(parts, mean_hand_till, settings, seed, metric="auc_hand_till", primary=primary)


def mean_hand_till(part: Scored, weights: Matrix) -> Vector:
    """Hand and Till's AUC of each row of case weights, the mean over repeats, shape (B,)."""
    names = [column.removeprefix(PREFIX) for column in part.scores]
    truth = part.truth["y_true"]
    each = [weighted_hand_till(truth, p, names, weights) for p in _probabilities(part, names)]
    return np.asarray(np.mean(each, axis=0))


def weighted_hand_till(
    truth: npt.NDArray[np.generic], scores: Matrix, names: list[str], weights: Matrix
) -> Vector:
    """Hand and Till's M of each row of case weights; NaN where a class has no weight.

    Args:
        truth: class of each case, shape (n,).
        scores: shape (n, classes).
        names: the classes in the order of the columns.
        weights: shape (B, n).

    Returns:
        Shape (B,).
    """
    pairs = []
    for i, j in combinations(range(len(names)), 2):
        both = (truth == names[i]) | (truth == names[j])
        first = (truth[both] == names[i]).astype(float)
        inside = weights[:, both]
        by_i = weighted_auc(first, scores[both, i], inside)
        by_j = weighted_auc(1 - first, scores[both, j], inside)
        pairs.append((by_i + by_j) / 2)
    return np.asarray(np.mean(pairs, axis=0))


def class_parts(predictions: pd.DataFrame) -> list[Scored]:
    """Each model in each cohort, with the classes as text."""
    keys = predictions["y_true"].map(value_key)
    known = predictions.assign(y_true=keys.where(keys != ""))
    return scored(known, ["y_true"], [PREFIX + name for name in classes_of(predictions)])


def _probabilities(part: Scored, names: list[str]) -> npt.NDArray[np.floating]:
    """Shape (repeats, n, classes)."""
    return np.stack([part.scores[PREFIX + name] for name in names], axis=2)
