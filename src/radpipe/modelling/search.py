"""Tuning in inner folds: every pipeline is judged on patients it was not fitted on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.logs import progress
from radpipe.modelling.losses import Criterion, judge, loss_of
from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.predictors.base import Target, from_scores, outputs_of, to_scores
from radpipe.modelling.predictors.ensembles import fit_grouped
from radpipe.modelling.selection.filters import Columns, visiting_order, walk
from radpipe.modelling.splits import Indices, inner_splits
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


@dataclass(frozen=True)
class Nesting:
    """How candidates are judged.

    Attributes:
        folds: inner folds, by patient.
        seed: decides them.
        criterion: of classes; numbers and times have one criterion each.
        repeats: how often the folds are drawn.
        minutes: no further candidate after this time; none: all are tried.
    """

    folds: int
    seed: int
    criterion: Criterion = "log_loss"
    repeats: int = 1
    minutes: float | None = None


@dataclass(frozen=True)
class Search:
    """The outcome of a search.

    Attributes:
        candidates: those tried, in order.
        losses: of each, shape (candidates,); smaller is better.
        out_of_fold: outputs in the inner folds, mean over repeats, (candidates, n, columns).
        table: one row a candidate: what it is, then how it was judged.
    """

    candidates: list[Candidate]
    losses: npt.NDArray[np.floating]
    out_of_fold: Outputs
    table: pd.DataFrame

    @property
    def ranking(self) -> npt.NDArray[np.intp]:
        """Candidates from the smallest loss to the largest; a tie is won by the earlier one."""
        return np.argsort(np.round(self.losses, 10), kind="stable")


def search(
    candidates: Sequence[Candidate], recipe: Recipe, training: Training, nesting: Nesting
) -> Search:
    """Judge candidates on inner out-of-fold predictions.

    Imputation, scaling and ranking of an inner fold are shared by all candidates that agree in
    them.

    Args:
        candidates: what is tried, the simplest first.
        recipe: what they share.
        training: the training part.
        nesting: inner folds, criterion, limits.

    Raises:
        FitError: a class has fewer patients than inner folds.
    """
    parts = _inner_folds(candidates, recipe, training, nesting)
    started = time.monotonic()
    judged: list[tuple[dict[str, float], Outputs]] = []
    for candidate in progress(candidates, "pipeline") if len(candidates) > 30 else candidates:
        spent = (time.monotonic() - started) / 60
        if judged and nesting.minutes is not None and spent > nesting.minutes:
            break
        judged.append(_judged(candidate, parts, recipe, training))
    rows = [{**_described(c), **m} for c, (m, _) in zip(candidates, judged, strict=False)]
    losses = [loss_of(recipe.kind, measures, nesting.criterion) for measures, _ in judged]
    return Search(
        list(candidates[: len(judged)]),
        np.asarray(losses),
        np.stack([outputs for _, outputs in judged]),
        pd.DataFrame(rows),
    )


def _judged(
    candidate: Candidate,
    parts: Sequence[Sequence["_InnerFold"]],
    recipe: Recipe,
    training: Training,
) -> tuple[dict[str, float], Outputs]:
    """Measures of a candidate, mean over repeats, and its mean outputs."""
    measures, repeats = [], []
    for repeat in parts:
        outputs = np.full((len(training.y), training.classes), np.nan)
        fold_of = np.zeros(len(training.y), dtype=np.intp)
        for number, part in enumerate(repeat):
            outputs[part.test] = part.outputs(candidate)
            fold_of[part.test] = number
        measures.append(judge(recipe.kind, training.y, outputs, fold_of))
        repeats.append(outputs)
    mean = {name: float(np.mean([m[name] for m in measures])) for name in measures[0]}
    if len(repeats) == 1:
        return mean, repeats[0]
    scores = np.mean([to_scores(outputs, recipe.kind) for outputs in repeats], axis=0)
    return mean, from_scores(scores, recipe.kind)


def _described(candidate: Candidate) -> dict[str, object]:
    return {
        "predictor": candidate.predictor,
        "selection": candidate.method,
        "keep": candidate.keep,
        "blocks": "+".join(candidate.blocks) or "all",
        "scaling": candidate.scaling,
        "imputation": candidate.imputation,
        "harmonised": candidate.harmonised,
        **candidate.params,
    }


def _inner_folds(
    candidates: Sequence[Candidate], recipe: Recipe, training: Training, nesting: Nesting
) -> list[list["_InnerFold"]]:
    """The inner folds of every repeat."""
    repeats = [
        inner_splits(
            training.y,
            training.patients,
            nesting.folds,
            nesting.seed + repeat,
            kind=recipe.kind,
        )
        for repeat in range(nesting.repeats)
    ]
    return [[_InnerFold(recipe, training, rows, candidates) for rows in folds] for folds in repeats]


class _InnerFold:
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
            scaler = self._recipe.scaler(candidate, all_blocks=True)
            fitted = scaler.fit_transform(self._tables[0], self._y)
            judged = scaler.transform(self._tables[1])
            self._scaled[key] = (fitted, judged, scaler.owners_)
        return self._scaled[key]

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
