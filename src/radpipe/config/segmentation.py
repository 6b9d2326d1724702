"""The sections of a study config that say how masks are drawn."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from radpipe.config.base import REFERENCE, Name, Section, Voxels

NetworkName = Literal[
    "auto",
    "unet",
    "unet3d_cicek",
    "vnet",
    "vnet_light",
    "unetpp",
    "attention_unet",
    "dynunet",
    "segresnet",
    "segnet",
    "fcn8s",
    "deeplabv3plus",
    "unetr",
    "swin_unetr",
    "densenet_seg",
    "r2_unet",
    "dense_unet",
    "inception_unet",
]
LossName = Literal[
    "dice_ce",
    "dice",
    "ce",
    "weighted_ce",
    "border_ce",
    "focal",
    "dice_focal",
    "generalised_dice",
    "tversky",
    "hausdorff",
]
ClassicalName = Literal[
    "otsu",
    "multi_otsu",
    "region_growing",
    "fwhm",
    "reference_sd",
    "kmeans",
    "gaussian_mixture",
    "active_contour",
    "chan_vese",
    "geodesic",
    "random_walker",
    "watershed",
    "knn",
    "svm",
    "random_forest",
    "atlas",
]
Combination = Literal["mean", "vote", "staple"]
Axis = Literal["z", "y", "x"]


class Augmentation(Section):
    """How far training patches are changed; all modalities of a case together in space."""

    spatial: float = Field(0.7, ge=0, le=1, description="share of patches that are deformed")
    rotation_deg: float = Field(14.0, ge=0, description="rotation about each axis at most")
    zoom: float = Field(0.2, ge=0, lt=1, description="log of the zoom along each axis at most")
    elastic_mm: float = Field(0.0, ge=0, description="smooth random displacement, sd in mm")
    intensity: float = Field(
        0.7, ge=0, le=1, description="share of modalities changed in intensity"
    )
    gain: float = Field(0.25, ge=0, description="change of contrast at most, as a share")
    shift: float = Field(0.25, ge=0, description="change of level at most, in sd of the image")
    noise: float = Field(0.15, ge=0, description="sd of added noise at most, in sd of the image")
    blur: float = Field(0.0, ge=0, description="sigma of Gaussian smoothing at most, voxels")
    gamma: float = Field(0.0, ge=0, lt=1, description="log of the exponent of contrast at most")
    flips: list[Axis] = Field([], description="axes mirrored at random; x is left-right: off")


class EarlyStopping(Section):
    """Training ends when training patients kept aside no longer gain."""

    share: float = Field(0.15, gt=0, lt=0.5, description="of the training patients, kept aside")
    every: int = Field(100, ge=1, description="steps between two looks at them")
    patience: int = Field(5, ge=1, description="looks without a gain before the end")


class Start(Section):
    """Given weights that training goes on from (fine-tuning)."""

    weights: Path = Field(description="safetensors file; a manifest.json beside it names its cases")
    frozen: list[str] = Field([], description="tensors not trained: beginnings of their names")
    unseen: bool = Field(
        False, description="true: I vouch that these weights saw no patient of this study"
    )


class Budget(Section):
    """What a planned segmenter may cost."""

    minutes: float = Field(5.0, gt=0, description="of training a fold, on the device named here")
    memory_gb: float = Field(4.0, gt=0, description="of training, main or GPU memory")
    device: Literal["cpu", "gpu"] = Field("cpu", description="what the plan is made for")


class Crf(Section):
    """Fully connected conditional random field after the network (mean field)."""

    iterations: int = Field(5, ge=1, description="mean-field steps")
    smoothness_mm: float = Field(3.0, gt=0, description="range of the Gaussian kernel, mm")
    appearance: float = Field(
        0.5, gt=0, description="range of the intensity kernel, sd of the image"
    )
    weight: float = Field(1.0, ge=0, description="of both kernels against the network")


class Cleaning(Section):
    """What is done to a mask after it is drawn."""

    largest_component: bool = Field(False, description="keep the largest component of each label")
    minimum_ml: float = Field(0.0, ge=0, description="components smaller than this are dropped")
    fill_holes: bool = Field(False, description="fill holes inside each label")
    crf: Crf | None = Field(None, description="networks and ensembles of them; null: none")


class Network(Section):
    """A network that draws masks, trained anew in each fold."""

    name: Name = Field(description="name of the segmenter, part of file names")
    network: NetworkName = Field("auto", description="architecture; auto: planned from the data")
    budget: Budget = Budget()
    plan: Path | None = Field(None, description="auto: a plan file to use as it is")
    view: Literal["3d", "2.5d", "2d"] = Field(
        "3d", description="volumes, slices of three planes averaged, or slices across z"
    )
    channels: list[int] | None = Field(
        None, min_length=2, description="features a level; null: as the network was published"
    )
    residual_units: int = Field(0, ge=0, description="unet: residual units a level; 0: plain")
    dropout: float = Field(0.0, ge=0, lt=1, description="where the network has dropout")
    deep_supervision: bool = Field(
        False, description="unetpp, dynunet: lower levels are scored too"
    )
    streams: Literal["one", "early", "late"] = Field(
        "one", description="densenet_seg: one path, or one a modality joined early or late"
    )
    patch: Voxels = Field((32, 32, 32), description="patch size in voxels, z y x")
    batch: int = Field(8, ge=1, description="patches a step")
    steps: int = Field(400, ge=1, description="training steps")
    learning_rate: float = Field(2e-3, gt=0, description="peak of the one-cycle schedule")
    loss: LossName = Field("dice_ce", description="training loss")
    class_weights: list[float] | Literal["balanced"] | None = Field(
        None, description="weighted_ce, border_ce: background first; balanced: 1 / frequency"
    )
    ignore: int | None = Field(
        None, ge=1, le=255, description="value in the masks that the loss passes over"
    )
    hardest: float = Field(1.0, gt=0, le=1, description="ce losses: share of voxels counted")
    foreground: float = Field(
        0.67, ge=0, le=1, description="share of patches centred on a labelled voxel"
    )
    hard_negatives: float = Field(
        0.0, ge=0, le=1, description="share of the other patches centred on an earlier mistake"
    )
    modality_dropout: float = Field(
        0.0, ge=0, lt=1, description="chance that a modality of a patch is blanked in training"
    )
    augmentation: Augmentation = Augmentation()
    early_stopping: EarlyStopping | None = Field(None, description="null: all steps are made")
    start: Start | None = Field(None, description="null: random weights")
    adversarial: float = Field(
        0.0, ge=0, description="weight of an adversarial loss (patch discriminator); 0: none"
    )
    overlap: float = Field(0.5, ge=0, lt=1, description="overlap of sliding windows")
    flips: list[Axis] = Field([], description="axes mirrored when masks are drawn, and averaged")
    mc_dropout: int = Field(0, ge=0, description="passes with dropout averaged; 0: off")
    external: Literal["final", "folds"] = Field(
        "final", description="new cases: by the refit on all, or by the mean of the folds"
    )
    cascade: Name | None = Field(
        None, description="a segmenter that finds the region first; this one draws inside its box"
    )
    margin_mm: float = Field(10.0, ge=0, description="cascade: margin around the region")
    cleaning: Cleaning = Cleaning()

    @model_validator(mode="after")
    def _keys_belong_together(self) -> Self:
        if self.plan is not None and self.network != "auto":
            raise ValueError(f"segmenter '{self.name}': plan goes with network auto only")
        if self.cascade == self.name:
            raise ValueError(f"segmenter '{self.name}' is named as its own cascade")
        if self.mc_dropout and not self.dropout and self.network != "auto":
            raise ValueError(f"segmenter '{self.name}': mc_dropout needs dropout above 0")
        unseen = sorted(set(self.flips) - set(self.augmentation.flips))
        if unseen and self.plan is None:
            # Measured: a network that never saw mirrored images falls from Dice 0.88 to 0.3.
            raise ValueError(
                f"segmenter '{self.name}': flips along {', '.join(unseen)} need the same axes in "
                "augmentation.flips"
            )
        return self

    @model_validator(mode="after")
    def _loss_has_a_use_for_its_keys(self) -> Self:
        if self.class_weights is not None and self.loss not in ("weighted_ce", "border_ce"):
            raise ValueError(f"segmenter '{self.name}': loss {self.loss} takes no class_weights")
        if self.loss == "weighted_ce" and self.class_weights is None:
            raise ValueError(f"segmenter '{self.name}': loss weighted_ce needs class_weights")
        if self.hardest < 1 and self.loss not in ("dice_ce", "ce", "weighted_ce", "border_ce"):
            raise ValueError(f"segmenter '{self.name}': loss {self.loss} takes all voxels: hardest")
        return self


class Classical(Section):
    """A segmenter without a network; what it needs to know it learns in the fold."""

    name: Name = Field(description="name of the segmenter, part of file names")
    classical: ClassicalName = Field(description="the method")
    modality: Name | None = Field(None, description="the image it looks at; null: the reference")
    within: Literal["image", "box"] = Field(
        "image",
        description="where it looks: everywhere, or in a box around the drawn mask, as a reader "
        "would set it (then the result is semi-automatic and the report says so)",
    )
    margin_mm: float = Field(10.0, ge=0, description="of the box around the drawn mask")
    classes: int = Field(3, ge=2, description="multi_otsu, kmeans, gaussian_mixture: classes")
    deviations: float | None = Field(
        None, gt=0, description="reference_sd: SD above the reference mean; null: tuned, 2 to 6"
    )
    fraction: float | None = Field(
        None, gt=0, lt=1, description="fwhm: share of the maximum; null: tuned in the fold"
    )
    combine: Literal["vote", "staple"] = Field(
        "staple", description="atlas: how atlases are joined"
    )
    atlases: int = Field(5, ge=1, description="atlas: training cases registered to a case")
    cleaning: Cleaning = Cleaning()


class Ensemble(Section):
    """Several segmenters of the same fold joined into one mask."""

    name: Name = Field(description="name of the segmenter, part of file names")
    ensemble: list[Name] = Field(min_length=2, description="the segmenters that are joined")
    combine: Combination = Field("mean", description="mean of probabilities, vote, or STAPLE")
    cleaning: Cleaning = Cleaning()


def _kind(data: Any) -> str:
    """Which section a segmenter is, by the key that only that kind has."""
    given = data if isinstance(data, Mapping) else type(data).model_fields
    for key in ("classical", "ensemble"):
        if key in given:
            return key
    return "network"


Segmenter = Annotated[
    Annotated[Network, Tag("network")]
    | Annotated[Classical, Tag("classical")]
    | Annotated[Ensemble, Tag("ensemble")],
    Discriminator(_kind),
]
"""A network, a classical method, or an ensemble of segmenters."""


class Segmentation(Section):
    """Where the masks come from and what their labels mean."""

    mask_source: Name = Field(
        REFERENCE, description="'reference' (drawn masks of the sheet) or the name of a segmenter"
    )
    labels: dict[Name, Annotated[int, Field(ge=1, le=255)]] = Field(
        {"lesion": 1}, description="name and value of each label in the mask"
    )
    segmenters: list[Segmenter] = Field([], description="segmenters to train, fold by fold")
    tolerance_mm: list[float] = Field(
        [2.0], min_length=1, description="tolerances of the surface Dice"
    )

    @model_validator(mode="after")
    def _segmenters_know_each_other(self) -> Self:
        coarse: dict[str, set[str]] = {}
        for segmenter in self.segmenters:
            cascades, wanted = set[str](), list[str]()
            if isinstance(segmenter, Network) and segmenter.cascade:
                cascades, wanted = {segmenter.cascade}, [segmenter.cascade]
            elif isinstance(segmenter, Ensemble):
                wanted = segmenter.ensemble
                cascades = {c for name in wanted for c in coarse.get(name, ())}
            _check_listed(segmenter.name, wanted, coarse)
            if len(cascades) > 1:
                raise ValueError(
                    f"the members of '{segmenter.name}' draw inside the masks of different "
                    f"segmenters ({', '.join(sorted(cascades))}); they must share one"
                )
            coarse[segmenter.name] = cascades
        return self


def _check_listed(name: str, wanted: list[str], earlier: Mapping[str, object]) -> None:
    for other in wanted:
        if other not in earlier:
            raise ValueError(
                f"segmenter '{name}' builds on '{other}', which is not listed before it"
            )
