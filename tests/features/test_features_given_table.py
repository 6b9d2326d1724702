"""A table of features in place of the extraction."""

from pathlib import Path

import pandas as pd
import pytest

from radpipe.errors import CaseError, ConfigError, RadpipeError
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.features.given_table import given_dictionary, read_given

TABLE = pd.DataFrame(
    {
        "case": ["007", "b", "c"],
        "size": [2.0, 4.0, None],
        "scanner": ["x", "y", "x"],
        "on": [1, 0, 1],
    }
)


@pytest.mark.parametrize("name", ["f.csv", "f.tsv", "f.tsv.gz", "f.parquet"])
def test_rows_of_the_study_in_its_order(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    if path.suffix == ".parquet":
        TABLE.to_parquet(path)
    else:
        TABLE.to_csv(path, sep="," if name.endswith("csv") else "\t", index=False)
    found = read_given(path, ["c", "007"], volume="size")
    assert found.columns.tolist() == ["case", VOLUME_COLUMN, "on"]
    assert found["case"].tolist() == ["c", "007"]
    assert found[VOLUME_COLUMN].isna().tolist() == [True, False]
    assert found["on"].tolist() == [1.0, 1.0]


def test_a_column_without_numbers_is_left_out(tmp_path: Path) -> None:
    TABLE.assign(empty=None).to_csv(tmp_path / "f.csv", index=False)
    assert read_given(tmp_path / "f.csv", ["b"]).columns.tolist() == ["case", "size", "on"]


@pytest.mark.parametrize(
    ("table", "cases", "error", "message"),
    [
        (TABLE, ["d"], CaseError, "case 'd'.*has no row in the table of features"),
        (pd.concat([TABLE, TABLE]), ["b"], CaseError, "case '007'.*more than once"),
        (TABLE.rename(columns={"case": "ID"}), ["b"], CaseError, "no column 'case'"),
        (TABLE.assign(size=[1, float("inf"), 2]), ["b"], CaseError, "case 'b'.*'size' is infinite"),
    ],
)
def test_what_is_wrong_with_a_table(
    tmp_path: Path, table: pd.DataFrame, cases: list[str], error: type[Exception], message: str
) -> None:
    table.to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(error, match=message):
        read_given(tmp_path / "f.csv", cases)


def test_volume_must_be_a_column_of_numbers(tmp_path: Path) -> None:
    TABLE.to_csv(tmp_path / "f.csv", index=False)
    with pytest.raises(ConfigError, match=r"features\.volume names 'scanner'"):
        read_given(tmp_path / "f.csv", ["b"], volume="scanner")


def test_files_of_another_kind(tmp_path: Path) -> None:
    with pytest.raises(RadpipeError, match=r"unknown kind.*xlsx"):
        read_given(tmp_path / "f.xlsx", [])
    with pytest.raises(RadpipeError, match="cannot be read"):
        read_given(tmp_path / "f.csv", [])


def test_the_dictionary_names_the_file(tmp_path: Path) -> None:
    found = given_dictionary(["size"], tmp_path / "f.csv")
    assert found["column"].tolist() == ["size"]
    assert found["description"].tolist() == ["column of f.csv"]
