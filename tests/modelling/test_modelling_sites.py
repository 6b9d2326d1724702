"""Site alone: what a hospital tells by itself, and that an unknown one tells nothing."""

import numpy as np
import pandas as pd
import pytest
from modelling_cohort import SETTINGS
from modelling_outcomes import KINDS, outcome, settings

from radpipe.config import Model
from radpipe.config.modelling import FAMILIES
from radpipe.modelling.blocks import Blocks
from radpipe.modelling.fitting import FittedModel, fit_tabular, predict_scores

RATES = {"A": 0.9, "B": 0.5, "C": 0.1}


def sites(names: list[str | float]) -> Blocks:
    index = pd.Index([f"c{i:03d}" for i in range(len(names))], name="case")
    table = pd.DataFrame({"site": pd.Series(names, dtype=object).to_numpy()}, index=index)
    return Blocks(table, {"site": "site"})


def fitted(names: list[str | float], y: np.ndarray, kind: str = "binary") -> FittedModel:
    model = Model(name="site", blocks=["site"], predictor=FAMILIES["linear"][kind])
    own = SETTINGS if kind == "binary" else settings(kind)
    return fit_tabular(sites(names), y, [f"p{i}" for i in range(len(y))], model, own)


def three(n: int = 120) -> tuple[list[str], np.ndarray]:
    """Hospitals with 90, 50 and 10 % of events, to the case."""
    names = [list(RATES)[i % 3] for i in range(n)]
    own = pd.Series(names).groupby(names).cumcount().to_numpy()
    return names, (own < np.array([RATES[name] for name in names]) * n / 3).astype(float)


def test_a_known_site_has_its_own_rate_and_an_unknown_one_that_of_all() -> None:
    names, y = three()
    model = fitted(names, y)
    found = predict_scores(model, sites(["A", "B", "C", "elsewhere", np.nan]))["y_prob"]
    assert found.iloc[:3].tolist() == pytest.approx([0.9, 0.5, 0.1], abs=0.1)
    assert found.iloc[3:].tolist() == pytest.approx([0.5, 0.5], abs=0.02)
    alone = predict_scores(model, sites(["elsewhere"]))["y_prob"]
    assert alone.iloc[0] == found.iloc[3]


@pytest.mark.parametrize("kind", KINDS)
def test_unknown_sites_are_scored_for_every_kind_of_outcome(kind: str) -> None:
    random = np.random.default_rng(0)
    names = [f"h{i % 4}" for i in range(48)]
    latent = np.arange(48) % 4 + 0.5 * random.normal(size=48)
    scores = predict_scores(fitted(names, outcome(kind, latent), kind), sites(["h0", "h3", "new"]))
    assert np.isfinite(scores.to_numpy()).all()
    ends = scores.iloc[:2].to_numpy()
    new = scores.iloc[2].to_numpy()
    assert (new > ends.min(axis=0)).any(), "between the extremes"
    assert not np.allclose(ends[0], ends[1])


def test_one_site_only_is_a_constant_and_no_crash() -> None:
    """Where all cases of the other sites were set aside, or lie in the test part."""
    y = (np.arange(40) % 4 == 0).astype(float)
    found = predict_scores(fitted(["A"] * 40, y), sites(["A", "B", np.nan]))["y_prob"]
    assert found.tolist() == pytest.approx([0.25] * 3, abs=0.02)
