"""Paired comparison by swapping signs: by hand, exact and drawn."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.errors import RadpipeError
from radpipe.evaluation.paired import EXACT_UP_TO, PERMUTATIONS, paired_difference, sign_flip_p


@pytest.mark.parametrize(
    ("differences", "p"),
    [
        # All of one sign: of 2^n sign patterns just this one and its mirror are as extreme.
        ([1.0, 2.0, 3.0], 2 / 8),
        ([0.1] * 5, 2 / 32),
        # |sums| of (1, -2): 1, 1, 3, 3; the sum found is -1.
        ([1.0, -2.0], 1.0),
        ([0.0, 0.0], 1.0),
        ([0.4], 1.0),
    ],
)
def test_exact_p_values_by_hand(differences, p):
    assert sign_flip_p(differences) == p


def test_drawn_p_values_are_never_zero_and_near_the_exact_ones():
    many = np.ones(40)
    assert sign_flip_p(many) == 1 / (PERMUTATIONS + 1)
    rng = np.random.default_rng(3)
    few = rng.normal(0.4, 1.0, EXACT_UP_TO)
    # A difference of 0 changes no sum: with one more patient the same p is drawn, not counted.
    drawn = sign_flip_p(np.append(few, 0.0))
    assert drawn == pytest.approx(sign_flip_p(few), abs=4 * np.sqrt(0.25 / PERMUTATIONS))


def test_patients_count_the_same_however_many_cases_they_have():
    found = paired_difference([0.2, 0.4, -0.1], ["p", "p", "q"], samples=500, seed=1)
    assert found.difference == pytest.approx((0.3 - 0.1) / 2)
    # A bootstrap sample of two patients is both or one of them twice.
    assert (found.low, found.high) == pytest.approx((-0.1, 0.3))
    assert found.p == 1.0
    assert found.method == "sign_flip_exact"
    assert np.isnan(found.z)


def test_what_cannot_be_compared_is_told():
    with pytest.raises(RadpipeError, match="found 1 of 2, expected finite numbers"):
        paired_difference([0.1, np.nan], ["p", "q"])
    with pytest.raises(RadpipeError, match="found 0 of 0"):
        paired_difference([], [])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=8))
def test_what_is_true_of_every_comparison(differences):
    p = sign_flip_p(differences)
    assert 2 ** -len(differences) < p <= 1
    assert sign_flip_p([-d for d in differences]) == p
    assert sign_flip_p(differences[::-1]) == p
