"""Predictors of all four kinds of outcome, in one registry.

Every predictor has `fit(X, y)` on scaled columns X (n, p). The outcome `y` is 0 or 1 (binary), the
index of a class (multiclass), a number (regression) or a structured array with the fields `event`
(bool) and `time` (survival). A fitted one has `predict_proba` (n, K), `predict` (n,), or for
survival `predict_risk` (n,) and `event_probability(X, horizon)` (n,).
"""

from radpipe.modelling.predictors.base import weights_of
from radpipe.modelling.predictors.linear import PenalisedLogistic
from radpipe.modelling.predictors.registry import GRIDS, TRUSTED, build_predictor

__all__ = ["GRIDS", "TRUSTED", "PenalisedLogistic", "build_predictor", "weights_of"]
