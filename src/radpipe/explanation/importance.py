"""Permutation importance: what a cohort's AUC loses when a column is shuffled."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from radpipe.evaluation.discrimination import auc
from radpipe.explanation.columns import Predict, used_columns


def permutation_importance(
    predict: Predict,
    table: pd.DataFrame,
    y: npt.ArrayLike,
    *,
    seed: int,
    repeats: int = 20,
    columns: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Loss of AUC when the values of one column are shuffled between cases.

    Meant for cases the model was not fitted on. Of two columns that say the same, each looks
    unimportant, since the other stays. Breiman, Mach Learn 2001;45:5.

    Args:
        predict: the model.
        table: rows, indexed by case.
        y: outcome, 0 or 1, shape (n,); both classes.
        seed: of the shuffles.
        repeats: shuffles of each column.
        columns: those the model looks at, if known; default: sought by `used_columns`.

    Returns:
        `feature, importance, importance_sd, repeats`, largest first; columns that the model does
        not use are left out.
    """
    start = auc(y, predict(table))
    rng = np.random.default_rng(seed)
    rows = []
    for column in columns or used_columns(predict, table, table, seed=seed):
        values = table[column].to_numpy()
        losses = [
            start - auc(y, predict(table.assign(**{column: values[rng.permutation(len(table))]})))
            for _ in range(repeats)
        ]
        spread = np.std(losses, ddof=1) if repeats > 1 else np.nan
        rows.append((column, float(np.mean(losses)), float(spread), repeats))
    found = pd.DataFrame(rows, columns=["feature", "importance", "importance_sd", "repeats"])
    return found.sort_values("importance", ascending=False, kind="stable", ignore_index=True)
