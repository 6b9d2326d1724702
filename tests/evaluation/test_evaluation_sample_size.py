"""Sample size for every kind of outcome, from what the card of a fit tells."""

import numpy as np
import pytest

from radpipe.errors import RadpipeError
from radpipe.evaluation.sample_size import riley_binary, sample_size_table
from radpipe.evaluation.sample_size_multinomial import maximum_r2_multinomial, riley_multinomial
from radpipe.evaluation.sample_size_riley import riley_continuous, riley_survival
from radpipe.evaluation.sample_size_shrinkage import maximum_r2

# The worked example of Pate et al. (2023): tumours of the ovary in five classes. The expected R2 of
# the pairs, which they simulate from AUCs, and the sizes are printed in the README of their R
# package multsampsize.
OVARY = np.array([2557, 186, 176, 467, 120]) / 3506
OVARY_PAIRS = [0.116, 0.179, 0.497, 0.168, 0.185, 0.499, 0.372, 0.329, 0.128, 0.210]


def needed(table):
    return dict(zip(table["criterion"], table["needed"], strict=True))


def test_several_classes_need_what_the_worked_example_of_pate_says():
    share = 0.15 * maximum_r2_multinomial(OVARY)
    table = riley_multinomial(
        parameters=17, shares=OVARY, found=5000, r2_cox_snell=share, r2_pairs=OVARY_PAIRS
    )
    found = needed(table)
    assert [found["shrinkage"], found["optimism"], found["overall_risk"]] == [13136, 1477, 524]
    assert found["all"] == 13136
    assert found["smallest_class"] == pytest.approx(449.6064, abs=1e-4)


def test_three_classes_need_what_the_second_example_of_the_package_says():
    # Its third criterion, 664, corrects for five classes whatever their number; the paper for K.
    table = riley_multinomial(parameters=17, shares=[1 / 6, 1 / 3, 1 / 2], found=700)
    found = needed(table)
    assert [found["shrinkage"], found["optimism"], found["overall_risk"]] == [2660, 714, 574]
    assert table["met"].tolist() == [False, False, True, False, False]


def test_shrinkage_of_two_classes_is_that_of_a_binary_outcome():
    two = riley_multinomial(parameters=20, shares=[0.7, 0.3], found=100)
    one = riley_binary(parameters=20, prevalence=0.3, found=100)
    assert maximum_r2_multinomial([0.7, 0.3]) == pytest.approx(maximum_r2(0.3))
    for criterion in ("shrinkage", "optimism"):
        assert needed(two)[criterion] == needed(one)[criterion]


@pytest.mark.parametrize(
    "wrong",
    [
        {"shares": [0.5, 0.6]},
        {"shares": [0.5, 0.5, 0.0]},
        {"shares": [1.0]},
        {"parameters": 0},
        {"r2_cox_snell": 0.95},
        {"r2_pairs": [0.1, 0.1, 0.0]},
    ],
)
def test_impossible_classes_are_refused(wrong):
    right = {"parameters": 5, "shares": [0.2, 0.3, 0.5], "found": 10}
    with pytest.raises(RadpipeError, match="sample size cannot be computed"):
        riley_multinomial(**(right | wrong))


def card(kind, **facts):
    return {"name": kind, "kind": kind, "parameters": 40, "n_patients": 90, "n": 100, **facts}


def test_the_card_of_each_kind_gives_the_criteria_of_its_kind():
    table = sample_size_table([card("regression", mean=50.0, sd=10.0)])
    expected = riley_continuous(parameters=40, r2=0.15, mean=50.0, sd=10.0, found=90)
    assert table[expected.columns].equals(expected)
    assert set(table["parameters"]) == {40}

    table = sample_size_table([card("multiclass", prevalence={"a": 0.2, "b": 0.3, "c": 0.5})])
    expected = riley_multinomial(parameters=40, shares=[0.2, 0.3, 0.5], found=90)
    assert table[expected.columns].equals(expected)

    table = sample_size_table([card("survival", n_events=25, mean_time=2.0, horizon=3.0)], 0.1)
    # 25 events in 100 cases followed for 2 years each: one in 8 a year.
    expected = riley_survival(
        parameters=40, rate=0.125, timepoint=3.0, follow_up=2.0, r2_cox_snell=0.1, found=90
    )
    assert table[expected.columns].equals(expected)


def test_default_r2_of_a_time_to_event_is_a_share_of_its_maximum():
    settings = {"parameters": 5, "rate": 0.5, "timepoint": 1.0, "follow_up": 2.0, "found": 90}
    # One event a case: the largest R2 is 1 - exp(-2).
    share = 0.15 * (1 - np.exp(-2))
    assert riley_survival(**settings).equals(riley_survival(**settings, r2_cox_snell=share))


@pytest.mark.parametrize(("mean", "asked"), [(0.0, False), (-0.9, False), (1.0, True), (-5, True)])
def test_a_mean_near_zero_is_not_asked_for(mean, asked):
    table = sample_size_table([card("regression", mean=mean, sd=10.0)])
    assert ("mean" in set(table["criterion"])) == asked


def test_a_study_without_features_has_no_sample_size():
    with pytest.raises(RadpipeError, match="no model with features"):
        sample_size_table([])
