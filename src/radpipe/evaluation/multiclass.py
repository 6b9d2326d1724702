"""Discrimination of several classes from one probability a class."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.discrimination import auc, delong_interval
from radpipe.types import Matrix


def check_class_scores(
    y: npt.ArrayLike, scores: pd.DataFrame
) -> tuple[npt.NDArray[np.str_], Matrix]:
    """Class of each case as text, shape (n,), and the scores, shape (n, classes).

    Raises:
        RadpipeError: lengths differ, a class has no column or a column no case, a score is missing.
    """
    labels, values = np.asarray(y).astype(str), scores.to_numpy(dtype=float)
    names = [str(c) for c in scores.columns]
    if labels.shape != (len(values),):
        raise RadpipeError(
            "outcome and scores differ in length", found=labels.shape, expected=(len(values),)
        )
    if set(labels) != set(names) or len(names) < 2:
        raise RadpipeError(
            "classes and columns of scores differ",
            found=f"classes {sorted(set(labels))}",
            expected=f"each of {sorted(names)}, at least two",
        )
    if not np.isfinite(values).all():
        raise RadpipeError("a score is not a finite number", expected="a number for every case")
    return labels, values


def hand_till_auc(y: npt.ArrayLike, scores: pd.DataFrame) -> float:
    """Hand and Till's M: the mean over pairs of classes of `pairwise_auc`.

    Insensitive to prevalence; equals scikit-learn's `ovo` `macro`. Hand & Till, Mach Learn
    2001;45:171.

    Args:
        y: class of each case, shape (n,).
        scores: one column a class, named by it; n rows.

    Raises:
        RadpipeError: see `check_class_scores`.
    """
    return float(pairwise_auc(y, scores)["auc"].mean())


def pairwise_auc(y: npt.ArrayLike, scores: pd.DataFrame) -> pd.DataFrame:
    """How well each two classes are told apart, among the cases of both.

    Returns:
        `class_a, class_b, auc_by_a` (the column of a ranks cases of a above those of b),
        `auc_by_b`, `auc` (their mean).
    """
    labels, values = check_class_scores(y, scores)
    rows = []
    for (i, a), (j, b) in combinations(enumerate(str(c) for c in scores.columns), 2):
        both = np.isin(labels, (a, b))
        by_a = auc(labels[both] == a, values[both, i])
        by_b = auc(labels[both] == b, values[both, j])
        rows.append((a, b, by_a, by_b, (by_a + by_b) / 2))
    return pd.DataFrame(rows, columns=["class_a", "class_b", "auc_by_a", "auc_by_b", "auc"])


def one_vs_rest_auc(
    y: npt.ArrayLike, scores: pd.DataFrame, confidence: float = 0.95
) -> pd.DataFrame:
    """AUC of each class against all others with DeLong's interval.

    Returns:
        `class, auc, ci_low, ci_high, n` (cases of the class).
    """
    labels, values = check_class_scores(y, scores)
    rows = []
    for name, score in zip((str(c) for c in scores.columns), values.T, strict=True):
        found = delong_interval(labels == name, score, confidence)
        rows.append((name, found.estimate, found.low, found.high, int((labels == name).sum())))
    return pd.DataFrame(rows, columns=["class", "auc", "ci_low", "ci_high", "n"])


def macro_auc(y: npt.ArrayLike, scores: pd.DataFrame) -> float:
    """Mean over the classes of `one_vs_rest_auc`."""
    return float(one_vs_rest_auc(y, scores)["auc"].mean())


def weighted_macro_auc(y: npt.ArrayLike, scores: pd.DataFrame) -> float:
    """Mean over the classes of `one_vs_rest_auc`, weighted by their cases."""
    table = one_vs_rest_auc(y, scores)
    return float(np.average(table["auc"], weights=table["n"]))
