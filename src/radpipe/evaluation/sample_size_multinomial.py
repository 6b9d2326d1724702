"""Sample size for a model of an outcome of several classes."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.stats import chi2

from radpipe.errors import RadpipeError
from radpipe.evaluation.sample_size_shrinkage import (
    DEFAULT_SHARE,
    cases_for_shrinkage,
    criteria_table,
    maximum_r2,
)
from radpipe.types import Vector

SHRINKAGE = 0.9
MARGIN = 0.05


def maximum_r2_multinomial(shares: Sequence[float]) -> float:
    """The largest Cox-Snell R² that classes with these shares allow."""
    p = np.asarray(shares, dtype=float)
    return float(1 - np.exp(2 * np.sum(p * np.log(p))))


def riley_multinomial(
    *,
    parameters: int,
    shares: Sequence[float],
    found: int,
    r2_cox_snell: float | None = None,
    r2_pairs: Sequence[float] | None = None,
) -> pd.DataFrame:
    """Riley's criteria for a multinomial model; shrinkage 0.9, margins 0.05.

    Pate et al., Stat Methods Med Res 2023;32:555. The shrinkage is asked of the logistic model of
    each pair of classes among the cases of the two; the optimism of the whole model; the margin of
    the share of each class, with Bonferroni's correction for their number.

    Args:
        parameters: candidate parameters of one class against the reference.
        shares: of each class, shape (K,), K of 3 or more (2 is allowed), adding up to 1.
        found: cases at hand.
        r2_cox_snell: expected R² of the whole model; default: 15 % of its maximum.
        r2_pairs: expected R² of each pair in the order (1, 2), (1, 3) … (K - 1, K); default: the
            same part of its maximum as `r2_cox_snell` is of the maximum of the whole.

    Returns:
        `criterion, value, needed, found, met`: `shrinkage`, `optimism`, `overall_risk`, `all` (with
        the cases of the smallest class a parameter) and `smallest_class` (its share, and its cases
        among those needed and at hand).

    Raises:
        RadpipeError: a number that cannot be meant.
    """
    p = np.asarray(shares, dtype=float)
    _check_shares(p)
    largest = maximum_r2_multinomial(shares)
    r2 = DEFAULT_SHARE * largest if r2_cox_snell is None else r2_cox_snell
    pairs = list(combinations(p, 2))
    if r2_pairs is None:
        r2_pairs = [r2 / largest * maximum_r2(b / (a + b)) for a, b in pairs]
    _check_r2([r2, *r2_pairs], largest, parameters)
    # pmsampsize rounds the cases of a pair up before they are divided by its share.
    of_pair = [
        int(np.ceil(cases_for_shrinkage(parameters, own, SHRINKAGE) / (a + b)))
        for own, (a, b) in zip(r2_pairs, pairs, strict=True)
    ]
    second = r2 / (r2 + MARGIN * largest)
    quantile = chi2.ppf(1 - 0.05 / p.size, 1)
    needed = {
        "shrinkage": max(of_pair),
        "optimism": cases_for_shrinkage((p.size - 1) * parameters, r2, second),
        "overall_risk": int(np.ceil(np.max(quantile * p * (1 - p)) / MARGIN**2)),
    }
    values = {"shrinkage": SHRINKAGE, "optimism": MARGIN, "overall_risk": MARGIN}
    return criteria_table(
        needed,
        values,
        parameters=parameters,
        found=found,
        share=float(p.min()),
        rarest="smallest_class",
    )


def _check_shares(p: Vector) -> None:
    if p.size < 2 or not (p > 0).all() or abs(p.sum() - 1) > 1e-6:
        raise RadpipeError(
            "the sample size cannot be computed",
            found=f"shares of classes {[round(float(x), 3) for x in p]}",
            expected="two classes or more, each with cases, that add up to 1",
        )


def _check_r2(r2: Sequence[float], largest: float, parameters: int) -> None:
    if not all(0 < x < SHRINKAGE for x in r2) or r2[0] >= largest or parameters < 1:
        raise RadpipeError(
            "the sample size cannot be computed",
            found=f"parameters {parameters}, R2 {', '.join(f'{x:.3g}' for x in r2)}",
            expected=f"at least 1 parameter, an R2 in (0, {min(largest, SHRINKAGE):.3g})",
        )
