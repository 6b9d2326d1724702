"""Masks of cases from a fitted classical method."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.config import Classical
from radpipe.errors import CaseError, ConfigError
from radpipe.imaging.threads import single_thread
from radpipe.io import images
from radpipe.segmentation.classical import atlas
from radpipe.segmentation.classical.fitted import BY_VOXEL, FittedClassical
from radpipe.segmentation.classical.methods import (
    ATLAS_VOXELS,
    METHODS,
    SPLITS,
    VOXELS_CLASSIFIED,
)
from radpipe.segmentation.classical.scenes import Scene, boxed, read_scene, shrunk, stretched
from radpipe.segmentation.classical.voxel_classifiers import draw_voxels, voxel_scores
from radpipe.segmentation.label_maps import label_values
from radpipe.segmentation.postprocessing import clean_labels
from radpipe.types import CaseFiles, Labels


def segment_classical(
    fitted: FittedClassical,
    files: CaseFiles,
    settings: Classical,
    labels: dict[str, int],
    *,
    box: Path | None = None,
) -> sitk.Image:
    """Draw the mask of one case.

    With `within: box` the method looks only inside the bounding box of the mask `box`, widened by
    `margin_mm`. Where that is the reference mask of the case itself, the result is semi-automatic:
    a reader has said where the lesion is, and a score against that mask is no score of a method
    that had to find it. Of the mask nothing but the box is used.

    Args:
        fitted: as `fit_classical` gave it, with the same settings and labels.
        files: prepared images; a mask in it is not looked at. A missing image is seen as zeros.
        settings: where to look, and cleaning.
        labels: name and value in the mask of each label.
        box: `within: box`: a mask on the grid of the images.

    Returns:
        uint8 labels on the grid of the prepared images; empty if the image or the box is, or if
        nothing was found.

    Raises:
        ConfigError: the method was fitted for other settings or labels.
        CaseError: a box is wanted and none was given, or the images do not fit together.
    """
    _check_same(fitted, settings, labels)
    if settings.within == "box" and box is None:
        raise CaseError("the case has no mask to set a box around", case=files.case)
    where = box if settings.within == "box" else None
    with single_thread():
        scene, grid, classes = read_scene(files, fitted.modalities, where, labels)
        drawn = np.zeros(scene.size, np.uint8)
        if classes is None:
            drawn[:] = draw(fitted, scene, grid.GetDirection())
        else:
            part, window = boxed(scene, classes > 0, settings.margin_mm)
            drawn[window] = draw(fitted, part, grid.GetDirection())
    values = np.array(label_values(labels), np.uint8)[drawn]
    cleaned = clean_labels(values, images.spacing_zyx(grid), settings.cleaning)
    return images.image_like(cleaned, grid)


def draw(fitted: FittedClassical, scene: Scene, direction: tuple[float, ...]) -> Labels:
    """Classes `(z, y, x)` of the voxels of a scene; all background where it is empty.

    Args:
        fitted: the method.
        scene: whole image or box; its modalities are those of the method.
        direction: axes of the grid in the world, as SimpleITK gives them (atlas).
    """
    if scene.empty:
        return np.zeros(scene.size, np.uint8)
    if fitted.method in SPLITS:
        parts = SPLITS[fitted.method](scene, fitted.parameters)
        if parts is None:
            return np.zeros(scene.size, np.uint8)
        return np.array(fitted.parameters["classes_to_labels"], np.uint8)[parts]
    if fitted.method in METHODS:
        method = METHODS[fitted.method]
        small = shrunk(scene, method.voxels)
        return stretched(method.draw(small, fitted.parameters), scene, method.voxels)
    if fitted.method in BY_VOXEL:
        small = shrunk(scene, VOXELS_CLASSIFIED)
        scores = voxel_scores(fitted.estimator, small, len(fitted.labels))
        drawn = draw_voxels(scores, float(fitted.parameters["shift"]))
        return stretched(drawn, scene, VOXELS_CLASSIFIED)
    small = shrunk(scene, ATLAS_VOXELS)
    return stretched(_by_atlases(fitted, small, direction), scene, ATLAS_VOXELS)


def _by_atlases(fitted: FittedClassical, scene: Scene, direction: tuple[float, ...]) -> Labels:
    """Labels of the nearest atlases, joined; none where no atlas can be laid over the case."""
    target = atlas.image_of(scene, direction)
    near = atlas.nearest(fitted.atlases, target, int(fitted.parameters["atlases"]))
    moved = [atlas.propagate(one, target, int(fitted.parameters["seed"])) for one in near]
    drawn = [one for one in moved if one is not None]
    if not drawn:
        return np.zeros(scene.size, np.uint8)
    join = atlas.staple if fitted.parameters["combine"] == "staple" else atlas.vote
    return join(drawn, len(fitted.labels))


def _check_same(fitted: FittedClassical, settings: Classical, labels: dict[str, int]) -> None:
    for what, found, expected in (
        ("method", fitted.method, settings.classical),
        ("labels", fitted.labels, labels),
        ("region", fitted.parameters["within"], settings.within),
    ):
        if found != expected:
            raise ConfigError(
                f"segmenter '{settings.name}' was fitted for another {what}",
                found=found,
                expected=expected,
            )
