"""The prepared images of a case as the channels of a network."""

import numpy as np
import SimpleITK as sitk

from radpipe.errors import CaseError
from radpipe.io import images
from radpipe.types import CaseFiles, Labels, Volume


def read_channels(files: CaseFiles) -> tuple[Volume, sitk.Image]:
    """Read the modalities of a case, in the order of `files.images`.

    Returns:
        Values `(C, z, y, x)` float32, and the first image, whose grid they share.

    Raises:
        CaseError: the images do not share one grid size.
    """
    read = [images.read_image(path, case=files.case) for path in files.images.values()]
    first = read[0]
    for path, image in zip(files.images.values(), read, strict=True):
        _check_size(files.case, path, image, first)
    return np.stack([images.array_of(image) for image in read]), first


def read_classes(files: CaseFiles, grid: sitk.Image, labels: dict[str, int]) -> Labels:
    """Read the mask of a case as classes of a network: 0 background, k the k-th label value.

    Args:
        files: a case with a mask.
        grid: image whose grid the mask must share.
        labels: name and value in the mask of each label.

    Returns:
        Classes `(z, y, x)`, uint8; values that are no label are background.
    """
    if files.mask is None:
        raise CaseError("the case has no mask to train on", case=files.case)
    mask = images.read_image(files.mask, case=files.case)
    _check_size(files.case, files.mask, mask, grid)
    lookup = np.zeros(256, np.uint8)
    lookup[label_values(labels)[1:]] = np.arange(1, len(labels) + 1)
    return lookup[images.labels_of(mask)]


def label_values(labels: dict[str, int]) -> list[int]:
    """The value in a mask of each class of a network, background first."""
    return [0, *sorted(labels.values())]


def _check_size(case: str, path: object, image: sitk.Image, first: sitk.Image) -> None:
    if image.GetSize() != first.GetSize():
        raise CaseError(
            "the image is not on the grid of the first modality",
            case=case,
            file=str(path),
            found=image.GetSize(),
            expected=first.GetSize(),
        )
