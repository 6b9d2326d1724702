"""Settings of the handcrafted features."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import Name, Section
from radpipe.config.presets import PresetName, preset_settings

ImageType = Literal[
    "original",
    "log",
    "wavelet",
    "square",
    "square_root",
    "logarithm",
    "exponential",
    "gradient",
    "lbp2d",
    "lbp3d",
]
Width = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=2)]
Family = Literal[
    "statistics", "histogram", "ivh", "local_intensity", "gldzm", "ngldm", "morphology"
]
RegionName = Literal["whole", "core", "rim", "ring", "largest", "each_label"]
Limits = tuple[float | None, float | None]
"""Lowest and highest intensity; null: no limit on that side."""


class Handcrafted(Section):
    """pyradiomics features of the region of interest."""

    image_types: list[ImageType] = Field(
        ["original", "log", "wavelet"], min_length=1, description="filtered images"
    )
    log_sigma_mm: list[float] = Field([3.0, 5.0], description="sigma of each LoG image, mm")
    wavelet: Literal["haar", "db2", "db3", "db4", "sym4", "coif1", "coif2", "coif3"] = Field(
        "coif1", description="mother wavelet of the stationary transform, one level"
    )
    gradient_per_mm: bool = Field(True, description="gradient magnitude per mm, not per voxel")
    lbp2d_radius: float = Field(1.0, gt=0, description="radius of the LBP in a slice, voxels")
    lbp2d_samples: int = Field(8, ge=4, description="neighbours of the LBP in a slice")
    bin_width: Width | list[Width] | dict[Name, Width | list[Width] | None] | None = Field(
        None,
        description="fixed bin size (or a list of them) for all or for each modality; wins over "
        "a single bin_count",
    )
    bin_count: Count | list[Count] | None = Field(
        32, description="fixed bin number, if no bin_width; a list is used beside bin_width"
    )
    dimension: Literal["3d", "2.5d", "2d"] = Field(
        "3d",
        description="neighbours in texture: 3d; 2.5d: in the slice, one matrix for all slices; "
        "2d: slice by slice, then the mean over slices; wavelets are in the slice unless 3d",
    )
    aggregation: Literal["averaged", "merged"] = Field(
        "averaged",
        description="directions of co-occurrence and run-length matrices: the mean of their "
        "features, or one merged matrix",
    )
    families: list[Family] = Field(
        [], description="families of IBSI that pyradiomics lacks, measured on unfiltered images"
    )
    preset: dict[Name, PresetName] = Field(
        {}, description="settings for usual modalities, such as CT: ct; keys written here win"
    )
    regions: list[RegionName] = Field(
        ["whole"], min_length=1, description="parts and surroundings of the mask, each measured"
    )
    rim_mm: float = Field(
        3.0,
        gt=0,
        description="rim: voxels of the mask nearer to its surface than this, mm; core: the others",
    )
    ring_mm: float = Field(
        5.0, gt=0, description="ring: voxels outside the mask up to this distance from it, mm"
    )
    ring_values: dict[Name, Limits] = Field(
        {}, description="ring: only where these modalities lie within limits (such as no air)"
    )
    resegmentation: dict[Name, Limits | None] = Field(
        {}, description="intensities outside these limits leave the region (not its shape)"
    )
    outliers_sd: dict[Name, float | None] = Field(
        {}, description="intensities further than this many sd from the mean leave the region"
    )
    rounding: dict[Name, bool] = Field(
        {}, description="intensities rounded to whole numbers (CT: Hounsfield units are)"
    )

    @model_validator(mode="before")
    @classmethod
    def _presets_become_keys(cls, data: Any) -> Any:
        """Fill in what presets say and the user did not write."""
        presets = data.get("preset") if isinstance(data, Mapping) else None
        if not isinstance(presets, Mapping):
            return data
        filled = dict(data)
        for modality, name in presets.items():
            _fill(filled, data, str(modality), str(name))
        return filled

    @model_validator(mode="after")
    def _regions_are_listed_once(self) -> Self:
        if len(set(self.regions)) < len(self.regions):
            raise ValueError(f"a region is named twice in {self.regions}")
        widths = self.bin_width.values() if isinstance(self.bin_width, dict) else [self.bin_width]
        for bins in (*widths, self.bin_count):
            if isinstance(bins, list) and (not bins or len(set(bins)) < len(bins)):
                raise ValueError(f"a list of bins is empty or names one twice: {bins}")
        for limits in (*self.resegmentation.values(), *self.ring_values.values()):
            if limits and None not in limits and limits[0] >= limits[1]:  # type: ignore[operator]
                raise ValueError(f"limits {list(limits)} are not in order: lowest, highest")
        return self


class Maps(Section):
    """Voxel-wise maps of features: images of each case, made when asked for."""

    features: list[str] = Field(
        [],
        description="names as in the feature table, such as CT__original__glcm__Contrast; no "
        "shape, no families; empty: no maps",
    )
    radius: int = Field(
        1, ge=1, le=10, description="of the neighbourhood that is measured at each voxel, voxels"
    )
    memory_mb: float = Field(
        500.0, gt=0, description="bound of the matrices that are held at a time, MB"
    )

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        if len(set(self.features)) < len(self.features):
            raise ValueError(f"a map is named twice in {self.features}")
        return self


def _fill(filled: dict[str, Any], written: Mapping[str, Any], modality: str, preset: str) -> None:
    """Add one preset for one modality; what is written for it stays.

    A bin number written alone replaces the bin widths of presets, which would win over it.
    """
    for key, row in preset_settings(preset).items():
        if key not in Handcrafted.model_fields:
            continue
        if key == "bin_count" or (key == "bin_width" and "bin_count" in written):
            filled.setdefault(key, row.value if key == "bin_count" else None)
            continue
        own = filled.get(key, {})
        if isinstance(own, Mapping):
            filled[key] = {**own, modality: own.get(modality, row.value)}
