"""Settings of the stability of features."""

from typing import Literal

from pydantic import Field

from radpipe.config.base import Section

Perturbation = Literal["rotation", "translation", "noise", "volume", "contour"]


class Stability(Section):
    """Features measured again after small changes, or on a second visit; ICC of the repeats."""

    perturbations: list[Perturbation] = Field(
        [], description="small changes of image and mask, in the order given; empty: none"
    )
    together: bool = Field(
        True, description="each repeat applies all of them; false: each alone, repeats of each"
    )
    repeats: int = Field(5, ge=1, description="random perturbations of each case")
    rotation_deg: float = Field(6.0, gt=0, le=45, description="largest turn about the axis z")
    translation_voxels: float = Field(
        0.75, gt=0, description="largest shift along each axis, in voxels"
    )
    volume_share: float = Field(
        0.15, gt=0, lt=0.9, description="largest growth or shrinking, share of the volume"
    )
    contour_mm: float = Field(
        1.0, gt=0, description="sd of the random displacement of the surface, mm"
    )
    contour_smoothness_mm: float = Field(
        5.0, gt=0, description="distance over which that displacement changes, mm"
    )
    retest: str | None = Field(
        None,
        description="column of the case sheet that numbers the visits of a patient; "
        "null: no test-retest",
    )
    form: Literal["icc1", "icc2", "icc3", "icc1k", "icc2k", "icc3k"] = Field(
        "icc1", description="intraclass correlation: Shrout and Fleiss, 1 to 3, k: of the mean"
    )
    judged_by: Literal["ci_low", "icc"] = Field(
        "ci_low", description="what class and filter look at: lower end of the interval, or ICC"
    )

    @property
    def perturbs(self) -> bool:
        """Whether regions are perturbed and measured again."""
        return bool(self.perturbations)

    @property
    def enabled(self) -> bool:
        """Whether stability is measured in any way."""
        return self.perturbs or self.retest is not None
