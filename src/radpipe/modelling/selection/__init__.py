"""Choosing features inside a training part: rankings of columns, and the filter that walks along.

A ranking is a function of scaled columns and the outcome that gives each column a score; the
registry `RANKINGS` names them. `FeatureFilter` keeps the best columns of which no two are nearly
the same.
"""

from radpipe.modelling.selection.filters import FeatureFilter
from radpipe.modelling.selection.registry import RANKINGS, rank_columns

__all__ = ["RANKINGS", "FeatureFilter", "rank_columns"]
