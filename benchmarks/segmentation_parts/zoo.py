"""Every network of the registry, made small, on one fold with the same data, patches and steps."""

from pathlib import Path
from typing import get_args

from radpipe.config import Classical, Network
from radpipe.config.segmentation import ClassicalName, NetworkName
from radpipe.networks.registry import build_network, count_parameters
from radpipe.networks.spec import NetworkSpec
from segmentation_parts.cohorts import Cohort
from segmentation_parts.ours import run_classical, run_network
from segmentation_parts.tasks import Tables

PATCH = (32, 48, 32)
BATCH = 2
LEARNING_RATE = 1e-3

USUAL = [16, 32, 64, 128]
CHANNELS: dict[str, list[int]] = {
    "vnet": [8, 16, 32, 64, 128],
    "vnet_light": [8, 16, 32, 64],
    "unetpp": [8, 16, 32, 64, 8],
    "unet3d_cicek": [8, 16, 32, 64],
    "unetr": [8, 16, 32, 64, 192],
    "swin_unetr": [12, 24, 48, 96, 192],
    "densenet_seg": [4, 8, 12],
    "r2_unet": [8, 16, 32, 64],
    "dense_unet": [16, 16, 16],
    "inception_unet": [8, 16, 32, 64],
}
"""Features of networks that cannot have `USUAL`, or take seconds a step with them on one core."""

CLASSICAL: tuple[ClassicalName, ...] = (
    "kmeans",
    "gaussian_mixture",
    "knn",
    "random_forest",
    "atlas",
)
"""Classical methods that draw several labels."""

QUICK = ("unet", "segnet", "unetr", "kmeans")

WHOLE_NETWORKS = [name for name in get_args(NetworkName) if name != "auto"]


def zoo_names(*, quick: bool) -> list[str]:
    """What is compared, networks first."""
    names = [*WHOLE_NETWORKS, *CLASSICAL]
    return [name for name in names if name in QUICK] if quick else names


def run_entry(cohort: Cohort, fold: str, name: str, steps: int, folder: Path) -> Tables:
    """One network or classical method on the fold."""
    if name in CLASSICAL:
        return run_classical(cohort, [fold], Classical(name=name, classical=name), folder)
    settings = Network(
        name=name,
        network=name,
        channels=CHANNELS.get(name, USUAL),
        patch=PATCH,
        batch=BATCH,
        steps=steps,
        learning_rate=LEARNING_RATE,
    )
    scores, runs = run_network(cohort, fold, settings, folder)
    return scores, runs.assign(published=published_parameters(name, cohort))


def published_parameters(name: str, cohort: Cohort) -> int:
    """Parameters of a network at the widths it was published with, for these images and labels."""
    spec = NetworkSpec(len(cohort.modalities), len(cohort.labels) + 1, patch=PATCH)
    return count_parameters(build_network(name, spec))
