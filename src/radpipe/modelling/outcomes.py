"""The outcome of each case as a number, whatever a spreadsheet made of it."""

import numpy as np
import pandas as pd

from radpipe.config import Outcome
from radpipe.io.outcomes import outcome_values


def binary_targets(cases: pd.DataFrame, outcome: Outcome | None) -> pd.DataFrame:
    """Patient and outcome of each case.

    Args:
        cases: the case table with `case`, `patient` and the outcome column. A table without that
            column (an external cohort that is only scored) has a missing outcome everywhere.
        outcome: column and the value that counts as positive; none: no outcome at all.

    Returns:
        Indexed by `case`: `patient` (text) and `y`, 1.0 where the value of the column is
        `outcome.positive` as text or as number (`1`, `1.0` and `'1'` are one value), 0.0 for
        every other value, NaN where it is missing.
    """
    y = np.full(len(cases), np.nan)
    if outcome is not None and outcome.column in cases:
        y = outcome_values(cases, outcome).to_numpy()
    return pd.DataFrame(
        {"patient": cases["patient"].astype(str).to_numpy(), "y": y},
        index=pd.Index(cases["case"].astype(str), name="case"),
    )
