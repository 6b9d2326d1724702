"""The sections of a study config, each with its defaults and what its keys mean."""

from pathlib import Path
from typing import Literal, Self

from pydantic import Field, model_validator

from radpipe.config.base import Name, Section
from radpipe.config.encoders import Encoder
from radpipe.config.handcrafted import Handcrafted, Maps
from radpipe.config.stability import Stability


class Registration(Section):
    """Rigid alignment of the other modalities to the reference (SimpleITK, Mattes MI)."""

    enabled: bool = Field(True, description="false: world coordinates are taken as aligned")
    bins: int = Field(32, ge=8, description="histogram bins of Mattes mutual information")
    sampling: float = Field(0.2, gt=0, le=1, description="share of voxels sampled per iteration")
    shrink: list[int] = Field([4, 2, 1], min_length=1, description="shrink factor of each level")
    smoothing_mm: list[float] = Field([4, 2, 1], description="Gaussian sigma of each level, mm")
    iterations: int = Field(100, ge=1, description="iterations at most per level")

    @model_validator(mode="after")
    def _levels_agree(self) -> Self:
        if len(self.shrink) != len(self.smoothing_mm):
            raise ValueError(
                f"shrink has {len(self.shrink)} levels and smoothing_mm {len(self.smoothing_mm)}"
            )
        return self


class BiasCorrection(Section):
    """N4 correction of the intensity bias field (Tustison et al. 2010)."""

    modalities: list[Name] = Field([], description="modalities to correct (MR); empty: none")
    shrink: int = Field(2, ge=1, description="shrink factor while the field is estimated")
    iterations: list[int] = Field([50, 50, 50, 50], description="iterations at most per level")
    control_points: int = Field(4, ge=4, description="B-spline control points an axis, level one")


class Normalisation(Section):
    """Intensities brought to a common scale, case by case."""

    method: Literal["zscore", "none"] = Field(
        "zscore", description="zscore: mean 0 and sd 1 over non-zero voxels; none: as imported"
    )
    overrides: dict[Name, Literal["zscore", "none"]] = Field(
        {}, description="another method for single modalities, such as CT: none"
    )

    def method_of(self, modality: str) -> str:
        """The method for one modality."""
        return self.overrides.get(modality, self.method)


class Resampling(Section):
    """The grid of the prepared images: one interpolation from the imported voxels."""

    spacing_mm: tuple[float, float, float] | None = Field(
        None, description="voxel size x, y, z in mm; null: the grid of the reference as it is"
    )
    interpolation: Literal["linear", "bspline"] = Field(
        "bspline", description="of images (masks: linear, then at least 0.5)"
    )


class Features(Section):
    """What a model may see of a case besides its images."""

    handcrafted: Handcrafted | None = Field(None, description="pyradiomics features; null: none")
    table: Path | None = Field(
        None,
        description="a table of features (.tsv, .csv, .parquet; a column `case`) in place of the "
        "extraction: a study without images",
    )
    volume: str | None = Field(
        None, description="column of `table` with the volume of the region: the trivial baseline"
    )
    stability: Stability = Stability()
    maps: Maps = Maps()
    encoders: list[Encoder] = Field([], description="deep features")
    clinical: list[str] = Field([], description="columns of the case sheet used as features")
    allow: list[str] = Field(
        [],
        description="columns that may tell the outcome almost by themselves (see the tripwire "
        "against copies of the outcome)",
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.table is not None and self.handcrafted is not None:
            raise ValueError("'table' stands in place of 'handcrafted'; name one of them")
        if self.volume is not None and self.table is None:
            raise ValueError("'volume' names a column of 'table', which is not given")
        return self


class Splits(Section):
    """Outer and inner resampling, by patient."""

    scheme: Literal["repeated_kfold"] = Field("repeated_kfold", description="outer resampling")
    folds: int = Field(5, ge=2, description="outer folds")
    repeats: int = Field(1, ge=1, description="outer repeats with new seeds")
    inner_folds: int = Field(3, ge=2, description="folds inside a training part")

    @property
    def outer(self) -> list[str]:
        """Names of the outer folds, `r<repeat>f<k>`."""
        return [f"r{r}f{k}" for r in range(1, self.repeats + 1) for k in range(1, self.folds + 1)]


class Threshold(Section):
    """The operating point, chosen on inner folds of the training part."""

    rule: Literal["youden", "sensitivity"] = Field("youden", description="how it is chosen")
    value: float = Field(0.9, gt=0, lt=1, description="sensitivity wanted, if that is the rule")


class Controls(Section):
    """Negative controls: what the study finds where there is nothing to find."""

    permutations: int = Field(20, ge=0, description="label permutations through the whole chain")
    shuffled_voxels: bool = Field(True, description="features of voxels shuffled in the mask")
    displaced_mask: bool = Field(True, description="features of the same shape elsewhere")
    noise_filled: bool = Field(
        False, description="features of noise of the region's mean and sd in the mask"
    )
    image_types: Literal["original", "all"] = Field(
        "original", description="images the control regions are measured on; all: as the region"
    )


class Evaluation(Section):
    """How the predictions are judged."""

    primary: Name | None = Field(None, description="the model named before; default: the last")
    confidence: float = Field(0.95, gt=0.5, lt=1, description="of every interval")
    bootstrap: int = Field(2000, ge=100, description="bootstrap samples of patients")
    threshold: Threshold = Threshold()
    decision_range: tuple[float, float] = Field(
        (0.05, 0.75), description="threshold probabilities of the decision curve"
    )
    subgroups: list[str] = Field(
        [], description="columns of the case sheet within whose levels models are judged again"
    )
    controls: Controls = Controls()
    expected_r2: float | None = Field(
        None, description="expected Cox-Snell R2 for the sample size; default: 15 % of its maximum"
    )
    truth: Path | None = Field(None, description="truth folder of a simulated cohort")


class Report(Section):
    """The finished document."""

    title: str | None = Field(None, description="default: the study's name")
    authors: list[str] = Field([], description="names printed under the title")
    overlays: int = Field(6, ge=0, description="cases shown with image and mask")
    explained_cases: int = Field(3, ge=1, description="cases explained one by one (LIME)")
