"""A segmenter of one fold: the network and how it came to be."""

import pandas as pd
from torch import Tensor, nn

from radpipe.config import Segmenter
from radpipe.networks.losses import build_loss
from radpipe.networks.training import TrainingSettings, fit, seed_everything
from radpipe.segmentation.architecture import build_segmenter
from radpipe.segmentation.sampling import PatchDataset
from radpipe.types import CaseFiles


def train_segmenter(
    cases: list[CaseFiles],
    settings: Segmenter,
    labels: dict[str, int],
    *,
    seed: int,
    threads: int = 1,
) -> tuple[nn.Module, pd.DataFrame]:
    """Train a segmenter on the training part of a fold.

    Args:
        cases: training cases with masks; nothing else of the cohort is seen.
        settings: architecture, patches, schedule, loss.
        labels: name and value in the mask of each label.
        seed: of the weights' start, of patches and their order.
        threads: CPU threads.

    Returns:
        The network in evaluation mode, and the log (`step, loss, learning_rate, seconds`).

    Raises:
        FitError: no cases, no labelled voxel, or the loss is no longer finite.
    """
    dataset = PatchDataset(
        cases, labels=labels, patch=settings.patch, foreground=settings.foreground, seed=seed
    )
    seed_everything(seed, threads)
    network = build_segmenter(settings, modalities=len(cases[0].images), labels=len(labels))
    loss = build_loss(settings.loss, len(labels))

    def batch_loss(model: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        return loss(model(batch["image"]), batch["label"])

    schedule = TrainingSettings(
        settings.steps, settings.batch, settings.learning_rate, seed=seed, threads=threads
    )
    return network, fit(network, batch_loss, dataset, schedule)
