"""V-Net, put together from MONAI's transitions so that its widths and depth can be chosen."""

from collections.abc import Sequence

from monai.networks.nets.vnet import DownTransition, InputTransition, UpTransition
from torch import Tensor, nn

from radpipe.networks.norms import instance_norms

CONVOLUTIONS_DOWN = (1, 2, 3, 2)
"""Convolutions of the second level and of each one below it."""

CONVOLUTIONS_UP = (1, 1, 2, 2)
"""Convolutions on the way back to each level, the first level first."""

ACTIVATION = ("elu", {"inplace": True})


class VNet(nn.Module):
    """V-Net (Milletari et al. 2016), 2-D or 3-D.

    The convolutions a level are those of MONAI and of the implementation it follows (45.6 M
    parameters at widths 16 to 256), somewhat fewer than the figure of the paper shows. The last
    layer is the paper's: a 1×1×1 convolution without normalisation. Instance normalisation stands
    where MONAI has batch normalisation, so that patches of a batch do not see each other.

    Args:
        inputs: modalities; brought to a divisor of `channels[0]` by a 1×1×1 convolution where
            they are none, because the input is repeated to `channels[0]` features.
        outputs: labels and background.
        channels: features a level, each twice the one before; two to five levels.
        dims: 2 or 3.
        dropout: chance that a feature is dropped, in the skips and around the two coarsest levels.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        channels: Sequence[int],
        *,
        dims: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        convolution = nn.Conv3d if dims == 3 else nn.Conv2d
        first, levels = channels[0], len(channels)
        carried = divisor_from(inputs, first)
        self.project = convolution(inputs, carried, 1) if carried != inputs else nn.Identity()
        self.enter = InputTransition(dims, carried, first, ACTIVATION)
        self.down = nn.ModuleList()
        self.up = nn.ModuleList()
        for level in range(levels - 1):
            below, deep = channels[level + 1], dropout if level >= levels - 3 else None
            self.down.append(
                DownTransition(
                    dims,
                    channels[level],
                    CONVOLUTIONS_DOWN[level],
                    ACTIVATION,
                    dropout_prob=deep,
                    dropout_dim=dims,
                )
            )
            # What comes up carries the features of the skip it was joined with, so twice its own.
            self.up.append(
                UpTransition(
                    dims,
                    below if level == levels - 2 else 2 * below,
                    2 * channels[level],
                    CONVOLUTIONS_UP[level],
                    ACTIVATION,
                    dropout_prob=(deep, dropout),
                    dropout_dim=dims,
                )
            )
        instance_norms(self)
        self.head = convolution(2 * first, outputs, 1)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, inputs, *size)`, multiples of `2 ** (levels - 1)`, to logits."""
        x = self.enter(self.project(x))
        skips = []
        for down in self.down:
            skips.append(x)
            x = down(x)
        for up, skip in zip(reversed(self.up), reversed(skips), strict=True):
            x = up(x, skip)
        logits: Tensor = self.head(x)
        return logits


def divisor_from(inputs: int, features: int) -> int:
    """The smallest divisor of `features` that is not below `inputs`, else `features`."""
    return next((n for n in range(inputs, features) if features % n == 0), features)
