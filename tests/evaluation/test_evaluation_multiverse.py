"""The primary metric over all models and repeats."""

import numpy as np
import pandas as pd
import pytest

from radpipe.config import Outcome
from radpipe.evaluation import by_kind
from radpipe.evaluation.multiverse import COLUMNS, multiverse_table
from radpipe.evaluation.tables_shared import scored

Y = [0, 0, 1, 1]
# AUC of four cases: the share of the four pairs in the right order.
SCORES = {
    ("good", "r1"): ([0.1, 0.2, 0.8, 0.9], 1.0),
    ("good", "r2"): ([0.1, 0.8, 0.7, 0.9], 0.75),
    ("poor", "r1"): ([0.1, 0.8, 0.6, 0.7], 0.5),
    ("poor", "r2"): ([0.8, 0.9, 0.1, 0.2], 0.0),
}


def predictions(cohort: str = "development") -> pd.DataFrame:
    parts = [
        pd.DataFrame(
            {
                "model": model,
                "case": list("abcd"),
                "patient": list("abcd"),
                "cohort": cohort,
                "fold": [f"{repeat}f1", f"{repeat}f2"] * 2,
                "y_true": Y,
                "y_prob": p,
                "threshold": 0.5,
            }
        )
        for (model, repeat), (p, _) in SCORES.items()
    ]
    return pd.concat(parts, ignore_index=True)


def mean_auc(part, weights):
    """Pairs of a positive and a negative case in the right order, the mean over repeats."""
    assert weights.shape == (1, 4)
    y = part.number("y_true")
    right = [p[y == 1][:, None] > p[y == 0][None] for p in part.scores["y_prob"]]
    return np.array([np.mean(right)])


def test_every_model_in_every_repeat_is_a_row_and_the_lowest_stands_first():
    parts = scored(predictions(), ["y_true"], ["y_prob"])
    table = multiverse_table(mean_auc, parts, "auc")
    assert table.columns.tolist() == COLUMNS
    found = {(r.model, r.repeat): r.estimate for r in table.itertuples()}
    assert found == {key: value for key, (_, value) in SCORES.items()}
    assert table["estimate"].is_monotonic_increasing
    assert set(table["n"]) == {4}


def test_cohorts_without_repeats_have_no_rows():
    only = predictions("elsewhere").query("fold.str.startswith('r1')").assign(fold="final")
    table = multiverse_table(mean_auc, scored(only, ["y_true"], ["y_prob"]), "auc")
    assert table.empty
    assert table.columns.tolist() == COLUMNS


@pytest.mark.parametrize("repeats", [1, 2])
def test_it_is_made_with_the_other_tables_and_holds_what_repeats_holds(repeats):
    rows = predictions()
    rows = rows[rows["fold"].str[1].astype(int) <= repeats]
    outcome = Outcome(column="y")
    assert "multiverse" in by_kind.table_names(outcome, repeats=repeats, subgroups=[])
    table = multiverse_table(mean_auc, scored(rows, ["y_true"], ["y_prob"]), "auc")
    assert len(table) == 2 * repeats
    single = by_kind.repeats(rows, outcome)
    both = single.merge(table, on=["model", "repeat"], suffixes=("", "_here"))
    assert len(both) == len(single)
    assert both["estimate"].tolist() == pytest.approx(both["estimate_here"].tolist())
