"""Masks of cases from a trained segmenter."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from torch import nn

from radpipe.config import Segmenter
from radpipe.io import images
from radpipe.networks.inference import sliding_window
from radpipe.networks.weights import load_weights
from radpipe.segmentation.architecture import build_segmenter
from radpipe.segmentation.loading import label_values, read_channels
from radpipe.segmentation.postprocessing import clean_labels
from radpipe.types import CaseFiles


def load_segmenter(
    weights: str | Path, settings: Segmenter, labels: dict[str, int], *, inputs: int
) -> nn.Module:
    """A trained segmenter from its weights; `inputs` is the number of modalities.

    Raises:
        RadpipeError: the weights are of another network.
    """
    network = build_segmenter(settings, modalities=inputs, labels=len(labels))
    load_weights(network, weights)
    return network.eval()


def segment_case(
    network: nn.Module, files: CaseFiles, settings: Segmenter, labels: dict[str, int]
) -> sitk.Image:
    """Draw the mask of one case.

    Args:
        network: as trained by `train_segmenter` with the same settings and labels.
        files: prepared images; a mask in it is not looked at.
        settings: patch, overlap and post-processing.
        labels: name and value in the mask of each label.

    Returns:
        uint8 labels on the grid of the prepared images.
    """
    values, grid = read_channels(files)
    chances = sliding_window(network, torch.from_numpy(values), settings.patch, settings.overlap)
    classes = chances.argmax(dim=0).numpy()
    drawn = np.array(label_values(labels), np.uint8)[classes]
    cleaned = clean_labels(
        drawn,
        images.spacing_zyx(grid),
        largest_component=settings.largest_component,
        minimum_ml=settings.minimum_ml,
    )
    return images.image_like(cleaned, grid)
