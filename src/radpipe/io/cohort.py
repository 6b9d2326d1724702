"""The cohort as tables: who is used, who is not, and what a model may know of a case."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict

import pandas as pd

from radpipe.types import Exclusion

IDENTITY = ("case", "patient", "site", "cohort")


def exclusion_table(exclusions: Iterable[Exclusion]) -> pd.DataFrame:
    """`case, stage, reason`, one row an excluded case."""
    return pd.DataFrame([asdict(e) for e in exclusions], columns=["case", "stage", "reason"])


def clinical_table(cases: pd.DataFrame, clinical: Sequence[str]) -> pd.DataFrame:
    """The cases without any outcome: all that a rule which scores them may read."""
    return cases[[*IDENTITY, *(c for c in clinical if c not in IDENTITY)]]
