"""A small 3-D convolutional network from a crop to one logit."""

from collections.abc import Sequence

from torch import Tensor, nn

DROPOUT = 0.2


class Classifier3D(nn.Module):
    """Convolution blocks, global average pooling, one logit.

    Group normalisation over all channels of one crop: batch statistics would make the prediction
    of a row depend on the other rows (guardrail G03), and normalising each channel by itself
    would take away the mean intensity of the crop.

    Args:
        inputs: channels of a crop.
        channels: features a level; each level but the first halves the crop (rounding up).
    """

    def __init__(self, inputs: int, channels: Sequence[int]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for level, (before, after) in enumerate(zip([inputs, *channels], channels, strict=False)):
            layers += [
                nn.Conv3d(before, after, 3, stride=1 if level == 0 else 2, padding=1),
                nn.GroupNorm(1, after),
                nn.ReLU(inplace=False),
            ]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool3d(1), nn.Flatten(), nn.Dropout(DROPOUT), nn.Linear(channels[-1], 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        """From crops `(N, C, D, H, W)` to logits `(N, 1)`; `features(x)` are the last maps."""
        logits: Tensor = self.head(self.features(x))
        return logits
