"""Tuning in inner folds: every pipeline is judged on patients it was not fitted on."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.logs import progress
from radpipe.modelling.inner_folds import InnerFold, Outputs, Training
from radpipe.modelling.losses import Criterion, judge, loss_of
from radpipe.modelling.pipelines import Candidate, Recipe
from radpipe.modelling.predictors.base import Kind, from_scores, to_scores
from radpipe.modelling.splits import inner_splits


@dataclass(frozen=True)
class Nesting:
    """How candidates are judged.

    Attributes:
        folds: inner folds, by patient.
        seed: decides them.
        criterion: of classes; numbers and times have one criterion each.
        repeats: how often the folds are drawn.
        survivors: of the candidates, how many at least see the next repeat; beyond them the better
            half does. None: all do.
        minutes: no further candidate after this time; none: all are tried.
    """

    folds: int
    seed: int
    criterion: Criterion = "log_loss"
    repeats: int = 1
    survivors: int | None = None
    minutes: float | None = None


@dataclass(frozen=True)
class Search:
    """The outcome of a search.

    Attributes:
        candidates: those tried, in order.
        losses: of each, mean over the repeats that it saw, shape (candidates,); smaller is better.
        repeats: how many repeats each saw, shape (candidates,).
        outputs: in the inner folds, by candidate and repeat, each (n, columns).
        table: one row a candidate: what it is, then how it was judged.
        kind: kind of outcome.
    """

    candidates: list[Candidate]
    losses: npt.NDArray[np.floating]
    repeats: npt.NDArray[np.intp]
    outputs: list[list[Outputs]]
    table: pd.DataFrame
    kind: Kind

    @property
    def ranking(self) -> npt.NDArray[np.intp]:
        """From the best candidate to the worst; a tie is won by the earlier one.

        One that saw more repeats comes first: the others were worse when they were left behind.
        """
        return np.lexsort((np.round(self.losses, 10), -self.repeats))

    def out_of_fold(self, candidate: int) -> Outputs:
        """Outputs of a candidate in the inner folds, mean over its repeats, (n, columns)."""
        own = self.outputs[candidate]
        if len(own) == 1:
            return own[0]
        return from_scores(np.mean([to_scores(o, self.kind) for o in own], axis=0), self.kind)


def search(
    candidates: Sequence[Candidate], recipe: Recipe, training: Training, nesting: Nesting
) -> Search:
    """Judge candidates on inner out-of-fold predictions.

    Imputation, scaling and ranking of an inner fold are shared by all candidates that agree in
    them. From repeat to repeat the better half goes on (successive halving, Jamieson & Talwalkar,
    AISTATS 2016), so that the best are judged on more folds than the hopeless.

    Args:
        candidates: what is tried, the simplest first.
        recipe: what they share.
        training: the training part.
        nesting: inner folds, criterion, limits.

    Raises:
        FitError: a class has fewer patients than inner folds.
    """
    clock = _Clock(nesting.minutes)
    judged: list[list[_Judged]] = [[] for _ in candidates]
    going = list(range(len(candidates)))
    for repeat in range(nesting.repeats):
        own = [candidates[i] for i in going]
        folds = _inner_folds(own, recipe, training, nesting, repeat)
        found = _one_repeat(own, folds, recipe, training, clock)
        if repeat and len(found) < len(going):
            break  # Half a repeat would favour those that it reached.
        going = going[: len(found)]
        for i, one in zip(going, found, strict=True):
            judged[i].append(one)
        losses = _losses([judged[i] for i in going], recipe.kind, nesting.criterion)
        going = _survivors(going, losses, nesting.survivors)
    judged = [own for own in judged if own]
    rows = [
        _described(c) | _summary([measures for measures, _ in own], nesting.repeats)
        for c, own in zip(candidates, judged, strict=False)
    ]
    return Search(
        list(candidates[: len(judged)]),
        _losses(judged, recipe.kind, nesting.criterion),
        np.array([len(own) for own in judged], dtype=np.intp),
        [[outputs for _, outputs in own] for own in judged],
        pd.DataFrame(rows),
        recipe.kind,
    )


_Judged = tuple[dict[str, float], Outputs]
"""Measures and outputs of a candidate in one repeat."""


class _Clock:
    """Whether the time for a search is over."""

    def __init__(self, minutes: float | None) -> None:
        self._end = None if minutes is None else time.monotonic() + 60 * minutes

    def over(self) -> bool:
        return self._end is not None and time.monotonic() > self._end


def _survivors(going: list[int], losses: npt.NDArray[np.floating], least: int | None) -> list[int]:
    """Those of the candidates, with their losses, that see the next repeat, in order."""
    if least is None:
        return going
    count = max(least, -(-len(going) // 2))
    order = np.argsort(np.round(losses, 10), kind="stable")[:count]
    return [going[i] for i in sorted(order)]


def _losses(
    judged: Sequence[Sequence[_Judged]], kind: Kind, criterion: Criterion
) -> npt.NDArray[np.floating]:
    """Mean loss of each candidate over the repeats that it saw."""
    each = [[loss_of(kind, measures, criterion) for measures, _ in own] for own in judged]
    return np.array([np.mean(own) for own in each])


def _summary(measures: Sequence[dict[str, float]], repeats: int) -> dict[str, float]:
    """Mean of each measure over the repeats, and its spread where there may be several."""
    mean = {name: float(np.mean([m[name] for m in measures])) for name in measures[0]}
    if repeats == 1:
        return mean
    several = len(measures) > 1
    spread = {
        f"{name}_sd": float(np.std([m[name] for m in measures], ddof=1)) if several else np.nan
        for name in measures[0]
    }
    return {**mean, **spread, "repeats": len(measures)}


def _one_repeat(
    candidates: Sequence[Candidate],
    folds: Sequence[InnerFold],
    recipe: Recipe,
    training: Training,
    clock: _Clock,
) -> list[_Judged]:
    """Candidates judged in one repeat of the inner folds: all, or as many as time allows."""
    judged: list[_Judged] = []
    for candidate in progress(candidates, "pipeline") if len(candidates) > 30 else candidates:
        if judged and clock.over():
            break
        outputs = np.full((len(training.y), training.classes), np.nan)
        fold_of = np.zeros(len(training.y), dtype=np.intp)
        for number, part in enumerate(folds):
            outputs[part.test] = part.outputs(candidate)
            fold_of[part.test] = number
        judged.append((judge(recipe.kind, training.y, outputs, fold_of), outputs))
    return judged


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
    candidates: Sequence[Candidate],
    recipe: Recipe,
    training: Training,
    nesting: Nesting,
    repeat: int,
) -> list[InnerFold]:
    """The inner folds of one repeat."""
    folds = inner_splits(
        training.y, training.patients, nesting.folds, nesting.seed + repeat, kind=recipe.kind
    )
    return [InnerFold(recipe, training, rows, candidates) for rows in folds]
