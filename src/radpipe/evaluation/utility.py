"""Clinical utility: the net benefit of acting on predictions."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.checks import both_classes, check_probabilities


def net_benefit(
    y: npt.ArrayLike,
    p: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    prevalence: float | None = None,
) -> pd.DataFrame:
    """Net benefit at each threshold probability, beside treating all (treating none has 0).

    net benefit = TP/n - FP/n * t / (1 - t); a case is treated if p >= t. Vickers & Elkin, Med Decis
    Making 2006;26:565.

    Args:
        y: outcome, shape (n,).
        p: predicted probabilities, shape (n,).
        thresholds: threshold probabilities, each in [0, 1).
        prevalence: in the population, where the sample was drawn by outcome.

    Returns:
        `threshold, tp, fp, n, net_benefit, treat_all, treat_none, interventions_avoided` (net, as a
        share of the cases and against treating all; NaN at threshold 0).

    Raises:
        RadpipeError: a prediction is missing or no probability, a threshold is outside [0, 1), or
            a prevalence is given and a class is absent.
    """
    outcome, probability = check_probabilities(y, p)
    cuts = np.atleast_1d(np.asarray(thresholds, dtype=float))
    if not ((cuts >= 0) & (cuts < 1)).all():
        raise RadpipeError(
            "a threshold probability is outside [0, 1)", found=cuts.tolist(), expected="[0, 1)"
        )
    if prevalence is not None and not both_classes(outcome):
        raise RadpipeError("adjusting the prevalence needs both classes", found="one class")
    treated = probability >= cuts[:, None]
    tp, fp = treated @ outcome, treated @ (1 - outcome)
    n, events = outcome.size, outcome.sum()
    share = events / n if prevalence is None else prevalence
    # Without both classes one of the rates does not exist, and counts for nothing.
    hit = tp / events * share if events else np.zeros_like(tp)
    false = fp / (n - events) * (1 - share) if events < n else np.zeros_like(fp)
    odds = cuts / (1 - cuts)
    benefit, treat_all = hit - false * odds, share - (1 - share) * odds
    avoided = np.divide(benefit - treat_all, odds, out=np.full(cuts.size, np.nan), where=odds > 0)
    return pd.DataFrame(
        {
            "threshold": cuts,
            "tp": tp.astype(int),
            "fp": fp.astype(int),
            "n": n,
            "net_benefit": benefit,
            "treat_all": treat_all,
            "treat_none": 0.0,
            "interventions_avoided": avoided,
        }
    )
