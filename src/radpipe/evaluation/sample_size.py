"""How many patients a prediction model needs."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile


def maximum_r2(prevalence: float) -> float:
    """The largest Cox-Snell R² that a binary outcome of this prevalence allows."""
    likelihood = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * likelihood))


def riley_binary(
    *,
    parameters: int,
    prevalence: float,
    found: int,
    r2_cox_snell: float | None = None,
    shrinkage: float = 0.9,
    margin: float = 0.05,
) -> pd.DataFrame:
    """Riley's criteria for developing a model of a binary outcome.

    Riley et al., BMJ 2020;368:m441. Count every candidate parameter, also those that a selection
    discards later.

    Args:
        parameters: candidate parameters.
        prevalence: expected share of events.
        found: cases at hand.
        r2_cox_snell: expected R²; default: 15 % of its maximum, as Riley advises without knowledge.
        shrinkage: wanted, at least.
        margin: largest optimism in Nagelkerke's R², and half-width of the overall risk's interval.

    Returns:
        `criterion, value, needed, found, met`: `shrinkage`, `optimism` and `overall_risk` with the
        shrinkage, the optimism and the margin they ask for, `all` (the largest of the three, with
        the events per parameter) and `events` (expected among the cases needed and at hand).

    Raises:
        RadpipeError: a number that cannot be meant.
    """
    largest = maximum_r2(prevalence) if 0 < prevalence < 1 else 0.0
    r2 = 0.15 * largest if r2_cox_snell is None else r2_cox_snell
    if not 0 < r2 < min(largest, shrinkage) or parameters < 1 or shrinkage >= 1:
        raise RadpipeError(
            "the sample size cannot be computed",
            found=f"parameters {parameters}, prevalence {prevalence:.3g}, R2 {r2:.3g}",
            expected=(
                "at least 1 parameter, a prevalence in (0, 1), an R2 above 0 and below "
                f"{min(largest, shrinkage):.3g}"
            ),
        )
    # pmsampsize 1.1.3 carries the second shrinkage unrounded and rounds each count up.
    second = r2 / (r2 + margin * largest)
    needed = {
        "shrinkage": cases_for_shrinkage(parameters, r2, shrinkage),
        "optimism": cases_for_shrinkage(parameters, r2, second),
        "overall_risk": int(
            np.ceil((normal_quantile(0.95) / margin) ** 2 * prevalence * (1 - prevalence))
        ),
    }
    every = max(needed.values())
    rows: list[tuple[str, float, float, float]] = [
        ("shrinkage", shrinkage, needed["shrinkage"], found),
        ("optimism", margin, needed["optimism"], found),
        ("overall_risk", margin, needed["overall_risk"], found),
        ("all", every * prevalence / parameters, every, found),
        ("events", prevalence, every * prevalence, found * prevalence),
    ]
    table = pd.DataFrame(rows, columns=["criterion", "value", "needed", "found"])
    return table.assign(met=table["found"] >= table["needed"])


def sample_size_table(
    cards: Sequence[Mapping[str, Any]], r2_cox_snell: float | None = None
) -> pd.DataFrame:
    """Riley's criteria for the model that needs the most: the one with the most candidates.

    Args:
        cards: what is known of each model: `name`, `columns` (the candidates), `prevalence` and
            `n_patients` of its training part.
        r2_cox_snell: expected R²; default: 15 % of its maximum.

    Returns:
        `criterion, value, needed, found, met`, then the `model` and its number of candidate
        `parameters`.
    """
    card = max(cards, key=lambda c: len(c["columns"]))
    table = riley_binary(
        parameters=len(card["columns"]),
        prevalence=float(card["prevalence"]),
        found=int(card["n_patients"]),
        r2_cox_snell=r2_cox_snell,
    )
    return table.assign(model=card["name"], parameters=len(card["columns"]))


def cases_for_shrinkage(parameters: int, r2: float, shrinkage: float) -> int:
    """Cases that keep the shrinkage of a model with this expected Cox-Snell R² at least this."""
    return int(np.ceil(parameters / ((shrinkage - 1) * np.log1p(-r2 / shrinkage))))
