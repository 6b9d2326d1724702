"""Reports of studies that start from a table of features."""

import numpy as np
import pandas as pd

from radpipe.config import Study, load_study
from radpipe.reporting.context import Context
from radpipe.reporting.document import Paragraph, Table, plain
from radpipe.reporting.inputs import TABLES, ReportInputs
from radpipe.reporting.sections.features import features
from radpipe.reporting.sections.metrics import metric_table


def study_of_a_table() -> Study:
    return load_study(
        {
            "study": "given",
            "cases": "cases.tsv",
            "outcome": {"kind": "survival", "time": "days", "event": "dead"},
            "features": {"table": "somewhere/features.csv", "volume": "size"},
            "models": [{"name": "m", "blocks": ["handcrafted"], "predictor": "linear"}],
        }
    )


def context_of(**tables: pd.DataFrame) -> Context:
    return Context(
        study_of_a_table(), ReportInputs(), {name: pd.DataFrame() for name in TABLES} | tables
    )


def test_all_columns_of_the_table_count_whatever_their_names() -> None:
    table = pd.DataFrame(
        {
            "case": ["a", "b"],
            "mask__original__shape__MeshVolume": [1.0, 2.0],
            "f0": [1.0, np.nan],
            "f1": [3.0, 4.0],
        }
    )
    section = features(context_of(features=table))
    assert section is not None
    text = [plain(block.text) for block in section.blocks if isinstance(block, Paragraph)]
    assert text == ["3 features of 2 cases, given in features.csv. 1 value is missing there."]


def test_a_metric_of_predictions_that_are_not_made_has_no_column() -> None:
    row = {"model": "m", "cohort": "development", "n": 9, "ci_low": 0.1, "ci_high": 0.3}
    performance = pd.DataFrame(
        [
            {**row, "metric": "brier_t", "estimate": 0.2, "method": "bootstrap"},
            {
                **row,
                "metric": "ibs",
                "estimate": np.nan,
                "method": "undefined: needs columns event_prob_<time> at 3 times or more",
            },
        ]
    )
    context = context_of(performance=performance)
    (table,) = metric_table(context, "development", ("brier_t", "ibs"), "Scores")
    assert isinstance(table, Table)
    assert len(table.columns) == 2
    assert "event_prob" not in str(table)
    assert metric_table(context, "development", ("ibs",), "Scores") == []
