"""What makes a volume, a mask and a pair of both usable."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.errors import CaseError

MINIMUM_MASK_VOXELS = 2
"""A single voxel has no texture and no shape."""

SPACING_TOLERANCE = 1e-3
"""Relative; NIfTI keeps geometry in single precision."""

ORIGIN_TOLERANCE = 1e-2
"""In voxels."""

DIRECTION_TOLERANCE = 1e-3
"""Of each direction cosine."""


def check_image(image: sitk.Image, *, case: str | None = None, file: Path | str) -> None:
    """See that an image is a 3-D volume of finite values that are not all the same.

    Raises:
        CaseError: it is not; the message says what it is.
    """
    _check_volume(image, "image", case, file)
    values = sitk.GetArrayViewFromImage(image)
    _check_finite(values, "image", case, file)
    if values.min() == values.max():
        raise CaseError(
            "the image is constant",
            case=case,
            file=file,
            found=f"the value {values.min():g} in every voxel",
            expected="an image with contrast",
        )


def check_mask(
    mask: sitk.Image, labels: Mapping[str, int], *, case: str | None = None, file: Path | str
) -> None:
    """See that a mask is a 3-D volume of known labels with a region in it.

    Raises:
        CaseError: it is 4-D, not finite, has fractional or unknown values, or fewer than
            `MINIMUM_MASK_VOXELS` labelled voxels.
    """
    _check_volume(mask, "mask", case, file)
    values = sitk.GetArrayViewFromImage(mask)
    _check_finite(values, "mask", case, file)
    found = np.unique(values)
    known = ", ".join(f"{value} ({name})" for name, value in labels.items())
    unknown = [f"{v:g}" for v in found if v not in (0, *labels.values())]
    if unknown:
        fractional = any(float(v) != round(float(v)) for v in found)
        raise CaseError(
            "the mask is not a label map" if fractional else "the mask has unknown labels",
            case=case,
            file=file,
            found=f"values {', '.join(unknown[:6])}{' …' * (len(unknown) > 6)}",
            expected=f"0 and {known}",
            hint="segmentation.labels names the values of the labels",
        )
    voxels = int(np.count_nonzero(values))
    if voxels < MINIMUM_MASK_VOXELS:
        raise CaseError(
            "the mask is empty" if voxels == 0 else "the mask is a single voxel",
            case=case,
            file=file,
            found=f"{voxels} labelled voxels",
            expected=f"at least {MINIMUM_MASK_VOXELS}",
        )


def check_same_grid(
    mask: sitk.Image, image: sitk.Image, *, case: str | None = None, file: Path | str
) -> None:
    """See that a mask lies on the grid of its image.

    Raises:
        CaseError: size, spacing, origin or direction differ by more than rounding explains.
    """
    spacing = np.array(image.GetSpacing())
    tolerances = {
        "Size": np.zeros(3),
        "Spacing": SPACING_TOLERANCE * spacing,
        "Origin": ORIGIN_TOLERANCE * spacing,
        "Direction": np.full(9, DIRECTION_TOLERANCE),
    }
    for name, tolerance in tolerances.items():
        found = np.array(getattr(mask, f"Get{name}")())
        expected = np.array(getattr(image, f"Get{name}")())
        if np.any(np.abs(found - expected) > tolerance):
            raise CaseError(
                "the mask is on another grid than its image",
                case=case,
                file=file,
                found=f"{name.lower()} {_numbers(found)}",
                expected=_numbers(expected),
            )


def _check_volume(image: sitk.Image, what: str, case: str | None, file: Path | str) -> None:
    dimensions, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    if dimensions == 3 and components == 1:
        return
    size = " x ".join(map(str, image.GetSize()))
    found = f"{dimensions}-D, {size} voxels" + f", {components} values each" * (components > 1)
    raise CaseError(
        f"the {what} is not a 3-D volume",
        case=case,
        file=file,
        found=found,
        expected="3-D with one value a voxel",
    )


def _check_finite(values: np.ndarray, what: str, case: str | None, file: Path | str) -> None:
    if not np.issubdtype(values.dtype, np.floating):
        return
    bad = int(values.size - np.count_nonzero(np.isfinite(values)))
    if bad:
        raise not_finite(bad, values.size, what, case, file)


def not_finite(bad: int, voxels: int, what: str, case: str | None, file: Path | str) -> CaseError:
    """The error for voxels that are NaN or infinite."""
    return CaseError(
        f"the {what} has voxels that are not finite",
        case=case,
        file=file,
        found=f"{bad} of {voxels} voxels NaN or infinite",
        expected="finite values",
    )


def _numbers(values: np.ndarray) -> str:
    return f"({', '.join(f'{v:.6g}' for v in values)})"
