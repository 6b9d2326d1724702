"""3-D DenseNet for several modalities: one path for all, or one each, joined early or late."""

from collections.abc import Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor, nn

from radpipe.networks.blocks import DenseBlock, classifier, conv, preactivated
from radpipe.networks.spec import AnySize, Builder, NetworkSpec

GROWTH = (25, 50, 75)
"""Features that a layer adds."""

REPEATS = 3
"""Layers of the same growth."""


class PerModality(nn.Module):
    """A path a modality; their features are joined, and none sees another's modality before."""

    def __init__(self, paths: Sequence[nn.Module]) -> None:
        super().__init__()
        self.paths = nn.ModuleList(paths)

    def forward(self, x: Tensor) -> Tensor:
        """From `(N, modalities, …)` to the features of all paths side by side."""
        return torch.cat([path(x[:, i : i + 1]) for i, path in enumerate(self.paths)], dim=1)


def _densenet_seg(spec: NetworkSpec) -> nn.Module:
    """Dense paths of nine layers without pooling, the baselines of HyperDense-Net.

    Dolz et al., IEEE TMI 2019: layers of size 3 that add 25, 50 and 75 features, three of each,
    then layers of size 1 with 400, 200 and 150. `channels` are the growths, any number of them;
    the layers of size 1 keep their ratio to the last one. Widths and ways of fusion are those of
    N. Adaloglou's MedicalZooPytorch (with an MSc thesis, University of Patras 2019):

    - `streams` is `one`: all modalities enter one path; 2.7 M parameters.
    - `early`: each has a first layer, the eight others are shared; 3.0 M for two modalities,
      3.3 M for three.
    - `late`: each has a whole path, joined before the logits; 5.4 M for two. (The code there leaves
      out a layer in this one case, 4.8 M; 5.4 M is what nine layers make.)

    There an image is normalised and cut at zero first, which would drop all intensities below its
    mean; here the first layer is a bare convolution (two parameters less a modality), and the
    layers of size 1 are normalised and rectified as all others (2,000 more a path).
    """
    growth = [g for g in spec.channels or GROWTH for _ in range(REPEATS)]
    modalities = spec.inputs
    if spec.streams == "late":
        paths = [
            nn.Sequential(_first(spec, 1, growth), _others(spec, 1 + growth[0], growth))
            for _ in range(modalities)
        ]
        body, features = nn.Sequential(PerModality(paths)), modalities * _sizes(growth)[-1]
    else:
        first, seen = _first(spec, modalities, growth), modalities + growth[0]
        if spec.streams == "early":
            first = PerModality([_first(spec, 1, growth) for _ in range(modalities)])
            seen = modalities * (1 + growth[0])
        body = nn.Sequential(first, _others(spec, seen, growth))
        features = _sizes(growth)[-1]
    head = classifier(spec.dims, features, spec.outputs)
    return AnySize(nn.Sequential(body, nn.ReLU(), head), 1)


def _first(spec: NetworkSpec, inputs: int, growth: Sequence[int]) -> nn.Module:
    """The first layer: from the images to themselves and their first features."""
    return DenseBlock([conv(spec.dims, inputs, growth[0])])


def _others(spec: NetworkSpec, before: int, growth: Sequence[int]) -> nn.Module:
    """All layers but the first, then those of size 1."""
    seen = list(accumulate(growth[1:], initial=before))
    block = DenseBlock(
        [
            preactivated(spec.dims, b, g, dropout=spec.dropout)
            for b, g in zip(seen, growth[1:], strict=False)
        ]
    )
    last = [
        preactivated(spec.dims, b, a, 1, spec.dropout)
        for b, a in pairwise([seen[-1], *_sizes(growth)])
    ]
    return nn.Sequential(block, *last)


def _sizes(growth: Sequence[int]) -> tuple[int, int, int]:
    """Features of the layers of size 1: 400, 200 and 150 after a growth of 75."""
    last = growth[-1]
    return -(-16 * last // 3), -(-8 * last // 3), 2 * last


BUILDERS: dict[str, Builder] = {"densenet_seg": _densenet_seg}
