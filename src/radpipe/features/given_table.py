"""A table of features that a user has made elsewhere, in place of the extraction."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow

from radpipe.errors import CaseError, ConfigError, RadpipeError
from radpipe.features.dictionary import DICTIONARY_COLUMNS, VOLUME_COLUMN

SUFFIXES = {".csv": ",", ".tsv": "\t", ".gz": "\t"}
"""Separator by the end of the file's name; `.parquet` has none."""


def read_given(path: str | Path, cases: Sequence[str], volume: str | None = None) -> pd.DataFrame:
    """Read a table of features and take the rows of a study.

    Args:
        path: `.tsv`, `.tsv.gz`, `.csv` or `.parquet` with a column `case`; every other column of
            numbers is a feature, an empty cell is missing.
        cases: the usable cases of the study, each of which must have one row.
        volume: the column that holds the volume of the region; it becomes `VOLUME_COLUMN`.

    Returns:
        `case`, then the features as float, rows in the order of `cases`; columns of text and
        columns without any number are left out.

    Raises:
        RadpipeError: the file cannot be read.
        CaseError: there is no column `case`, a case has no row or two, or a value is infinite.
        ConfigError: the column of the volume is missing or holds no numbers.
    """
    path = Path(path)
    table = _read(path)
    if "case" not in table:
        known = ", ".join(map(str, table.columns[:8]))
        raise CaseError(
            "the table of features has no column 'case'", file=path, found=known, expected="'case'"
        )
    names = table["case"].astype(str).str.strip()
    _check_rows(names, cases, path)
    features = table.drop(columns="case").set_index(names).loc[list(cases)]
    features = features.select_dtypes(["number", "bool"]).astype(float)
    features = features.loc[:, features.notna().any().to_numpy()]
    _check_finite(features, path)
    if volume is not None:
        features = features.rename(columns={_volume_of(features, volume, path): VOLUME_COLUMN})
    return features.rename_axis("case").reset_index()


def given_dictionary(columns: Sequence[str], path: str | Path) -> pd.DataFrame:
    """The data dictionary of a given table: only the names of its columns are known."""
    table = pd.DataFrame({"column": list(columns), "feature": list(columns)})
    table = table.reindex(columns=list(DICTIONARY_COLUMNS), fill_value="")
    return table.assign(description=f"column of {Path(path).name}")


def given_controls(features: pd.DataFrame) -> pd.DataFrame:
    """The table of control regions, of which a given table has none: columns without rows."""
    empty = features.iloc[:0]
    return empty.assign(variant=pd.Series(dtype=str))[["case", "variant", *features.columns[1:]]]


def _read(path: Path) -> pd.DataFrame:
    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        separator = SUFFIXES.get(path.suffix)
        if separator is None:
            raise RadpipeError(
                "the table of features has a name of an unknown kind",
                file=path,
                found=f"'{path.suffix}'",
                expected=".tsv, .tsv.gz, .csv or .parquet",
            )
        return pd.read_csv(path, sep=separator, dtype={"case": str}, encoding="utf-8-sig")
    except (OSError, ValueError, pyarrow.ArrowException, pd.errors.ParserError) as error:
        raise RadpipeError(
            "the table of features cannot be read",
            file=path,
            found=error,
            expected="a table with a header line",
        ) from None


def _check_rows(names: pd.Series, cases: Sequence[str], path: Path) -> None:
    twice = names[names.duplicated()]
    if len(twice):
        raise CaseError(
            "the case is there more than once in the table of features",
            case=twice.iloc[0],
            file=path,
            expected="one row a case",
        )
    known = set(names)
    absent = [case for case in cases if case not in known]
    if absent:
        raise CaseError(
            "the case has no row in the table of features",
            case=absent[0],
            file=path,
            found=f"{len(absent)} such cases",
            expected="one row a case of the case sheet",
        )


def _check_finite(features: pd.DataFrame, path: Path) -> None:
    infinite = np.argwhere(np.isinf(features.to_numpy()))
    if len(infinite):
        row, column = infinite[0]
        raise CaseError(
            f"feature '{features.columns[column]}' is infinite",
            case=str(features.index[row]),
            file=path,
            expected="a number, or an empty cell",
        )


def _volume_of(features: pd.DataFrame, volume: str, path: Path) -> str:
    if volume not in features:
        raise ConfigError(
            f"features.volume names '{volume}', which is no column of numbers in {path}",
            expected=f"one of {len(features.columns)} columns",
        )
    return volume
