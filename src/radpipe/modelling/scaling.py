"""Categories to columns, gaps to numbers, sites to one scale, numbers to one unit: in the fold."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from radpipe.config import SITE
from radpipe.modelling.imputing import NearestRows
from radpipe.modelling.predictors.base import Target
from radpipe.types import Matrix

UNHARMONISED = ("clinical", "volume", SITE)
"""Blocks that ComBat leaves alone: what is no measure of intensity has no scanner effect."""


class RankScaler(TransformerMixin, BaseEstimator):
    """Each column by its ranks in the training part to a normal distribution.

    A new value lies between the scores of its neighbours among the training values; beyond them
    all, at the score of the outermost. A heavy tail then moves no prediction far.
    """

    def fit(self, X: Matrix, y: Target | None = None) -> Self:
        """Learn the sorted values of each column of X (n, p)."""
        del y
        self.sorted_ = np.sort(np.asarray(X, dtype=float), axis=0)
        n = len(self.sorted_)
        self.scores_ = ndtri((np.arange(n) + 0.5) / n)
        return self

    def transform(self, X: Matrix) -> Matrix:
        """Normal scores, shape (n, p); equal values get equal scores."""
        columns = []
        for values, known in zip(np.asarray(X, dtype=float).T, self.sorted_.T, strict=True):
            distinct, first, counts = np.unique(known, return_index=True, return_counts=True)
            middle = np.add.reduceat(self.scores_, first) / counts
            columns.append(np.interp(values, distinct, middle))
        return np.column_stack(columns) if columns else np.empty((len(X), 0))


class BlockScaler(TransformerMixin, BaseEstimator):
    """Each block encoded, imputed, harmonised and scaled by itself, all side by side.

    Numbers get the median of the training part (or the mean of the nearest rows); categories the
    commonest one, then a column each (a category that was not seen is zero in all). A column that
    never has a value in the training part becomes 0 and is dropped by the filter that follows. A
    site that was not seen, or is not known, lies at the mean of all: it tells nothing.

    scikit-learn's ColumnTransformer does the same, but checks every column of a table at every
    step: with 1,900 columns that took 90 % of the time of a fit.

    Args:
        columns: the raw columns of each block, in order.
        categorical: which of them hold categories.
        imputation: `median` or `knn`.
        indicator: a column more for each column with gaps in the training part.
        scaling: `standard` or `rank`.
        harmoniser: unfitted `ComBat`, or none; its batch and covariates are columns of the table.
    """

    def __init__(
        self,
        columns: Mapping[str, Sequence[str]],
        categorical: Sequence[str] = (),
        *,
        imputation: str = "median",
        indicator: bool = False,
        scaling: str = "standard",
        harmoniser: Any = None,
    ) -> None:
        self.columns = columns
        self.categorical = categorical
        self.imputation = imputation
        self.indicator = indicator
        self.scaling = scaling
        self.harmoniser = harmoniser

    def fit(self, X: pd.DataFrame, y: Target | None = None) -> Self:
        """Fit every block on the rows of a training part."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Target | None = None) -> Matrix:
        """Fit, and the scaled columns of the same rows, shape (n, columns)."""
        return self.fit_scale(self.fit_prepare(X, y))

    def transform(self, X: pd.DataFrame) -> Matrix:
        """The scaled columns of all blocks, shape (n, columns)."""
        return self.scale(self.prepare(X))

    def fit_prepare(self, X: pd.DataFrame, y: Target | None = None) -> list[Matrix]:
        """Fit all but the scaling, and the columns of each block of the same rows before it.

        A search shares them among pipelines that differ in scaling: imputation may take longest.
        """
        self.categories_: dict[str, Pipeline] = {}
        self.imputers_: dict[str, Any] = {}
        self.harmonisers_: dict[str, Any] = {}
        names: list[str] = []
        owners: list[str] = []
        parts = []
        for block in self.columns:
            numeric, categorical = self._kinds(block)
            if categorical:
                self.categories_[block] = _category_steps().fit(_objects(X, categorical))
            encoded = self._encoded(X, block)
            self.imputers_[block] = self._imputer().fit(encoded)
            values = self._imputed(X, block, encoded)
            if self.harmoniser is not None and block not in UNHARMONISED:
                harmoniser = clone(self.harmoniser)
                # The outcome is only read to refuse a covariate that is a copy of it.
                beside = self._beside_batch(X, values)
                self.harmonisers_[block] = harmoniser.fit(beside, y)
                values = np.asarray(harmoniser.transform(beside))
            parts.append(values)
            own_names = self._names(block, numeric, categorical)
            names += own_names
            owners += [block] * len(own_names)
        self.names_ = np.asarray(names, dtype=object)
        self.owners_ = np.asarray(owners, dtype=object)
        return parts

    def prepare(self, X: pd.DataFrame) -> list[Matrix]:
        """The columns of each block, each (n, columns), before they are scaled."""
        return [self._harmonised(X, block) for block in self.imputers_]

    def fit_scale(self, parts: Sequence[Matrix]) -> Matrix:
        """Fit the scaling to what `fit_prepare` gave, and its scaled columns side by side."""
        self.scalers_: dict[str, Any] = {}
        for block, values in zip(self.imputers_, parts, strict=True):
            scaler = StandardScaler() if self.scaling == "standard" else RankScaler()
            self.scalers_[block] = scaler.fit(_known(values) if block == SITE else values)
        return self.scale(parts)

    def scale(self, parts: Sequence[Matrix]) -> Matrix:
        """Scale what `prepare` gave, all blocks side by side, shape (n, columns)."""
        scaled = []
        for (block, scaler), values in zip(self.scalers_.items(), parts, strict=True):
            own = scaler.transform(values)
            # Of a site alone; a gap in another block is a fault that must be seen.
            scaled.append(np.nan_to_num(own) if block == SITE else own)
        return np.hstack(scaled)

    def get_feature_names_out(self, _: object = None) -> npt.NDArray[np.object_]:
        """Names of the columns; a category is `<column>_<category>`."""
        return self.names_

    def _imputer(self) -> Any:
        # A column without any value becomes 0 instead of vanishing: the filter then drops it.
        if self.imputation == "knn":
            return NearestRows(indicator=self.indicator)
        return SimpleImputer(
            strategy="median", keep_empty_features=True, add_indicator=self.indicator
        )

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

    def _imputed(self, X: pd.DataFrame, block: str, encoded: Matrix) -> Matrix:
        """Without gaps, but for the rows of an unknown site."""
        values = np.asarray(self.imputers_[block].transform(encoded))
        if block == SITE:
            (known,) = self.categories_[block][-1].categories_
            values[~X[SITE].isin(known).to_numpy()] = np.nan
        return values

    def _harmonised(self, X: pd.DataFrame, block: str) -> Matrix:
        values = self._imputed(X, block, self._encoded(X, block))
        if block not in self.harmonisers_:
            return values
        return np.asarray(self.harmonisers_[block].transform(self._beside_batch(X, values)))

    def _beside_batch(self, X: pd.DataFrame, values: Matrix) -> pd.DataFrame:
        """Imputed columns of a block beside the batch and the covariates."""
        named = pd.DataFrame(values, columns=[f"column {i}" for i in range(values.shape[1])])
        known = [self.harmoniser.batch, *self.harmoniser.covariates]
        return pd.concat([X[known], named.set_index(X.index)], axis=1)

    def _names(self, block: str, numeric: list[str], categorical: list[str]) -> list[str]:
        names = list(numeric)
        if categorical:
            names += list(self.categories_[block][-1].get_feature_names_out(categorical))
        return [str(n) for n in self.imputers_[block].get_feature_names_out(names)]


def _known(sites: Matrix) -> Matrix:
    """The rows of known sites; zeros if there is none."""
    known = sites[~np.isnan(sites).any(axis=1)]
    return known if len(known) else np.zeros_like(sites)


def _category_steps() -> Pipeline:
    impute = SimpleImputer(strategy="most_frequent", keep_empty_features=True)
    one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    return Pipeline([("impute", impute), ("one_hot", one_hot)])


def _objects(X: pd.DataFrame, columns: list[str]) -> npt.NDArray[np.object_]:
    return X[columns].to_numpy(dtype=object)
