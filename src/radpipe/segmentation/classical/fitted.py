"""What a classical method has learned on the training part of a fold."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd
import SimpleITK as sitk

from radpipe.config import Classical, Segmentation
from radpipe.errors import ConfigError

Parameters = Mapping[str, Any]
"""What a method is told: JSON values."""

BY_INTENSITY = ("otsu", "multi_otsu", "kmeans", "gaussian_mixture")
"""Methods that part the intensities of an image; which part is which label is learned."""

ONE_REGION = (
    "fwhm",
    "reference_sd",
    "region_growing",
    "active_contour",
    "chan_vese",
    "geodesic",
)
"""Methods that know a region and its surroundings, and so one label only."""

BY_SEEDS = ("random_walker", "watershed")
"""Methods that spread labels from voxels which are sure to have them."""

BY_VOXEL = ("knn", "svm", "random_forest")
"""Classifiers of voxels, trained on all modalities."""


@dataclass(frozen=True)
class Atlas:
    """A training case: its image and its classes (0 background), on one bounded grid."""

    image: sitk.Image
    classes: sitk.Image


@dataclass(frozen=True)
class FittedClassical:
    """A classical method as it was learned in a fold.

    Attributes:
        method: name of the method.
        modalities: the images it looks at; methods other than voxel classifiers see the first.
        labels: name and value of each label.
        parameters: what was learned: JSON values.
        cases: the training cases it was learned on.
        tuning: what was tried: `candidate, parameters, dice`, and `scores`, how many Dice it is of.
        estimator: a fitted pipeline of scikit-learn (voxel classifiers).
        atlases: training cases (atlas).
    """

    method: str
    modalities: tuple[str, ...]
    labels: dict[str, int]
    parameters: dict[str, Any]
    cases: tuple[str, ...]
    tuning: pd.DataFrame
    estimator: Any = None
    atlases: tuple[Atlas, ...] = field(default=())


def check_segmentation(settings: Segmentation) -> None:
    """`check_classical` of every classical segmenter of a study, before any work is done."""
    for segmenter in settings.segmenters:
        if isinstance(segmenter, Classical):
            check_classical(segmenter, settings.labels)


def check_classical(settings: Classical, labels: dict[str, int]) -> None:
    """Whether a method can do what is asked of it.

    Raises:
        ConfigError: several labels for a method that knows one region only, fewer classes than
            the labels and their background need, or a refinement that needs probabilities.
    """
    method, parts = settings.classical, 2 if settings.classical == "otsu" else settings.classes
    where = f"segmenter '{settings.name}': {method}"
    if method in ONE_REGION and len(labels) > 1:
        raise ConfigError(
            f"{where} finds one region in its surroundings and cannot tell labels apart",
            found=f"{len(labels)} labels",
            expected="one label",
            hint="multi_otsu, kmeans, gaussian_mixture, random_walker, watershed, knn, svm, "
            "random_forest and atlas draw several",
        )
    if method in BY_INTENSITY and parts < len(labels) + 1:
        raise ConfigError(
            f"{where} parts an image in {parts} classes, too few for the labels and a background",
            found=f"{len(labels)} labels",
            expected=f"at most {parts - 1}",
            hint="name multi_otsu with more classes" if method == "otsu" else "raise classes",
        )
    if settings.cleaning.crf is not None:
        raise ConfigError(
            f"{where} gives no probabilities, which the random field refines",
            found="cleaning.crf",
            expected="crf: null",
        )
