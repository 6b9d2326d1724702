"""The images of a study: those that the sheet names, and those that are fused from them."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import Name, Section

Wavelet = Literal["haar", "db2", "db3", "db4", "sym4", "coif1", "coif2", "coif3"]

ONLY_FOR: dict[str, str] = {"wavelet": "wavelet", "levels": "wavelet", "radius_mm": "guided"}
"""Keys that only one method of fusion reads."""


class FusedImage(Section):
    """A further modality, made voxel by voxel from prepared ones; each case by itself."""

    name: Name = Field(description="of the fused image, used like that of a modality")
    of: list[Name] = Field(description="the modalities that are fused, two or more")
    method: Literal["average", "wavelet", "guided"] = Field(
        "average",
        description="average: weighted mean; wavelet: the larger of the detail coefficients (Li et "
        "al. 1995); guided: weights by local detail, smoothed along edges (Li et al. 2013)",
    )
    weights: list[float] | None = Field(
        None,
        description="share of each of `of` in the mean (wavelet: of the coarsest level); null: "
        "alike; not for guided, which finds its own",
    )
    percentiles: tuple[float, float] = Field(
        (1.0, 99.0),
        description="of each input, brought to 0 and 1 before the fusion, values beyond kept; over "
        "all voxels, without the zero background of a normalised input",
    )
    window: dict[Name, tuple[float, float]] = Field(
        {},
        description="inputs that are brought to 0 and 1 between these prepared intensities, values "
        "beyond cut off, such as CT: [-160, 240]",
    )
    wavelet: Wavelet = Field("db2", description="method wavelet: mother wavelet")
    levels: int = Field(3, ge=1, description="method wavelet: levels, as far as the image has room")
    radius_mm: float = Field(
        5.0,
        gt=0,
        description="method guided: of the mean filter that splits base and detail; the other "
        "radii are in the published proportion to it",
    )

    @model_validator(mode="after")
    def _inputs_and_weights_agree(self) -> Self:
        where = f"fused image '{self.name}'"
        if len(self.of) < 2 or len(set(self.of)) < len(self.of):
            raise ValueError(f"{where}: `of` names two modalities or more, each once")
        if self.method == "guided" and self.weights is not None:
            raise ValueError(f"{where}: method guided finds its own weights; leave them out")
        if self.weights is not None and (
            len(self.weights) != len(self.of) or min(self.weights) < 0 or sum(self.weights) <= 0
        ):
            raise ValueError(
                f"{where}: weights are {len(self.of)} numbers of 0 or more, one for each of "
                f"{self.of}; found {self.weights}"
            )
        return self

    @model_validator(mode="after")
    def _scales_are_in_order(self) -> Self:
        where = f"fused image '{self.name}'"
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"{where}: percentiles lie in order between 0 and 100")
        for modality, (first, last) in self.window.items():
            if modality not in self.of:
                raise ValueError(f"{where}: window names '{modality}', which is not one of `of`")
            if first >= last:
                raise ValueError(f"{where}: window of {modality} is not in order: lowest, highest")
        return self

    @model_validator(mode="after")
    def _keys_are_read(self) -> Self:
        for key, method in ONLY_FOR.items():
            changed = getattr(self, key) != type(self).model_fields[key].default
            if changed and self.method != method:
                raise ValueError(
                    f"fused image '{self.name}': {key} is for method {method}, not {self.method}"
                )
        return self


class Images(Section):
    """The images of a case."""

    modalities: list[Name] = Field(
        [], description="names; the sheet's column is image_<modality>; none: features.table is all"
    )
    missing: Literal["exclude", "zero"] = Field(
        "exclude", description="a case without one of them: set aside, or blank (zeros) there"
    )
    reference: Name | Literal[""] = Field(
        "", description="modality whose grid the others are brought to; default: the first"
    )
    fused: list[FusedImage] = Field(
        [], description="further images made from prepared ones; the sheet has no column of them"
    )

    @model_validator(mode="before")
    @classmethod
    def _first_is_reference(cls, data: Any) -> Any:
        if isinstance(data, Mapping) and "reference" not in data and data.get("modalities"):
            return {**data, "reference": data["modalities"][0]}
        return data

    @model_validator(mode="after")
    def _reference_is_listed(self) -> Self:
        if self.modalities and self.reference not in self.modalities:
            raise ValueError(f"reference '{self.reference}' is not one of {self.modalities}")
        if len(set(self.modalities)) < len(self.modalities):
            raise ValueError(f"a modality is named twice in {self.modalities}")
        return self

    @model_validator(mode="after")
    def _fused_of_what_is_there(self) -> Self:
        for image in self.fused:
            unknown = [m for m in image.of if m not in self.modalities]
            if unknown:
                raise ValueError(
                    f"fused image '{image.name}': '{unknown[0]}' is not one of {self.modalities}"
                )
        if len(set(self.prepared)) < len(self.prepared):
            raise ValueError(f"a fused image needs a name of its own: {self.prepared}")
        return self

    @property
    def moving(self) -> list[str]:
        """The modalities that are brought to the reference."""
        return [m for m in self.modalities if m != self.reference]

    @property
    def prepared(self) -> list[str]:
        """The images that features and networks are shown: modalities, then fused images."""
        return [*self.modalities, *(image.name for image in self.fused)]
