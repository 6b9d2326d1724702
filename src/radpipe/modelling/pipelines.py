"""The steps between a row of blocks and a predictor, each fitted inside the fold."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from radpipe.config import Selection
from radpipe.modelling.predictors import weights_of
from radpipe.modelling.selection import FeatureFilter
from radpipe.types import Matrix, Vector

BLOCKS = "blocks"
PREDICT = "predict"
"""Names of the two steps of every tabular pipeline."""


class BlockUnion(TransformerMixin, BaseEstimator):
    """Imputation, scaling and selection of each block by itself, then all side by side.

    Per block, so that four clinical columns are not drowned by two thousand radiomic ones.
    Numbers get the median of the training part; categories the commonest one, then a column each
    (a category that was not seen is zero in all). A column that never has a value in the training
    part, or never varies there, is dropped by the filter.

    scikit-learn's ColumnTransformer does the same, but checks every column of a table at every
    step: with 1,900 columns that took 90 % of the time of a fit.

    Args:
        columns: the raw columns of each block, in order.
        categorical: which of them hold categories.
        method: ranking of `FeatureFilter`.
        keep: columns kept of each block; none: no limit.
        correlation: largest |r| of two kept columns of a block.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        categorical: Sequence[str] = (),
        method: str = "none",
        keep: int | None = None,
        correlation: float = 0.95,
    ) -> None:
        self.columns = columns
        self.categorical = categorical
        self.method = method
        self.keep = keep
        self.correlation = correlation

    def fit(self, X: pd.DataFrame, y: Vector) -> Self:
        """Fit every block on the rows of a training part."""
        self.categories_: dict[str, Pipeline] = {}
        self.numbers_: dict[str, Pipeline] = {}
        names: list[str] = []
        owners: list[str] = []
        for block in self.columns:
            numeric, categorical = self._kinds(block)
            if categorical:
                self.categories_[block] = _category_steps().fit(_objects(X, categorical))
            steps = _number_steps(FeatureFilter(self.method, self.keep, self.correlation))
            self.numbers_[block] = steps.fit(self._encoded(X, block), y)
            own = self._kept_names(block, numeric, categorical)
            names += own
            owners += [block] * len(own)
        self.names_ = np.asarray(names, dtype=object)
        self.owners_ = np.asarray(owners, dtype=object)
        return self

    def transform(self, X: pd.DataFrame) -> Matrix:
        """The kept columns of all blocks, scaled, shape (n, kept)."""
        return np.hstack([s.transform(self._encoded(X, b)) for b, s in self.numbers_.items()])

    def get_feature_names_out(self, _: object = None) -> npt.NDArray[np.object_]:
        """Names of the kept columns; a category is `<column>_<category>`."""
        return self.names_

    def _kinds(self, block: str) -> tuple[list[str], list[str]]:
        own, categorical = self.columns[block], set(self.categorical)
        return [c for c in own if c not in categorical], [c for c in own if c in categorical]

    def _encoded(self, X: pd.DataFrame, block: str) -> Matrix:
        numeric, categorical = self._kinds(block)
        # Sums of floats depend on the layout in memory: without one layout, a copy of a table
        # would give another fit in the last digit.
        values = np.ascontiguousarray(X[numeric].to_numpy(dtype=float))
        if not categorical:
            return values
        return np.hstack([values, self.categories_[block].transform(_objects(X, categorical))])

    def _kept_names(self, block: str, numeric: list[str], categorical: list[str]) -> list[str]:
        names = list(numeric)
        if categorical:
            names += list(self.categories_[block][-1].get_feature_names_out(categorical))
        return list(self.numbers_[block][-1].get_feature_names_out(names))


def build_blocks(
    columns: Mapping[str, Sequence[str]],
    categorical: Sequence[str],
    selection: Selection,
    keep: int | None,
) -> BlockUnion:
    """An unfitted `BlockUnion` with the settings of a model."""
    return BlockUnion(columns, categorical, selection.method, keep, selection.correlation)


def selected_features(pipeline: Pipeline) -> pd.DataFrame:
    """What a fitted pipeline rests on.

    Returns:
        `feature, block, weight`, largest |weight| first: the coefficient of the scaled column
        (columns with coefficient 0 are left out) or the impurity importance.
    """
    blocks: Any = pipeline.named_steps[BLOCKS]
    weights = weights_of(pipeline.named_steps[PREDICT])
    table = pd.DataFrame({"feature": blocks.names_, "block": blocks.owners_, "weight": weights})
    table = table[table["weight"] != 0]
    order = table["weight"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)


def _number_steps(chosen: FeatureFilter) -> Pipeline:
    # A column without any value becomes 0 instead of vanishing: the filter then drops it.
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    return Pipeline([("impute", impute), ("scale", StandardScaler()), ("filter", chosen)])


def _category_steps() -> Pipeline:
    impute = SimpleImputer(strategy="most_frequent", keep_empty_features=True)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return Pipeline([("impute", impute), ("one_hot", one_hot)])


def _objects(X: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.object_]:
    return X[columns].to_numpy(dtype=object)
