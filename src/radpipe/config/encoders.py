"""Settings of the deep features: one section for each kind of encoder, told apart by `kind`."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, model_validator

from radpipe.config.base import Name, Section, Voxels

GivenNetwork = Literal["resnet10", "resnet18", "resnet34", "resnet50", "densenet121"]


class EncoderBase(Section):
    """What every encoder has."""

    name: Name = Field(description="name of the encoder, part of file names")


class CropEncoder(EncoderBase):
    """An encoder of a crop around the region."""

    crop: Voxels = Field((24, 24, 24), description="box around the region in voxels, z y x")
    margin_mm: float | None = Field(
        None, ge=0, description="what lies further than this from the region's box is blanked"
    )
    margin_voxels: int | None = Field(None, ge=0, description="the same in voxels")
    resample: bool = Field(
        False,
        description="scale the region's box and its margin to the crop, shape kept, size lost; "
        "false: voxels as they are, a region larger than the crop is cut",
    )
    mask_channel: bool = Field(True, description="the network sees the mask beside the images")

    @model_validator(mode="after")
    def _one_margin(self) -> Self:
        if self.margin_mm is not None and self.margin_voxels is not None:
            raise ValueError(f"encoder '{self.name}': margin_mm or margin_voxels, not both")
        if self.resample and self.margin_mm is None and self.margin_voxels is None:
            raise ValueError(f"encoder '{self.name}': resample needs margin_mm or margin_voxels")
        return self


class TrainedEncoder(CropEncoder):
    """An encoder trained anew in each fold, by gradients."""

    channels: list[int] = Field([8, 16, 32], min_length=2, description="features a level")
    batch: int = Field(8, ge=1, description="crops a step")
    steps: int = Field(300, ge=1, description="training steps")
    learning_rate: float = Field(2e-3, gt=0, description="peak of the one-cycle schedule")


class Autoencoder(TrainedEncoder):
    """An autoencoder; its bottleneck is the embedding."""

    kind: Literal["autoencoder"] = Field("autoencoder", description="how it is trained")
    latent: int = Field(16, ge=2, description="size of the embedding")


class Denoising(TrainedEncoder):
    """An autoencoder that restores what was disturbed (Vincent et al. 2008)."""

    kind: Literal["denoising"] = Field(description="how it is trained")
    latent: int = Field(16, ge=2, description="size of the embedding")
    noise: float = Field(0.3, ge=0, description="sd of added noise, in sd of the training crops")
    blanked: float = Field(0.2, ge=0, lt=1, description="share of voxels set to the mean")


class Variational(TrainedEncoder):
    """A variational autoencoder; the mean of its code is the embedding."""

    kind: Literal["variational"] = Field(description="how it is trained")
    latent: int = Field(16, ge=2, description="size of the embedding")
    beta: float = Field(1.0, ge=0, description="weight of the divergence from N(0, 1)")


class Belief(CropEncoder):
    """A deep belief network: stacked Bernoulli restricted Boltzmann machines."""

    kind: Literal["belief"] = Field(description="how it is trained")
    hidden: list[int] = Field([128, 32], min_length=1, description="units a layer, from below")
    pool: int = Field(2, ge=1, description="blocks of this many voxels an axis are averaged first")
    batch: int = Field(8, ge=1, description="crops a step")
    steps: int = Field(300, ge=1, description="steps of contrastive divergence a layer")
    learning_rate: float = Field(0.05, gt=0, description="of each step")


class Cnn3d(TrainedEncoder):
    """A 3-D CNN trained on the outcome; its penultimate layer is the embedding."""

    kind: Literal["cnn3d"] = Field(description="how it is trained")


class Lstm(TrainedEncoder):
    """An LSTM over the features of slices, trained on the outcome."""

    kind: Literal["lstm"] = Field(description="how it is trained")
    latent: int = Field(16, ge=2, multiple_of=2, description="size of the embedding, even")


class Transformer(TrainedEncoder):
    """A transformer over the features of slices, trained on the outcome."""

    kind: Literal["transformer"] = Field(description="how it is trained")
    latent: int = Field(16, ge=4, multiple_of=4, description="size of the embedding")


class Capsule(TrainedEncoder):
    """A capsule network trained on the outcome; its last capsules are the embedding."""

    kind: Literal["capsule"] = Field(description="how it is trained")
    dimension: int = Field(8, ge=2, description="length of a capsule")
    routing: int = Field(3, ge=1, description="rounds of routing by agreement")


class Bottleneck(EncoderBase):
    """The deepest features of a segmenter of the same fold, pooled in the mask."""

    kind: Literal["segmenter"] = Field(description="how it is trained: with the segmenter")
    segmenter: Name = Field(description="a network among the segmenters")


class Given(CropEncoder):
    """A network whose weights the user gives; only the scale of intensities is learned."""

    kind: Literal["given"] = Field(description="how it is trained: elsewhere")
    network: GivenNetwork = Field(description="architecture, as MONAI builds it")
    weights: Path = Field(
        description="safetensors, or a state dict of torch; a manifest.json beside it names whom "
        "the weights saw"
    )
    unseen: bool = Field(
        False, description="true: I vouch that these weights saw no patient of this study"
    )


Reconstructing = Autoencoder | Denoising | Variational | Belief
"""Encoders with a decoder: what they keep of a crop can be shown."""

Supervised = Cnn3d | Lstm | Transformer | Capsule
"""Encoders that learn from the outcome of the training part."""


def _kind(data: Any) -> str:
    """Which section an encoder is; an autoencoder if it does not say."""
    if isinstance(data, Mapping):
        return str(data.get("kind", "autoencoder"))
    return str(getattr(data, "kind", "autoencoder"))


Encoder = Annotated[
    Annotated[Autoencoder, Tag("autoencoder")]
    | Annotated[Denoising, Tag("denoising")]
    | Annotated[Variational, Tag("variational")]
    | Annotated[Belief, Tag("belief")]
    | Annotated[Cnn3d, Tag("cnn3d")]
    | Annotated[Lstm, Tag("lstm")]
    | Annotated[Transformer, Tag("transformer")]
    | Annotated[Capsule, Tag("capsule")]
    | Annotated[Bottleneck, Tag("segmenter")]
    | Annotated[Given, Tag("given")],
    Discriminator(_kind),
]
"""An encoder of any kind."""
