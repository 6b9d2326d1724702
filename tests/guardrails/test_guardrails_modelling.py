"""The rules of a believable study that concern modelling, each beside the figure of a leaky twin.

The default run takes a few seeds; `-m slow` takes the numbers of the rule itself. Tolerances are
three standard errors of the mean over the seeds, with the spread that the rule's evidence names.
"""

import inspect
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modelling_noise import SETTINGS, as_cohort, chain_auc, model, noise

from radpipe.config import Model, Selection, Splits, Threshold
from radpipe.errors import ConfigError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling import bundles, cnn, fitting, predictions, tripwires
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.controls import permuted_labels
from radpipe.modelling.crossfit import fit_fold
from radpipe.modelling.fitting import FitSettings, fit_tabular, predict
from radpipe.modelling.predictors import GRIDS
from radpipe.modelling.selection import FeatureFilter
from radpipe.modelling.splits import fold_table, part_of

MODELS = {
    "logistic": model("logistic"),
    "logistic_anova": model("logistic", "anova"),
    "elastic_net": model("elastic_net", "anova"),
    "random_forest": model("random_forest", "anova"),
}
NULL_SD = 0.08
"""Standard deviation of an out-of-fold AUC over noise cohorts of 80 patients (G01: 0.078)."""


def _band(seeds: int, sd: float = NULL_SD) -> float:
    """Half width of 0.5 within three standard errors, at least the 0.05 of the rules."""
    return max(0.05, 3 * sd / np.sqrt(seeds))


def test_every_predictor_stands_in_these_tests() -> None:
    assert {m.predictor for m in MODELS.values()} == set(GRIDS)


# G01: all that learns is fitted inside the training part


def _selected_on_all_rows(blocks: Blocks, targets: pd.DataFrame) -> Blocks:
    """The leaky twin: the ten best features of the whole cohort, test rows among them."""
    chosen = FeatureFilter("anova", keep=10).fit(blocks.table, targets["y"].to_numpy())
    kept = blocks.table.columns[chosen.kept_]
    return Blocks(blocks.table[kept], dict.fromkeys(kept, "handcrafted"))


def _selection_bias(seeds: int) -> tuple[float, float]:
    inside, outside = [], []
    for seed in range(seeds):
        blocks, targets = noise(80, 1000, seed)
        inside.append(chain_auc(blocks, targets, MODELS["logistic_anova"]))
        leaky = _selected_on_all_rows(blocks, targets)
        outside.append(chain_auc(leaky, targets, model("logistic")))
    return float(np.mean(inside)), float(np.mean(outside))


def _check_selection_bias(seeds: int) -> None:
    inside, outside = _selection_bias(seeds)
    assert abs(inside - 0.5) <= _band(seeds)
    assert outside > 0.80


def test_g01_selection_inside_the_fold_finds_nothing_in_noise() -> None:
    _check_selection_bias(seeds=4)


@pytest.mark.slow
def test_g01_over_forty_seeds() -> None:
    _check_selection_bias(seeds=40)


# G02: test rows cannot reach a fitted object; G18: nor can a column that knows them


def _poisoned(
    blocks: Blocks, targets: pd.DataFrame, test: list[str]
) -> tuple[Blocks, pd.DataFrame]:
    """Test rows of absurd values, gaps and turned outcomes."""
    table, turned = blocks.table.copy(), targets.copy()
    table.loc[test] = 1e9
    table.loc[test[0]] = np.nan
    turned.loc[test, "y"] = 1 - turned.loc[test, "y"]
    return Blocks(table, blocks.block_of), turned


@pytest.mark.parametrize("name", MODELS)
def test_g02_poisoned_test_rows_leave_every_fitted_step_as_it_was(
    name: str, tmp_path: Path
) -> None:
    blocks, targets = noise(40, 30, 0)
    folds = fold_table(targets, Splits(), 1)
    poisoned = _poisoned(blocks, targets, part_of(folds, "r1f2", "test"))
    for folder, (own, outcomes) in {"a": (blocks, targets), "b": poisoned}.items():
        fitted = fit_fold(own, outcomes, folds, "r1f2", MODELS[name], SETTINGS)
        bundles.write_model(fitted, tmp_path / folder)
    for file in ("model.skops", "card.json", "tuning.tsv"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file


def test_g02_poisoned_training_rows_do_change_the_fit() -> None:
    """The test of the test: the comparison above sees a difference where there is one."""
    blocks, targets = noise(40, 30, 0)
    folds = fold_table(targets, Splits(), 1)
    turned = targets.copy()
    one = part_of(folds, "r1f2", "train")[:1]
    turned.loc[one, "y"] = 1 - turned.loc[one, "y"]
    honest, other = (
        fit_fold(blocks, t, folds, "r1f2", MODELS["logistic"], SETTINGS) for t in (targets, turned)
    )
    assert honest.card["features"] != other.card["features"]


def test_g02_poisoned_test_crops_leave_the_network_as_it_was() -> None:
    random = np.random.default_rng(0)
    crops = random.normal(size=(12, 2, 6, 6, 6)).astype(np.float32)
    y, names = np.array([0.0, 1.0] * 6), [f"c{i:02d}" for i in range(12)]
    small = Model(
        name="cnn", blocks=["images"], predictor="cnn3d", channels=[2, 4], batch=4, steps=[4]
    )
    settings = FitSettings(Splits(inner_folds=2), Threshold(), 1)
    cards, weights = [], []
    for value in (0.0, 1e9):
        crops[8:] = value
        y[8:] = value > 0
        fitted = cnn.fit_cnn(crops[:8], y[:8], names[:8], names[:8], small, settings)
        cards.append(fitted.card)
        weights.append(b"".join(t.numpy().tobytes() for t in fitted.network.state_dict().values()))
    assert cards[0] == cards[1]
    assert weights[0] == weights[1]


def test_g18_a_copy_of_the_label_in_test_rows_only_does_not_help() -> None:
    plain, helped, leaky = [], [], []
    for seed in range(3):
        blocks, targets = noise(40, 20, seed)
        folds = fold_table(targets, Splits(), SETTINGS.seed)
        own = {part: [] for part in ("plain", "helped")}
        for fold in dict.fromkeys(folds["fold"]):
            test = part_of(folds, fold, "test")
            copied = blocks.table.assign(copy=np.nan)
            copied.loc[test, "copy"] = targets.loc[test, "y"]
            wider = Blocks(copied, blocks.block_of | {"copy": "handcrafted"})
            for part, given in (("plain", blocks), ("helped", wider)):
                fitted = fit_fold(given, targets, folds, fold, MODELS["logistic"], SETTINGS)
                p = predict(fitted, given.rows(test))
                own[part].append(pd.DataFrame({"y": targets.loc[test, "y"], "p": p}))
        plain.append(auc(*pd.concat(own["plain"]).to_numpy().T))
        helped.append(auc(*pd.concat(own["helped"]).to_numpy().T))
        known = targets["y"].to_numpy()[:, None]
        everywhere, _ = as_cohort(np.hstack([blocks.table, known]), targets["y"], np.arange(40))
        leaky.append(chain_auc(everywhere, targets, MODELS["logistic_anova"]))
    assert helped == plain
    assert np.mean(leaky) > 0.9


# G03: a row's prediction does not depend on the other rows


@pytest.mark.parametrize("name", MODELS)
def test_g03_a_row_alone_is_predicted_as_among_others(name: str) -> None:
    blocks, targets = noise(40, 30, 0)
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    fitted = fit_tabular(blocks, y, patients, MODELS[name], SETTINGS)
    new = pd.DataFrame(
        np.random.default_rng(9).normal(size=(7, 30)) * 3, columns=blocks.table.columns
    )
    new.iloc[2, 4] = np.nan
    together = predict(fitted, new)
    alone = np.concatenate([predict(fitted, new.iloc[[i]]) for i in range(7)])
    assert alone == pytest.approx(together, rel=1e-12)
    assert predict(fitted, new.iloc[::-1])[::-1] == pytest.approx(together, rel=1e-12)


# G04: the patient is the unit


def _signatures(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """60 patients of four lesions that look alike; random outcomes."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(60), 4)
    values = random.normal(size=(60, 100))[patient] + 0.5 * random.normal(size=(240, 100))
    return values, random.permutation(np.arange(60) % 2)[patient].astype(float), patient


def _check_grouping(seeds: int) -> None:
    grouped, ungrouped = [], []
    for seed in range(seeds):
        values, y, patient = _signatures(seed)
        grouped.append(chain_auc(*as_cohort(values, y, patient), MODELS["logistic"]))
        lesion = np.arange(len(y))
        ungrouped.append(chain_auc(*as_cohort(values, y, lesion), MODELS["logistic"]))
    assert abs(np.mean(grouped) - 0.5) <= _band(seeds, sd=0.09)
    assert np.mean(ungrouped) > 0.85


def test_g04_lesions_of_a_patient_are_not_recognised() -> None:
    _check_grouping(seeds=4)


@pytest.mark.slow
def test_g04_over_forty_seeds() -> None:
    _check_grouping(seeds=40)


# G08: outer data only score


def _check_nesting(seeds: int, keep: tuple[int, ...]) -> None:
    wide = model("logistic", "anova", keep=keep)
    nested, best = [], []
    for seed in range(seeds):
        blocks, targets = noise(60, 50, seed)
        nested.append(chain_auc(blocks, targets, wide))
        settings = FitSettings(Splits(inner_folds=5), Threshold(), SETTINGS.seed)
        y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
        tuned = fit_tabular(blocks, y, patients, wide, settings)
        assert len(tuned.tuning) == len(keep) * len(GRIDS["logistic"])
        best.append(tuned.tuning["auc"].max())
    assert np.mean(nested) <= 0.5 + _band(seeds)
    assert np.mean(best) > np.mean(nested)


def test_g08_the_best_of_18_settings_is_not_a_result() -> None:
    _check_nesting(seeds=3, keep=(1, 2, 4, 8, 16, 32))


@pytest.mark.slow
def test_g08_with_81_settings() -> None:
    _check_nesting(seeds=10, keep=tuple(range(1, 28)))


# G11: permuted labels run through the whole chain


def _check_permutations(permutations: int) -> None:
    blocks, targets = noise(40, 60, 0)
    signal = targets["y"].to_numpy()[:, None] * 2 + blocks.table.to_numpy()[:, :1]
    values = np.hstack([signal, blocks.table.to_numpy()[:, 1:]])
    own, _ = as_cohort(values, targets["y"].to_numpy(), np.arange(40))
    found = permuted_labels(own, targets, MODELS["elastic_net"], SETTINGS, permutations)
    areas = np.asarray(found.permuted)
    assert abs(areas.mean() - 0.5) <= 3 * areas.std(ddof=1) / np.sqrt(permutations)
    assert found.observed > areas.max()
    assert found.p == 1 / (permutations + 1)


def test_g11_the_chain_finds_nothing_in_permuted_labels() -> None:
    _check_permutations(30)


@pytest.mark.slow
def test_g11_over_a_hundred_permutations() -> None:
    _check_permutations(100)


def test_g11_permuting_after_selection_would_not_be_at_chance() -> None:
    """The leaky twin: features chosen with the very labels, outside the chain."""
    areas = []
    for seed in range(5):
        blocks, targets = noise(40, 500, seed)
        leaky = _selected_on_all_rows(blocks, targets)
        areas.append(chain_auc(leaky, targets, model("logistic")))
    assert np.mean(areas) > 0.8


# G16: external cases are scored once by a frozen model, which reads no outcome


def test_g16_scoring_takes_no_outcome() -> None:
    for function in (fitting.predict, predictions.score_cases, predictions.score_table):
        names = set(inspect.signature(function).parameters)
        assert not names & {"y", "targets", "outcome", "cases_table", "patients"}, function
    assert set(inspect.signature(cnn.predict_cnn).parameters) == {"fitted", "crops"}


def test_g16_scoring_leaves_the_bundle_as_it_was(tmp_path: Path) -> None:
    blocks, targets = noise(40, 10, 0)
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    fitted = fit_tabular(blocks, y, patients, MODELS["logistic"], SETTINGS)
    bundles.write_model(fitted, tmp_path / "model")
    before = bundles.write_bundle(tmp_path / "model", tmp_path / "m.zip", {})
    bundle = bundles.read_bundle(tmp_path / "m.zip")
    shifted = blocks.table + 5
    first = predictions.score_cases(bundle.fitted, shifted, "final")
    bundles.write_model(bundle.fitted, tmp_path / "again")
    after = bundles.write_bundle(tmp_path / "again", tmp_path / "again.zip", {})
    assert after == before == bundle.sha256
    pd.testing.assert_frame_equal(first, predictions.score_cases(bundle.fitted, shifted, "final"))
    assert (first["threshold"] == fitted.threshold).all()


# G17: copies of the label


def test_g17_cross_validation_cannot_see_a_copy_but_the_tripwire_can() -> None:
    blocks, targets = noise(60, 20, 0)
    copy = targets["y"] + 0.1 * np.random.default_rng(0).normal(size=60)
    table = blocks.table.assign(copy=copy)
    own = Blocks(table, blocks.block_of | {"copy": "handcrafted"})
    simple = Model(
        name="m",
        blocks=["handcrafted"],
        predictor="logistic",
        selection=Selection(method="anova", keep=[3]),
    )
    assert chain_auc(own, targets, simple) > 0.99
    with pytest.raises(ConfigError, match="column 'copy' tells the outcome almost by itself"):
        tripwires.check_label_copies(table, targets["y"])
    assert tripwires.check_label_copies(blocks.table, targets["y"]) == []
