"""Decision-level fusion: weights that a reader can foresee, learned on inner predictions alone."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modelling_outcomes import KINDS, cohort, fit, settings

from radpipe.config import Model
from radpipe.errors import FitError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.fitting import predict_scores
from radpipe.modelling.fusion import (
    FittedFusion,
    by_case,
    fit_fusion,
    fuse_scores,
    predict_fusion,
    write_fusion,
)

METHODS = ("mean", "weighted", "stack")
TABULAR = {"binary": "logistic", "multiclass": "logistic", "regression": "ridge", "survival": "cox"}


def fusion(method: str, of: tuple[str, ...] = ("good", "poor")) -> Model:
    return Model(name="fused", predictor=method, of=list(of))


def targets_of(names: pd.Index) -> pd.DataFrame:
    return pd.DataFrame({"patient": [f"p{name}" for name in names]}, index=names)


def binary(n: int = 60) -> tuple[dict[str, pd.DataFrame], np.ndarray]:
    """A member that knows the outcome fairly well, and one that guesses."""
    random = np.random.default_rng(0)
    y = (np.arange(n) % 2).astype(float)
    names = pd.Index([f"c{i:02d}" for i in range(n)], name="case")
    logits = {"good": 2 * (2 * y - 1) + random.normal(0, 2, n), "poor": random.normal(0, 2, n)}
    tables = {
        name: pd.DataFrame({"y_prob": 1 / (1 + np.exp(-v))}, index=names)
        for name, v in logits.items()
    }
    return tables, y


def fused(method: str) -> tuple[FittedFusion, dict[str, pd.DataFrame], np.ndarray]:
    tables, y = binary()
    names = tables["good"].index
    return fit_fusion(tables, targets_of(names), y, fusion(method), settings("binary")), tables, y


def test_mean_counts_all_alike() -> None:
    fitted, _, _ = fused("mean")
    assert fitted.weights.tolist() == [0.5, 0.5]


@pytest.mark.parametrize("method", ["weighted", "stack"])
def test_who_guesses_counts_little(method: str) -> None:
    fitted, tables, y = fused(method)
    assert fitted.weights[0] > 4 * fitted.weights[1]
    assert fitted.weights.min() >= 0
    if method == "weighted":
        assert fitted.weights.sum() == pytest.approx(1)
    scores = predict_fusion(fitted, tables)
    assert auc(y, scores["y_prob"].to_numpy()) > auc(y, tables["poor"]["y_prob"].to_numpy())
    assert 0 < fitted.threshold < 1


@pytest.mark.parametrize("method", METHODS)
def test_fusion_keeps_rows_apart_and_ignores_their_order(method: str) -> None:
    fitted, tables, y = fused(method)
    scores = predict_fusion(fitted, tables)
    alone = predict_fusion(fitted, {n: t.iloc[7:8] for n, t in tables.items()})
    assert alone.equals(scores.iloc[7:8])
    order = np.random.default_rng(1).permutation(len(y))
    names = tables["good"].index[order]
    shuffled = {n: t.iloc[::-1] for n, t in tables.items()}
    again = fit_fusion(shuffled, targets_of(names), y[order], fusion(method), settings("binary"))
    assert again.card == fitted.card


@pytest.mark.parametrize("kind", KINDS)
def test_members_of_every_kind_are_fused_and_survive_the_disk(kind: str, tmp_path: Path) -> None:
    own, y, _ = cohort(kind)
    noise, _, _ = cohort(kind, seed=9)
    members = {
        "good": fit(kind, TABULAR[kind], own, y),
        "poor": fit(kind, TABULAR[kind], noise, y),
    }
    inner = {name: m.inner for name, m in members.items() if m.inner is not None}
    names = own.table.index
    fitted = fit_fusion(inner, targets_of(names), y, fusion("weighted"), settings(kind))
    assert fitted.weights[0] > 0.6
    expected = predict_scores(members["good"], own, curve=True).columns.tolist()
    write_fusion(fitted, tmp_path / "final")
    tables = [
        predict_scores(members[n], x).rename_axis("case").reset_index().assign(fold="final")
        for n, x in (("good", own), ("poor", noise))
    ]
    result = fuse_scores(tmp_path, ["final"], tables)
    given = [*expected, "threshold"] if kind in ("binary", "survival") else expected
    assert list(result) == ["model", "case", "fold", *given]
    assert result[expected].notna().all(axis=None)
    direct = predict_fusion(fitted, dict(zip(("good", "poor"), map(by_case, tables), strict=True)))
    assert np.array_equal(result[expected].to_numpy(), direct[expected].to_numpy())


@pytest.mark.parametrize("method", METHODS)
def test_a_member_that_says_the_same_of_all_does_no_harm(method: str) -> None:
    tables, y = binary()
    names = tables["good"].index
    silent = pd.DataFrame({"y_prob": np.full(len(y), 0.5)}, index=names)
    given = {"good": tables["good"], "poor": silent}
    fitted = fit_fusion(given, targets_of(names), y, fusion(method), settings("binary"))
    found = predict_fusion(fitted, given)["y_prob"].to_numpy()
    assert auc(y, found) == pytest.approx(auc(y, tables["good"]["y_prob"].to_numpy()))


@pytest.mark.parametrize("method", METHODS)
def test_members_that_guess_are_fused_to_a_guess(method: str) -> None:
    """Judged on cases whose inner predictions were not seen."""
    found = []
    for seed in range(8):
        random = np.random.default_rng(seed)
        names = pd.Index([f"c{i:03d}" for i in range(120)], name="case")
        y = random.permutation(np.arange(120) % 2).astype(float)
        tables = {
            name: pd.DataFrame({"y_prob": random.uniform(0.2, 0.8, 120)}, index=names)
            for name in ("good", "poor")
        }
        own = {name: table.iloc[:60] for name, table in tables.items()}
        fitted = fit_fusion(own, targets_of(names[:60]), y[:60], fusion(method), settings("binary"))
        new = {name: table.iloc[60:] for name, table in tables.items()}
        found.append(auc(y[60:], predict_fusion(fitted, new)["y_prob"].to_numpy()))
    # An AUC of 30 against 30 has a standard deviation of 0.075.
    assert abs(np.mean(found) - 0.5) < 3 * 0.075 / np.sqrt(8)


def test_inner_predictions_of_a_case_come_from_fits_that_never_saw_it() -> None:
    own, y, _ = cohort("binary", signal=False)
    member = fit("binary", "logistic", own, y)
    assert member.inner is not None
    unseen = auc(y, member.inner["y_prob"].to_numpy())
    seen = auc(y, predict_scores(member, own)["y_prob"].to_numpy())
    # On noise the fit knows its own rows by heart, and the inner predictions know nothing.
    assert seen > 0.65
    assert unseen < 0.65


def test_other_cases_and_absent_members_are_named() -> None:
    fitted, tables, y = fused("mean")
    with pytest.raises(FitError, match="the member 'poor' of a fusion predicts other cases"):
        predict_fusion(fitted, {**tables, "poor": tables["poor"].iloc[:-1]})
    with pytest.raises(FitError, match="lacks what its member 'poor' predicts"):
        predict_fusion(fitted, {"good": tables["good"]})
    with pytest.raises(FitError, match="neither 0 nor 1"):
        fit_fusion(
            tables, targets_of(tables["good"].index), y + 1, fusion("mean"), settings("binary")
        )


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ({"predictor": "mean", "of": ["a"]}, "two models or more"),
        ({"predictor": "mean", "blocks": ["volume"]}, "`of` and a fusion"),
        ({"predictor": "ridge", "blocks": ["volume"], "of": ["a", "b"]}, "`of` and a fusion"),
        ({"predictor": "ridge"}, "blocks says what the model sees, and is empty"),
        ({"predictor": "resnet", "blocks": ["volume"]}, "belong together"),
        (
            {"predictor": "resnet", "blocks": ["images"], "layers": [1, 1]},
            "layers of resnet are four",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused(content: dict[str, object], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        Model.model_validate({"name": "m", **content})
