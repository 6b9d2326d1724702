"""Settings of the handcrafted features for usual modalities, each with its reason and source.

A preset is data: it becomes explicit keys of `features.handcrafted` when the config is read, so
that everything behind the config sees plain settings. A key that a user writes wins.
"""

from typing import Any, Literal, NamedTuple

PresetName = Literal["ct", "ct_soft_tissue", "t1", "t2", "flair", "dwi", "adc", "pet_suv", "fused"]

IBSI = "Zwanenburg et al. 2020, doi:10.1148/radiol.2020191145"
IBSI_MANUAL = "IBSI reference manual, arXiv:1612.07003"
COLLEWET = "Collewet et al. 2004, doi:10.1016/j.mri.2003.09.001"
LEIJENAAR = "Leijenaar et al. 2015, doi:10.1038/srep11075"
WATER = "free water at 37 °C diffuses at about 3000 × 10⁻⁶ mm²/s"


class PresetSetting(NamedTuple):
    """One setting of one preset.

    `bin_width`, `bin_count`, `resegmentation`, `outliers_sd` and `rounding` are keys of
    `features.handcrafted` and are applied; `spacing_mm` and `normalisation` are advice about other
    sections of the config, which hold for more than the features.
    """

    preset: PresetName
    setting: str
    value: Any
    reason: str
    source: str


_UNITLESS = "intensities of this sequence have no unit, so a width in units would mean nothing"
_OUTLIERS = "flow, vessels and the border of the mask give stray voxels that stretch 32 bins thin"
_SCALE = "brings scanners and sessions to one scale before features are compared"
_MR_SPACING = "isotropic voxels near the in-plane size: texture must not depend on the direction"


def _unitless(preset: PresetName, spacing: str) -> tuple[PresetSetting, ...]:
    """What holds for every MR image in arbitrary units."""
    return (
        PresetSetting(preset, "bin_count", 32, _UNITLESS, IBSI_MANUAL),
        PresetSetting(preset, "outliers_sd", 3.0, _OUTLIERS, COLLEWET),
        PresetSetting(preset, "rounding", False, "no unit, no calibrated step", IBSI_MANUAL),
        PresetSetting(preset, "normalisation", "zscore", _SCALE, COLLEWET),
        PresetSetting(preset, "spacing_mm", spacing, _MR_SPACING, IBSI_MANUAL),
    )


def _ct(
    preset: PresetName, width: float, limits: tuple[float, float], why: tuple[str, str]
) -> tuple[PresetSetting, ...]:
    """What holds for every CT; `why` has the reasons of width and limits."""
    return (
        PresetSetting(preset, "bin_width", width, why[0], IBSI),
        PresetSetting(preset, "resegmentation", limits, why[1], IBSI),
        PresetSetting(
            preset, "rounding", True, "a scanner stores whole HU; interpolation makes others", IBSI
        ),
        PresetSetting(preset, "normalisation", "none", "Hounsfield units are calibrated", IBSI),
        PresetSetting(
            *(preset, "spacing_mm", "1 to 2, isotropic"),
            *("slices are thicker than pixels; 3-D texture needs one distance", IBSI_MANUAL),
        ),
    )


PRESETS: tuple[PresetSetting, ...] = (
    *_ct(
        "ct",
        25.0,
        (-1000.0, 400.0),
        (
            "one bin a difference of tissue beyond the noise of a CT; comparable between cases",
            "from air to contrast-filled soft tissue; bone and metal inside the outline are left "
            "out (IBSI configuration C)",
        ),
    ),
    *_ct(
        "ct_soft_tissue",
        10.0,
        (-200.0, 200.0),
        (
            "soft tissue spans some 200 HU, which 25 HU would put into 8 bins",
            "from fat to enhancing soft tissue; air, calcification and bone are left out (IBSI "
            "validation in sarcoma)",
        ),
    ),
    *_unitless("t1", "1, isotropic"),
    *_unitless("t2", "1, isotropic"),
    *_unitless("flair", "1, isotropic"),
    *_unitless("dwi", "2, isotropic"),
    PresetSetting(
        *("adc", "bin_width", 50.0),
        "ADC has a unit: tissue of 500 to 2500 × 10⁻⁶ mm²/s falls into some 40 bins; images in "
        "mm²/s or 10⁻³ mm²/s need the width and the range in their own unit",
        IBSI_MANUAL,
    ),
    PresetSetting(
        *("adc", "resegmentation", (0.0, 3500.0)),
        "negative values come from noise, values above those of free water from failed fits",
        WATER,
    ),
    PresetSetting("adc", "rounding", False, "a fitted value, not a stored step", IBSI_MANUAL),
    PresetSetting("adc", "normalisation", "none", "ADC is a physical quantity", IBSI_MANUAL),
    PresetSetting("adc", "spacing_mm", "2, isotropic", _MR_SPACING, IBSI_MANUAL),
    PresetSetting(
        *("pet_suv", "bin_width", 0.25),
        "SUV has a unit; a fixed size keeps textures comparable between patients where a fixed "
        "number would tie them to the maximum",
        LEIJENAAR,
    ),
    PresetSetting(
        *("pet_suv", "resegmentation", (0.0, None)),
        "uptake is not negative; bins start at 0 in every patient",
        IBSI,
    ),
    PresetSetting("pet_suv", "rounding", False, "SUV is continuous", IBSI_MANUAL),
    PresetSetting("pet_suv", "normalisation", "none", "SUV is normalised uptake", IBSI),
    PresetSetting(
        *("pet_suv", "spacing_mm", "3, isotropic"),
        *("near the voxel size and below the resolution of a PET scanner", IBSI),
    ),
    PresetSetting(
        *("fused", "bin_width", 0.025),
        "a fused image has no unit but one range: 40 bins between 0 and 1, and the same edges in "
        "every case",
        IBSI_MANUAL,
    ),
    PresetSetting("fused", "rounding", False, "no unit, no calibrated step", IBSI_MANUAL),
    PresetSetting(
        *("fused", "normalisation", "that of each input"),
        *("inputs are brought to one range before they are fused", IBSI_MANUAL),
    ),
    PresetSetting("fused", "spacing_mm", "that of its inputs", _MR_SPACING, IBSI_MANUAL),
)


def preset_settings(name: str) -> dict[str, PresetSetting]:
    """The settings of one preset by name of the setting."""
    return {row.setting: row for row in PRESETS if row.preset == name}
