"""The first peer: MONAI's plain UNet with the settings of its tutorial for the spleen in 3-D.

From project-monai/tutorials, 3d_segmentation/spleen_segmentation_3d.ipynb: network, loss,
optimiser, crops, batch and sliding windows. What is adapted to crops of 35 x 50 x 35 voxels of MR
is said in `SETTINGS`.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from monai.data import DataLoader, Dataset, list_data_collate
from monai.inferers import sliding_window_inference
from monai.losses import DiceLoss
from monai.networks.layers import Norm
from monai.networks.nets.unet import UNet
from monai.transforms import Compose, CropForegroundd, RandCropByPosNegLabeld, SpatialPadd
from monai.utils import set_determinism
from torch import nn

from radpipe.io.images import array_of, image_like, labels_of, read_image, write_image
from radpipe.networks.registry import count_parameters
from segmentation_parts.cohorts import Cohort
from segmentation_parts.options import SEED
from segmentation_parts.ours import run_row
from segmentation_parts.tasks import Tables, spending

NAME = "monai_tutorial"
CROP = (32, 48, 32)
WINDOW = (48, 64, 48)
BATCH, SAMPLES = 2, 4
LEARNING_RATE = 1e-4

SETTINGS = (
    "network (16-32-64-128-256 features, two residual units, batch normalisation), Dice loss, Adam "
    "with 1e-4, two cases a batch with four crops each, half of them around labels, windows and "
    "their overlap as in `spleen_segmentation_3d`; adapted: the images are our prepared ones "
    "(z-score instead of a window of HU, 1 mm as they are); crops "
    f"of {CROP} instead of 96³, padded where an image is smaller; windows of {WINDOW} instead of "
    "160³, which like those hold most images whole; the foreground is what is not zero, and crops "
    "without a label may lie around any voxel; the last "
    "weights are used, because choosing the best epoch on the test fold would be a leak; the loop "
    "ends when its cpu seconds are spent"
)


def run_tutorial(cohort: Cohort, fold: str, seconds: float, folder: Path) -> Tables:
    """Train for so many cpu seconds, reading and cropping included, then draw the test part."""
    set_determinism(SEED)
    torch.set_num_threads(1)
    with spending() as training:
        network = UNet(
            spatial_dims=3,
            in_channels=len(cohort.modalities),
            out_channels=len(cohort.labels) + 1,
            channels=(16, 32, 64, 128, 256),
            strides=(2, 2, 2, 2),
            num_res_units=2,
            norm=Norm.BATCH,
        )
        steps = _train(network, _batches(cohort, fold), seconds)
    with spending() as drawing:
        _draw(network.eval(), cohort, fold, folder / "masks")
    about = {
        "network": "unet",
        "channels": "16-32-64-128-256",
        "patch": "x".join(map(str, CROP)),
        "batch": BATCH * SAMPLES,
        "steps": steps,
        "parameters": count_parameters(network),
        "device": "cpu",
        "settings": SETTINGS,
    }
    scores = cohort.score(folder / "masks", fold, NAME)
    return scores, run_row(NAME, fold, training, drawing, about)


def _train(network: nn.Module, batches: Iterator[dict[str, Any]], seconds: float) -> int:
    """Steps until the cpu seconds of this process since now are spent."""
    loss = DiceLoss(to_onehot_y=True, softmax=True)
    optimiser = torch.optim.Adam(network.parameters(), LEARNING_RATE)
    network.train()
    start, steps = time.process_time(), 0
    for batch in batches:
        optimiser.zero_grad()
        loss(network(batch["image"]), batch["label"]).backward()
        optimiser.step()
        steps += 1
        spent = time.process_time() - start
        if steps % 100 == 0:
            print(f"step {steps}, {spent:.0f} of {seconds:.0f} s", flush=True)
        if spent >= seconds:
            break
    return steps


def _batches(cohort: Cohort, fold: str) -> Iterator[dict[str, Any]]:
    """Epoch after epoch; the first batch comes when all cases are read."""
    keys = ["image", "label"]
    crop = Compose(
        [
            CropForegroundd(keys, source_key="image", select_fn=_not_zero, allow_smaller=True),
            SpatialPadd(keys, spatial_size=CROP),
            RandCropByPosNegLabeld(
                keys,
                label_key="label",
                spatial_size=CROP,
                pos=1,
                neg=1,
                num_samples=SAMPLES,
            ),
        ]
    )
    cases = []
    for files in cohort.files(fold, "train"):
        images = [array_of(read_image(path)) for path in files.images.values() if path]
        assert files.mask is not None
        label = labels_of(read_image(files.mask))
        cases.append(
            {
                "image": torch.stack([torch.from_numpy(image) for image in images]),
                "label": torch.from_numpy(label)[None],
            }
        )
    loader = DataLoader(
        Dataset(cases, crop), batch_size=BATCH, shuffle=True, collate_fn=list_data_collate
    )
    while True:
        yield from loader


def _not_zero(values: torch.Tensor) -> torch.Tensor:
    return values != 0


def _draw(network: nn.Module, cohort: Cohort, fold: str, masks: Path) -> None:
    values = torch.tensor([0, *sorted(cohort.labels.values())], dtype=torch.uint8)
    for files in cohort.files(fold, "test"):
        images = [read_image(path, case=files.case) for path in files.images.values() if path]
        volume = torch.stack([torch.from_numpy(array_of(image)) for image in images])
        with torch.no_grad():
            logits = sliding_window_inference(volume[None], WINDOW, 4, network)
        assert isinstance(logits, torch.Tensor)
        mask = values[logits.argmax(dim=1)[0]].numpy()
        write_image(image_like(mask, images[0]), masks / f"{files.case}.nii.gz")
