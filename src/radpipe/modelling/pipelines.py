"""The steps between a row of blocks and a predictor, each fitted inside the fold."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.pipeline import Pipeline

from radpipe.modelling.predictors import build_predictor, weights_of
from radpipe.modelling.predictors.base import Kind, Patients, Target
from radpipe.modelling.predictors.ensembles import fit_grouped
from radpipe.modelling.scaling import BlockScaler
from radpipe.modelling.selection import FeatureFilter
from radpipe.types import Matrix

BLOCKS = "blocks"
PREDICT = "predict"
"""Names of the two steps of every tabular pipeline."""


class BlockUnion(TransformerMixin, BaseEstimator):
    """Imputation, scaling and selection of each block by itself, then all side by side.

    Per block, so that four clinical columns are not drowned by two thousand radiomic ones.

    Args:
        scaler: unfitted, knows the blocks and their columns.
        chooser: unfitted; a copy of it chooses in each block.
    """

    def __init__(self, scaler: BlockScaler, chooser: FeatureFilter) -> None:
        self.scaler = scaler
        self.chooser = chooser

    def fit(self, X: pd.DataFrame, y: Target) -> Self:
        """Fit every block on the rows of a training part."""
        self.fit_transform(X, y)
        return self

    def fit_transform(self, X: pd.DataFrame, y: Target) -> Matrix:
        """Fit, and the kept columns of the same rows."""
        self.scaler_ = clone(self.scaler)
        scaled = self.scaler_.fit_transform(X, y)
        owners = self.scaler_.owners_
        kept = []
        for block in dict.fromkeys(owners):
            own = np.flatnonzero(owners == block)
            kept.append(own[clone(self.chooser).fit(scaled[:, own], y).kept_])
        self.kept_ = np.concatenate(kept)
        self.names_ = self.scaler_.names_[self.kept_]
        self.owners_ = owners[self.kept_]
        return np.ascontiguousarray(scaled[:, self.kept_])

    def transform(self, X: pd.DataFrame) -> Matrix:
        """The kept columns of all blocks, scaled, shape (n, kept)."""
        return np.ascontiguousarray(self.scaler_.transform(X)[:, self.kept_])

    def get_feature_names_out(self, _: object = None) -> npt.NDArray[np.object_]:
        """Names of the kept columns; a category is `<column>_<category>`."""
        return self.names_


@dataclass(frozen=True)
class Candidate:
    """One pipeline of a search.

    Attributes:
        predictor: name in the registry.
        params: its settings.
        method: ranking of the columns of each block.
        keep: columns kept of each block; none: no limit.
        blocks: the blocks it sees; empty: all.
        scaling: `standard` or `rank`.
        imputation: `median` or `knn`.
        harmonised: whether ComBat is applied, where the model has it.
    """

    predictor: str
    params: Mapping[str, Any] = field(default_factory=dict)
    method: str = "none"
    keep: int | None = None
    blocks: tuple[str, ...] = ()
    scaling: str = "standard"
    imputation: str = "median"
    harmonised: bool = True


@dataclass(frozen=True)
class Recipe:
    """What all pipelines of a model share.

    Attributes:
        columns: the raw columns of each block, in order.
        categorical: which of them hold categories.
        kind: kind of outcome.
        seed: of everything random.
        correlation: largest |r| of two kept columns of a block.
        indicator: whether missing values get a column of their own.
        harmoniser: unfitted ComBat, or none.
    """

    columns: Mapping[str, Sequence[str]]
    categorical: Sequence[str]
    kind: Kind
    seed: int
    correlation: float = 0.95
    indicator: bool = False
    harmoniser: Any = None

    def scaler(self, candidate: Candidate, *, all_blocks: bool = False) -> BlockScaler:
        """The unfitted first step of a pipeline."""
        wanted = list(self.columns) if all_blocks or not candidate.blocks else candidate.blocks
        return BlockScaler(
            {block: list(self.columns[block]) for block in wanted},
            list(self.categorical),
            imputation=candidate.imputation,
            indicator=self.indicator,
            scaling=candidate.scaling,
            harmoniser=self.harmoniser if candidate.harmonised else None,
        )

    def predictor(self, candidate: Candidate, *, tuning: bool) -> Any:
        """The unfitted last step of a pipeline."""
        return build_predictor(
            candidate.predictor, self.seed, kind=self.kind, tuning=tuning, **candidate.params
        )

    def pipeline(self, candidate: Candidate) -> Pipeline:
        """The unfitted pipeline."""
        chooser = FeatureFilter(
            candidate.method, candidate.keep, self.correlation, self.kind, self.seed
        )
        union = BlockUnion(self.scaler(candidate), chooser)
        return Pipeline([(BLOCKS, union), (PREDICT, self.predictor(candidate, tuning=False))])


def fit_pipeline(
    pipeline: Pipeline, X: pd.DataFrame, y: Target, groups: Patients | None
) -> Pipeline:
    """Fit a pipeline of two steps; a predictor with folds of its own is told the patients."""
    blocks: Any = pipeline.named_steps[BLOCKS]
    fit_grouped(pipeline.named_steps[PREDICT], blocks.fit_transform(X, y), y, groups)
    return pipeline


def selected_features(pipeline: Pipeline) -> pd.DataFrame:
    """What a fitted pipeline rests on.

    Returns:
        `feature, block, weight`, largest |weight| first: the coefficient of the scaled column
        (columns with coefficient 0 are left out), the impurity importance, or 1 for each column
        that a predictor without either sees.
    """
    blocks: Any = pipeline.named_steps[BLOCKS]
    weights = weights_of(pipeline.named_steps[PREDICT])
    table = pd.DataFrame({"feature": blocks.names_, "block": blocks.owners_, "weight": weights})
    return by_weight(table)


def by_weight(table: pd.DataFrame) -> pd.DataFrame:
    """Rows with a weight, largest |weight| first."""
    table = table[table["weight"] != 0]
    order = table["weight"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].reset_index(drop=True)
