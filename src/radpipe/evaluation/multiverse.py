"""How the primary metric moves over the choices of a study: every model in every repeat."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from radpipe.evaluation.checks import repeat_of
from radpipe.evaluation.tables_shared import Scored, Statistic
from radpipe.types import DEVELOPMENT

COLUMNS = ["model", "cohort", "repeat", "metric", "estimate", "n"]


def multiverse_table(statistic: Statistic, parts: Sequence[Scored], metric: str) -> pd.DataFrame:
    """The metric of each model in each repeat of the cross-validation, the lowest first.

    What a model stands for (features, predictor, selection, harmonisation) is in the config; a
    model in one repeat is one way to have done the study (Steegen et al., Perspect Psychol Sci
    2016;11:702). Nothing is fitted for it.

    Args:
        statistic: the metric.
        parts: the predictions of each model; other cohorts than development are passed over, for
            they have no repeats, and so are predictions that may not be pooled.
        metric: its name.

    Returns:
        `model, cohort, repeat, metric, estimate, n`; n counts cases.
    """
    rows = []
    for part in parts:
        if part.cohort != DEVELOPMENT or not part.poolable:
            continue
        for k in range(part.repeats):
            single = part.repeat(k)
            value = float(statistic(single, np.ones((1, part.n)))[0])
            name = repeat_of(str(single.fold[0, 0]))
            rows.append((part.model, part.cohort, name, metric, value, part.n))
    table = pd.DataFrame(rows, columns=COLUMNS)
    return table.sort_values("estimate", kind="stable", ignore_index=True)
