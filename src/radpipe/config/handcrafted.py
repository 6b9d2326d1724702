"""Settings of the handcrafted features."""

from typing import Literal

from pydantic import Field

from radpipe.config.base import Name, Section


class Handcrafted(Section):
    """pyradiomics features of the region of interest."""

    image_types: list[Literal["original", "log", "wavelet"]] = Field(
        ["original", "log", "wavelet"], min_length=1, description="filtered images"
    )
    log_sigma_mm: list[float] = Field([3.0, 5.0], description="sigma of each LoG image, mm")
    bin_width: float | dict[Name, float] | None = Field(
        None, description="fixed bin size, one number or one a modality; or bin_count"
    )
    bin_count: int | None = Field(32, ge=2, description="fixed bin number, if no bin_width")
