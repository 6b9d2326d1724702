"""Which pipelines of a search are averaged, and what the average predicts in the inner folds."""

import numpy as np
import numpy.typing as npt

from radpipe.modelling.losses import judge
from radpipe.modelling.predictors.base import Kind, Target, from_scores, standards_of, to_scores
from radpipe.modelling.search import Search
from radpipe.types import Matrix

PER_PREDICTOR = 3
"""Members of an average of one predictor, at most: their errors are much alike."""


def best_members(found: Search, count: int) -> list[int]:
    """The best candidates, at most `PER_PREDICTOR` of one predictor while others are left."""
    chosen: list[int] = []
    for limit in (PER_PREDICTOR, len(found.candidates)):
        for i in map(int, found.ranking):
            name = found.candidates[i].predictor
            same = sum(found.candidates[j].predictor == name for j in chosen)
            if len(chosen) < count and i not in chosen and same < limit:
                chosen.append(i)
    return chosen


def mean_scores(found: Search, members: list[int]) -> Matrix:
    """Out-of-fold scores of an average, mean over the repeats, shape (n, columns)."""
    return _mean([found.out_of_fold(i) for i in members], found.kind)


def inner_spread(found: Search, members: list[int], y: Target) -> dict[str, float]:
    """Standard deviation over the repeats of each measure of the average, as `<measure>_sd`.

    Empty with one repeat: the folds were drawn once.
    """
    repeats = int(found.repeats[members].min())
    if repeats < 2:
        return {}
    one_fold: npt.NDArray[np.intp] = np.zeros(len(y), dtype=np.intp)
    each = []
    for repeat in range(repeats):
        scores = _mean([found.outputs[i][repeat] for i in members], found.kind)
        each.append(judge(found.kind, y, from_scores(scores, found.kind), one_fold))
    return {f"{k}_sd": float(np.std([m[k] for m in each], ddof=1)) for k in each[0]}


def _mean(outputs: list[Matrix], kind: Kind) -> Matrix:
    """Mean of the scores of some members, risks in standard deviations."""
    scores = [to_scores(own, kind) for own in outputs]
    parts = zip(scores, *standards_of(scores, kind), strict=True)
    return np.asarray(np.mean([(s - shift) / spread for s, shift, spread in parts], axis=0))
