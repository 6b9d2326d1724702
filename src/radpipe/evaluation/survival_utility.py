"""Do probabilities of an event by a horizon mean what they say, and do they help to decide?

Observed is the Kaplan-Meier estimate, so that censored cases count as long as they were followed.
"""

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import FitError, RadpipeError
from radpipe.evaluation.calibration import prediction_groups
from radpipe.evaluation.cox import cox_fit
from radpipe.evaluation.survival_checks import check_event_probabilities, check_survival
from radpipe.evaluation.survival_curves import KaplanMeier, kaplan_meier
from radpipe.types import Matrix, Vector

FLOOR = 1e-6
"""Probabilities nearer to 0 or 1 are brought to this distance before log(-log)."""


def net_benefit_survival(
    p: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    horizon: float,
    thresholds: npt.ArrayLike,
) -> pd.DataFrame:
    """Net benefit of treating those with p >= t, beside treating all (treating none has 0).

    The share of events among the treated is their Kaplan-Meier estimate at the horizon. Vickers et
    al., BMC Med Inform Decis Mak 2008;8:53; as `dcurves`.

    Args:
        p: probabilities of the event by the horizon, shape (n,).
        time: follow-up, shape (n,).
        event: 1 at the event, 0 censored, shape (n,).
        horizon: the time, in the unit of `time`.
        thresholds: threshold probabilities, each in [0, 1).

    Returns:
        `threshold, treated, tp_rate, fp_rate, net_benefit, treat_all, treat_none`, rates as shares
        of all cases; NaN where none of the treated was followed to the horizon.

    Raises:
        RadpipeError: a prediction is missing or no probability, a threshold is outside [0, 1), or
            the horizon lies past the last follow-up.
    """
    t, e = check_survival(time, event)
    probability = check_event_probabilities(p, t.size)
    _check_followed(horizon, t)
    cuts = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if not ((cuts >= 0) & (cuts < 1)).all():
        raise RadpipeError(
            "a threshold probability is outside [0, 1)", found=cuts.tolist(), expected="[0, 1)"
        )
    share = _event_share(t, e, horizon)
    odds = cuts / (1 - cuts)
    rows = []
    for cut in cuts:
        treated = probability >= cut
        size = float(treated.mean())
        inside = _event_share(t[treated], e[treated], horizon) if size else 0.0
        rows.append((cut, size, size * inside, size * (1 - inside)))
    table = pd.DataFrame(rows, columns=["threshold", "treated", "tp_rate", "fp_rate"])
    return table.assign(
        net_benefit=table["tp_rate"] - table["fp_rate"] * odds,
        treat_all=share - (1 - share) * odds,
        treat_none=0.0,
    )


def calibration_groups(
    p: npt.ArrayLike,
    time: npt.ArrayLike,
    event: npt.ArrayLike,
    horizon: float,
    *,
    groups: int = 4,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Observed share of events by the horizon in groups of equal size by prediction.

    Equal predictions stay together. The interval is on the log(-log) scale, NaN where the estimate
    is 0 or 1 or where the group was not followed to the horizon.

    Returns:
        `predicted, observed, ci_low, ci_high, n`.

    Raises:
        RadpipeError: as `net_benefit_survival`.
    """
    t, e = check_survival(time, event)
    probability = check_event_probabilities(p, t.size)
    _check_followed(horizon, t)
    index = prediction_groups(probability, groups)
    rows = []
    for group in np.unique(index):
        own = index == group
        curve = kaplan_meier(t[own], e[own])
        observed = _share_of(curve, horizon)
        low, high = curve.limits([horizon], kind="log-log", confidence=confidence)
        known = 0 < observed < 1
        limits = (1 - float(high[0]), 1 - float(low[0])) if known else (np.nan, np.nan)
        rows.append((float(probability[own].mean()), observed, *limits, int(own.sum())))
    return pd.DataFrame(rows, columns=["predicted", "observed", "ci_low", "ci_high", "n"])


def calibration_in_large(
    p: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike, horizon: float
) -> float:
    """Observed over expected: 1 is right, above 1 the predictions are too low on the whole.

    The Kaplan-Meier share of events by the horizon over the mean prediction. McLernon et al., Ann
    Intern Med 2023;176:105.

    Raises:
        RadpipeError: as `net_benefit_survival`.
    """
    t, e = check_survival(time, event)
    probability = check_event_probabilities(p, t.size)
    _check_followed(horizon, t)
    mean = float(probability.mean())
    return _event_share(t, e, horizon) / mean if mean else float("nan")


def calibration_slope(p: npt.ArrayLike, time: npt.ArrayLike, event: npt.ArrayLike) -> float:
    """Coefficient of log(-log(1 - p)) in a Cox model: 1 is right, below 1 is overfitted.

    For the predictions of a Cox model this is the coefficient of its linear predictor. van
    Houwelingen, Stat Med 2000;19:3401. NaN if the predictions are constant or separate the events.

    Raises:
        RadpipeError: a prediction is missing or no probability; see `check_survival`.
    """
    t, e = check_survival(time, event)
    predictor = complementary_log_log(check_event_probabilities(p, t.size))
    if np.ptp(predictor) == 0 or not e.any():
        return float("nan")
    try:
        return float(cox_fit(predictor[:, None], t, e).coef[0])
    except FitError:
        return float("nan")


def complementary_log_log(p: Vector | Matrix) -> Vector:
    """log(-log(1 - p)): under proportional hazards the linear predictor but for a constant."""
    return np.asarray(np.log(-np.log1p(-np.clip(p, FLOOR, 1 - FLOOR))))


def _event_share(t: Vector, e: Vector, horizon: float) -> float:
    return _share_of(kaplan_meier(t, e), horizon)


def _share_of(curve: KaplanMeier, horizon: float) -> float:
    """1 - S(horizon); NaN where the follow-up ends before and not with events of all."""
    last = float(curve.survival[-1])
    if curve.time[-1] < horizon and last > 0:
        return float("nan")
    return 1 - float(curve.at(horizon))


def _check_followed(horizon: float, t: Vector) -> None:
    if not 0 < horizon <= t.max():
        raise RadpipeError(
            "nobody was followed to the horizon",
            found=f"{horizon:g}",
            expected=f"above 0 and up to the last follow-up, {t.max():g}",
        )
