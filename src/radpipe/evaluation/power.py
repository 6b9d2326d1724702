"""How many cases a test of an AUC against chance needs, and its power.

Obuchowski & McClish, Stat Med 1997;16:1529, binormal variance, as in pROC's `power.roc.test`; the
test is two-sided and asks whether the AUC is 0.5. Signal must be named beforehand: an AUC that was
measured in the same data gives no power.
"""

import numpy as np
from scipy.stats import norm

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile


def auc_power(auc: float, *, cases: float, controls: float, alpha: float = 0.05) -> float:
    """Power to find an AUC different from 0.5.

    Args:
        auc: expected, in (0.5, 1).
        cases: with the outcome.
        controls: without it.
        alpha: two-sided level.

    Raises:
        RadpipeError: an AUC outside (0.5, 1), or no cases or controls.
    """
    if min(cases, controls) <= 0:
        raise RadpipeError("power needs cases and controls", found=(cases, controls))
    null, wanted = _variances(auc, controls / cases)
    quantile = normal_quantile(1 - alpha)
    return float(
        norm.cdf((np.sqrt(cases) * (auc - 0.5) - quantile * np.sqrt(null)) / np.sqrt(wanted))
    )


def auc_cases(auc: float, *, power: float = 0.9, ratio: float = 1.0, alpha: float = 0.05) -> float:
    """Cases with the outcome that give a power, with `ratio` controls each; not rounded.

    Raises:
        RadpipeError: an AUC outside (0.5, 1), or a ratio of 0 or less.
    """
    null, wanted = _variances(auc, ratio)
    quantile = normal_quantile(1 - alpha)
    root = quantile * np.sqrt(null) + float(norm.ppf(power)) * np.sqrt(wanted)
    return float(root**2 / (auc - 0.5) ** 2)


def _variances(auc: float, ratio: float) -> tuple[float, float]:
    """Variance of one case's share in the AUC at chance and at the AUC."""
    if not 0.5 < auc < 1 or ratio <= 0:
        raise RadpipeError(
            "the power of an AUC cannot be computed",
            found=f"AUC {auc}, {ratio} controls a case",
            expected="an AUC in (0.5, 1), controls",
        )
    # 1.414, not the root of 2: the constant that the paper and pROC use.
    a = float(norm.ppf(auc)) * 1.414
    wanted = 0.0099 * np.exp(-(a**2) / 2) * ((5 * a**2 + 8) + (a**2 + 8) / ratio)
    return 0.0792 * (1 + 1 / ratio), float(wanted)
