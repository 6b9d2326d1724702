"""The optimism bootstrap: performance in the cases a model was made from, corrected.

Harrell, Lee & Mark, Stat Med 1996;15:361; Steyerberg et al., J Clin Epidemiol 2001;54:774. It is
honest only if the callable repeats every step that looked at the data: imputation, selection,
tuning and the threshold.
"""

from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import FitError
from radpipe.types import Vector

Predictor = Callable[[npt.NDArray[np.intp]], Vector]
"""Predicted probabilities of the cases with these positions, shape (m,)."""

Procedure = Callable[[npt.NDArray[np.intp], npt.NDArray[np.str_]], Predictor]
"""The whole modelling: positions of the training cases (with repetition) and the name of each one's
patient in the sample, so that inner folds can keep the copies of a patient together."""

Statistic = Callable[[Vector, Vector], float]

COLUMNS = ["metric", "apparent", "training", "test", "optimism", "corrected", "samples"]


def optimism_bootstrap(
    procedure: Procedure,
    y: npt.ArrayLike,
    patient: npt.ArrayLike,
    statistics: Mapping[str, Statistic],
    *,
    samples: int = 200,
    seed: int = 0,
) -> pd.DataFrame:
    """Performance in the training cases less the optimism that a bootstrap of patients shows.

    In each sample the whole procedure is repeated; optimism is its performance in that sample less
    that in the original cases. `corrected` is an estimate for the model of all cases.

    Args:
        procedure: fits on the cases it is given and returns a predictor of any cases.
        y: outcome, shape (n,).
        patient: name of each case's patient, shape (n,); patients are drawn, with all their cases.
        statistics: by name; called with outcome and predictions, NaN where undefined.
        samples: bootstrap samples.
        seed: of the draws.

    Returns:
        `COLUMNS`, a row a statistic; `training` and `test` are means over the samples in which both
        exist, `samples` their number. As in rms `validate`, corrected = apparent - optimism.

    Raises:
        FitError: a statistic exists in no sample.
    """
    outcome, names = np.asarray(y, dtype=float), np.asarray(patient).astype(str)
    everyone = np.arange(outcome.size)
    fitted = procedure(everyone, names)(everyone)
    apparent = {name: statistic(outcome, fitted) for name, statistic in statistics.items()}
    rng = np.random.default_rng(seed)
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in statistics}
    for _ in range(samples):
        drawn = _drawn_cases(names, rng)
        predict = procedure(drawn, names[drawn])
        inside, outside = predict(drawn), predict(everyone)
        for name, statistic in statistics.items():
            found[name].append((statistic(outcome[drawn], inside), statistic(outcome, outside)))
    rows = [_row(name, apparent[name], np.array(pairs)) for name, pairs in found.items()]
    return pd.DataFrame(rows, columns=COLUMNS)


def _drawn_cases(names: npt.NDArray[np.str_], rng: np.random.Generator) -> npt.NDArray[np.intp]:
    """Positions of the cases of patients drawn with replacement."""
    unique, index = np.unique(names, return_inverse=True)
    times = rng.multinomial(unique.size, np.full(unique.size, 1 / unique.size))
    return np.repeat(np.arange(names.size), times[index])


def _row(name: str, apparent: float, pairs: npt.NDArray[np.float64]) -> tuple[object, ...]:
    usable = pairs[np.isfinite(pairs).all(axis=1)] if pairs.size else pairs
    if not len(usable):
        raise FitError(f"the optimism of '{name}' exists in no bootstrap sample", found=len(pairs))
    training, test = (float(value) for value in usable.mean(axis=0))
    optimism = training - test
    return name, apparent, training, test, optimism, apparent - optimism, len(usable)
