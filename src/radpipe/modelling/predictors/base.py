"""What the predictors share: kinds of outcome, their scores, their weights."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit
from sklearn.base import ClassifierMixin

from radpipe.config.outcome import OutcomeKind
from radpipe.types import Matrix, Vector

Kind = OutcomeKind

Target = npt.NDArray[Any]
"""Outcome of each case: floats, or for survival a structured array of `event` and `time`."""

Patients = Sequence[str] | npt.NDArray[Any]
"""The patient of each row, shape (n,)."""

FLOOR = 1e-3
"""Probabilities nearer to 0 or 1 count as this near, for one sure error must not decide alone."""


class Labels(ClassifierMixin):
    """The likelier class, from `predict_proba`."""

    classes_: Vector

    def predict(self, X: Any) -> Vector:
        """The likeliest class, shape (n,)."""
        labels: Vector = self.classes_[self.predict_proba(X).argmax(axis=1)]
        return labels

    def predict_proba(self, X: Any) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        raise TypeError(f"{type(self).__name__} has no probabilities for {np.shape(X)}")


def logit(p: Vector | Matrix) -> Vector:
    """Log odds of probabilities kept `FLOOR` away from 0 and 1."""
    kept = np.clip(p, FLOOR, 1 - FLOOR)
    return np.asarray(np.log(kept / (1 - kept)))


def one_hot(y: Vector, classes: Vector) -> Matrix:
    """Membership of each class, shape (n, K)."""
    return np.asarray(y)[:, None] == np.asarray(classes)[None, :]


def outputs_of(predictor: Any, X: Matrix, kind: Kind, classes: int = 2) -> Matrix:
    """What a fitted predictor says of each row, shape (n, columns).

    The probability of the positive class (binary), of all classes (multiclass; 0 for one that the
    training part does not hold), the value (regression) or the risk (survival).
    """
    if kind == "survival":
        return np.asarray(predictor.predict_risk(X), dtype=float)[:, None]
    if kind == "regression":
        return np.asarray(predictor.predict(X), dtype=float)[:, None]
    p = np.asarray(predictor.predict_proba(X), dtype=float)
    if kind == "binary":
        return p[:, 1:]
    full = np.zeros((len(p), max(classes, int(predictor.classes_[-1]) + 1)))
    full[:, np.asarray(predictor.classes_, dtype=np.intp)] = p
    return full


def to_scores(outputs: Matrix, kind: Kind) -> Matrix:
    """Outputs on a scale on which means are taken: log odds, log probabilities, or as they are."""
    if kind == "binary":
        return logit(outputs)
    return np.log(np.clip(outputs, FLOOR, 1)) if kind == "multiclass" else outputs


def from_scores(scores: Matrix, kind: Kind) -> Matrix:
    """The inverse of `to_scores`, up to the probabilities kept away from 0 and 1."""
    if kind == "binary":
        return np.asarray(expit(scores))
    return softmax(scores) if kind == "multiclass" else scores


def standards_of(scores: Sequence[Matrix], kind: Kind) -> tuple[Vector, Vector]:
    """What is subtracted from the scores of each member of a mean, and what they are divided by.

    Risks of different members have different units; other scores need no scale.
    """
    risks = kind == "survival"
    shift = np.array([s.mean() if risks else 0.0 for s in scores])
    spread = np.array([s.std() if risks and s.std() > 1e-12 else 1.0 for s in scores])
    return shift, spread


def softmax(scores: Matrix) -> Matrix:
    """Probabilities of the classes from their log odds, shape (n, K)."""
    odds = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(odds / odds.sum(axis=1, keepdims=True))


def both_classes(positive: Vector) -> Matrix:
    """Probabilities of the two classes, shape (n, 2)."""
    return np.column_stack([1 - positive, positive])


def weights_of(predictor: Any) -> Vector:
    """What each column counts, shape (p,).

    The coefficient (of scaled columns; over several classes its length), the impurity importance,
    or 1 for every column of a predictor that has neither.
    """
    if hasattr(predictor, "coef_"):
        coefficients = np.atleast_2d(np.asarray(predictor.coef_, dtype=float))
        if len(coefficients) == 1:
            return np.asarray(coefficients[0])
        return np.sqrt((coefficients**2).sum(axis=0))
    if hasattr(predictor, "feature_importances_"):
        return np.asarray(predictor.feature_importances_, dtype=float)
    return np.ones(int(predictor.n_features_in_))
