"""G06: ComBat learns from training rows, not from the outcome; what it cannot know it refuses."""

import numpy as np
import pandas as pd
import pytest
from modelling_noise import as_cohort, chain_auc, model

from radpipe.config import Harmonisation, load_study
from radpipe.errors import ConfigError, FitError
from radpipe.evaluation.discrimination import auc
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.harmonisation import ComBat

SEEDS = 3


def _two_sites(seed: int) -> tuple[Blocks, pd.DataFrame]:
    """Noise from two sites of different scanners and different prevalence; `site` beside it."""
    random = np.random.default_rng(seed)
    site = np.repeat([0, 1], 40)
    y = (random.random(80) < np.where(site, 0.85, 0.15)).astype(float)
    values = random.normal(size=(80, 600)) + random.normal(size=600) * site[:, None]
    blocks, targets = as_cohort(values, y, np.arange(80))
    return Blocks(blocks.table.assign(site=np.where(site, "b", "a")), blocks.block_of), targets


def _site_alone(seed: int) -> float:
    blocks, targets = _two_sites(seed)
    return auc(targets["y"], (blocks.table["site"] == "b").astype(float))


def _harmonised_inside(seed: int) -> float:
    harmonised = model("logistic").model_copy(update={"harmonisation": Harmonisation()})
    return chain_auc(*_two_sites(seed), harmonised)


def _label_as_covariate(seed: int) -> float:
    """ComBat on the whole cohort, told to keep what the outcome explains."""
    blocks, targets = _two_sites(seed)
    rows = blocks.table.assign(label=targets["y"])
    values = ComBat(covariates=["label"]).fit(rows).transform(rows)
    harmonised = blocks.table.drop(columns="site")
    harmonised[:] = values
    return chain_auc(Blocks(harmonised, blocks.block_of), targets, model("logistic"))


def _gain_over_the_site(measure, record_property) -> float:
    found = [np.mean([of(seed) for seed in range(SEEDS)]) for of in (measure, _site_alone)]
    record_property("mean AUC, site alone", [float(value) for value in found])
    return float(found[0] - found[1])


def test_g06_combat_inside_the_fold_tells_no_more_than_the_site(record_property) -> None:
    assert _gain_over_the_site(_harmonised_inside, record_property) <= 0


def test_g06_twin_combat_told_the_outcome_makes_noise_tell_it(record_property) -> None:
    assert _gain_over_the_site(_label_as_covariate, record_property) > 0.05


def _standardised_by_batch(train: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """What a naive harmonisation does: the mean and sd of each batch, whatever there is."""
    moments = train.groupby("site")["f0"].agg(["mean", "std"]).reindex(rows["site"])
    return (rows["f0"] - moments["mean"].to_numpy()) / moments["std"].to_numpy()


def _rows(sites: str) -> pd.DataFrame:
    values = np.random.default_rng(1).normal(size=(len(sites), 3))
    return pd.DataFrame(values, columns=["f0", "f1", "f2"]).assign(site=list(sites))


ONE_MEMBER, ENOUGH = _rows("aaaabbbbc"), _rows("aaaabbbb")


def test_g06_unseen_and_one_member_batches_are_refused() -> None:
    with pytest.raises(FitError, match="batch 'c' has one training case; expected at least two"):
        ComBat().fit(ONE_MEMBER)
    with pytest.raises(FitError, match="was not fitted on batch 'c'"):
        ComBat().fit(ENOUGH).transform(ONE_MEMBER)
    chain = model("logistic").model_copy(update={"harmonisation": Harmonisation()})
    blocks, targets = _two_sites(0)
    blocks.table.loc[blocks.table.index[0], "site"] = "c"
    with pytest.raises(FitError, match="batch 'c'"):
        chain_auc(blocks, targets, chain)


def test_g06_twin_a_naive_harmonisation_is_silently_missing() -> None:
    assert np.isnan(_standardised_by_batch(ONE_MEMBER, ONE_MEMBER).iloc[-1])
    assert np.isnan(_standardised_by_batch(ENOUGH, ONE_MEMBER).iloc[-1])


def _study_with_covariate(column: str) -> None:
    harmonisation = {"covariates": [column]}
    load_study(
        {
            "study": "s",
            "cases": "cases.tsv",
            "outcome": {"column": "grade"},
            "images": {"modalities": ["T1w"]},
            "features": {"clinical": ["age"], "handcrafted": {}},
            "models": [
                {
                    "name": "m",
                    "blocks": ["handcrafted"],
                    "predictor": "logistic",
                    "harmonisation": harmonisation,
                }
            ],
        }
    )


def test_g06_the_outcome_as_a_covariate_is_refused_by_name_and_by_value() -> None:
    with pytest.raises(ConfigError, match="'grade' holds the outcome, which is to predict"):
        _study_with_covariate("grade")
    _study_with_covariate("age")
    rows = ENOUGH.assign(renamed=[0.0, 1, 0, 1, 0, 1, 0, 1])
    with pytest.raises(FitError, match="a covariate of ComBat is a copy of the outcome"):
        ComBat(covariates=["renamed"]).fit(rows, rows["renamed"].to_numpy())
