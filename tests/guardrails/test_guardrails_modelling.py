"""G01, G04, G07, G08, G11: on noise the chain is at chance, and its leaky twin is not.

The default run takes a few seeds; `-m slow` takes the numbers of the rule itself. Tolerances are
three standard errors of the mean over the seeds, with the spread that the rule's evidence names.
A twin is the same measurement on a deliberately leaky variant; it must break the bound.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import pandas as pd
import pytest
from modelling_noise import (
    SETTINGS,
    as_cohort,
    chain_auc,
    chance_band,
    model,
    noise,
    selected_on_all_rows,
)

from radpipe.config import SearchBudget, Splits, Threshold
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.controls import permuted_labels
from radpipe.modelling.fitting import FitSettings, fit_tabular
from radpipe.modelling.predictors import GRIDS, registry
from radpipe.modelling.splits import fold_table, inner_splits, part_of

AUTO = model("auto").model_copy(update={"budget": SearchBudget(trials=10, repeats=2, members=4)})


@pytest.fixture(autouse=True)
def _small_forests(monkeypatch: pytest.MonkeyPatch) -> None:
    """No rule depends on the number of trees; the time of these tests does."""
    monkeypatch.setattr(registry, "TREES", 20)
    monkeypatch.setattr(registry, "TUNING_TREES", 10)


def mean_over(seeds: int, area: Callable[[int], float]) -> float:
    """Mean of an AUC over the cohorts of several seeds."""
    return float(np.mean([area(seed) for seed in range(seeds)]))


# G01: all that learns is fitted inside the training part


def _selected_inside(seed: int) -> float:
    return chain_auc(*noise(80, 1000, seed), model("logistic", "anova"))


def _selected_outside(seed: int) -> float:
    blocks, targets = noise(80, 1000, seed)
    return chain_auc(selected_on_all_rows(blocks, targets), targets, model("logistic"))


@pytest.mark.parametrize("seeds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_g01_selection_inside_the_fold_finds_nothing_in_noise(seeds: int, recorded) -> None:
    found = recorded("mean AUC", mean_over(seeds, _selected_inside))
    assert abs(found - 0.5) <= chance_band(seeds)


@pytest.mark.parametrize("seeds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_g01_twin_selection_on_all_rows_finds_much_in_noise(seeds: int, recorded) -> None:
    found = recorded("mean AUC", mean_over(seeds, _selected_outside))
    assert found > 0.80


# G04: the patient is the unit


def _signatures(seed: int, *, grouped: bool) -> tuple[Blocks, pd.DataFrame]:
    """60 patients of four lesions that look alike; random outcomes."""
    random = np.random.default_rng(seed)
    patient = np.repeat(np.arange(60), 4)
    values = random.normal(size=(60, 100))[patient] + 0.5 * random.normal(size=(240, 100))
    y = random.permutation(np.arange(60) % 2)[patient].astype(float)
    return as_cohort(values, y, patient if grouped else np.arange(240))


def _lesions(seed: int, *, grouped: bool) -> float:
    return chain_auc(*_signatures(seed, grouped=grouped), model("logistic"))


@pytest.mark.parametrize("seeds", [4, pytest.param(40, marks=pytest.mark.slow)])
def test_g04_lesions_of_a_patient_are_not_recognised(seeds: int, recorded) -> None:
    found = recorded("mean AUC", mean_over(seeds, lambda seed: _lesions(seed, grouped=True)))
    assert abs(found - 0.5) <= chance_band(seeds, sd=0.09)


@pytest.mark.parametrize("seeds", [2, pytest.param(40, marks=pytest.mark.slow)])
def test_g04_twin_lesions_as_units_are_recognised(seeds: int, recorded) -> None:
    found = recorded("mean AUC", mean_over(seeds, lambda seed: _lesions(seed, grouped=False)))
    assert found > 0.85


def _shared_patients(true_patient: pd.Series, *, grouped: bool) -> int:
    """Patients in both parts of a fold, over all outer and inner folds."""
    _, targets = _signatures(0, grouped=grouped)
    folds = fold_table(targets, Splits(), 1)
    shared = 0
    for fold in dict.fromkeys(folds["fold"]):
        parts = [part_of(folds, fold, part) for part in ("train", "test")]
        shared += len(set.intersection(*(set(true_patient[part]) for part in parts)))
        own = targets.loc[parts[0]]
        inner = true_patient[parts[0]].to_numpy()
        for rows in inner_splits(own["y"].to_numpy(), own["patient"].to_numpy(), 3, 1):
            shared += len(set.intersection(*(set(inner[part]) for part in rows)))
    return shared


def test_g04_no_patient_is_in_two_parts_of_an_outer_or_inner_fold() -> None:
    patient = _signatures(0, grouped=True)[1]["patient"]
    assert _shared_patients(patient, grouped=True) == 0


def test_g04_twin_folds_of_lesions_share_patients() -> None:
    patient = _signatures(0, grouped=True)[1]["patient"]
    assert _shared_patients(patient, grouped=False) > 60


# G07: rows are drawn again inside the training part only


def _imbalanced(seed: int) -> tuple[Blocks, pd.DataFrame]:
    """150 patients, 20 % positive, nothing to learn."""
    random = np.random.default_rng(seed)
    y = random.permutation(np.arange(150) < 30).astype(float)
    return as_cohort(random.normal(size=(150, 30)), y, np.arange(150))


def _drawn_inside(seed: int) -> float:
    drawn = model("random_forest").model_copy(update={"oversampling": True})
    return chain_auc(*_imbalanced(seed), drawn)


def _drawn_before_the_split(seed: int) -> float:
    """Positive rows are copied until the classes are equal, each a new patient."""
    blocks, targets = _imbalanced(seed)
    rare = targets.index[targets["y"] == 1]
    rows = [*targets.index, *np.random.default_rng(0).choice(rare, 90)]
    y = targets.loc[rows, "y"].to_numpy()
    copied = as_cohort(blocks.table.loc[rows].to_numpy(), y, np.arange(240))
    return chain_auc(*copied, model("random_forest"))


@pytest.mark.parametrize("seeds", [2, pytest.param(20, marks=pytest.mark.slow)])
def test_g07_oversampling_inside_the_fold_finds_nothing(seeds: int, recorded) -> None:
    assert not model("random_forest").oversampling, "it is off unless asked for"
    found = recorded("mean AUC", mean_over(seeds, _drawn_inside))
    assert abs(found - 0.5) <= chance_band(seeds)


@pytest.mark.parametrize("seeds", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_g07_twin_oversampling_before_the_split_finds_much(seeds: int, recorded) -> None:
    found = recorded("mean AUC", mean_over(seeds, _drawn_before_the_split))
    assert found > 0.85


# G08: outer data only score


@cache
def _nested(seed: int, keep: tuple[int, ...]) -> float:
    return chain_auc(*noise(60, 50, seed), model("logistic", "anova", keep=keep))


def _best_of_a_search(seed: int, keep: tuple[int, ...]) -> float:
    """The AUC by which the best setting was chosen."""
    blocks, targets = noise(60, 50, seed)
    settings = FitSettings(Splits(inner_folds=5), Threshold(), SETTINGS.seed)
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    wide = model("logistic", "anova", keep=keep)
    tuned = fit_tabular(blocks, y, patients, wide, settings).tuning
    assert len(tuned) == len(keep) * len(GRIDS["binary"]["logistic"])
    return float(tuned["auc"].max())


SETTINGS_TRIED = [
    (4, (1, 2, 4, 8, 16, 32)),
    pytest.param(20, tuple(range(1, 28)), marks=pytest.mark.slow),
]


@pytest.mark.parametrize(("seeds", "keep"), SETTINGS_TRIED)
def test_g08_a_nested_search_over_settings_finds_nothing(
    seeds: int, keep: tuple[int, ...], recorded
) -> None:
    found = recorded("mean AUC", mean_over(seeds, lambda seed: _nested(seed, keep)))
    assert found <= 0.5 + chance_band(seeds)


@pytest.mark.parametrize(("seeds", "keep"), SETTINGS_TRIED)
def test_g08_twin_the_best_of_the_settings_is_no_result(
    seeds: int, keep: tuple[int, ...], recorded
) -> None:
    found = recorded("mean AUC", mean_over(seeds, lambda seed: _best_of_a_search(seed, keep)))
    assert found > mean_over(seeds, lambda seed: _nested(seed, keep))
    assert found > 0.55


def _searched(seed: int) -> tuple[float, float]:
    """AUC of a search over pipelines: outside of it, and the best one inside."""
    blocks, targets = noise(60, 30, seed)
    y, patients = targets["y"].to_numpy(), targets["patient"].to_numpy()
    best = fit_tabular(blocks, y, patients, AUTO, SETTINGS).tuning["auc"].max()
    return chain_auc(blocks, targets, AUTO), float(best)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [20])
def test_g08_and_twin_the_best_of_a_search_over_pipelines_is_no_result(
    seeds: int, record_property
) -> None:
    nested, best = np.mean([_searched(seed) for seed in range(seeds)], axis=0)
    record_property("mean AUC, nested and best", (nested, best))
    assert abs(nested - 0.5) <= chance_band(seeds)
    assert best > nested


# G11: permuted labels run through the whole chain


def _with_signal() -> tuple[Blocks, pd.DataFrame]:
    blocks, targets = noise(40, 60, 0)
    y, values = targets["y"].to_numpy(), blocks.table.to_numpy()
    signal = y[:, None] * 2 + values[:, :1]
    return as_cohort(np.hstack([signal, values[:, 1:]]), y, np.arange(40))


@pytest.mark.parametrize("permutations", [30, pytest.param(100, marks=pytest.mark.slow)])
def test_g11_the_chain_finds_nothing_in_permuted_labels(permutations: int, record_property) -> None:
    quick = model("logistic", "anova")
    found = permuted_labels(*_with_signal(), quick, SETTINGS, permutations)
    areas = np.asarray(found.permuted)
    record_property("mean AUC", float(areas.mean()))
    assert abs(areas.mean() - 0.5) <= 3 * areas.std(ddof=1) / np.sqrt(permutations)
    assert found.observed > areas.max()
    assert found.p == 1 / (permutations + 1)


@pytest.mark.parametrize("permutations", [8, pytest.param(30, marks=pytest.mark.slow)])
def test_g11_twin_selecting_before_permuted_labels_are_split_is_not_at_chance(
    permutations: int, record_property
) -> None:
    """Selection reads the permuted labels of all rows: only the rest of the chain is nested."""
    blocks, targets = noise(40, 300, 0)
    areas = []
    for seed in range(permutations):
        y = np.random.default_rng(seed).permutation(targets["y"].to_numpy())
        turned = targets.assign(y=y)
        leaky = selected_on_all_rows(blocks, turned)
        areas.append(chain_auc(leaky, turned, model("logistic")))
    record_property("mean AUC", float(np.mean(areas)))
    assert abs(np.mean(areas) - 0.5) > 3 * np.std(areas, ddof=1) / np.sqrt(permutations)
