"""Deep features: the bottleneck of an autoencoder trained on the crops of one fold's training part.

What an encoder learns (its weights and the scale of its channels) comes from the cases it is given
and lies in its weights file; embedding a case reads nothing else, so a row never depends on which
other cases are embedded with it.
"""

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset

from radpipe.config import Encoder
from radpipe.errors import FitError
from radpipe.features.crops import Crop, crop_case, has_region
from radpipe.logs import progress
from radpipe.networks.autoencoder import Autoencoder
from radpipe.networks.devices import device, seed_everything
from radpipe.types import CaseFiles


class RegionEncoder(nn.Module):
    """An autoencoder with the scale of its channels, so that the weights file holds all of it.

    Args:
        modalities: number of image channels; the mask is one channel more.
        settings: sizes of the network.
    """

    shift: Tensor
    scale: Tensor

    def __init__(self, modalities: int, settings: Encoder) -> None:
        super().__init__()
        channels = modalities + 1
        self.autoencoder = Autoencoder(channels, settings.channels, settings.latent, settings.crop)
        self.register_buffer("shift", torch.zeros(channels))
        self.register_buffer("scale", torch.ones(channels))

    def set_scale(self, crops: list[Crop]) -> None:
        """Take mean and standard deviation of each image channel from the training crops."""
        for channel in range(len(self.shift) - 1):
            values = np.stack([crop[channel] for crop in crops]).astype(np.float64)
            self.shift[channel] = float(values.mean())
            self.scale[channel] = float(values.std()) or 1.0

    def standardise(self, x: Tensor) -> Tensor:
        """Crops `(N, C + 1, D, H, W)` on the scale of the training crops, the mask as it is."""
        shape = (1, -1, 1, 1, 1)
        standard: Tensor = (x - self.shift.view(shape)) / self.scale.view(shape)
        return standard

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(N, latent)` of crops `(N, C + 1, D, H, W)`."""
        return self.autoencoder.encode(self.standardise(x))

    def forward(self, x: Tensor) -> Tensor:
        """Reconstructions of the standardised crops, `(N, C + 1, D, H, W)`."""
        reconstruction: Tensor = self.autoencoder(self.standardise(x))
        return reconstruction


class _Crops(Dataset[dict[str, Tensor]]):
    def __init__(self, crops: list[Crop]) -> None:
        self.crops = crops

    def __len__(self) -> int:
        return len(self.crops)

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        return {"crop": torch.from_numpy(self.crops[index])}


def build_encoder(modalities: list[str], settings: Encoder) -> RegionEncoder:
    """An untrained encoder, to train or to read weights into."""
    return RegionEncoder(len(modalities), settings)


def train_encoder(
    cases: list[CaseFiles], modalities: list[str], settings: Encoder, *, seed: int, threads: int = 1
) -> tuple[RegionEncoder, pd.DataFrame]:
    """Train an autoencoder on the crops of `cases`: the training part of one fold, nothing else.

    Cases without a region are left out.

    Returns:
        The network, on the CPU in evaluation mode, and the log of
        `networks.training.fit`.

    Raises:
        FitError: no case has a region, or the loss is not finite.
    """
    crops = [
        crop
        for files in progress(cases, f"crops for {settings.name}")
        if has_region(crop := crop_case(files, settings.crop, modalities))
    ]
    if not crops:
        raise FitError(
            f"encoder '{settings.name}' has nothing to train on",
            found=f"no region in {len(cases)} cases",
            expected="at least one case with a mask that is not empty",
        )
    # Brings Lightning, three seconds that embedding must not wait for.
    from radpipe.networks import training

    seed_everything(seed, threads)
    network = build_encoder(modalities, settings)
    network.set_scale(crops)
    log = training.fit(
        network,
        lambda _, batch: reconstruction_loss(network, batch["crop"]),
        _Crops(crops),
        training.TrainingSettings(
            steps=settings.steps,
            batch=settings.batch,
            learning_rate=settings.learning_rate,
            seed=seed,
            threads=threads,
        ),
    )
    return network, log


def reconstruction_loss(network: RegionEncoder, crop: Tensor) -> Tensor:
    """Mean squared error over the whole crop plus that over the region.

    A region fills a few hundredths of its crop; without the second term the bottleneck would
    describe the surroundings alone.
    """
    squared = (network(crop) - network.standardise(crop)) ** 2
    region = crop[:, -1:].expand_as(squared)
    inside = (squared * region).sum() / region.sum().clamp(min=1)
    total: Tensor = squared.mean() + inside
    return total


def embed(
    network: RegionEncoder,
    cases: list[CaseFiles],
    modalities: list[str],
    settings: Encoder,
    *,
    threads: int = 1,
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
    columns = [f"{settings.name}__e{index:03d}" for index in range(settings.latent)]
    rows = []
    for files in progress(cases, f"embedding with {settings.name}"):
        crop = crop_case(files, settings.crop, modalities)
        row = np.full(settings.latent, np.nan)
        if has_region(crop):
            with torch.inference_mode():
                code = network.encode(torch.from_numpy(crop)[None].to(place))
            row = code[0].double().cpu().numpy()
        rows.append(row)
    table = pd.DataFrame(np.array(rows).reshape(len(cases), settings.latent), columns=columns)
    table.insert(0, "case", [files.case for files in cases])
    return table
