"""Gaps filled from the nearest rows, held against scikit-learn."""

import numpy as np
import pytest
from sklearn.impute import KNNImputer

from radpipe.modelling.imputing import NearestRows

NAN = np.nan


def test_a_gap_is_the_mean_of_the_nearest_rows_that_have_a_value() -> None:
    training = np.array([[0.0, 1.0], [1.0, 2.0], [2.0, NAN], [9.0, 60.0]])
    near = NearestRows(2).fit(training)
    assert near.transform(np.array([[2.0, NAN]])).tolist() == [[2.0, 1.5]]
    assert near.transform(np.array([[8.0, NAN]])).tolist() == [[8.0, 31.0]]


@pytest.mark.parametrize("share", [0.02, 0.3, 0.8])
@pytest.mark.parametrize("indicator", [False, True])
def test_it_is_what_scikit_learn_gives(share: float, indicator: bool) -> None:
    random = np.random.default_rng(int(100 * share))
    values = random.normal(size=(90, 12)) + random.normal(size=(90, 1))
    values[random.random(values.shape) < share] = NAN
    values[:, 5] = NAN
    values[70] = NAN
    training, new = values[:60], values[60:]
    ours = NearestRows(indicator=indicator).fit(training)
    theirs = KNNImputer(keep_empty_features=True, add_indicator=indicator).fit(training)
    for part in (training, new):
        assert ours.transform(part) == pytest.approx(theirs.transform(part), abs=1e-12)
    # scikit-learn's names leave out the column without values, which its output has.
    names = list(ours.get_feature_names_out([f"x{i}" for i in range(12)]))
    assert len(names) == ours.transform(new).shape[1]
    assert [n for n in names if n != "x5"] == [
        n for n in theirs.get_feature_names_out([f"x{i}" for i in range(12)]) if n != "x5"
    ]


def test_what_is_known_stays_and_rows_do_not_change_each_other() -> None:
    random = np.random.default_rng(1)
    values = random.normal(size=(40, 6))
    values[random.random(values.shape) < 0.2] = NAN
    before = values.copy()
    near = NearestRows().fit(values[:30])
    filled = near.transform(values)
    assert np.array_equal(values, before, equal_nan=True)
    known = ~np.isnan(values)
    assert (filled[known] == values[known]).all()
    assert np.isfinite(filled).all()
    alone = np.vstack([near.transform(values[[i]]) for i in range(40)])
    assert alone == pytest.approx(filled, abs=1e-12)
