"""Deep features: encoders of every kind, fitted on one fold's training part and applied to others.

What an encoder learns (its weights and the scale of its channels) comes from the cases it is given
and lies in its weights file; embedding a case reads nothing else, so a row never depends on which
other cases are embedded with it.
"""

from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.utils.data import Dataset

from radpipe.config import Encoder
from radpipe.config import encoders as kinds
from radpipe.errors import FitError
from radpipe.features.crops import Crop
from radpipe.features.deep.building import build_network, rebuild
from radpipe.features.deep.losses import loss_of
from radpipe.features.deep.region import RegionEncoder, View
from radpipe.features.deep.sources import Sources, Targets, check_sources, start_of
from radpipe.logs import progress
from radpipe.networks.belief import BeliefNetwork, train_belief
from radpipe.networks.devices import device, seed_everything
from radpipe.networks.heads import Head, make_head
from radpipe.networks.schedule import LOG_COLUMNS, TrainingSettings
from radpipe.networks.weights import load_weights
from radpipe.segmentation.plan import read_plan
from radpipe.types import CaseFiles

if TYPE_CHECKING:
    from radpipe.features.deep.bottleneck import SegmenterEncoder

__all__ = [
    "RegionEncoder",
    "Sources",
    "Targets",
    "build_encoder",
    "check_sources",
    "embed",
    "load_encoder",
    "start_of",
    "train_encoder",
]

CaseEncoder: TypeAlias = "RegionEncoder | SegmenterEncoder"


class _Crops(Dataset[dict[str, Tensor]]):
    """Crops, each with its targets where there are some."""

    def __init__(self, crops: list[Crop], targets: dict[str, Tensor]) -> None:
        self.crops = crops
        self.targets = targets

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        own = {name: values[index] for name, values in self.targets.items()}
        return {"crop": torch.from_numpy(self.crops[index]), **own}


def build_encoder(
    modalities: list[str], settings: kinds.CropEncoder, head: Head | None = None
) -> RegionEncoder:
    """An untrained encoder of crops; a supervised one needs the head of its outcome."""
    view = View(tuple(modalities), settings)
    return RegionEncoder(build_network(settings, view, head), view)


def load_encoder(
    weights: str | Path, modalities: list[str], settings: Encoder, sources: Sources | None = None
) -> CaseEncoder:
    """A trained encoder from its weights file, in evaluation mode. No outcome is asked for.

    Args:
        weights: as `networks.weights.save_weights` wrote them.
        modalities: the images in the order of the training.
        settings: of the training.
        sources: for kind segmenter its plan and labels.

    Raises:
        RadpipeError: the weights are of another encoder.
    """
    network: CaseEncoder
    if isinstance(settings, kinds.Bottleneck):
        network = _segmenter(modalities, sources or Sources())
    else:
        network = rebuild(settings, View(tuple(modalities), settings), Path(weights))
    load_weights(network, weights)
    return network.eval()


def train_encoder(
    cases: list[CaseFiles],
    modalities: list[str],
    settings: Encoder,
    *,
    seed: int,
    threads: int = 1,
    sources: Sources | None = None,
) -> tuple[CaseEncoder, pd.DataFrame]:
    """Fit an encoder on `cases`: the training part of one fold, nothing else.

    Cases without a region are left out; of a supervised kind those without an outcome as well.

    Returns:
        The encoder, on the CPU in evaluation mode, and the log of `networks.training.fit`, without
        rows for a kind that is not trained here.

    Raises:
        FitError: no case has a region, an outcome is needed and not given, or the loss is not
            finite.
        RadpipeError: given weights do not fit.
    """
    sources = sources or Sources()
    if isinstance(settings, kinds.Bottleneck):
        segmenter = _segmenter(modalities, sources)
        load_weights(segmenter.network, sources.segmenter_folder / "weights.safetensors")
        return segmenter, pd.DataFrame(columns=LOG_COLUMNS)
    targets = _targets(settings, sources)
    named = _crops(cases, View(tuple(modalities), settings), targets)
    head, tensors = None, dict[str, Tensor]()
    if targets is not None:
        y = targets.of(named)
        head = make_head(targets.kind, y)
        tensors = head.targets(y)
    seed_everything(seed, threads)
    network = build_encoder(modalities, settings, head)
    crops = list(named.values())
    network.set_scale(crops)
    return network.eval(), _fit(network, _Crops(crops, tensors), settings, head, (seed, threads))


def embed(
    network: CaseEncoder, cases: list[CaseFiles], settings: Encoder, *, threads: int = 1
) -> pd.DataFrame:
    """The embedding of each case.

    Cases go through the network one by one: libraries choose other algorithms for other batch
    sizes, and a row must not change with its neighbours.

    Returns:
        `case, <encoder>__e000, …`, in the order of `cases`; missing values for a case without a
        region.
    """
    torch.set_num_threads(threads)
    place = device()
    network = network.to(place).eval()
    columns = [f"{settings.name}__e{index:03d}" for index in range(network.width)]
    rows = []
    for files in progress(cases, f"embedding with {settings.name}"):
        seen = network.read(files)
        row = np.full(network.width, np.nan)
        if seen is not None:
            with torch.inference_mode():
                code = network.encode(torch.from_numpy(seen)[None].to(place))
            row = code[0].double().cpu().numpy()
        rows.append(row)
    table = pd.DataFrame(np.array(rows).reshape(len(cases), network.width), columns=columns)
    table.insert(0, "case", [files.case for files in cases])
    return table


def _segmenter(modalities: list[str], sources: Sources) -> "SegmenterEncoder":
    # MONAI, seconds that other kinds must not wait for.
    from radpipe.features.deep.bottleneck import SegmenterEncoder

    plan = read_plan(sources.segmenter_folder / "plan.yaml")
    return SegmenterEncoder(plan, len(sources.labels), len(modalities))


def _targets(settings: kinds.CropEncoder, sources: Sources) -> Targets | None:
    """The outcomes, for an encoder that learns from them; no other gets to see them."""
    if not isinstance(settings, kinds.Supervised):
        return None
    if sources.targets is None:
        raise FitError(f"encoder '{settings.name}' of kind {settings.kind} needs the outcome")
    return sources.targets


def _crops(cases: list[CaseFiles], view: View, targets: Targets | None) -> dict[str, Crop]:
    """The crops to train on, by case."""
    name = view.settings.name
    known = [f for f in cases if targets is None or targets.known(f.case)]
    read = {files.case: view.read(files) for files in progress(known, f"crops for {name}")}
    crops = {case: crop for case, crop in read.items() if crop is not None}
    if not crops:
        raise FitError(
            f"encoder '{name}' has nothing to train on",
            found=f"no region in {len(known)} cases",
            expected="at least one case with a mask that is not empty",
        )
    return crops


def _fit(
    network: RegionEncoder,
    crops: _Crops,
    settings: kinds.CropEncoder,
    head: Head | None,
    chance: tuple[int, int],
) -> pd.DataFrame:
    """Train the network in place; `chance` are the seed and the number of threads."""
    if not isinstance(settings, kinds.TrainedEncoder | kinds.Belief):
        return pd.DataFrame(columns=LOG_COLUMNS)
    seed, threads = chance
    cycle = TrainingSettings(
        steps=settings.steps,
        batch=settings.batch,
        learning_rate=settings.learning_rate,
        seed=seed,
        threads=threads,
    )
    if isinstance(settings, kinds.Belief):
        inner = network.network
        assert isinstance(inner, BeliefNetwork)
        x = torch.from_numpy(np.stack(crops.crops))
        return train_belief(inner, network.standardise(x), cycle)
    # Brings Lightning, three seconds that embedding must not wait for.
    from radpipe.networks import training

    return training.fit(network, loss_of(network, settings, head), crops, cycle)
