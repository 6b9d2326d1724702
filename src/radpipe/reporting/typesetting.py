"""How tables are set, for both renderers: alignment and widths from what the cells hold."""

import re

from radpipe.reporting.document import Table
from radpipe.reporting.numbers import MISSING

TEXT_COLUMN = 26
"""A column with longer cells is running text: it wraps and takes the room that is left."""

_NUMBER = re.compile(r"^[<>≤≥±]?\s*[−+-]?[\d.,]+([eE][-+−]?\d+)?(\s*%)?(\s*[(±].*)?$", re.DOTALL)


def is_numeric(table: Table, column: int) -> bool:
    """Whether every cell of a column is a number (with its interval) or missing."""
    cells = [row[column] for row in table.rows if row[column] not in ("", MISSING)]
    return bool(cells) and all(_NUMBER.match(cell) for cell in cells)


def is_kept_whole(table: Table, column: int) -> bool:
    """Whether a column is short and stands beside running text, which then has to wrap alone."""
    lengths = [longest_line(table, i) for i in range(len(table.columns))]
    return max(lengths) > TEXT_COLUMN >= lengths[column]


def longest_line(table: Table, column: int) -> int:
    """Characters of the longest line of a column's cells and heading."""
    cells = [table.columns[column], *(row[column] for row in table.rows)]
    return max(len(line) for cell in cells for line in cell.split("\n"))


def longest_word(table: Table, column: int) -> int:
    """Characters of the longest piece of a column that cannot be broken at a space."""
    cells = [table.columns[column], *(row[column] for row in table.rows)]
    return max((len(word) for cell in cells for word in re.split(r"[\s_/]+", cell)), default=0)
