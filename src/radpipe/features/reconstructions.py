"""What encoders with a decoder keep of cases that they were not trained on."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from radpipe.errors import FitError
from radpipe.features.crops import Crop
from radpipe.features.encoders import CaseEncoder, RegionEncoder
from radpipe.logs import progress
from radpipe.networks.devices import device
from radpipe.types import CaseFiles

SHOWN = 3
"""Cases whose slices are kept: the best, the median and the worst."""

Arrays = dict[str, npt.NDArray[Any]]


def reconstruct_folds(
    folds: Mapping[str, tuple[CaseEncoder, list[CaseFiles]]], *, threads: int = 1
) -> tuple[pd.DataFrame, Arrays]:
    """Reconstruct the held-out cases of each fold with the encoder of that fold.

    Intensities are standardised with the training crops, so that an error of 1 is what guessing
    the training mean everywhere would make.

    Args:
        folds: the encoder and the held-out cases of each fold.
        threads: of the CPU.

    Returns:
        `case, fold, rmse, rmse_region`: root mean squared error over all images of the crop, and
        over the voxels of the region, in standard deviations; missing without a region. And of the
        best, the median and the worst case by `rmse` the slice with most of the region, an image
        after the other: `<case>__image`, `<case>__reconstruction` (C, H, W), `<case>__mask` (H, W),
        `<case>__rmse`; `modalities` names the images.
    """
    torch.set_num_threads(threads)
    rows, slices, names = [], dict[str, Arrays](), tuple[str, ...]()
    for fold, (network, cases) in folds.items():
        if not isinstance(network, RegionEncoder):
            raise FitError("only an encoder of crops can reconstruct", found=fold)
        names = network.view.modalities
        for case, crop, again in _reconstructed(network, cases):
            errors = (np.nan, np.nan)
            if crop is not None and again is not None:
                errors = _errors(crop, again)
                slices[case] = _slices(crop, again) | {"rmse": np.array(errors[0])}
            rows.append((case, fold, *errors))
    table = pd.DataFrame(rows, columns=["case", "fold", "rmse", "rmse_region"])
    arrays: Arrays = {"modalities": np.array(names)}
    for case in typical(table):
        arrays |= {f"{case}__{name}": values for name, values in slices[case].items()}
    return table, arrays


def typical(table: pd.DataFrame) -> list[str]:
    """The best, the median and the worst case by `rmse`; all, if there are no more."""
    known = table.dropna(subset=["rmse"]).sort_values(["rmse", "case"])["case"].tolist()
    if len(known) <= SHOWN:
        return known
    return [known[0], known[len(known) // 2], known[-1]]


def _reconstructed(
    network: RegionEncoder, cases: list[CaseFiles]
) -> Iterator[tuple[str, Crop | None, Crop | None]]:
    """Standardised images with the mask last, and what the network makes of them."""
    place = device()
    network = network.to(place).eval()
    images = len(network.view.modalities)
    for files in progress(cases, "reconstructing"):
        crop = network.read(files)
        if crop is None:
            yield files.case, None, None
            continue
        x = torch.from_numpy(crop)[None].to(place)
        with torch.inference_mode():
            again = network(x)[0, :images].cpu().numpy()
            standard = network.standardise(x)[0, :images].cpu().numpy()
        yield files.case, np.concatenate([standard, crop[-1:]]), again


def _errors(crop: Crop, again: Crop) -> tuple[float, float]:
    squared = (crop[:-1].astype(np.float64) - again) ** 2
    region = squared[:, crop[-1] > 0]
    return float(np.sqrt(squared.mean())), float(np.sqrt(region.mean()))


def _slices(crop: Crop, again: Crop) -> Arrays:
    place = int(crop[-1].sum(axis=(1, 2)).argmax())
    mask = crop[-1, place]
    return {"image": crop[:-1, place], "reconstruction": again[:, place], "mask": mask}
