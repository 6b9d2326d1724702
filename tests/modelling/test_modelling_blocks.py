import math

import numpy as np
import pandas as pd
import pytest

from radpipe.errors import CaseError, ConfigError
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.modelling.blocks import assemble

CASES = pd.DataFrame(
    {
        "case": ["a", "b", "x"],
        "patient": ["a", "b", "x"],
        "cohort": ["development", "development", "external"],
        "age": ["61", "", "unknown"],
        "stage": [1.0, 2.0, np.nan],
        "sex": ["F", " M ", ""],
    }
)
FEATURES = pd.DataFrame(
    {"case": ["x", "b", "a"], VOLUME_COLUMN: [math.e, 0.0, 1.0], "T1w__f": [3.0, np.nan, 1.0]}
)
EMBEDDING = pd.DataFrame({"case": ["a", "b", "x"], "ae__e000": [0.1, 0.2, 0.3]})


def test_blocks_stand_side_by_side_in_the_order_of_the_cases() -> None:
    blocks = assemble(
        ["volume", "handcrafted", "ae"], CASES, FEATURES, {"ae": EMBEDDING}, clinical=[]
    )
    assert list(blocks.table.index) == ["a", "b", "x"]
    assert blocks.block_of == {
        "volume__log_mm3": "volume",
        VOLUME_COLUMN: "handcrafted",
        "T1w__f": "handcrafted",
        "ae__e000": "ae",
    }
    assert blocks.table["T1w__f"].tolist()[::2] == [1.0, 3.0]


def test_volume_is_its_logarithm_and_nothing_has_no_logarithm() -> None:
    volume = assemble(["volume"], CASES, FEATURES, {}, []).table["volume__log_mm3"]
    assert volume["a"] == 0.0
    assert volume["x"] == pytest.approx(1.0)
    assert np.isnan(volume["b"])


def test_types_of_clinical_columns_come_from_the_development_cohort() -> None:
    table = assemble(["clinical"], CASES, None, {}, ["age", "stage", "sex"]).table
    assert table["age"].dtype == float
    assert table["age"]["a"] == 61.0
    assert table["age"].isna().tolist() == [False, True, True]
    assert table["stage"].dtype == float
    assert table["sex"].tolist()[:2] == ["F", "M"]
    assert np.isnan(table["sex"]["x"])


def test_new_cases_without_a_development_cohort_keep_their_categories() -> None:
    alone = CASES.assign(cohort="new")
    table = assemble(["clinical"], alone, None, {}, ["stage", "sex"]).table
    assert table["stage"].dtype == float
    assert table["sex"].tolist()[:2] == ["F", "M"]


def test_faults_are_named() -> None:
    with pytest.raises(ConfigError, match=r"unknown block; found 'ae', expected volume, clinical"):
        assemble(["ae"], CASES, FEATURES, {}, [])
    with pytest.raises(ConfigError, match=r"names 'weight', which is no column"):
        assemble(["clinical"], CASES, FEATURES, {}, ["weight"])
    with pytest.raises(ConfigError, match=r"block 'volume' needs the table of handcrafted"):
        assemble(["volume"], CASES, None, {}, [])
    with pytest.raises(ConfigError, match=rf"needs the column {VOLUME_COLUMN}"):
        assemble(["volume"], CASES, FEATURES.drop(columns=VOLUME_COLUMN), {}, [])
    with pytest.raises(CaseError, match=r"case 'x': the case has no row in the embedding 'ae'"):
        assemble(["ae"], CASES, None, {"ae": EMBEDDING.iloc[:2]}, [])
    twice = EMBEDDING.rename(columns={"ae__e000": "T1w__f"})
    with pytest.raises(ConfigError, match=r"column 'T1w__f' is in block 'handcrafted' and in"):
        assemble(["handcrafted", "ae"], CASES, FEATURES, {"ae": twice}, [])


def test_rows_of_unknown_cases_are_refused() -> None:
    blocks = assemble(["volume"], CASES, FEATURES, {}, [])
    assert list(blocks.rows(["x", "a"]).table.index) == ["x", "a"]
    with pytest.raises(CaseError, match=r"case 'z': the case has no row in the table of features"):
        blocks.rows(["a", "z"])


def test_a_site_is_a_name_even_where_all_names_are_numbers() -> None:
    cases = CASES.assign(site=["1", "2", ""][: len(CASES)])
    blocks = assemble(["site"], cases, None, {}, [])
    assert blocks.table["site"].tolist()[:2] == ["1", "2"]
    assert blocks.table["site"].isna().tolist() == [False, False, True][: len(CASES)]
    assert blocks.block_of == {"site": "site"}
