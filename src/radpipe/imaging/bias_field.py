"""The slow change of brightness that a coil leaves in an MR image, taken out by N4.

Tustison et al., IEEE Trans Med Imaging 2010;29:1310.
"""

import numpy as np
import SimpleITK as sitk

from radpipe.config import BiasCorrection
from radpipe.errors import CaseError
from radpipe.imaging.importing import is_blank
from radpipe.imaging.quality import foreground
from radpipe.imaging.threads import single_thread
from radpipe.io.images import array_of, image_like
from radpipe.types import Mask

DARK = 0.1
"""Voxels below this share of the bright ones (98th percentile) are left out of the fit."""

SMALLEST_AXIS = 4
"""Shrinking stops before an axis has fewer voxels than a cubic spline has control points."""


def correct_bias(
    image: sitk.Image, settings: BiasCorrection, *, case: str | None = None
) -> tuple[sitk.Image, dict[str, float]]:
    """Divide an image by the bias field that N4 finds in its foreground.

    The field is estimated on a shrunk image and evaluated on the full grid; it has the geometric
    mean 1 over the foreground, so that intensities keep their scale, and outside the foreground
    it does not go beyond the range it has inside. Zeros stay zero.

    Args:
        image: MR intensities, float32; larger than zero where there is tissue. One that stands
            for a missing image stays as it is, with nothing to report.
        settings: shrink factor, iterations a level, control points.
        case: for the message.

    Returns:
        The corrected image on the same grid, and `field_minimum`, `field_maximum`, `field_sd`
        over the foreground, `cv_before`, `cv_after` (coefficient of variation there) and
        `correlation` of the corrected with the uncorrected values.

    Raises:
        CaseError: no voxel is larger than zero.
    """
    if is_blank(image):
        return image, {}
    values = array_of(image).astype(np.float64)
    inside = _fitted_voxels(image)
    if not inside.any():
        raise CaseError(
            "the bias field cannot be estimated",
            case=case,
            found="no foreground voxel above zero",
            expected="MR intensities",
        )
    with single_thread():
        log_field = _log_field(image, image_like(inside.astype(np.uint8), image), settings)
    log_field -= log_field[inside].mean()
    log_field = np.clip(log_field, log_field[inside].min(), log_field[inside].max())
    corrected = values / np.exp(log_field)
    field = np.exp(log_field[inside])
    before, after = values[inside], corrected[inside]
    report = {
        "field_minimum": float(field.min()),
        "field_maximum": float(field.max()),
        "field_sd": float(field.std()),
        "cv_before": float(before.std() / before.mean()),
        "cv_after": float(after.std() / after.mean()),
        "correlation": _correlation(before, after),
    }
    return image_like(corrected.astype(np.float32), image), report


def _fitted_voxels(image: sitk.Image) -> Mask:
    """Foreground bright enough that its logarithm tells of the field and not of noise."""
    values, inside = array_of(image), foreground(image)
    bright = float(np.percentile(values[inside], 98)) if inside.any() else 0.0
    return inside & (values > max(DARK * bright, 0.0))


def _log_field(image: sitk.Image, mask: sitk.Image, settings: BiasCorrection) -> np.ndarray:
    """The logarithm of the field on the grid of the image, axes (z, y, x)."""
    image = sitk.Cast(image, sitk.sitkFloat32)
    factors = [max(1, min(settings.shrink, n // SMALLEST_AXIS)) for n in image.GetSize()]
    n4 = sitk.N4BiasFieldCorrectionImageFilter()
    n4.SetNumberOfThreads(1)
    n4.SetMaximumNumberOfIterations(settings.iterations)
    n4.SetNumberOfControlPoints([settings.control_points] * 3)
    n4.SetMaskLabel(1)
    n4.Execute(sitk.Shrink(image, factors), sitk.Shrink(mask, factors))
    return sitk.GetArrayFromImage(n4.GetLogBiasFieldAsImage(image)).astype(np.float64)


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Pearson's r; 1 where neither varies, since then nothing was changed but the scale."""
    if a.std() == 0 or b.std() == 0:
        return 1.0
    return float(np.corrcoef(a, b)[0, 1])
