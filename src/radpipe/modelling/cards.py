"""What a fit is told beside its rows, and what its card says of it afterwards."""

import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import sklearn

import radpipe
from radpipe.config import Model, Splits, Threshold
from radpipe.modelling.predictors.base import Kind, Target

CARD = "card.json"
TUNING = "tuning.tsv"
INNER = "inner.tsv"
"""The files that a fitted model of any kind has in its folder."""


@dataclass(frozen=True)
class FitSettings:
    """What nests inside a training part.

    Attributes:
        splits: `inner_folds` is used.
        threshold: how the operating point is chosen.
        seed: decides inner folds and everything random in a predictor.
        threads: CPU threads (networks only; tabular predictors take one).
        kind: kind of outcome.
        classes: names of the classes (multiclass), in the order of their indices.
        horizon: time by which the probability of an event is wanted (survival); none: the median
            follow-up of the training part.
        stable: handcrafted columns that are stable in the training part; none: all are offered.
    """

    splits: Splits
    threshold: Threshold
    seed: int
    threads: int = 1
    kind: Kind = "binary"
    classes: tuple[str, ...] = ()
    horizon: float | None = None
    stable: tuple[str, ...] | None = None


def fit_settings(
    sections: Mapping[str, Any], seed: int, threads: int = 1, **facts: Any
) -> FitSettings:
    """Settings from the config sections `splits` and `threshold` as a workflow passes them.

    Args:
        sections: with `splits` and `threshold`.
        seed: of the study.
        threads: CPU threads.
        facts: the other attributes of `FitSettings`, such as `outcomes.outcome_facts` gives.
    """
    return FitSettings(
        Splits.model_validate(sections["splits"]),
        Threshold.model_validate(sections["threshold"]),
        seed,
        threads,
        **facts,
    )


def class_count(y: Target, settings: FitSettings) -> int:
    """How many classes a multiclass outcome has; a training part may lack some of them."""
    return len(settings.classes) or int(y.max()) + 1


def training_card(
    model: Model,
    cases: pd.Index | Sequence[str],
    patients: npt.NDArray[np.object_],
    y: Target,
    settings: FitSettings,
) -> dict[str, Any]:
    """Who a model was fitted on and with what, the part shared by all kinds of model."""
    return {
        "name": model.name,
        "predictor": model.predictor,
        "blocks": list(model.blocks),
        "kind": settings.kind,
        "n": len(y),
        **_outcome_summary(y, settings),
        "n_patients": len(set(patients)),
        "training_cases": [str(c) for c in cases],
        "training_patients": sorted({str(p) for p in patients}),
        "inner_folds": settings.splits.inner_folds,
        "threshold_rule": settings.threshold.model_dump(),
        "seed": settings.seed,
        "versions": {
            "radpipe": radpipe.__version__,
            "python": platform.python_version(),
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "pandas": pd.__version__,
        },
    }


def candidate_facts(columns: Sequence[str], table: pd.DataFrame) -> dict[str, Any]:
    """What a model could have used, before anything was selected.

    Args:
        columns: the raw columns of its blocks.
        table: the training part; columns of objects hold categories.

    Returns:
        `categories`, the names `<column>_<category>` that its categories become, and `parameters`:
        one a number, and one fewer than there are categories of a column.
    """
    levels = {
        column: sorted(table[column].dropna().unique(), key=str)
        for column in columns
        if table[column].dtype.kind == "O"
    }
    spent = sum(len(own) - 1 for own in levels.values() if own)
    return {
        "categories": [f"{column}_{level}" for column, own in levels.items() for level in own],
        "parameters": max(1, len(columns) - len(levels) + spent),
    }


def selection_table(cards: Mapping[tuple[str, str], Mapping[str, Any]]) -> pd.DataFrame:
    """What each model chose in each fold.

    Args:
        cards: by model and fold.

    Returns:
        `model, fold, block, feature, weight`: the coefficient of a linear model (on scaled
        features), the importance of a forest, 1 for a predictor that has neither, and of an
        average of pipelines the mean share of these.
    """
    rows = [
        {"model": model, "fold": fold, **chosen}
        for (model, fold), card in cards.items()
        for chosen in card["features"]
    ]
    return pd.DataFrame(rows, columns=["model", "fold", "block", "feature", "weight"])


def _outcome_summary(y: Target, settings: FitSettings) -> dict[str, Any]:
    if settings.kind == "binary":
        return {"n_positive": int(y.sum()), "prevalence": float(y.mean())}
    if settings.kind == "multiclass":
        count = class_count(y, settings)
        names = settings.classes or tuple(str(k) for k in range(count))
        shares = [float((y == k).mean()) for k in range(count)]
        return {"classes": list(names), "prevalence": dict(zip(names, shares, strict=True))}
    if settings.kind == "regression":
        return {"mean": float(y.mean()), "sd": float(y.std())}
    horizon = settings.horizon
    return {
        "n_events": int(y["event"].sum()),
        "mean_time": float(np.mean(y["time"])),
        "median_time": float(np.median(y["time"])),
        "horizon": float(np.median(y["time"])) if horizon is None else float(horizon),
    }
