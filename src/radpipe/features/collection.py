"""The tables of all cases put together, in memory that hardly grows with the cohort."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radpipe.errors import RadpipeError
from radpipe.features.table import KEYS, ROI
from radpipe.io.files import atomic
from radpipe.io.tables import read_table
from radpipe.types import Matrix

FILES = 32
"""Tables of cases that are read together."""

FEWEST, ROWS, GROUPS = 256, 1024, 8
"""Rows of a row group, fewest and usual, and about how many groups there are of a larger size: what
a file's footer holds of each column of a group stays in memory until the file is complete."""

MEASUREMENT_KEYS = ["case", "subject", "source", "repeat", "status"]
"""The columns of a table of measurements beside its features."""

Keys = list[str | int]
"""What names a row."""

TYPES = dict.fromkeys([*KEYS, *MEASUREMENT_KEYS], pa.string()) | {"repeat": pa.int64()}


@dataclass(frozen=True)
class Collected:
    """Where the tables of a cohort are written.

    Attributes:
        features: `case`, then the feature columns (`.parquet`).
        text: the same as `.tsv.gz`.
        controls: `case, variant, status`, then the columns that any control has (`.parquet`).
    """

    features: Path
    text: Path
    controls: Path


def collect_features(paths: Sequence[Path], out: Collected) -> list[str]:
    """Put the tables of the cases together, in the order of `paths`.

    The tables are written some cases at a time, so that memory hardly grows with the cohort: by the
    footers of Parquet files. A column that a case lacks is missing there.

    Returns:
        The feature columns.

    Raises:
        RadpipeError: there is no file, or a case comes twice.
    """
    columns = _all_columns(paths, KEYS)
    seen: set[str] = set()
    used = np.zeros(len(columns), dtype=bool)
    with (
        atomic(out.features) as wide,
        atomic(out.text) as text,
        atomic(out.controls) as narrow,
        TemporaryFile(dir=narrow.parent) as spool,
    ):
        with (
            _ParquetRows(wide, ["case"], columns, len(paths)) as features,
            _TextRows(text) as lines,
        ):
            controls: list[Keys] = []
            for keys, values in _portions(paths, columns, KEYS):
                here = np.array([key[1] == ROI for key in keys])
                region = [key[:1] for key in keys if key[1] == ROI]
                _check_new((str(key[0]) for key in region), seen)
                features.write(region, values[here])
                lines.write(region, values[here], columns)
                controls += [key for key in keys if key[1] != ROI]
                used |= ~np.isnan(values[~here]).all(axis=0)
                # Which columns any control has is known at the end only.
                values[~here].tofile(spool)
        spool.seek(0)
        kept = [c for c, u in zip(columns, used, strict=True) if u]
        with _ParquetRows(narrow, KEYS, kept, len(controls)) as rows:
            for start in range(0, len(controls), FILES):
                part = controls[start : start + FILES]
                values = np.fromfile(spool, count=len(part) * len(columns))
                rows.write(part, values.reshape(len(part), -1)[:, used])
    return columns


def collect_status(paths: Iterable[Path]) -> pd.DataFrame:
    """`case, variant, status` of every case: why values are missing, or `ok`."""
    tables = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            tables.append(file.read(columns=KEYS, use_threads=False))
    if not tables:
        raise RadpipeError("no feature tables to collect", found="0 files", expected="1 or more")
    return pa.concat_tables(tables).to_pandas()


def collect_warnings(paths: Iterable[Path]) -> pd.DataFrame:
    """The warnings of all cases (`features.settings_check.feature_warnings`) in one table."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def collect_maps(paths: Iterable[Path]) -> pd.DataFrame:
    """What the maps of all cases hold (`features.voxel_maps.CaseMap.row`), in one table."""
    return pd.concat([read_table(path) for path in paths], ignore_index=True)


def collect_measurements(paths: Sequence[Path], retest: pd.DataFrame | None, target: Path) -> None:
    """Put the measurements of all cases into one Parquet file, some cases at a time.

    Args:
        paths: tables of perturbed cases (`features.stability.perturbed_table`).
        retest: the table of test-retest, with the same columns or fewer.
        target: the file written.

    Raises:
        RadpipeError: there is nothing to collect.
    """
    columns = list(retest.columns.drop(MEASUREMENT_KEYS)) if retest is not None else []
    if paths:
        columns = _all_columns(paths, MEASUREMENT_KEYS)
    if not paths and retest is None:
        raise RadpipeError("no measurements to collect", found="0 files", expected="1 or more")
    with (
        atomic(target) as part,
        _ParquetRows(part, MEASUREMENT_KEYS, columns, len(paths)) as rows,
    ):
        for keys, values in _portions(paths, columns, MEASUREMENT_KEYS):
            rows.write(keys, values)
        if retest is not None:
            known = retest[MEASUREMENT_KEYS].astype(object).to_numpy().tolist()
            rows.write(known, retest.reindex(columns=columns).to_numpy(dtype=float))


def _all_columns(paths: Sequence[Path], keys: Sequence[str]) -> list[str]:
    """The feature columns of all cases, in the order in which they first appear."""
    if not paths:
        raise RadpipeError("no feature tables to collect", found="0 files", expected="1 or more")
    columns: dict[str, None] = {}
    last: list[str] = []
    for path in paths:
        names = pq.read_schema(path).names
        if names != last:
            columns |= dict.fromkeys(names)
            last = names
    return [name for name in columns if name not in keys]


def _portions(
    paths: Sequence[Path], columns: list[str], keys: Sequence[str]
) -> Iterator[tuple[list[Keys], Matrix]]:
    """The rows of `FILES` files at a time: keys, and all columns, NaN where one is missing."""
    for start in range(0, len(paths), FILES):
        known: list[Keys] = []
        blocks = []
        for path in paths[start : start + FILES]:
            with pq.ParquetFile(path) as file:
                # Columns are short: handing them to threads costs more than reading them.
                table = file.read(use_threads=False)
            known += map(list, zip(*(table.column(key).to_pylist() for key in keys), strict=True))
            there = set(table.column_names)
            blank = np.full(table.num_rows, np.nan)
            values = [table.column(c).to_numpy() if c in there else blank for c in columns]
            blocks.append(np.column_stack(values).astype(float, copy=False))
        yield known, np.concatenate(blocks)


class _ParquetRows:
    """A Parquet file written some rows at a time: the keys as `TYPES` says, then floats.

    Args:
        path: of the file.
        keys: its first columns.
        columns: the others.
        rows: how many there will be, about.
    """

    def __init__(self, path: Path, keys: list[str], columns: list[str], rows: int) -> None:
        self.schema = pa.schema(
            [(key, TYPES[key]) for key in keys] + [(c, pa.float64()) for c in columns]
        )
        # Statistics and a schema for Arrow would outweigh the features of a few hundred cases.
        self.writer = pq.ParquetWriter(
            path, self.schema, use_dictionary=False, write_statistics=False, store_schema=False
        )
        self.known: list[Keys] = []
        size = max(FEWEST, min(rows, ROWS), -(-rows // GROUPS))
        # One column after the other, as the file wants them.
        self.values = np.empty((size, len(columns)), order="F")

    def __enter__(self) -> "_ParquetRows":
        return self

    def __exit__(self, *_: object) -> None:
        self._flush()
        self.writer.close()
        # Another file may be written next, while this object is still named.
        self.values = np.empty((0, 0))

    def write(self, keys: list[Keys], values: Matrix) -> None:
        while keys:
            filled = len(self.known)
            taken = min(len(keys), len(self.values) - filled)
            self.values[filled : filled + taken] = values[:taken]
            self.known += keys[:taken]
            keys, values = keys[taken:], values[taken:]
            if len(self.known) == len(self.values):
                self._flush()

    def _flush(self) -> None:
        if self.known:
            columns = [*zip(*self.known, strict=True), *self.values[: len(self.known)].T]
            arrays = [pa.array(c, f.type) for c, f in zip(columns, self.schema, strict=True)]
            self.writer.write_table(pa.Table.from_arrays(arrays, schema=self.schema))
            self.known = []


class _TextRows:
    """A gzipped TSV written some rows at a time, with the text of `io.tables.write_table`."""

    def __init__(self, path: Path) -> None:
        self.stream = path.open("wb")
        # A name or a time in the gzip header would make equal tables differ.
        self.packed = gzip.GzipFile(filename="", mode="wb", fileobj=self.stream, mtime=0)
        self.header = True

    def __enter__(self) -> "_TextRows":
        return self

    def __exit__(self, *_: object) -> None:
        self.packed.close()
        self.stream.close()

    def write(self, keys: list[Keys], values: Matrix, columns: list[str]) -> None:
        table = pd.DataFrame(values, columns=columns)
        table.insert(0, "case", [key[0] for key in keys])
        text = table.to_csv(
            sep="\t", index=False, float_format="%.10g", lineterminator="\n", header=self.header
        )
        self.packed.write(text.encode())
        self.header = False


def _check_new(cases: Iterable[str], seen: set[str]) -> None:
    for case in cases:
        if case in seen:
            raise RadpipeError("the features of a case come twice", case=case)
        seen.add(case)
