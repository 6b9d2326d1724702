"""What every section of a study config is made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_]*$", max_length=64)]
Voxels = tuple[int, int, int]

REFERENCE = "reference"
"""The mask source that means: masks drawn by a person and given in the case sheet."""

IMAGES = "images"
"""The block of the images themselves, which networks see."""

SITE = "site"
"""The block of the site of a case, a column that every case table has."""


class Section(BaseModel):
    """A closed, immutable part of the config."""

    model_config = ConfigDict(extra="forbid", frozen=True)
