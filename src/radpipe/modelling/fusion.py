"""Decision-level fusion: a model that sees what other models predict, and nothing else.

How much each member counts is learned on inner out-of-fold predictions of one training part, which
the members' own fits leave behind (`inner.tsv`): no member has seen the case it predicts there, and
no case of the test part is seen at all. Members chose their settings on the same predictions, which
flatters flexible members a little; the outer folds judge it all honestly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize

from radpipe.config import Model
from radpipe.errors import FitError
from radpipe.io import files
from radpipe.io.tables import read_table, write_table
from radpipe.modelling.cards import CARD, INNER, TUNING, FitSettings, training_card
from radpipe.modelling.links import (
    Link,
    fit_link,
    operating_threshold,
    output_columns,
    restore_link,
)
from radpipe.modelling.losses import class_log_loss, judge, log_loss
from radpipe.modelling.predictions import score_table
from radpipe.modelling.predictors.base import Kind, Target, from_scores, to_scores
from radpipe.modelling.predictors.survival import cox_loss
from radpipe.modelling.rows import check_outcome
from radpipe.types import Matrix, Vector

SHRINKAGE = 1.0
"""Stacking: precision, in cases, of the prior that pulls each weight to that of the mean."""

TINY = 1e-9
"""Weights below this are rounding errors of the optimiser."""


@dataclass(frozen=True)
class FittedFusion:
    """Members, how much each counts, and what their sum means.

    Attributes:
        members: names of the models.
        weights: of each, shape (members,), none negative.
        centre: subtracted from the scores of each member, shape (members,).
        scale: by which these are divided, likewise.
        link: from the weighted sum to what is predicted.
        threshold: as of `fitting.FittedModel`.
        card: what was fitted on whom, as JSON can hold it.
        tuning: one row a member and one for the fusion, judged on the inner predictions.
        inner: by training case, what the fusion makes of the inner predictions.
    """

    members: tuple[str, ...]
    weights: Vector
    centre: Vector
    scale: Vector
    link: Link
    threshold: float
    card: dict[str, Any]
    tuning: pd.DataFrame
    inner: pd.DataFrame | None = None


def fit_fusion(
    inner: Mapping[str, pd.DataFrame],
    targets: pd.DataFrame,
    y: Target,
    model: Model,
    settings: FitSettings,
) -> FittedFusion:
    """Weigh the members on their inner out-of-fold predictions.

    `mean`: all alike. `weighted`: weights of 0 or more that add up to 1 (log loss, squared error,
    partial likelihood). `stack`: weights of 0 or more with a normal prior around those of the mean
    (Breiman, Mach Learn 1996;24:49). Scores are log odds, log probabilities, values or standardised
    risks; their weighted sum is recalibrated as the numbers of a network are (`links`).

    Args:
        inner: by member, indexed by case: what `FittedModel.inner` holds.
        targets: indexed by case: `patient`; the training part, in the order of `y`.
        y: outcomes, shape (n,), as `settings.kind` says.
        model: `predictor` and `of`.
        settings: kind of outcome, threshold rule.

    Raises:
        FitError: a member predicts other cases than the training part, or an outcome does not fit.
    """
    order = np.argsort(targets.index.astype(str), kind="stable")
    names = targets.index[order].astype(str)
    outcome = check_outcome(pd.DataFrame(index=names), np.asarray(y)[order], settings.kind)
    patients = targets["patient"].to_numpy(dtype=object)[order]
    card = training_card(model, names, patients, outcome, settings)
    columns = output_columns(settings.kind, card)
    scores = _aligned(inner, model.of, names, columns, settings.kind)
    centre, scale = _standards(settings.kind, outcome, scores)
    standard = (scores - centre[:, None, None]) / scale[:, None, None]
    weights = _weights(model.predictor, settings.kind, outcome, standard)
    fused = _sum(weights, standard, settings.kind, centre)
    link = fit_link(settings.kind, outcome, fused)
    outputs = link.outputs(fused)
    threshold = operating_threshold(outcome, outputs, lambda: outputs[:, 0], settings)
    tuning = _tuning(model, outcome, scores, outputs, settings.kind)
    card |= {
        "of": list(model.of),
        "weights": weights.tolist(),
        "centre": centre.tolist(),
        "scale": scale.tolist(),
        "link": link.constants(),
        "threshold": None if np.isnan(threshold) else threshold,
    }
    table = pd.DataFrame(outputs, columns=columns, index=names)
    return FittedFusion(
        tuple(model.of), weights, centre, scale, link, threshold, card, tuning, table
    )


def predict_fusion(fitted: FittedFusion, scores: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Fuse what the members predict of some cases: the columns of `fitting.predict_scores`.

    Args:
        fitted: from `fit_fusion`.
        scores: by member, indexed by case, at least the columns of its outputs. Cases are those of
            the first member; rows do not influence each other.

    Raises:
        FitError: a member is missing, or predicts other cases.
    """
    kind = fitted.link.kind
    first = scores.get(fitted.members[0])
    names = pd.Index([]) if first is None else first.index.astype(str)
    columns = output_columns(kind, fitted.card)
    given = _aligned(scores, fitted.members, names, columns, kind)
    standard = (given - fitted.centre[:, None, None]) / fitted.scale[:, None, None]
    return fitted.link.scores(
        _sum(fitted.weights, standard, kind, fitted.centre), names, fitted.card
    )


def fuse_scores(
    models: str | Path, folds: Sequence[str], tables: Sequence[pd.DataFrame]
) -> pd.DataFrame:
    """Fuse, fold by fold, what the members say of cases that none of them has seen.

    Args:
        models: folder with one folder a fold, as `write_fusion` makes them.
        folds: names of the folds, in the order of the result.
        tables: of each member in the order of `of`, as `predictions.score_table` makes them.

    Returns:
        As `predictions.score_table`, of all folds.
    """
    fused = [fuse_fold(read_fusion(Path(models) / fold), fold, tables) for fold in folds]
    return pd.concat(fused, ignore_index=True)


def fuse_fold(fitted: FittedFusion, fold: str, tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Fuse what the members say of the cases of one fold; see `fuse_scores`."""
    own = {
        name: by_case(table[table["fold"] == fold])
        for name, table in zip(fitted.members, tables, strict=True)
    }
    return score_table(fitted, predict_fusion(fitted, own), fold)


def write_fusion(fitted: FittedFusion, directory: str | Path) -> None:
    """Write a fusion as a folder: its card, which holds all of it, and two tables."""
    directory = Path(directory)
    files.write_json(fitted.card, directory / CARD)
    write_table(fitted.tuning, directory / TUNING)
    if fitted.inner is not None:
        write_table(fitted.inner.rename_axis("case").reset_index(), directory / INNER)


def read_fusion(directory: str | Path) -> FittedFusion:
    """Read a fusion that `write_fusion` wrote."""
    card = files.read_json(Path(directory) / CARD)
    return FittedFusion(
        tuple(card["of"]),
        np.asarray(card["weights"], dtype=float),
        np.asarray(card["centre"], dtype=float),
        np.asarray(card["scale"], dtype=float),
        restore_link(card["kind"], card["link"]),
        float("nan") if card["threshold"] is None else float(card["threshold"]),
        card,
        read_table(Path(directory) / TUNING),
    )


def by_case(table: pd.DataFrame) -> pd.DataFrame:
    """A table of scores, or of inner predictions, indexed by `case`."""
    return table.assign(case=table["case"].astype(str)).set_index("case")


def _aligned(
    tables: Mapping[str, pd.DataFrame],
    members: tuple[str, ...] | list[str],
    names: pd.Index,
    columns: list[str],
    kind: Kind,
) -> Matrix:
    """Scores of all members on the scale of means, (members, n, columns)."""
    absent = [name for name in members if name not in tables]
    if absent:
        raise FitError(f"the fusion lacks what its member '{absent[0]}' predicts")
    parts = []
    for name in members:
        table = tables[name].set_axis(tables[name].index.astype(str))
        if set(table.index) != set(names) or len(table) != len(names):
            raise FitError(
                f"the member '{name}' of a fusion predicts other cases",
                found=f"{len(table)} cases",
                expected=f"the same {len(names)} cases",
            )
        parts.append(to_scores(table.loc[names, columns].to_numpy(dtype=float), kind))
    return np.stack(parts)


def _standards(kind: Kind, y: Target, scores: Matrix) -> tuple[Vector, Vector]:
    """What is subtracted from the scores of each member, and what they are divided by."""
    zero, one = np.zeros(len(scores)), np.ones(len(scores))
    if kind == "regression":
        return np.full(len(scores), float(np.mean(y))), one
    if kind == "survival":
        sd = scores[:, :, 0].std(axis=1)
        return scores[:, :, 0].mean(axis=1), np.where(sd > 0, sd, 1.0)
    return zero, one


def _sum(weights: Vector, standard: Matrix, kind: Kind, centre: Vector) -> Matrix:
    """The weighted sum, (n, columns): term by term, so that no row depends on another one."""
    total = np.zeros(standard.shape[1:])
    for weight, scores in zip(weights, standard, strict=True):
        total = total + weight * scores
    return total + centre[0] if kind == "regression" else total


def _weights(predictor: str, kind: Kind, y: Target, standard: Matrix) -> Vector:
    count = len(standard)
    equal = np.full(count, 1 / count)
    if predictor == "mean":
        return equal

    def loss(weights: Vector) -> float:
        return _loss(kind, y, np.tensordot(weights, standard, axes=1))

    if predictor == "weighted":
        simplex = {"type": "eq", "fun": lambda w: w.sum() - 1}
        found = minimize(
            loss, equal, method="SLSQP", bounds=[(0, 1)] * count, constraints=[simplex]
        )
        weights = np.where(found.x > TINY, found.x, 0.0)
        return np.asarray(weights / weights.sum())

    def penalised(weights: Vector) -> float:
        return loss(weights) + 0.5 * SHRINKAGE / len(y) * float(((weights - equal) ** 2).sum())

    found = minimize(penalised, equal, method="L-BFGS-B", bounds=[(0, None)] * count)
    return np.asarray(found.x)


def _loss(kind: Kind, y: Target, fused: Matrix) -> float:
    """Mean loss of a sum, that of a regression being centred and in units of its variance."""
    if kind == "binary":
        return log_loss(y, from_scores(fused, kind)[:, 0])
    if kind == "multiclass":
        return class_log_loss(y, from_scores(fused, kind))
    if kind == "survival":
        return cox_loss(y, fused[:, 0]) / max(1, int(y["event"].sum()))
    return float(np.mean((y - np.mean(y) - fused[:, 0]) ** 2) / max(float(np.var(y)), 1e-300))


def _tuning(model: Model, y: Target, scores: Matrix, outputs: Matrix, kind: Kind) -> pd.DataFrame:
    """How members and fusion do on the inner predictions: `member`, then the measures."""
    one_fold = np.zeros(len(y), dtype=np.intp)
    rows = [
        {"member": name, **judge(kind, y, from_scores(own, kind), one_fold)}
        for name, own in zip(model.of, scores, strict=True)
    ]
    rows.append({"member": model.name, **judge(kind, y, outputs, one_fold)})
    return pd.DataFrame(rows)
