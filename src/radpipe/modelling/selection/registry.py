"""Which rankings of columns there are."""
# X is the field's word for rows by columns.
# ruff: noqa: N803

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from radpipe.errors import ConfigError
from radpipe.modelling.predictors.base import Kind, Target
from radpipe.modelling.selection.multivariate import boruta, lasso, relieff, rfe
from radpipe.modelling.selection.univariate import (
    anova,
    kruskal,
    mrmr,
    mutual_information,
    spread,
)
from radpipe.types import Matrix, Vector

Ranking = Callable[[Matrix, Target, Kind, int], Vector]
"""From scaled columns (n, p), outcome, kind and seed to a score of each column; more is better."""

RANKINGS: dict[str, Ranking] = {
    "variance": spread,
    "anova": anova,
    "kruskal": kruskal,
    "mutual_information": mutual_information,
    "mrmr": mrmr,
    "relieff": relieff,
    "lasso": lasso,
    "rfe": rfe,
    "boruta": boruta,
}
"""All are defined for all kinds of outcome."""


def rank_columns(
    method: str, X: Matrix, y: Target, *, kind: Kind, seed: int
) -> npt.NDArray[np.intp]:
    """Columns from the best to the least; the earlier one wins a tie.

    Raises:
        ConfigError: there is no such ranking.
    """
    if method == "none":
        return np.arange(X.shape[1])
    if method not in RANKINGS:
        known = ", ".join(["none", *RANKINGS])
        raise ConfigError("unknown ranking of features", found=f"'{method}'", expected=known)
    # Rounded, so that equal columns tie on every machine.
    scores = np.nan_to_num(RANKINGS[method](X, y, kind, seed)).round(10)
    return np.argsort(-scores, kind="stable")
