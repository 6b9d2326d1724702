"""Settings of the models: predictors, selection, what they see."""

from typing import Literal, Self, get_args

from pydantic import Field, model_validator

from radpipe.config.base import IMAGES, Name, Section, Voxels
from radpipe.config.outcome import OutcomeKind
from radpipe.config.segmentation import Start

Ranking = Literal[
    "none",
    "variance",
    "anova",
    "kruskal",
    "mutual_information",
    "mrmr",
    "relieff",
    "lasso",
    "rfe",
    "boruta",
]
NetworkPredictor = Literal[
    "cnn3d",
    "cnn2d",
    "cnn25d",
    "resnet",
    "densenet",
    "se_resnet",
    "efficientnet",
    "cnn_lstm",
    "cnn_transformer",
    "capsule",
]
FusionPredictor = Literal["mean", "weighted", "stack"]
TabularPredictor = Literal[
    "auto",
    "logistic",
    "ridge",
    "cox",
    "elastic_net",
    "lasso",
    "svm",
    "knn",
    "random_forest",
    "extra_trees",
    "martingale_forest",
    "gradient_boosting",
    "naive_bayes",
    "lda",
    "mlp",
    "rbf_network",
    "voting",
    "stacking",
]
PredictorName = Literal[TabularPredictor, NetworkPredictor, FusionPredictor]

Family = Literal["linear", "forest"]

FAMILIES: dict[str, dict[str, TabularPredictor]] = {
    "linear": {
        "binary": "logistic",
        "multiclass": "logistic",
        "regression": "ridge",
        "survival": "cox",
    },
    "forest": {
        "binary": "random_forest",
        "multiclass": "random_forest",
        "regression": "random_forest",
        "survival": "martingale_forest",
    },
}
"""The predictor that a `Family` means for each kind of outcome, its ridge-penalised linear model or
its forest; it takes the family's place when the config is read."""

_CLASSES: tuple[OutcomeKind, ...] = ("binary", "multiclass")
_NUMBERS: tuple[OutcomeKind, ...] = ("binary", "multiclass", "regression")
KINDS: dict[str, tuple[OutcomeKind, ...]] = {
    **dict.fromkeys(("logistic", "naive_bayes", "lda"), _CLASSES),
    **dict.fromkeys(("random_forest", "extra_trees", "svm", "knn", "mlp", "rbf_network"), _NUMBERS),
    "ridge": ("regression",),
    "cox": ("survival",),
    "martingale_forest": ("survival",),
}
"""The kinds of outcome of predictors that are not for all four."""

WEIGHTED = ("logistic", "elastic_net", "lasso", "svm", "random_forest", "extra_trees")
"""Predictors of classes that take class weights."""

NETWORK_PREDICTORS: tuple[str, ...] = get_args(NetworkPredictor)
FUSION_PREDICTORS: tuple[str, ...] = get_args(FusionPredictor)

View = Literal["3d", "25d", "2d"]


class Selection(Section):
    """Feature selection inside the fold."""

    method: Ranking = Field("none", description="ranking of the features (not for auto)")
    keep: list[int] = Field(
        [10, 30], description="numbers of features tried in the inner folds (not for auto)"
    )
    correlation: float = Field(
        0.95, gt=0, le=1, description="of two features correlated above this one is dropped; 1: off"
    )
    stability: float | None = Field(
        None,
        gt=0,
        lt=1,
        description="least intraclass correlation, in the training part, of a handcrafted feature "
        "that is offered (measured as features.stability says); null: all are offered",
    )


class Imputation(Section):
    """What stands for a missing number inside the fold."""

    method: Literal["median", "knn"] = Field(
        "median", description="median of the training part, or mean of the 5 nearest rows"
    )
    indicator: bool = Field(False, description="a column more that says where a value was missing")


class Harmonisation(Section):
    """Removal of the differences between sites or scanners inside the fold."""

    method: Literal["combat"] = Field("combat", description="how (Johnson et al. 2007)")
    batch: str = Field("site", description="column of the case sheet that names the batch")
    covariates: list[str] = Field(
        [], description="clinical columns whose effect is kept; the outcome is refused"
    )


class SearchBudget(Section):
    """How far the search over whole pipelines goes (predictor: auto)."""

    trials: int = Field(60, ge=1, description="pipelines tried in each training part")
    minutes: float | None = Field(
        None, gt=0, description="stop sooner, after this time; null: never (a rerun is the same)"
    )
    repeats: int = Field(
        2,
        ge=1,
        description="draws of the inner folds with new seeds; the better half of the pipelines, at "
        "least twice the members, goes on from one to the next",
    )
    members: int = Field(10, ge=1, description="best pipelines whose predictions are averaged")
    metric: Literal["auc", "log_loss"] = Field(
        "auc",
        description="what is optimised: auc (survival: C; regression: squared error) or log_loss",
    )


class Model(Section):
    """A predictor of the outcome under nested cross-validation."""

    name: Name = Field(description="name of the model, part of file names")
    blocks: list[str] = Field(
        [],
        description="what it sees: volume, clinical, site, handcrafted, images or the name of an "
        "encoder",
    )
    of: list[str] = Field(
        [], description="instead of blocks, for mean, weighted and stack: the models that are fused"
    )
    predictor: PredictorName | Family = Field(
        description="kind of predictor; linear, forest: the one of the kind of outcome; auto: a "
        "search over whole pipelines; mean, weighted, stack: fusion of the decisions of other "
        "models"
    )
    selection: Selection = Selection()
    imputation: Imputation = Imputation()
    scaling: Literal["standard", "rank"] = Field(
        "standard", description="to mean 0 and sd 1, or by ranks to a normal distribution"
    )
    harmonisation: Harmonisation | None = Field(None, description="null: none")
    class_weight: Literal["balanced"] | None = Field(
        None,
        description="balanced: rare classes weigh more; then calibrated anew (linear models and "
        "forests of classes, svm)",
    )
    oversampling: bool = Field(
        False,
        description="draw rows of rare classes again inside the fold; then calibrated anew (one "
        "predictor of classes, not auto)",
    )
    budget: SearchBudget = SearchBudget()
    modalities: list[Name] = Field(
        [], description="networks: the images seen, fused ones too, in this order; empty: all"
    )
    crop: Voxels = Field((24, 24, 24), description="networks: box around the region, voxels z y x")
    channels: list[int] = Field(
        [8, 16, 32],
        min_length=1,
        description="networks: features a level; where there must be four, the last is doubled "
        "(published resnet: 64, 128, 256, 512; densenet and efficientnet take the first: 32, to "
        "which efficientnet scales its depth)",
    )
    layers: list[int] | None = Field(
        None,
        min_length=2,
        description="resnet, se_resnet, densenet: blocks a level (null: 1, 1, 1, 1, as ResNet-10, "
        "and 2, 2, 2, 2; published DenseNet-121: 6, 12, 24, 16)",
    )
    view: View = Field(
        "3d",
        description="resnet, se_resnet, densenet, efficientnet: the whole crop (3d), three planes "
        "through its centre (25d), or axial slices (2d)",
    )
    slices: Literal["largest", "mean"] = Field(
        "largest",
        description="of a 2-D view: the slice with most of the region, or the mean of all",
    )
    width: int = Field(
        16,
        ge=4,
        multiple_of=4,
        description="cnn_lstm, cnn_transformer: size of the joined slices; capsule: of a capsule",
    )
    streams: bool = Field(
        False, description="networks: an encoder for each modality, joined at their ends"
    )
    start: Start | None = Field(None, description="networks: given weights to go on from")
    batch: int = Field(8, ge=1, description="networks: crops a step")
    steps: list[int] = Field(
        [100, 200], min_length=1, description="networks: training lengths tried inside"
    )
    learning_rate: float = Field(2e-3, gt=0, description="networks: peak of the schedule")

    @property
    def is_network(self) -> bool:
        """Whether it sees images and is trained by gradients."""
        return self.predictor in NETWORK_PREDICTORS

    @property
    def is_fusion(self) -> bool:
        """Whether it sees what other models predict, and nothing else."""
        return self.predictor in FUSION_PREDICTORS

    @model_validator(mode="after")
    def _blocks_fit_predictor(self) -> Self:
        if self.is_network != (self.blocks == [IMAGES]):
            raise ValueError(
                f"model '{self.name}': blocks [images] and a network such as cnn3d belong together"
            )
        if self.is_fusion != bool(self.of):
            raise ValueError(
                f"model '{self.name}': `of` and a fusion (mean, weighted, stack) belong together"
            )
        if self.is_fusion and (self.blocks or len(set(self.of)) < 2):
            raise ValueError(f"model '{self.name}': a fusion has no blocks, and two models or more")
        if not self.is_fusion and not self.blocks:
            raise ValueError(f"model '{self.name}': blocks says what the model sees, and is empty")
        return self

    @model_validator(mode="after")
    def _steps_are_done(self) -> Self:
        """What a kind of model does not do is refused, not left out without a word."""
        kind = "a fusion" if self.is_fusion else "a network" if self.is_network else self.predictor
        if self.modalities and not self.is_network:
            raise ValueError(f"model '{self.name}': modalities is for a network, not for {kind}")
        if (self.is_network or self.is_fusion) and self.harmonisation is not None:
            raise ValueError(
                f"model '{self.name}': harmonisation is for tables of features, not for {kind}"
            )
        single = not (self.is_network or self.is_fusion or self.predictor == "auto")
        if self.oversampling and not single:
            raise ValueError(
                f"model '{self.name}': oversampling is for a single predictor of classes, not for "
                f"{kind}"
            )
        known = (*WEIGHTED, *get_args(Family))
        if self.class_weight is not None and self.predictor not in known:
            raise ValueError(
                f"model '{self.name}': class_weight is for {', '.join(WEIGHTED)}, not for {kind}"
            )
        return self

    @model_validator(mode="after")
    def _four_levels(self) -> Self:
        if self.predictor in ("resnet", "se_resnet"):
            for key, given in (("channels", self.channels), ("layers", self.layers)):
                if given is not None and (len(given) > 4 or (key == "layers" and len(given) < 4)):
                    raise ValueError(f"model '{self.name}': {key} of {self.predictor} are four")
        return self
