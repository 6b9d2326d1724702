"""The tables of all cases put together, in memory that does not grow with the cohort."""

import gzip
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from radpipe.errors import RadpipeError
from radpipe.features.table import KEYS, ROI
from radpipe.io.files import atomic
from radpipe.io.tables import read_table

ROWS = 256
"""Files held in memory and written together."""

MEASUREMENT_KEYS = ["case", "subject", "source", "repeat", "status"]
"""The columns of a table of measurements beside its features."""

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

    The tables are written some cases at a time, so that memory does not grow with the cohort. A
    column that a case lacks is missing there.

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
    ):
        every = narrow.with_name(f"{narrow.name}.every")
        try:
            with (
                _ParquetRows(wide, ["case", *columns]) as features,
                _TextRows(text) as lines,
                _ParquetRows(every, [*KEYS, *columns]) as controls,
            ):
                for table in _portions(paths, columns, KEYS):
                    region = table[table["variant"] == ROI].drop(columns=KEYS[1:])
                    _check_new(region["case"], seen)
                    features.write(region)
                    lines.write(region)
                    control = table[table["variant"] != ROI]
                    used |= control[columns].notna().any().to_numpy()
                    controls.write(control)
            kept = [c for c, u in zip(columns, used, strict=True) if u]
            _keep_columns(every, narrow, [*KEYS, *kept])
        finally:
            every.unlink(missing_ok=True)
    return columns


def collect_status(paths: Iterable[Path]) -> pd.DataFrame:
    """`case, variant, status` of every case: why values are missing, or `ok`."""
    tables = []
    for path in paths:
        with pq.ParquetFile(path) as file:
            # What pandas noted of thousands of columns would cost more than the three wanted.
            keys = file.read(columns=KEYS, use_threads=False).replace_schema_metadata(None)
        tables.append(keys)
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
    with atomic(target) as part, _ParquetRows(part, [*MEASUREMENT_KEYS, *columns]) as rows:
        for table in _portions(paths, columns, MEASUREMENT_KEYS):
            rows.write(table)
        if retest is not None:
            rows.write(retest.reindex(columns=[*MEASUREMENT_KEYS, *columns]))


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
) -> Iterator[pd.DataFrame]:
    """The rows of `ROWS` files at a time: the keys, then all columns as float64."""
    index = pd.Index(columns)
    for start in range(0, len(paths), ROWS):
        known: dict[str, list[str | int]] = {key: [] for key in keys}
        blocks = []
        for path in paths[start : start + ROWS]:
            with pq.ParquetFile(path) as file:
                # Columns are short: handing them to threads costs more than reading them.
                table = file.read(use_threads=False)
            for key in keys:
                known[key] += table.column(key).to_pylist()
            there = set(table.column_names)
            blank = np.full(table.num_rows, np.nan)
            values = [table.column(c).to_numpy() if c in there else blank for c in columns]
            blocks.append(np.column_stack(values).astype(float, copy=False))
        frame = pd.DataFrame(np.concatenate(blocks), columns=index)
        yield pd.concat([pd.DataFrame(known), frame], axis=1)


class _ParquetRows:
    """A Parquet file written some rows at a time: the keys as `TYPES` says, floats otherwise."""

    def __init__(self, path: Path, columns: list[str]) -> None:
        self.schema = pa.schema([(c, TYPES.get(c, pa.float64())) for c in columns])
        # Statistics of every column would outweigh the features of a few hundred cases.
        self.writer = pq.ParquetWriter(
            path, self.schema, use_dictionary=False, write_statistics=False
        )

    def __enter__(self) -> "_ParquetRows":
        return self

    def __exit__(self, *_: object) -> None:
        self.writer.close()

    def write(self, table: pd.DataFrame) -> None:
        if len(table):
            rows = pa.Table.from_pandas(table, schema=self.schema, preserve_index=False)
            self.writer.write_table(rows.replace_schema_metadata(None))


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

    def write(self, table: pd.DataFrame) -> None:
        text = table.to_csv(
            sep="\t", index=False, float_format="%.10g", lineterminator="\n", header=self.header
        )
        self.packed.write(text.encode())
        self.header = False


def _keep_columns(source: Path, target: Path, columns: list[str]) -> None:
    """Copy some columns of a Parquet file, one group of rows at a time."""
    with pq.ParquetFile(source) as file, _ParquetRows(target, columns) as rows:
        for group in range(file.num_row_groups):
            part = file.read_row_group(group, columns=columns, use_threads=False)
            rows.writer.write_table(part.select(columns))


def _check_new(cases: Iterable[str], seen: set[str]) -> None:
    for case in cases:
        if case in seen:
            raise RadpipeError("the features of a case come twice", case=case)
        seen.add(case)
