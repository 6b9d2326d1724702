"""The performance of every model of a number in every cohort, each metric with its interval."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from radpipe.config import Evaluation
from radpipe.evaluation.performance_shared import Judgement, performance_rows
from radpipe.evaluation.regression import METRICS
from radpipe.evaluation.tables_shared import Scored, scored
from radpipe.types import Matrix, Vector


def performance_table(predictions: pd.DataFrame, settings: Evaluation, seed: int) -> pd.DataFrame:
    """Every metric of `regression.METRICS` of every model in every cohort that has outcomes.

    A metric of a repeated cross-validation is computed in each repeat and averaged. R2 and
    explained variance are relative to the mean of the cases judged.

    Args:
        predictions: `model, case, patient, cohort, fold, y_true, y_pred`.
        settings: `confidence` and `bootstrap` are used.
        seed: of the bootstrap.

    Returns:
        `model, cohort, metric, estimate, ci_low, ci_high, method, n`.

    Raises:
        RadpipeError: see `tables_shared.scored`.
    """
    parts = scored(predictions, ["y_true"], ["y_pred"])
    return performance_rows(parts, _judge, settings, seed)


def _judge(part: Scored) -> Judgement:
    y = part.number("y_true")

    def statistics(weights: Matrix) -> Mapping[str, Vector]:
        return {
            name: np.mean([metric(y, p, weights) for p in part.scores["y_pred"]], axis=0)
            for name, metric in METRICS.items()
        }

    truth, both = "constant truth", "constant truth or predictions"
    undefined = {"r2": truth, "explained_variance": truth, "concordance": both}
    return Judgement(
        statistics,
        undefined=undefined | {"pearson": both, "spearman": both},
        ranks=frozenset({"pearson", "spearman"}),
    )
