"""A whole volume through a network that was trained on patches."""

import torch
from monai.inferers.utils import sliding_window_inference
from torch import Tensor, nn

from radpipe.networks.devices import device

WINDOWS = 4
"""Windows a forward pass."""


def sliding_window(
    network: nn.Module, image: Tensor, patch: tuple[int, int, int], overlap: float
) -> Tensor:
    """Probabilities of every voxel, windows weighted by a Gaussian.

    Args:
        network: from `(N, C, D, H, W)` to logits `(N, L, D, H, W)`; is set to evaluation mode.
        image: one volume `(C, D, H, W)`, of any size: where it is smaller than the patch it is
            padded with its edge values, as in training.
        patch: size of a window, voxels.
        overlap: share of a window that the next one covers again, 0 to below 1.

    Returns:
        Softmax probabilities `(L, D, H, W)` on the CPU; channel 0 is the background.
    """
    where = device()
    network = network.to(where).eval()

    def probabilities(windows: Tensor) -> Tensor:
        logits: Tensor = network(windows)
        return torch.softmax(logits.float(), dim=1)

    with torch.inference_mode(), torch.autocast(where.type, enabled=where.type == "cuda"):
        whole = sliding_window_inference(
            image[None].to(where),
            roi_size=patch,
            sw_batch_size=WINDOWS,
            predictor=probabilities,
            overlap=overlap,
            mode="gaussian",
            padding_mode="replicate",
        )
    assert isinstance(whole, Tensor)
    return whole[0].float().cpu()
