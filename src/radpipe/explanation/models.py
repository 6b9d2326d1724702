"""The fitted models of a study, explained: tables for tabular ones, maps for networks."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.explanation.columns import source_columns
from radpipe.explanation.local import explain_locally
from radpipe.explanation.occlusion import occlusion_map
from radpipe.explanation.tabular import explain_number, explain_pipeline, explain_predictions
from radpipe.modelling.fitting import FittedModel, predict, predict_scores
from radpipe.types import DEVELOPMENT

if TYPE_CHECKING:
    from radpipe.modelling.cnn import FittedCNN

SCORES = ("y_prob", "y_pred", "risk")
"""How the columns begin that may be explained; of several the last one is."""

PATCH_SHARE = 4
"""An occluding box is this part of the crop along each axis."""


def typical_cases(predictions: pd.DataFrame, model: str, count: int) -> list[str]:
    """Development cases from the lowest to the highest out-of-fold prediction, evenly spaced.

    Of several classes the last one's probability counts.

    Args:
        predictions: `tables/predictions.tsv`.
        model: whose predictions.
        count: cases wanted; all of them if there are fewer.
    """
    own = predictions[(predictions["model"] == model) & (predictions["cohort"] == DEVELOPMENT)]
    known = [c for c in own.columns if str(c).startswith(SCORES) and own[c].notna().any()]
    order = own.groupby("case", sort=True)[known[-1]].mean().sort_values(kind="stable").index
    places = np.linspace(0, len(order) - 1, min(count, len(order))).round().astype(int)
    return [str(order[place]) for place in places]


def explain_model(
    fitted: FittedModel, training: pd.DataFrame, shown: Sequence[str], *, seed: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """SHAP of every training case and LIME of a few.

    Explained is the probability of the positive class, of the last of several classes, the value,
    or the risk, as the kind of outcome has it.

    Args:
        fitted: a tabular model.
        training: its training cases, one row each.
        shown: those explained one by one.
        seed: of everything random.

    Returns:
        `model, case, feature, value, shap, scale` and
        `model, case, feature, value, weight_mean, weight_sd, fidelity, seeds, prediction, scale`.
    """
    name = fitted.card["name"]
    table = training[list(fitted.columns)]
    values = _shapley(fitted, table, seed)
    chosen = source_columns(values["feature"].unique(), table)
    local = explain_locally(
        lambda rows: _explained(fitted, rows),
        table.loc[list(shown)],
        table,
        seeds=range(seed, seed + 5),
        columns=list(dict.fromkeys(chosen.values())),
    )
    values.insert(0, "model", name)
    local.insert(0, "model", name)
    return values, local.assign(scale=scale_of(fitted.card))


def _shapley(fitted: FittedModel, table: pd.DataFrame, seed: int) -> pd.DataFrame:
    if fitted.kind == "binary":
        return explain_pipeline(fitted.pipeline, table, table, seed=seed).table
    exact = None if fitted.kind == "multiclass" else explain_number(fitted.pipeline, table, table)
    if exact is not None:
        return exact.table
    found = explain_predictions(lambda rows: _explained(fitted, rows), table, table, seed=seed)
    return found.table.assign(scale=scale_of(fitted.card))


def _explained(fitted: FittedModel, rows: pd.DataFrame) -> npt.NDArray[np.floating]:
    # The probability of an event by the horizon costs far more than the risk, and is not needed.
    if fitted.kind != "multiclass":
        return predict(fitted, rows)
    return _last_score(predict_scores(fitted, rows))


def _last_score(scores: pd.DataFrame) -> npt.NDArray[np.floating]:
    column = [c for c in scores.columns if str(c).startswith(SCORES)][-1]
    return scores[column].to_numpy(dtype=float)


def scale_of(card: Mapping[str, Any]) -> str:
    """What is explained of a model, in words: a probability, a risk or a value.

    Args:
        card: of the model, with `kind` and, of a multiclass outcome, `classes`.
    """
    if card["kind"] == "multiclass":
        return f"probability of {card['classes'][-1]}"
    return {"survival": "risk", "regression": "value"}.get(card["kind"], "probability")


def occlusion_maps(
    fitted: "FittedCNN", crops: npt.NDArray[np.float32], cases: Sequence[str]
) -> dict[str, npt.NDArray[Any]]:
    """Where a network looks, for a few cases.

    Args:
        fitted: the network.
        crops: (N, C, D, H, W), the mask last; only the images are covered.
        cases: names of the crops.

    Returns:
        Arrays for an `.npz`, for each case `<case>__image` (D, H, W, the first modality),
        `<case>__mask`, `<case>__map` (loss of the prediction when covered) and
        `<case>__prediction`; and `scale`, what is predicted (`scale_of`).
    """
    # Imports torch, which explaining a tabular model must not wait for.
    from radpipe.modelling.cnn import predict_cnn_scores

    def score(batch: npt.NDArray[Any]) -> npt.NDArray[np.floating]:
        names = [str(number) for number in range(len(batch))]
        return _last_score(predict_cnn_scores(fitted, batch.astype(np.float32), names))

    arrays: dict[str, npt.NDArray[Any]] = {"scale": np.array(scale_of(fitted.card))}
    for case, crop in zip(cases, crops, strict=True):
        depth, height, width = (max(2, n // PATCH_SHARE) for n in crop.shape[1:])
        relevance = occlusion_map(
            score,
            crop,
            patch=(depth, height, width),
            channels=range(len(crop) - 1),
        )
        arrays |= {
            f"{case}__image": crop[0],
            f"{case}__mask": crop[-1],
            f"{case}__map": relevance.astype(np.float32),
            f"{case}__prediction": score(crop[None])[0],
        }
    return arrays
