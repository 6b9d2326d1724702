"""What sample sizes of all kinds of outcome share: the largest R² and cases for a shrinkage."""

import numpy as np

DEFAULT_SHARE = 0.15
"""Expected share of the largest R², where nothing is known of a model like this (Riley 2020)."""


def maximum_r2(prevalence: float) -> float:
    """The largest Cox-Snell R² that a binary outcome of this prevalence allows."""
    likelihood = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * likelihood))


def cases_for_shrinkage(parameters: int, r2: float, shrinkage: float) -> int:
    """Cases that keep the shrinkage of a model with this expected Cox-Snell R² at least this."""
    return int(np.ceil(parameters / ((shrinkage - 1) * np.log1p(-r2 / shrinkage))))
