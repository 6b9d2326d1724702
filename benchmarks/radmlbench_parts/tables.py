"""Tables of features by strangers: a column of the outcome, perhaps an ID, the rest features."""

import gzip
import re
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from radpipe.config import Splits
from radpipe.errors import RadpipeError
from radpipe.modelling.blocks import Blocks, as_categories, as_numbers, is_numeric

SUFFIXES = (".gz", ".csv", ".tsv", ".txt")
TARGETS = ("target", "outcome", "label", "class")
"""Names of the outcome in any case; the first that there is counts."""
IDS = ("id", "patient_id", "patientid", "patient", "subject_id", "subject", "case_id", "case")
FOLDS = 5
LEAST_PATIENTS = 4
"""Of a class: two outer folds and two inner ones."""
MOST_LEVELS = 12
"""Text with more values than this is a name, a date or a remark, no category."""
MOSTLY_NUMBERS = 0.9
"""Share of numbers from which on a column is one of numbers, and other entries are gaps."""
LARGEST = 1e100
"""Beyond this a number counts as infinite: its square would overflow."""


@dataclass(frozen=True)
class Table:
    """One table as the chain wants it.

    Attributes:
        name: of the file.
        blocks: features by case.
        targets: `patient` and `y` by case; rows with the same ID are one patient.
        left_out: a sentence for each kind of columns that are no features.
    """

    name: str
    blocks: Blocks
    targets: pd.DataFrame
    left_out: list[str] = field(default_factory=list)


def read_bench_table(path: Path) -> Table:
    """Read outcome, ID and features from a CSV or TSV file, compressed or not.

    The outcome is the first of `TARGETS`, in any column; of its two values the later one in order
    (1, True, yes) is positive, and rows without one are left out. Without an ID every row is a
    patient. Numbers stay numbers, also codes of categories; text becomes categories; infinity
    becomes a gap. Text of many values and row numbers are left out.

    Raises:
        RadpipeError: the file is no table, it has no outcome of two values, or no feature varies.
    """
    table = _read(path)
    outcome = _pop(table, TARGETS)
    if outcome is None:
        raise RadpipeError(
            "the table has no column 'Target'", file=path, expected=f"one of {', '.join(TARGETS)}"
        )
    ids = _pop(table, IDS)
    labels = _finite(as_numbers(outcome)) if is_numeric(outcome) else as_categories(outcome)
    known = labels.notna().to_numpy()
    values = sorted(labels[known].unique())
    if len(values) != 2:
        raise RadpipeError(
            "'Target' must have two values", file=path, found=f"{len(values)} values"
        )
    cases = pd.Index([f"c{i:05d}" for i in range(int(known.sum()))], name="case")
    targets = pd.DataFrame(
        {
            "patient": _patients(ids, len(labels))[known],
            "y": (labels[known] == values[1]).to_numpy(dtype=float),
        },
        index=cases,
    )
    columns, left_out = _features(table[known].set_axis(cases))
    if not any(v.nunique() > 1 for v in columns.values()):
        raise RadpipeError("no feature of the table varies", file=path)
    blocks = Blocks(pd.DataFrame(columns, index=cases), dict.fromkeys(columns, "handcrafted"))
    return Table(table_name(path), blocks, targets, left_out)


def table_name(path: Path) -> str:
    """The name of a file without what says that it is a table."""
    return re.sub(r"(\.(csv|tsv|txt))?(\.gz)?$", "", path.name)


def outer_folds(table: Table, repeats: int) -> Splits:
    """Five folds and three inner ones, or fewer if a class has too few patients for that.

    Raises:
        RadpipeError: a class has fewer than `LEAST_PATIENTS` patients.
    """
    label = table.targets.groupby("patient")["y"].max()
    rarest = int(min((label == 0).sum(), (label == 1).sum()))
    if rarest < LEAST_PATIENTS:
        raise RadpipeError(
            f"table '{table.name}' has too few patients of one class",
            found=rarest,
            expected=f"at least {LEAST_PATIENTS}",
        )
    folds = min(FOLDS, rarest)
    left = rarest - -(-rarest // folds)
    return Splits(folds=folds, repeats=repeats, inner_folds=max(2, min(3, left)))


def _read(path: Path) -> pd.DataFrame:
    packed = path.suffix == ".gz"
    compression: Any = "gzip" if packed else None
    try:
        with (gzip.open if packed else open)(path, "rt", encoding="utf-8-sig") as stream:
            header = stream.readline()
        return pd.read_csv(
            path,
            compression=compression,
            sep=max(",;\t", key=header.count),
            encoding="utf-8-sig",
            low_memory=False,
        )
    except (OSError, ValueError, EOFError, zlib.error) as error:
        # Also what pandas says of a broken table: its errors are ValueErrors.
        raise RadpipeError("the file is no table", file=path, found=str(error)[:80]) from error


def _pop(table: pd.DataFrame, names: tuple[str, ...]) -> pd.Series | None:
    """Take out the first column of these names; case, blanks, hyphens and dots do not matter."""
    known = {_plain(c): c for c in reversed(table.columns)}
    for name in names:
        if name in known:
            return table.pop(known[name])
    return None


def _plain(name: object) -> str:
    return str(name).strip().lower().replace(" ", "_").replace("-", "_").replace(".", "_")


def _patients(ids: pd.Series | None, rows: int) -> np.ndarray[Any, np.dtype[np.object_]]:
    """The patient of each row; a row without an ID is one of its own."""
    own = np.array([f"row {i}" for i in range(rows)], dtype=object)
    if ids is None:
        return own
    given = as_categories(ids)
    return np.where(given.notna(), given, own)


def _features(table: pd.DataFrame) -> tuple[dict[str, pd.Series], list[str]]:
    """Columns that are features, and a sentence for each kind of those that are not."""
    columns: dict[str, pd.Series] = {}
    numbering: list[str] = []
    wordy: list[str] = []
    for name, values in table.items():
        column = str(name)
        numbers = as_numbers(values)
        present = int(as_categories(values).notna().sum())
        if present == 0 or numbers.notna().sum() >= MOSTLY_NUMBERS * present:
            if _counts_rows(numbers):
                numbering.append(column)
            else:
                columns[column] = _finite(numbers)
        elif values.nunique() > MOST_LEVELS:
            wordy.append(column)
        else:
            columns[column] = as_categories(values)
    kinds = {"row numbers": numbering, f"text of more than {MOST_LEVELS} values": wordy}
    told = [f"left out as {kind}: {', '.join(own[:5])}" for kind, own in kinds.items() if own]
    return columns, told


def _counts_rows(values: pd.Series) -> bool:
    """Whether a column is 0, 1, 2 …: it tells the order of a file, which may be that of classes."""
    return len(values) > 1 and bool((values.diff().iloc[1:] == 1).all())


def _finite(values: pd.Series) -> pd.Series:
    return values.where(values.abs() <= LARGEST)
