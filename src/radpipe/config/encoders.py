"""Settings of the deep features."""

from typing import Literal

from pydantic import Field

from radpipe.config.base import Name, Section, Voxels


class Encoder(Section):
    """A network whose bottleneck is a deep feature, trained anew in each fold."""

    name: Name = Field(description="name of the encoder, part of file names")
    kind: Literal["autoencoder"] = Field("autoencoder", description="how it is trained")
    crop: Voxels = Field((24, 24, 24), description="box around the region in voxels, z y x")
    channels: list[int] = Field([8, 16, 32], min_length=2, description="features a level")
    latent: int = Field(16, ge=2, description="size of the embedding")
    batch: int = Field(8, ge=1, description="crops a step")
    steps: int = Field(300, ge=1, description="training steps")
    learning_rate: float = Field(2e-3, gt=0, description="peak of the one-cycle schedule")
