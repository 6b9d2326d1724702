"""The network of a segmenter, as training and inference both build it."""

from torch import nn

from radpipe.config import Segmenter
from radpipe.networks.registry import build_network


def build_segmenter(settings: Segmenter, *, modalities: int, labels: int) -> nn.Module:
    """The untrained network of a segmenter: `modalities` in, `labels` and background out."""
    return build_network(
        settings.network,
        inputs=modalities,
        outputs=labels + 1,
        channels=settings.channels,
        residual_units=settings.residual_units,
    )
