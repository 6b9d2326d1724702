"""Figures: one pure function each (tables in, a matplotlib figure out) and one driver.

`draw_figures` draws all that a study has the tables for and writes the index `figures.json`.
"""

from radpipe.reporting.figures.driver import Entry, draw_figures, read_index

__all__ = ["Entry", "draw_figures", "read_index"]
