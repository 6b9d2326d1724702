"""Riley's sample size for continuous outcomes and times to an event, and R² from an expected AUC.

Binary outcomes are in `sample_size`, several classes in `sample_size_multinomial`. The
wanted numbers are Riley's: shrinkage of at least 0.9, optimism in R² of at most 0.05.
"""

from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy.stats import norm, t

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile
from radpipe.evaluation.sample_size_shrinkage import (
    DEFAULT_SHARE,
    cases_for_shrinkage,
    criteria_table,
)

SHRINKAGE = 0.9
MARGIN = 0.05

LARGEST = 10_000_000
"""Cases beyond which a search gives up."""


def r2_from_auc(auc: float, prevalence: float) -> float:
    """Cox-Snell R² of a well-calibrated model with this AUC.

    Riley et al., Stat Med 2021;40:859: the linear predictor is normal with equal variance in cases
    with and without the outcome. pmsampsize simulates this; here it is integrated.

    Raises:
        RadpipeError: an AUC outside (0.5, 1) or a prevalence outside (0, 1).
    """
    if not (0.5 < auc < 1 and 0 < prevalence < 1):
        raise RadpipeError(
            "no R2 follows", found=(auc, prevalence), expected="AUC in (0.5, 1), prevalence (0, 1)"
        )
    shift = float(np.sqrt(2) * norm.ppf(auc))
    x = np.linspace(-10, 10 + shift, 20_001)
    events, others = prevalence * norm.pdf(x - shift), (1 - prevalence) * norm.pdf(x)
    log_odds = np.log(prevalence / (1 - prevalence)) + shift * x - shift**2 / 2
    model = -(events * np.logaddexp(0, -log_odds) + others * np.logaddexp(0, log_odds))
    null = prevalence * np.log(prevalence) + (1 - prevalence) * np.log(1 - prevalence)
    return float(1 - np.exp(2 * (null - np.trapezoid(model, x))))


def riley_survival(
    *,
    parameters: int,
    rate: float,
    timepoint: float,
    follow_up: float,
    found: int,
    r2_cox_snell: float | None = None,
) -> pd.DataFrame:
    """Riley's criteria for a model of a time to an event; shrinkage 0.9, margins 0.05.

    Riley et al., Stat Med 2019;38:1276.

    Args:
        parameters: candidate parameters.
        rate: events a unit of time.
        timepoint: at which the overall risk must be precise.
        follow_up: mean, in the same unit.
        found: cases at hand.
        r2_cox_snell: expected R²; default: 15 % of its maximum.

    Returns:
        As `riley_binary`; `events` are those expected.

    Raises:
        RadpipeError: a number that cannot be meant.
    """
    per_case = rate * follow_up
    _check_positive(rate=rate, timepoint=timepoint, follow_up=follow_up)
    # pmsampsize's likelihood of an exponential model without predictors.
    largest = float(1 - np.exp(2 * per_case * (np.log(per_case) - 1)))
    r2 = DEFAULT_SHARE * largest if r2_cox_snell is None else r2_cox_snell
    _check_r2(r2, largest, parameters)
    second = r2 / (r2 + MARGIN * largest)
    needed = {
        "shrinkage": cases_for_shrinkage(parameters, r2, SHRINKAGE),
        "optimism": cases_for_shrinkage(parameters, r2, second),
        "overall_risk": _first_true(
            lambda n: _survival_margin(n, rate, timepoint, follow_up) <= MARGIN
        ),
    }
    values = {"shrinkage": SHRINKAGE, "optimism": MARGIN, "overall_risk": MARGIN}
    return criteria_table(needed, values, parameters=parameters, found=found, share=per_case)


def riley_continuous(
    *, parameters: int, mean: float | None, sd: float, found: int, r2: float | None = None
) -> pd.DataFrame:
    """Riley's criteria for a model of a continuous outcome.

    Riley et al., Stat Med 2019;38:1262: shrinkage of at least 0.9, optimism in R² below 0.05, the
    residual standard deviation within 10 % and the mean outcome within 10 %.

    Args:
        parameters: candidate parameters.
        mean: of the outcome; none: how well it is known is not asked.
        sd: of the outcome.
        found: cases at hand.
        r2: expected adjusted R²; default: 15 % of its maximum, which is 1.

    Returns:
        `criterion, value, needed, found, met` with the criteria `shrinkage`, `optimism`,
        `residual_sd`, `mean` and `all` (its value: cases a parameter).

    Raises:
        RadpipeError: a number that cannot be meant.
    """
    expected = DEFAULT_SHARE if r2 is None else r2
    _check_positive(sd=sd, mean=1.0 if mean is None else abs(mean))
    _check_r2(expected, 1.0, parameters)
    fewest = parameters + 2
    needed = {
        "shrinkage": _first_true(
            lambda n: _linear_shrinkage(n, parameters, expected) >= SHRINKAGE, start=fewest
        ),
        "optimism": int(np.ceil(1 + parameters * (1 - expected) / MARGIN)),
        "residual_sd": 234 + parameters,
    }
    if mean is not None:
        margin = 0.1 * abs(mean)
        needed["mean"] = _first_true(
            lambda n: _mean_margin(n, parameters, expected, sd) <= margin, start=fewest
        )
    values = {"shrinkage": SHRINKAGE, "optimism": MARGIN, "residual_sd": 0.1, "mean": 0.1}
    return criteria_table(needed, values, parameters=parameters, found=found)


def _survival_margin(n: int, rate: float, timepoint: float, follow_up: float) -> float:
    """Larger half of the interval of the overall risk at the time point with n cases."""
    half = normal_quantile(0.95) * np.sqrt(rate / (follow_up * n))
    risk, low, high = (
        1 - np.exp(-r * timepoint) for r in (rate, max(rate - half, 0.0), rate + half)
    )
    return float(max(risk - low, high - risk))


def _linear_shrinkage(n: int, parameters: int, r2: float) -> float:
    """Expected shrinkage of a linear model of n cases (Copas), from its expected apparent R²."""
    apparent = (r2 * (n - parameters - 1) + parameters) / (n - 1)
    return float(1 + (parameters - 2) / (n * np.log1p(-apparent)))


def _mean_margin(n: int, parameters: int, r2: float, sd: float) -> float:
    """Half-width of the interval of the mean outcome with n cases."""
    return float(t.ppf(0.975, n - parameters - 1) * sd * np.sqrt((1 - r2) / n))


def _first_true(enough: Callable[[int], bool], start: int = 2) -> int:
    """The smallest number from `start` on that is enough, where more is always enough, too."""
    low, high = start - 1, start
    while not enough(high):
        low, high = high, 2 * high
        if high > LARGEST:
            raise RadpipeError("no sample size is enough", found=f"more than {LARGEST} cases")
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _check_r2(r2: float, largest: float, parameters: int) -> None:
    if not 0 < r2 < min(largest, SHRINKAGE) or parameters < 1:
        raise RadpipeError(
            "the sample size cannot be computed",
            found=f"parameters {parameters}, R2 {r2:.3g}",
            expected=f"at least 1 parameter, an R2 in (0, {min(largest, SHRINKAGE):.3g})",
        )


def _check_positive(**quantities: float) -> None:
    wrong = {name: value for name, value in quantities.items() if not value > 0}
    if wrong:
        raise RadpipeError(
            "the sample size cannot be computed", found=wrong, expected="positive numbers"
        )
