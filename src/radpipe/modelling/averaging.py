"""The mean of the best pipelines of a search, instead of trust in one winner."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, RegressorMixin, clone

from radpipe.modelling.pipelines import by_weight, fit_pipeline, selected_features
from radpipe.modelling.predictors.base import (
    Kind,
    Labels,
    Patients,
    Target,
    both_classes,
    from_scores,
    outputs_of,
    standards_of,
    to_scores,
)
from radpipe.types import Matrix, Vector


class PipelineAverage(BaseEstimator):
    """Pipelines fitted side by side; their scores are averaged.

    Scores are log odds, log probabilities of the classes, numbers, or risks in standard deviations
    over the training part.

    Args:
        members: unfitted pipelines of `BLOCKS` and `PREDICT`.
        kind: kind of outcome.
        slope: of the mean log odds (binary), learned from inner out-of-fold predictions.
        intercept: likewise.
    """

    needs_groups = True

    def __init__(
        self,
        members: Sequence[Any],
        kind: Kind = "binary",
        slope: float = 1.0,
        intercept: float = 0.0,
    ) -> None:
        self.members = members
        self.kind = kind
        self.slope = slope
        self.intercept = intercept

    def fit(self, X: pd.DataFrame, y: Target, groups: Patients | None = None) -> Self:
        """Fit every member on the rows of a training part."""
        self.fitted_ = [fit_pipeline(clone(m), X, y, groups) for m in self.members]
        if self.kind in ("binary", "multiclass"):
            self.classes_ = np.unique(y)
        # Only risks need a scale, and only for them is it worth to score the training part.
        risks = self.kind == "survival"
        scores = [self._of(member, X) if risks else np.zeros((1, 1)) for member in self.fitted_]
        self.shift_, self.spread_ = standards_of(scores, self.kind)
        return self

    def features(self) -> pd.DataFrame:
        """What the average rests on: `feature, block, weight`.

        The weight is the mean over members of each feature's share of the absolute weights.
        """
        tables = []
        for member in self.fitted_:
            table = selected_features(member)
            total = table["weight"].abs().sum()
            tables.append(table.assign(weight=table["weight"].abs() / total if total else 0.0))
        joined = pd.concat(tables)
        grouped = joined.groupby(["feature", "block"], sort=True)["weight"].sum().reset_index()
        return by_weight(grouped.assign(weight=grouped["weight"] / len(self.fitted_)))

    def _of(self, member: Any, X: pd.DataFrame) -> Matrix:
        blocks, predictor = member[0], member[1]
        outputs = outputs_of(predictor, blocks.transform(X), self.kind, self._classes())
        return to_scores(outputs, self.kind)

    def _classes(self) -> int:
        return int(self.classes_[-1]) + 1 if self.kind == "multiclass" else 1

    def _scores(self, X: pd.DataFrame) -> Matrix:
        parts = zip(self.fitted_, self.shift_, self.spread_, strict=True)
        return np.asarray(np.mean([(self._of(f, X) - m) / s for f, m, s in parts], axis=0))


class AverageClassifier(Labels, PipelineAverage):
    """The mean of pipelines for classes."""

    def predict_proba(self, X: pd.DataFrame) -> Matrix:
        """Probabilities of the classes, shape (n, K)."""
        scores = self._scores(X)
        if self.kind == "binary":
            return both_classes(from_scores(self.intercept + self.slope * scores[:, 0], "binary"))
        return from_scores(scores, self.kind)[:, np.asarray(self.classes_, dtype=np.intp)]


class AverageRegressor(RegressorMixin, PipelineAverage):
    """The mean of pipelines for a number."""

    def predict(self, X: pd.DataFrame) -> Vector:
        """Values, shape (n,)."""
        return self._scores(X)[:, 0]


class AverageSurvival(PipelineAverage):
    """The mean of pipelines for a time to an event."""

    def predict_risk(self, X: pd.DataFrame) -> Vector:
        """Mean risk in standard deviations over the training part, shape (n,)."""
        return self._scores(X)[:, 0]

    def event_probability(self, X: pd.DataFrame, horizon: float) -> Vector:
        """Mean probability of an event up to `horizon`, shape (n,)."""
        each = [m[1].event_probability(m[0].transform(X), horizon) for m in self.fitted_]
        return np.asarray(np.mean(each, axis=0))


AVERAGES: dict[Kind, type[PipelineAverage]] = {
    "binary": AverageClassifier,
    "multiclass": AverageClassifier,
    "regression": AverageRegressor,
    "survival": AverageSurvival,
}
