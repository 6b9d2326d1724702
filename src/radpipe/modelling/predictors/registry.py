"""Which predictors there are for each kind of outcome, and the settings tried for each."""

from collections.abc import Callable
from typing import Any

from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.svm import SVC, SVR

from radpipe.config.modelling import WEIGHTED
from radpipe.errors import ConfigError
from radpipe.modelling.predictors.base import Kind
from radpipe.modelling.predictors.bayes import GaussianBayes
from radpipe.modelling.predictors.calibrated import Calibrated, Oversampled
from radpipe.modelling.predictors.ensembles import (
    StackingClassifier,
    StackingRegressor,
    StackingSurvival,
    VotingClassifier,
    VotingRegressor,
    VotingSurvival,
)
from radpipe.modelling.predictors.linear import (
    PenalisedLinear,
    PenalisedLogistic,
    PenalisedMultinomial,
)
from radpipe.modelling.predictors.local import (
    NeighbourClassifier,
    NeighbourRegressor,
    PerceptronClassifier,
    PerceptronRegressor,
    RadialBasisClassifier,
    RadialBasisRegressor,
    ScaledTarget,
)
from radpipe.modelling.predictors.survival import BoostedCox, MartingaleForest, PenalisedCox

TREES = 300
TUNING_TREES = 100
"""In the inner folds; the order of the candidates hardly depends on the number of trees."""

RIDGE_STRENGTHS = (1.0, 10.0, 100.0)
ELASTIC_STRENGTHS = (1.5, 4.0, 12.0)
L1_RATIOS = (0.2, 0.7)

Params = dict[str, Any]
Builder = Callable[[int, bool, Params], Any]
"""From seed, whether it is one of the candidates of a search, and settings."""

BOOSTING = {"max_leaf_nodes": 4, "min_samples_leaf": 5, "early_stopping": False}

OWN_TYPES = tuple(
    f"radpipe.modelling.predictors.{name}"
    for name in (
        "bayes.GaussianBayes",
        "calibrated.Calibrated",
        "calibrated.Oversampled",
        "ensembles.StackingClassifier",
        "ensembles.StackingRegressor",
        "ensembles.StackingSurvival",
        "ensembles.VotingClassifier",
        "ensembles.VotingRegressor",
        "ensembles.VotingSurvival",
        "linear.PenalisedLinear",
        "linear.PenalisedLogistic",
        "linear.PenalisedMultinomial",
        "local.NeighbourClassifier",
        "local.NeighbourRegressor",
        "local.PerceptronClassifier",
        "local.PerceptronRegressor",
        "local.RadialBasisClassifier",
        "local.RadialBasisRegressor",
        "local.ScaledTarget",
        "survival.BoostedCox",
        "survival.MartingaleForest",
        "survival.PenalisedCox",
    )
)
TRUSTED = (
    *OWN_TYPES,
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
)
"""Types that a fitted predictor may hold on disk, beside what skops trusts."""


def build_predictor(
    name: str, seed: int, *, kind: Kind = "binary", tuning: bool = False, **params: Any
) -> Any:
    """An unfitted predictor, single-threaded and repeatable.

    Args:
        name: a key of `GRIDS[kind]`.
        seed: decides everything random in it.
        kind: kind of outcome.
        tuning: whether it is only one of the candidates of a search.
        params: its settings, an entry of `GRIDS[kind][name]`; also `class_weight="balanced"` and
            `oversampling=True` for classes, after which the probabilities are calibrated anew.

    Raises:
        ConfigError: there is no such predictor for that kind, or it takes no class weights.
    """
    known = BUILDERS[kind]
    if name not in known:
        raise ConfigError(
            f"unknown tabular predictor of a {kind} outcome",
            found=f"'{name}'",
            expected=", ".join(known),
        )
    weighted = params.get("class_weight") is not None
    if weighted and (kind not in ("binary", "multiclass") or name not in WEIGHTED):
        raise ConfigError(
            f"the predictor '{name}' of a {kind} outcome takes no class weights",
            expected=", ".join(WEIGHTED),
        )
    oversampled = params.pop("oversampling", False)
    if oversampled and kind not in ("binary", "multiclass"):
        raise ConfigError(f"oversampling needs classes; the outcome is {kind}")
    predictor = known[name](seed, tuning, params)
    if oversampled:
        predictor = Oversampled(predictor, seed)
    # Svm is calibrated anyway.
    return Calibrated(predictor, seed) if oversampled or (weighted and name != "svm") else predictor


def _trees(model: type, **fixed: Any) -> Builder:
    def build(seed: int, tuning: bool, params: Params) -> Any:
        return model(TUNING_TREES if tuning else TREES, random_state=seed, **{**fixed, **params})

    return build


def _seeded(model: type) -> Builder:
    return lambda seed, _, params: model(seed=seed, **params)


def _plain(model: type) -> Builder:
    return lambda _seed, _, params: model(**params)


def _support_vectors(seed: int, _: bool, params: Params) -> Any:
    return Calibrated(SVC(**params), seed)


def _bayes(seed: int, _: bool, params: Params) -> Any:
    # Its probabilities count correlated columns again and again.
    return Calibrated(GaussianBayes(**params), seed)


def _discriminant(_seed: int, _: bool, params: Params) -> Any:
    return LinearDiscriminantAnalysis(solver="lsqr", **params)


def _boosting(model: type) -> Builder:
    return lambda seed, _, params: model(random_state=seed, **{**BOOSTING, **params})


def _radial(model: type, head: Callable[[float], Any]) -> Builder:
    def build(seed: int, _: bool, params: Params) -> Any:
        own = dict(params)
        return model(head(own.pop("strength", 10.0)), seed=seed, **own)

    return build


def _voting(model: type, kind: Kind) -> Builder:
    def build(seed: int, tuning: bool, params: Params) -> Any:
        names = params.get("members", MEMBERS[kind])
        return model([build_predictor(n, seed, kind=kind, tuning=tuning) for n in names], kind)

    return build


def _stacking(model: type, kind: Kind) -> Builder:
    def build(seed: int, tuning: bool, params: Params) -> Any:
        names = params.get("members", MEMBERS[kind])
        members = [build_predictor(n, seed, kind=kind, tuning=True) for n in names]
        head = build_predictor(LINEAR[kind], seed, kind=kind, tuning=tuning, strength=10.0)
        return model(members, head, kind, seed)

    return build


LINEAR: dict[Kind, str] = {
    "binary": "logistic",
    "multiclass": "logistic",
    "regression": "ridge",
    "survival": "cox",
}
"""The ridge-penalised linear predictor of each kind."""

MEMBERS: dict[Kind, tuple[str, ...]] = {
    "binary": ("logistic", "svm", "random_forest"),
    "multiclass": ("logistic", "svm", "random_forest"),
    "regression": ("ridge", "svm", "random_forest"),
    "survival": ("cox", "martingale_forest", "gradient_boosting"),
}
"""What voting and stacking are made of."""


def _classifiers(kind: Kind, linear: type) -> dict[str, Builder]:
    return {
        "logistic": _seeded(linear),
        "elastic_net": _seeded(linear),
        "lasso": _seeded(linear),
        "random_forest": _trees(RandomForestClassifier),
        "extra_trees": _trees(ExtraTreesClassifier),
        "gradient_boosting": _boosting(HistGradientBoostingClassifier),
        "svm": _support_vectors,
        "knn": _plain(NeighbourClassifier),
        "naive_bayes": _bayes,
        "lda": _discriminant,
        "mlp": _seeded(PerceptronClassifier),
        "rbf_network": _radial(RadialBasisClassifier, lambda s: linear(s)),
        "voting": _voting(VotingClassifier, kind),
        "stacking": _stacking(StackingClassifier, kind),
    }


BUILDERS: dict[Kind, dict[str, Builder]] = {
    "binary": _classifiers("binary", PenalisedLogistic),
    "multiclass": _classifiers("multiclass", PenalisedMultinomial),
    "regression": {
        "ridge": _plain(PenalisedLinear),
        "elastic_net": _plain(PenalisedLinear),
        "lasso": _plain(PenalisedLinear),
        "random_forest": _trees(RandomForestRegressor),
        "extra_trees": _trees(ExtraTreesRegressor),
        "gradient_boosting": _boosting(HistGradientBoostingRegressor),
        "svm": lambda _seed, _, params: ScaledTarget(SVR(**params)),
        "knn": _plain(NeighbourRegressor),
        "mlp": _seeded(PerceptronRegressor),
        "rbf_network": _radial(RadialBasisRegressor, lambda s: PenalisedLinear(s)),
        "voting": _voting(VotingRegressor, "regression"),
        "stacking": _stacking(StackingRegressor, "regression"),
    },
    "survival": {
        "cox": _plain(PenalisedCox),
        "elastic_net": _plain(PenalisedCox),
        "lasso": _plain(PenalisedCox),
        "martingale_forest": lambda seed, tuning, params: MartingaleForest(
            TUNING_TREES if tuning else TREES, seed=seed, **params
        ),
        "gradient_boosting": _seeded(BoostedCox),
        "voting": _voting(VotingSurvival, "survival"),
        "stacking": _stacking(StackingSurvival, "survival"),
    },
}

_RIDGE: list[Params] = [{"strength": s} for s in RIDGE_STRENGTHS]
_ELASTIC: list[Params] = [
    {"strength": s, "l1_ratio": r} for s in ELASTIC_STRENGTHS for r in L1_RATIOS
]
_LASSO: list[Params] = [{"strength": s, "l1_ratio": 1.0} for s in ELASTIC_STRENGTHS]
_FOREST: list[Params] = [
    {"min_samples_leaf": leaf, "max_features": share} for leaf in (5, 2) for share in ("sqrt", 0.1)
]
_BOOSTING: list[Params] = [
    {"max_iter": rounds, "learning_rate": 0.1, "l2_regularization": 1.0} for rounds in (30, 100)
]
_SUPPORT: list[Params] = [
    {"C": 0.1, "kernel": "linear"},
    *({"C": c, "kernel": "rbf", "gamma": "scale"} for c in (0.3, 1.0, 5.0)),
]
_SHARED: dict[str, list[Params]] = {
    "elastic_net": _ELASTIC,
    "lasso": _LASSO,
    "random_forest": _FOREST,
    "extra_trees": _FOREST,
    "gradient_boosting": _BOOSTING,
    "svm": _SUPPORT,
    "knn": [{"neighbours": k} for k in (21, 9, 5)],
    "mlp": [{"hidden": 8, "penalty": a} for a in (30.0, 3.0)],
    "rbf_network": [{"centres": k} for k in (8, 16, 32)],
    "voting": [{}],
    "stacking": [{}],
}
_CLASSES: dict[str, list[Params]] = {
    "logistic": _RIDGE,
    **_SHARED,
    "naive_bayes": [{}],
    "lda": [{"shrinkage": 0.5}, {"shrinkage": "auto"}],
}
GRIDS: dict[Kind, dict[str, list[Params]]] = {
    "binary": _CLASSES,
    "multiclass": _CLASSES,
    "regression": {"ridge": _RIDGE, **_SHARED},
    "survival": {
        "cox": _RIDGE,
        "elastic_net": _ELASTIC,
        "lasso": _LASSO,
        "martingale_forest": [{"min_samples_leaf": leaf} for leaf in (12, 6)],
        "gradient_boosting": [{"rounds": rounds} for rounds in (30, 100)],
        "voting": [{}],
        "stacking": [{}],
    },
}
"""Settings tried in the inner folds, the simplest first: a tie is won by the earlier one."""
