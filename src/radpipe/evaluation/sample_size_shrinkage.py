"""What sample sizes of all kinds of outcome share: largest R², cases for a shrinkage, verdicts."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

DEFAULT_SHARE = 0.15
"""Expected share of the largest R², where nothing is known of a model like this (Riley 2020)."""


def maximum_r2(prevalence: float) -> float:
    """The largest Cox-Snell R² that a binary outcome of this prevalence allows."""
    likelihood = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * likelihood))


def cases_for_shrinkage(parameters: int, r2: float, shrinkage: float) -> int:
    """Cases that keep the shrinkage of a model with this expected Cox-Snell R² at least this."""
    return int(np.ceil(parameters / ((shrinkage - 1) * np.log1p(-r2 / shrinkage))))


def criteria_table(
    needed: Mapping[str, float],
    values: Mapping[str, float],
    *,
    parameters: int,
    found: int,
    share: float | None = None,
    rarest: str = "events",
) -> pd.DataFrame:
    """Which criteria are met.

    Args:
        needed: cases that each criterion asks for.
        values: what it asks of the model.
        parameters: candidate parameters.
        found: cases at hand.
        share: events, or cases of the smallest class, per case; none: cases alone are counted.
        rarest: the name of the row that counts those.

    Returns:
        `criterion, value, needed, found, met`: a row a criterion, `all` (the largest, with the
        events per parameter) and `rarest`.
    """
    every = max(needed.values())
    rows: list[tuple[str, float, float, float]] = [
        (name, values[name], n, found) for name, n in needed.items()
    ]
    rows.append(("all", every * (1 if share is None else share) / parameters, every, found))
    if share is not None:
        rows.append((rarest, share, every * share, found * share))
    table = pd.DataFrame(rows, columns=["criterion", "value", "needed", "found"])
    return table.assign(met=table["found"] >= table["needed"])
