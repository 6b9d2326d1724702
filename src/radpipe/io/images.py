"""Images in and out: `SimpleITK.Image` between packages, arrays (z, y, x) inside functions."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.errors import CaseError, RadpipeError
from radpipe.io.files import atomic
from radpipe.types import Labels, SpacingZYX, Volume

COMPLETE = "a complete NIfTI, NRRD or MetaImage file"


def read_image(path: str | Path, *, case: str | None = None) -> sitk.Image:
    """Read an image file.

    Raises:
        CaseError: the file is missing or cannot be decoded (wrong format).
    """
    path = Path(path)
    if not path.is_file():
        raise CaseError("the image file does not exist", case=case, file=path)
    try:
        return sitk.ReadImage(str(path))
    except RuntimeError as error:
        raise CaseError(
            "the image cannot be read",
            case=case,
            file=path,
            found=_last_line(error),
            expected=COMPLETE,
        ) from error


def _last_line(error: Exception) -> str:
    """What ITK said, without the source line it said it in."""
    return str(error).strip().splitlines()[-1].removeprefix("sitk::ERROR: ")


def write_image(image: sitk.Image, path: str | Path) -> None:
    """Write an image; it appears under its name only when complete."""
    with atomic(path) as part:
        sitk.WriteImage(image, str(part), useCompression=str(path).endswith(".gz"))


def read_transform(path: str | Path) -> sitk.Transform:
    """Read a spatial transform (`.tfm`): it maps points of the reference to the moving image."""
    path = Path(path)
    if not path.is_file():
        raise RadpipeError("the transform file does not exist", file=path)
    return sitk.ReadTransform(str(path))


def write_transform(transform: sitk.Transform, path: str | Path) -> None:
    """Write a spatial transform as ITK text (`.tfm`); double precision is kept."""
    with atomic(path) as part:
        sitk.WriteTransform(transform, str(part))


def array_of(image: sitk.Image) -> Volume:
    """Voxel values as float32, axes (z, y, x)."""
    return sitk.GetArrayFromImage(image).astype(np.float32, copy=False)


def labels_of(image: sitk.Image) -> Labels:
    """Label values as uint8, axes (z, y, x)."""
    return sitk.GetArrayFromImage(image).astype(np.uint8, copy=False)


def image_like(array: np.ndarray, reference: sitk.Image) -> sitk.Image:
    """An image with the values of `array`, axes (z, y, x), on the grid of `reference`."""
    image = sitk.GetImageFromArray(array)
    image.CopyInformation(reference)
    return image


def spacing_zyx(image: sitk.Image) -> SpacingZYX:
    """Voxel size in mm in the order of arrays."""
    x, y, z = image.GetSpacing()
    return (z, y, x)
