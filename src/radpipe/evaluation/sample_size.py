"""How many patients the models of a study need, for every kind of outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.sample_size_multinomial import riley_multinomial
from radpipe.evaluation.sample_size_riley import riley_continuous, riley_survival
from radpipe.evaluation.sample_size_shrinkage import (
    DEFAULT_SHARE,
    cases_for_shrinkage,
    criteria_table,
    maximum_r2,
)

SMALL_MEAN = 0.1
"""A mean of fewer standard deviations than this is no scale for a relative margin."""


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
    r2 = DEFAULT_SHARE * largest if r2_cox_snell is None else r2_cox_snell
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
    values = {"shrinkage": shrinkage, "optimism": margin, "overall_risk": margin}
    return criteria_table(needed, values, parameters=parameters, found=found, share=prevalence)


def sample_size_table(
    cards: Sequence[Mapping[str, Any]], expected_r2: float | None = None
) -> pd.DataFrame:
    """Riley's criteria for the model that needs the most: the one with the most candidates.

    Of a continuous outcome whose mean is near 0 (`SMALL_MEAN`) the criterion on the mean is not
    asked: its margin is a share of the mean.

    Args:
        cards: what is known of each model: `name`, `kind` of its outcome (default: binary),
            candidate `parameters`, `n_patients` of its training part, and what
            `cards.training_card` tells of an outcome of this kind.
        expected_r2: Cox-Snell R², of a continuous outcome the adjusted one; default: 15 % of its
            maximum.

    Returns:
        `criterion, value, needed, found, met`, then the `model` and its number of candidate
        `parameters`.

    Raises:
        RadpipeError: there is no model, or a number that cannot be meant.
    """
    if not cards:
        raise RadpipeError("the sample size cannot be computed", found="no model with features")
    card = max(cards, key=lambda c: int(c["parameters"]))
    parameters, found = int(card["parameters"]), int(card["n_patients"])
    table = _criteria(card, parameters, found, expected_r2)
    return table.assign(model=card["name"], parameters=parameters)


def _criteria(
    card: Mapping[str, Any], parameters: int, found: int, r2: float | None
) -> pd.DataFrame:
    """The criteria of the kind of outcome that a card tells of."""
    kind = card.get("kind", "binary")
    if kind == "multiclass":
        shares = [float(share) for share in card["prevalence"].values()]
        return riley_multinomial(parameters=parameters, shares=shares, found=found, r2_cox_snell=r2)
    if kind == "regression":
        mean, sd = float(card["mean"]), float(card["sd"])
        asked = mean if abs(mean) >= SMALL_MEAN * sd else None
        return riley_continuous(parameters=parameters, r2=r2, mean=asked, sd=sd, found=found)
    if kind == "survival":
        follow_up = float(card["mean_time"])
        return riley_survival(
            parameters=parameters,
            rate=int(card["n_events"]) / (int(card["n"]) * follow_up),
            timepoint=float(card["horizon"]),
            follow_up=follow_up,
            found=found,
            r2_cox_snell=r2,
        )
    prevalence = float(card["prevalence"])
    return riley_binary(parameters=parameters, prevalence=prevalence, found=found, r2_cox_snell=r2)
