"""How much the features that a model selects depend on the fold."""

import re
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.errors import RadpipeError
from radpipe.evaluation.intervals import normal_quantile
from radpipe.types import FINAL, Interval, Vector

COLUMNS = ["model", "measure", "feature", "estimate", "ci_low", "ci_high", "n"]
FREQUENCY = "selection_frequency"
STABILITY = "nogueira_stability"


def nogueira_stability(chosen: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Agreement of selections beyond chance: 1 if all are equal, about 0 if each is at random.

    Nogueira, Sechidis & Brown, J Mach Learn Res 2018;18(174). Selections may be of different size.
    The interval is theirs, asymptotic in the number of selections and for independent ones: the
    training parts of folds overlap, so that it is an orientation.

    Args:
        chosen: whether a feature is in a selection, shape (selections, candidates).
        confidence: of the interval, which is not clipped from below.

    Returns:
        NaN with the reason in `method` where no feature or every feature is always chosen.

    Raises:
        RadpipeError: fewer than two selections or no candidate.
    """
    table = np.asarray(chosen, dtype=float)
    if table.ndim != 2 or table.shape[0] < 2 or not table.shape[1]:
        raise RadpipeError(
            "the stability of a selection needs several",
            found=f"shape {table.shape}",
            expected="(selections, candidates) with at least two selections",
        )
    m, d = table.shape
    share, size = table.mean(axis=0), table.sum(axis=1)
    mean_share = float(share.sum() / d)
    by_chance = mean_share * (1 - mean_share)
    if not by_chance > 0:
        return Interval(np.nan, np.nan, np.nan, "undefined: nothing or everything is selected")
    spread = float((share * (1 - share)).mean()) * m / (m - 1)
    estimate = 1 - spread / by_chance
    each = _influences(table, share, size / d, estimate) / by_chance
    error = 2 / m * float(np.sqrt(((each - each.mean()) ** 2).sum()))
    half = normal_quantile(confidence) * error
    return Interval(estimate, estimate - half, min(1.0, estimate + half), "nogueira")


def _influences(
    table: npt.NDArray[np.floating], share: Vector, size: Vector, found: float
) -> Vector:
    """What each selection adds to the index, shape (selections,); `size` as share of candidates."""
    mean = float(share.mean())
    agreement = (table * share).mean(axis=1) - size * mean
    return np.asarray(agreement + found / 2 * (2 * size * mean - size - mean + 1))


def candidates_of(
    cards: Mapping[str, Mapping[str, Any]], encoders: Collection[str]
) -> dict[str, list[str]]:
    """The features that each model could choose from and that mean the same in every fold.

    Args:
        cards: what is known of each model's final fit, by model: raw `columns`, which of them are
            `categorical`, the `categories` that stand for those, and the `features` used.
        encoders: names of the encoders; their features `<encoder>__e000` are left out, for an
            encoder is trained anew in every fold.
    """
    learned = re.compile(rf"({'|'.join(map(re.escape, encoders))})__e\d+") if encoders else None
    found = {}
    for model, card in cards.items():
        numbers = [c for c in card["columns"] if c not in card["categorical"]]
        names = [*numbers, *card["categories"], *(f["feature"] for f in card["features"])]
        kept = (n for n in names if learned is None or not learned.fullmatch(n))
        found[model] = list(dict.fromkeys(kept))
    return found


def stability_table(
    selection: pd.DataFrame,
    candidates: Mapping[str, Collection[str]],
    folds: Collection[str],
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """How often each model selects each feature, and how stable its selection is.

    Args:
        selection: the rows of `selection.tsv`; a feature of weight 0 is not selected.
        candidates: the features that each model could choose from; others are not counted (such as
            parts of an embedding, which mean something else in every fold).
        folds: the folds of the cross-validation; the final fit is not one of them.
        confidence: of the interval of the stability.

    Returns:
        `model, measure, feature, estimate, ci_low, ci_high, n`: `selection_frequency` of each
        feature that is ever selected (share of the n folds), the most frequent first, and
        `nogueira_stability` without a feature. Models of fewer than two candidates have no rows.
    """
    rows: list[tuple[object, ...]] = []
    names = [fold for fold in folds if fold != FINAL]
    used = selection[selection["weight"].astype(float) != 0]
    for model, offered in candidates.items():
        if len(offered) < 2 or len(names) < 2:
            continue
        own = used[(used["model"] == model) & used["feature"].isin(list(offered))]
        pairs = set(zip(own["fold"].astype(str), own["feature"].astype(str), strict=True))
        chosen = np.array([[(fold, f) in pairs for f in offered] for fold in names], dtype=float)
        shares = pd.Series(chosen.mean(axis=0), index=list(offered))
        shares = shares[shares > 0].sort_values(ascending=False, kind="stable")
        found = nogueira_stability(chosen, confidence)
        rows.append((model, STABILITY, "", found.estimate, found.low, found.high, len(names)))
        rows += [(model, FREQUENCY, f, v, np.nan, np.nan, len(names)) for f, v in shares.items()]
    return pd.DataFrame(rows, columns=COLUMNS)
