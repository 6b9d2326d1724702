"""A small 3-D convolutional network from a crop to an outcome."""

from collections.abc import Sequence

from torch import Tensor, nn

from radpipe.networks.blocks import plain_levels

DROPOUT = 0.2


class Classifier3D(nn.Module):
    """Convolution blocks, global average pooling, one linear layer.

    Group normalisation over all channels of one crop: batch statistics would make the prediction
    of a row depend on the other rows (guardrail G03), and normalising each channel by itself
    would take away the mean intensity of the crop.

    Args:
        inputs: channels of a crop.
        channels: features a level; each level but the first halves the crop (rounding up).
        outputs: numbers that the head gives; see `heads.Head` for their meaning.
    """

    def __init__(self, inputs: int, channels: Sequence[int], outputs: int = 1) -> None:
        super().__init__()
        self.features = nn.Sequential(*plain_levels(3, inputs, channels))
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool3d(1),
            nn.Flatten(),
            nn.Dropout(DROPOUT),
            nn.Linear(channels[-1], outputs),
        )
        self.width = channels[-1]

    def encode(self, x: Tensor) -> Tensor:
        """The penultimate layer, `(N, width)`: the mean of each of the last maps."""
        return self.features(x).mean(dim=(2, 3, 4))

    def forward(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)` to `(N, outputs)`; `features(x)` are the last maps."""
        logits: Tensor = self.head(self.features(x))
        return logits
