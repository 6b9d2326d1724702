"""The table behind a study: one row a case, its ids, its columns, its files."""

import csv
import difflib
import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from radpipe.errors import CaseError
from radpipe.types import DEVELOPMENT

MISSING = ("", "n/a")
"""Cells that say nothing: empty, or as BIDS writes it."""

CASE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")
"""A case names folders and files: no separators, no spaces, no leading dot or dash."""


@dataclass(frozen=True)
class CaseSheet:
    """The rows of a case sheet as text; an empty cell is the empty string.

    Attributes:
        table: one row a case; `case`, `patient`, `site`, `cohort` are always there.
        file: the sheet.
        mask_column: the column of the drawn masks, None where the study uses none.
        modalities: the modalities whose `image_<modality>` columns the study uses.
    """

    table: pd.DataFrame
    file: Path
    mask_column: str | None
    modalities: tuple[str, ...]

    @property
    def root(self) -> Path:
        """The folder that paths in the sheet are relative to."""
        return self.file.parent

    @property
    def sites(self) -> list[str]:
        """The sites of the development cohort, by name; cases without one have none."""
        own = self.table.loc[self.table["cohort"] == DEVELOPMENT, "site"]
        return sorted({str(site) for site in own if site})

    @property
    def cases(self) -> list[str]:
        """The case ids in the order of the sheet."""
        return list(self.table["case"])

    def value(self, case: str, column: str) -> str:
        """The text of one cell."""
        if case not in self._rows:
            raise CaseError("the case is not in the case sheet", case=case, file=self.file)
        return str(self._rows[case][column])

    @functools.cached_property
    def _rows(self) -> dict[str, dict[str, str]]:
        """The rows by case: Snakemake asks for a cell of every case many times."""
        rows = self.table.to_dict("records")
        return {str(row["case"]): {str(k): str(v) for k, v in row.items()} for row in rows}

    def image(self, case: str, modality: str) -> Path:
        """Where the image of one modality lies."""
        column = f"image_{modality}"
        cell = self.value(case, column)
        if not cell:
            raise CaseError(
                f"no image of {modality} is named",
                case=case,
                file=self.file,
                found=f"an empty cell in column '{column}'",
                expected="the path of an image",
            )
        return self.root / cell

    def missing(self, case: str) -> list[str]:
        """The modalities that the sheet names no image of."""
        return [m for m in self.modalities if not self.value(case, f"image_{m}")]

    def mask(self, case: str) -> Path | None:
        """Where the drawn mask lies; None where the sheet names none or the study needs none."""
        cell = self.value(case, self.mask_column) if self.mask_column else ""
        return self.root / cell if cell else None

    def files(self, case: str) -> list[Path]:
        """Every file that the sheet names for a case: its images, then its mask."""
        columns = [f"image_{m}" for m in self.modalities]
        columns += [self.mask_column] if self.mask_column else []
        cells = [self.value(case, column) for column in columns]
        return [self.root / cell for cell in cells if cell]

    def without(self, cases: Iterable[str]) -> "CaseSheet":
        """The same sheet without some cases."""
        table = self.table[~self.table["case"].isin(list(cases))].reset_index(drop=True)
        return CaseSheet(table, self.file, self.mask_column, self.modalities)


def read_text_table(file: Path) -> pd.DataFrame:
    """Read a tab-separated file as text; every row must have the cells of the header."""
    expected = "a tab-separated UTF-8 text file with a header line"
    if not file.is_file():
        raise CaseError("the case sheet does not exist", file=file, expected=expected)
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            rows = [row for row in csv.reader(stream, delimiter="\t") if any(row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CaseError(
            "the case sheet cannot be read", file=file, found=error, expected=expected
        ) from None
    if len(rows) < 2:
        raise CaseError(
            "the case sheet has no cases", file=file, found=f"{len(rows)} lines", expected=expected
        )
    header = [name.strip() for name in rows[0]]
    if len(header) == 1 and re.search("[,;]", header[0]):
        raise CaseError(
            "the case sheet is not tab-separated", file=file, found=header[0], expected=expected
        )
    twice = [name for name in header if header.count(name) > 1]
    if twice:
        raise CaseError(f"column '{twice[0]}' is there twice in the case sheet", file=file)
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(header):
            raise CaseError(
                f"row {number} of the case sheet does not match its header",
                file=file,
                found=f"{len(row)} cells",
                expected=f"{len(header)}",
            )
    return pd.DataFrame(rows[1:], columns=header, dtype=object)


def check_column(table: pd.DataFrame, column: str, file: Path) -> None:
    """See that a column is there; the message names the nearest one."""
    if column in table.columns:
        return
    known = [str(c) for c in table.columns]
    close = difflib.get_close_matches(column, known, n=1, cutoff=0.5)
    raise CaseError(
        f"column '{column}' is missing in the case sheet",
        file=file,
        found=f"columns {', '.join(known)}",
        expected=f"'{column}'",
        hint=f"did you mean '{close[0]}'?" if close else None,
    )


def check_ids(cases: pd.Series, file: Path) -> None:
    """See that every case has an id of its own that can name a folder."""
    for row, case in enumerate(cases, start=2):
        if not case:
            raise CaseError(
                "a case has no id", file=file, found=f"an empty cell in row {row}", expected="an id"
            )
        if not CASE_ID.fullmatch(case):
            raise CaseError(
                "the case id cannot name a folder",
                case=case,
                file=file,
                found=f"'{case}' in row {row}",
                expected="letters, digits, '.', '_' and '-', beginning with a letter or digit",
            )
    # Ids that differ in case only would share a folder on some file systems.
    folded = cases.str.lower()
    twice = cases[folded.duplicated()]
    if len(twice):
        rows = [i + 2 for i in np.flatnonzero(folded == twice.iloc[0].lower())]
        raise CaseError(
            "the case id is there more than once in the case sheet",
            case=twice.iloc[0],
            file=file,
            found=f"rows {', '.join(map(str, rows))}",
            expected="one row a case",
        )


def with_defaults(table: pd.DataFrame) -> pd.DataFrame:
    """The table with `patient`, `site` and `cohort` filled where a user left them out."""
    table = table.copy()
    for column, default in (("patient", table["case"]), ("site", ""), ("cohort", DEVELOPMENT)):
        if column not in table:
            table[column] = default
        table[column] = table[column].where(table[column] != "", default)
    return table


def check_cohort_of_patients(table: pd.DataFrame, file: Path) -> None:
    """See that no patient is both learned from and an external test."""
    cohorts = table.groupby("patient", sort=False)["cohort"].unique()
    for patient, names in cohorts.items():
        if len(names) > 1:
            cases = list(table.loc[table["patient"] == patient, "case"])
            raise CaseError(
                f"patient '{patient}' is in two cohorts",
                case=cases[-1],
                file=file,
                found=f"cohorts {', '.join(names)} in cases {', '.join(cases)}",
                expected="all cases of a patient in one cohort",
            )


def row_reason(sheet: CaseSheet, found: str, expected: str) -> str:
    """Why a row is set aside, in one sentence that names no folder of the machine."""
    error = CaseError(
        "the row cannot be used", file=sheet.file.name, found=found, expected=expected
    )
    return error.sentence()
