"""Intensities on a common scale, case by case."""

import numpy as np
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.imaging.importing import is_blank
from radpipe.io.images import array_of, image_like


def normalise(image: sitk.Image, method: str, *, case: str | None = None) -> sitk.Image:
    """Bring intensities to a common scale; a zero background stays zero.

    Args:
        image: voxel values; one that stands for a missing image stays as it is.
        method: `zscore` (mean 0 and standard deviation 1 over non-zero voxels) or `none`.
        case: for the message.

    Raises:
        CaseError: the non-zero voxels do not vary, so that they have no scale.
    """
    if method == "none" or is_blank(image):
        return image
    values = array_of(image).astype(np.float64)
    foreground = values != 0
    inside = values[foreground]
    sd = float(inside.std()) if inside.size else 0.0
    if sd == 0:
        raise CaseError(
            "the image cannot be normalised",
            case=case,
            found=f"{inside.size} non-zero voxels that do not vary",
            expected="non-zero voxels with contrast",
        )
    scaled = np.where(foreground, (values - inside.mean()) / sd, 0.0)
    return image_like(scaled.astype(np.float32), image)
