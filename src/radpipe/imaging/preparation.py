"""All images of a case on one grid, normalised: what networks and features are shown."""

from collections.abc import Mapping
from typing import Any

import SimpleITK as sitk

from radpipe.config import Normalisation, Resampling
from radpipe.errors import CaseError
from radpipe.imaging.importing import label_volumes_ml
from radpipe.imaging.normalisation import normalise
from radpipe.imaging.quality import image_quality
from radpipe.imaging.resampling import coverage, resample_image, resample_mask, target_grid
from radpipe.imaging.threads import single_thread


def prepare_images(
    images: Mapping[str, sitk.Image],
    transforms: Mapping[str, sitk.Transform],
    *,
    reference: str,
    resampling: Resampling,
    normalisation: Normalisation,
    case: str | None = None,
) -> tuple[dict[str, sitk.Image], dict[str, Any]]:
    """Bring the images of a case to one grid in one interpolation each, then normalise.

    Args:
        images: the (bias-corrected) images on their own grids, by modality.
        transforms: for a moving modality, points of the reference to points of that image; a
            modality without one lies in world coordinates as it is.
        reference: the modality whose field of view the grid covers.
        resampling: voxel size and interpolation.
        normalisation: method of each modality.
        case: for the message.

    Returns:
        The prepared images, float32, and by modality the quality of the resampled image before
        normalisation and `coverage`, the share of the grid inside its field of view.

    Raises:
        CaseError: an image does not reach the reference, or its voxels there do not vary.
    """
    grid = target_grid(images[reference], resampling.spacing_mm)
    prepared: dict[str, sitk.Image] = {}
    report: dict[str, Any] = {
        "grid_size_voxels": list(grid.GetSize()),
        "grid_spacing_mm": list(grid.GetSpacing()),
    }
    for modality, image in images.items():
        transform = transforms.get(modality, sitk.Transform(3, sitk.sitkIdentity))
        with single_thread():
            covered = coverage(image, grid, transform)
            _check_covered(covered, modality, reference, case)
            moved = resample_image(image, grid, transform, resampling.interpolation)
            report[modality] = {"coverage": covered, **image_quality(moved)}
            prepared[modality] = normalise(moved, normalisation.method_of(modality), case=case)
    return prepared, report


def prepare_mask(
    mask: sitk.Image, grid: sitk.Image, labels: Mapping[str, int]
) -> tuple[sitk.Image, dict[str, Any]]:
    """A drawn mask on the grid of the prepared images, resampled once.

    Args:
        mask: labels on the grid of the reference as imported.
        grid: any prepared image of the case.
        labels: name and value of each label.

    Returns:
        The mask, uint8, and by label its `volume_before_ml`, `volume_after_ml` and `voxels`.
    """
    with single_thread():
        moved = resample_mask(mask, grid, labels)
    before, after = label_volumes_ml(mask, labels), label_volumes_ml(moved, labels)
    voxel_ml = grid.GetSpacing()[0] * grid.GetSpacing()[1] * grid.GetSpacing()[2] / 1000.0
    report = {
        name: {
            "volume_before_ml": before[name],
            "volume_after_ml": after[name],
            "voxels": round(after[name] / voxel_ml),
        }
        for name in labels
    }
    return moved, report


def _check_covered(share: float, modality: str, reference: str, case: str | None) -> None:
    if share == 0:
        raise CaseError(
            f"the image of {modality} does not reach the image of {reference}",
            case=case,
            found="no voxel of the grid inside its field of view",
            expected="images that overlap in world coordinates or are registered",
        )
