"""Intraclass correlation: the published example, psych's values, what holds of any table."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.errors import RadpipeError
from radpipe.evaluation.agreement import ICC_FORMS, icc, koo_li, mean_squares

SHROUT_FLEISS = np.array(
    [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
)
"""Six targets by four judges: Shrout and Fleiss, Psychol Bull 1979;86:420, table 2."""


def test_the_mean_squares_that_shrout_and_fleiss_print() -> None:
    found = mean_squares(SHROUT_FLEISS)
    printed = (11.24, 6.26, 32.49, 1.02)
    assert (found.subjects, found.within, found.measurements, found.error) == pytest.approx(
        printed, abs=0.005
    )
    assert (found.n, found.k) == (6, 4)


@pytest.mark.parametrize(
    ("form", "printed"),
    list(zip(ICC_FORMS, (0.17, 0.29, 0.71, 0.44, 0.62, 0.91), strict=True)),
)
def test_the_correlations_that_shrout_and_fleiss_print(form, printed) -> None:
    assert icc(SHROUT_FLEISS, form).estimate == pytest.approx(printed, abs=0.005)


def test_psych_on_the_same_table(oracle) -> None:
    for row in oracle.csv("icc_shrout_fleiss").itertuples():
        found = icc(SHROUT_FLEISS, row.form)
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (row.icc, row.ci_low, row.ci_high), abs=1e-9
        )


def test_psych_on_simulated_features(oracle) -> None:
    """One of the features has a between-subject variance that is estimated as negative."""
    tables = {
        name: part.pivot(index="subject", columns="rater", values="value").to_numpy()
        for name, part in oracle.csv("icc_40x4x5").groupby("feature")
    }
    expected = oracle.csv("icc_psych")
    assert len(expected) == len(tables) * len(ICC_FORMS)
    for row in expected.itertuples():
        found = icc(tables[row.feature], row.form)
        assert (found.estimate, found.low, found.high) == pytest.approx(
            (row.icc, row.ci_low, row.ci_high), abs=1e-9
        ), (row.feature, row.form)


def test_equal_measurements_agree_completely() -> None:
    table = np.repeat(np.arange(5.0)[:, None], 3, axis=1)
    for form in ICC_FORMS:
        assert icc(table, form).estimate == 1
        assert icc(table, form).low == 1


def test_a_constant_offset_is_consistent_but_no_agreement() -> None:
    subjects = np.arange(6.0)
    table = np.column_stack([subjects, subjects + 10])
    assert icc(table, "icc3").estimate == 1
    assert icc(table, "icc2").estimate < 0.1
    assert icc(table, "icc1").estimate < 0


def test_nothing_that_varies_is_undefined() -> None:
    found = icc(np.full((4, 3), 7.0))
    assert np.isnan([found.estimate, found.low, found.high]).all()


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (np.ones((1, 3)), r"found a table of shape \(1, 3\), expected at least two subjects"),
        (np.ones((3, 1)), r"found a table of shape \(3, 1\)"),
        (np.ones(3), r"found a table of shape \(3,\)"),
        ([[1, 2], [np.nan, 3]], "needs a complete table; found 1 missing or infinite values"),
    ],
)
def test_what_is_refused(table, message) -> None:
    with pytest.raises(RadpipeError, match=message):
        icc(table)


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(RadpipeError, match="found icc4, expected icc1, icc2"):
        icc(SHROUT_FLEISS, "icc4")


def test_classes_of_koo_and_li() -> None:
    values = (-0.2, 0.49, 0.5, 0.74, 0.75, 0.89, 0.9, 1.0)
    names = [koo_li(value) for value in values]
    assert names == ["poor"] * 2 + ["moderate"] * 2 + ["good"] * 2 + ["excellent"] * 2
    assert koo_li(np.nan) == ""


@settings(max_examples=50, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(3, 12),
    st.integers(2, 5),
    st.floats(0.1, 1e3),
    st.floats(-1e3, 1e3),
)
def test_unit_and_origin_do_not_matter(seed, n, k, unit, origin) -> None:
    table = np.random.default_rng(seed).normal(size=(n, k)).cumsum(axis=0)
    for form in ICC_FORMS:
        first, second = icc(table, form), icc(table * unit + origin, form)
        assert first.estimate == pytest.approx(second.estimate, rel=1e-6, abs=1e-6)
        assert first.low <= first.estimate + 1e-12
        assert first.estimate <= 1


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_a_wider_confidence_holds_the_narrower(seed) -> None:
    table = np.random.default_rng(seed).normal(size=(8, 3)) + np.arange(8)[:, None]
    for form in ICC_FORMS:
        narrow, wide = icc(table, form, 0.8), icc(table, form, 0.95)
        assert wide.low <= narrow.low <= narrow.high <= wide.high
