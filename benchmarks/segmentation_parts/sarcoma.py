"""Soft-tissue sarcomas from PET, CT and T1: few cases, and strong baselines without training."""

from radpipe.config import Budget, Classical, Network
from radpipe.config.segmentation import ClassicalName, Cleaning
from segmentation_parts.options import Options

FOLDS = 4
PET: tuple[ClassicalName, ...] = ("fwhm", "otsu", "region_growing", "reference_sd")
ONE_PIECE = Cleaning(largest_component=True)
"""A tumour is one piece; a bladder or a brain with as much uptake may be another."""


def planned(options: Options) -> Network:
    """`auto` with the budget of a sarcoma fold."""
    return planned_network("auto", options.sts_minutes, options, gpu=False)


def planned_network(name: str, minutes: float, options: Options, *, gpu: bool) -> Network:
    """A planned network; `--quick` gives it the steps."""
    steps = {} if options.own_steps is None else {"steps": options.own_steps}
    budget = Budget(minutes=minutes, device="gpu" if gpu else "cpu")
    return Network(name=name, network="auto", budget=budget, **steps)


def baselines() -> list[Classical]:
    """PET methods in the whole image and in a box a reader sets, and a forest of voxels."""
    methods = [
        Classical(
            name=f"pet_{method}" + ("_box" if within == "box" else ""),
            classical=method,
            modality="PET",
            within=within,
            cleaning=ONE_PIECE,
        )
        for within in ("image", "box")
        for method in PET
    ]
    forest = Classical(name="random_forest", classical="random_forest", cleaning=ONE_PIECE)
    return [*methods, forest]
