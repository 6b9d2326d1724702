"""How tables are set, for both renderers: alignment and widths from what the cells hold."""

import re

from radpipe.reporting.document import Table
from radpipe.reporting.numbers import MISSING

_NUMBER = re.compile(r"^[<>≤≥±]?\s*[−+-]?[\d.,]+([eE][-+−]?\d+)?(\s*%)?(\s*[(±].*)?$", re.DOTALL)


def is_numeric(table: Table, column: int) -> bool:
    """Whether every cell of a column is a number (with its interval) or missing."""
    cells = [row[column] for row in table.rows if row[column] not in ("", MISSING)]
    return bool(cells) and all(_NUMBER.match(cell) for cell in cells)


def longest_line(table: Table, column: int) -> int:
    """Characters of the longest line of a column's cells and heading."""
    cells = [table.columns[column], *(row[column] for row in table.rows)]
    return max(len(line) for cell in cells for line in cell.split("\n"))


def longest_word(table: Table, column: int) -> int:
    """Characters of the longest piece of a column that cannot be broken at a space."""
    cells = [table.columns[column], *(row[column] for row in table.rows)]
    return max((len(word) for cell in cells for word in re.split(r"[\s_/]+", cell)), default=0)
