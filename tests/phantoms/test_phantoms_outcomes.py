import numpy as np
import pytest
from scipy.stats import norm

from radpipe.phantoms.outcomes import (
    LOADINGS,
    PREVALENCE,
    TRAITS,
    auc,
    draw_clinical,
    draw_latent,
    draw_outcomes,
    draw_traits,
    large_sample_ceiling,
)

PATIENTS = 1000


def _latents(effect: str) -> list:
    return [draw_latent(7, "development", i, effect) for i in range(PATIENTS)]


def test_auc_counts_pairs():
    # Pairs (positive, negative): 3>1, 3>2, 2 ties 2, 2>1: 3.5 of 4.
    assert auc(np.array([1, 1, 0, 0]), np.array([3.0, 2.0, 2.0, 1.0])) == pytest.approx(3.5 / 4)


def test_auc_of_one_class_is_unknown():
    assert auc(np.array([1, 1]), np.array([0.1, 0.2])) is None


def test_every_eighth_of_the_distribution_occurs_once_in_a_block():
    values = [draw_latent(3, "external", i, "signal").images for i in range(8)]
    assert sorted(int(8 * norm.cdf(v)) for v in values) == list(range(8))


def test_latent_value_is_standard_normal():
    values = np.array([latent.images for latent in _latents("signal")])
    assert values.mean() == pytest.approx(0.0, abs=0.05)
    assert values.std() == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("effect", ["signal", "null", "confounded"])
def test_traits_follow_their_loadings(effect):
    latents = _latents(effect)
    table = [draw_traits(7, "development", i, z, effect) for i, z in enumerate(latents)]
    z = [latent.images for latent in latents]
    for name in TRAITS:
        found = np.corrcoef(z, [row[name] for row in table])[0, 1]
        assert found == pytest.approx(LOADINGS[effect][name], abs=0.08)


def test_outcomes_of_all_four_kinds_follow_the_latent_value():
    latents = _latents("signal")
    rows = [draw_outcomes(7, "development", i, z) for i, z in enumerate(latents)]
    z = np.array([latent.outcomes for latent in latents])
    high = np.array([row.high_grade for row in rows])
    assert high.mean() == pytest.approx(PREVALENCE, abs=0.04)
    assert [row.grade == "high" for row in rows] == [bool(h) for h in high]
    assert {row.grade for row in rows} == {"low", "intermediate", "high"}
    assert np.corrcoef(z, [row.burden for row in rows])[0, 1] > 0.8
    time, event = np.array([(row.time, row.event) for row in rows]).T
    assert time[(z > 0.5) & (event == 1)].mean() < time[(z < -0.5) & (event == 1)].mean()
    assert 0.3 < event.mean() < 0.9
    assert time.min() > 0


def test_the_ceiling_is_where_the_cohort_is_meant_to_be():
    assert 0.90 <= large_sample_ceiling("signal") <= 0.93
    assert 0.90 <= large_sample_ceiling("confounded") <= 0.93
    assert large_sample_ceiling("null") == pytest.approx(0.5, abs=0.01)


def test_in_a_null_cohort_outcomes_know_nothing_of_images_or_clinical_values():
    latents = _latents("null")
    high = np.array(
        [draw_outcomes(7, "development", i, z).high_grade for i, z in enumerate(latents)]
    )
    clinical = [draw_clinical(7, "development", i, z, "null") for i, z in enumerate(latents)]
    age = np.array([np.nan if c.age is None else c.age for c in clinical])
    assert auc(high, np.array([z.images for z in latents])) == pytest.approx(0.5, abs=0.05)
    assert auc(high[~np.isnan(age)], age[~np.isnan(age)]) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("effect", "low", "high"), [("signal", 0.58, 0.70), ("confounded", 0.45, 0.55)]
)
def test_clinical_values_are_modestly_related_and_sometimes_missing(effect, low, high):
    latents = _latents(effect)
    clinical = [draw_clinical(7, "development", i, z, effect) for i, z in enumerate(latents)]
    truth = np.array(
        [draw_outcomes(7, "development", i, z).high_grade for i, z in enumerate(latents)]
    )
    age = np.array([np.nan if c.age is None else c.age for c in clinical])
    known = ~np.isnan(age)
    found = auc(truth[known], age[known])
    assert found is not None
    assert low < found < high
    assert 0.03 < 1 - known.mean() < 0.10
    assert {c.sex for c in clinical} == {"F", "M", None}
