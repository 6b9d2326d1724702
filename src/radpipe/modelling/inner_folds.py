"""One inner fold: what the pipelines of a search share in it, computed once."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.predictors.base import Target, outputs_of
from radpipe.modelling.predictors.ensembles import fit_grouped
from radpipe.modelling.scaling import BlockScaler
from radpipe.modelling.selection.filters import Columns, visiting_order, walk
from radpipe.modelling.splits import Indices
from radpipe.types import Matrix

Outputs = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Training:
    """A training part, rows in order of the case.

    Attributes:
        table: one row a case.
        y: its outcomes, shape (n,).
        patients: the patient of each row.
        classes: number of classes; 1 output column unless the outcome is multiclass.
    """

    table: pd.DataFrame
    y: Target
    patients: npt.NDArray[np.object_]
    classes: int = 1


class InnerFold:
    """What candidates share inside one inner fold, computed once.

    Attributes:
        test: rows that are judged.
    """

    def __init__(
        self,
        recipe: Recipe,
        training: Training,
        rows: tuple[Indices, Indices],
        candidates: Sequence[Candidate],
    ) -> None:
        self.train, self.test = rows
        self._recipe = recipe
        self._y = training.y[self.train]
        self._patients = training.patients[self.train]
        self._classes = training.classes
        self._tables = [training.table.iloc[part] for part in rows]
        self._scaled: dict[tuple[str, str, bool], tuple[Matrix, Matrix, Outputs]] = {}
        self._unscaled: dict[tuple[str, bool], tuple[BlockScaler, list[Matrix], list[Matrix]]] = {}
        self._walks: dict[tuple[object, ...], Columns] = {}
        self._limits: dict[str, int | None] = {}
        for method in {c.method for c in candidates}:
            keeps = [c.keep for c in candidates if c.method == method]
            self._limits[method] = None if None in keeps else max(k for k in keeps if k)

    def outputs(self, candidate: Candidate) -> Matrix:
        """Outputs of the rows that are judged, shape (n_test, columns)."""
        fitted, judged, owners = self._matrices(candidate)
        blocks = candidate.blocks or tuple(dict.fromkeys(owners))
        kept = np.concatenate([self._kept(candidate, fitted, owners, b) for b in blocks])
        own = np.ascontiguousarray(fitted[:, kept])
        predictor = self._recipe.predictor(candidate, tuning=True)
        predictor = fit_grouped(predictor, own, self._y, self._patients)
        new = np.ascontiguousarray(judged[:, kept])
        return outputs_of(predictor, new, self._recipe.kind, self._classes)

    def _matrices(self, candidate: Candidate) -> tuple[Matrix, Matrix, Outputs]:
        key = (candidate.scaling, candidate.imputation, candidate.harmonised)
        if key not in self._scaled:
            scaler, fitted, judged = self._prepared(candidate)
            scaler.set_params(scaling=candidate.scaling)
            own = scaler.fit_scale(fitted)
            self._scaled[key] = (own, scaler.scale(judged), scaler.owners_)
        return self._scaled[key]

    def _prepared(self, candidate: Candidate) -> tuple[BlockScaler, list[Matrix], list[Matrix]]:
        """What pipelines share that differ in scaling alone."""
        key = (candidate.imputation, candidate.harmonised)
        if key not in self._unscaled:
            scaler = self._recipe.scaler(candidate, all_blocks=True)
            fitted = scaler.fit_prepare(self._tables[0], self._y)
            self._unscaled[key] = (scaler, fitted, scaler.prepare(self._tables[1]))
        return self._unscaled[key]

    def _kept(self, candidate: Candidate, scaled: Matrix, owners: Outputs, block: str) -> Columns:
        """Columns of one block that a candidate keeps, sorted."""
        own = np.flatnonzero(owners == block)
        key = (candidate.scaling, candidate.imputation, candidate.harmonised)
        place = (*key, candidate.method, block)
        if place not in self._walks:
            recipe, columns = self._recipe, scaled[:, own]
            order = visiting_order(
                columns, self._y, candidate.method, kind=recipe.kind, seed=recipe.seed
            )
            limit = self._limits[candidate.method]
            limit = len(order) if limit is None else limit
            self._walks[place] = walk(columns, order, limit, recipe.correlation)
        # The columns kept for a smaller limit are the first of those for a larger one.
        kept = np.sort(self._walks[place][: candidate.keep])
        return own[kept] if len(kept) else own[:1]
