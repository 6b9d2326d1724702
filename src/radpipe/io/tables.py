"""Tidy tables as TSV (text, exact for a reader and for a diff) or Parquet (large, typed)."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radpipe.errors import RadpipeError
from radpipe.io.files import atomic

ID_COLUMNS = ("case", "patient", "site", "cohort", "fold", "part")
"""Columns that are names even where they look like numbers."""


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a `.tsv`, `.tsv.gz` or `.parquet` written by `write_table`.

    Names (`case`, `patient`, …) stay text; an empty cell is missing.
    """
    path = Path(path)
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    try:
        return pd.read_csv(
            path,
            sep="\t",
            dtype=dict.fromkeys(ID_COLUMNS, str),
            keep_default_na=False,
            na_values=[""],
        )
    except (OSError, UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise RadpipeError(
            "cannot read the table", file=path, found=error, expected="a tab-separated text file"
        ) from error


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write `table` without its index; numbers keep ten significant digits in text."""
    path = Path(path)
    with atomic(path) as part:
        if path.suffix == ".parquet":
            # Schemas for pandas and Arrow, and statistics of every column, would outweigh a row of
            # features.
            bare = pa.Table.from_pandas(table, preserve_index=False).replace_schema_metadata(None)
            pq.write_table(
                bare, part, use_dictionary=False, write_statistics=False, store_schema=False
            )
            return
        text = table.to_csv(sep="\t", index=False, float_format="%.10g", lineterminator="\n")
        data = text.encode()
        # A time stamp in the gzip header would make equal tables differ.
        part.write_bytes(gzip.compress(data, mtime=0) if path.suffix == ".gz" else data)


def write_arrays(arrays: Mapping[str, npt.NDArray[Any]], path: str | Path) -> None:
    """Write named arrays as a compressed `.npz`."""
    with atomic(path) as part, part.open("wb") as stream:
        np.savez_compressed(stream, allow_pickle=False, **arrays)
