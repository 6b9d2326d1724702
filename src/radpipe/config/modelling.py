"""Settings of the models: predictors, selection, what they see."""

from typing import Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import Name, Section, Voxels


class Selection(Section):
    """Feature selection inside the fold."""

    method: Literal["none", "anova"] = Field("none", description="ranking of the features")
    keep: list[int] = Field([10, 30], description="numbers of features tried in the inner folds")
    correlation: float = Field(
        0.95, gt=0, le=1, description="of two features correlated above this one is dropped; 1: off"
    )


class Model(Section):
    """A predictor of the outcome under nested cross-validation."""

    name: Name = Field(description="name of the model, part of file names")
    blocks: list[str] = Field(
        min_length=1,
        description="what it sees: volume, clinical, handcrafted, images or an encoder's name",
    )
    predictor: Literal["logistic", "elastic_net", "random_forest", "cnn3d"] = Field(
        description="kind of predictor"
    )
    selection: Selection = Selection()
    crop: Voxels = Field((24, 24, 24), description="cnn3d: box around the region, voxels z y x")
    channels: list[int] = Field([8, 16, 32], description="cnn3d: features a level")
    batch: int = Field(8, ge=1, description="cnn3d: crops a step")
    steps: list[int] = Field([100, 200], description="cnn3d: training lengths tried inside")
    learning_rate: float = Field(2e-3, gt=0, description="cnn3d: peak of the schedule")

    @model_validator(mode="after")
    def _blocks_fit_predictor(self) -> Self:
        if (self.predictor == "cnn3d") != (self.blocks == ["images"]):
            raise ValueError(
                f"model '{self.name}': blocks [images] and predictor cnn3d belong together"
            )
        return self
