"""New cases of a study whose features a user has made elsewhere: one row of a table each."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from radpipe.errors import CaseError, RadpipeError
from radpipe.features.dictionary import VOLUME_COLUMN
from radpipe.features.given_table import SUFFIXES, read_given
from radpipe.io.files import atomic


class GivenRows:
    """A given table of which each row is read by itself, so that no row depends on another one.

    Raises:
        RadpipeError: the table cannot be read, or lacks a column of the training.
    """

    def __init__(self, path: Path, volume: str | None, columns: Sequence[str]) -> None:
        read_given(path, [])
        self.path = path
        self.volume = volume
        self.columns = list(columns)
        self.table = _as_text(path)
        wanted = [self._name(column) for column in self.columns]
        absent = [column for column in wanted if column not in self.table]
        if absent:
            raise RadpipeError(
                f"the table of features has no column '{absent[0]}'",
                file=path,
                found=f"{len(absent)} of {len(wanted)} columns missing",
                expected="the columns that the model was fitted on",
            )

    def row(self, case: str, folder: Path) -> pd.DataFrame:
        """The features of one case: `case`, then the columns of the training, as float.

        Args:
            case: its name.
            folder: gets the row as a table of its own.

        Raises:
            CaseError: the case has no row, or a feature is no finite number.
        """
        own = self.table[self.table["case"].astype(str).str.strip() == case]
        found = self._typed(own, case, folder)
        for column in self.columns:
            value = own[self._name(column)].iloc[0]
            if self._name(column) not in found and not pd.isna(value):
                raise CaseError(
                    f"feature '{self._name(column)}' is no number",
                    case=case,
                    file=self.path,
                    found=f"'{value}'",
                    expected="a number, or an empty cell",
                )
        names = {self._name(column): column for column in self.columns}
        row = found.rename(columns=names).reindex(columns=["case", *self.columns])
        return row.astype(dict.fromkeys(self.columns, float))

    def _typed(self, own: pd.DataFrame, case: str, folder: Path) -> pd.DataFrame:
        """The row as `read_given` reads a table that holds nothing else."""
        zipped = self.path.suffix == ".gz"
        target = folder / f"given{''.join(self.path.suffixes[-2:]) if zipped else self.path.suffix}"
        with atomic(target) as part:
            if self.path.suffix == ".parquet":
                own.to_parquet(part, index=False)
            else:
                own.to_csv(part, sep=SUFFIXES[self.path.suffix], index=False)
        try:
            return read_given(target, [case])
        except CaseError as error:
            raise CaseError(
                error.problem, case=case, file=self.path, found=error.found, expected=error.expected
            ) from None

    def _name(self, column: str) -> str:
        """What the table calls a column of the training."""
        return self.volume if self.volume is not None and column == VOLUME_COLUMN else column


def _as_text(path: Path) -> pd.DataFrame:
    """The cells as they were written; of Parquet their values."""
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep=SUFFIXES[path.suffix], dtype=str, encoding="utf-8-sig")
