"""Weights that the user gives: read without running anything, checked tensor by tensor.

Nothing is downloaded. A file of torch is read with `weights_only=True`, so that a pickle in it
cannot run code.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from monai.networks.nets import densenet, resnet
from safetensors import SafetensorError
from torch import Tensor, nn

from radpipe.config.encoders import Given
from radpipe.errors import ConfigError, RadpipeError
from radpipe.features.deep.region import View

PREFIXES = ("module.", "network.", "model.", "backbone.", "encoder.")
"""What training programs put before all names of a network."""
HEADS = ("fc.", "class_layers.out.")
"""The classifier of the training elsewhere; an embedding has no use for it."""
WRAPPERS = ("state_dict", "model_state_dict", "model")
"""Keys under which a checkpoint keeps the tensors."""
DENSENET_FEATURES = 1024
"""Of DenseNet-121 before its classifier."""
FIRST = {"resnet": "conv1.weight", "densenet": "features.conv0.weight"}


class GivenNetwork(nn.Module):
    """A network of MONAI up to its global mean.

    Args:
        network: without its classifier, `(N, C, D, H, W)` to `(N, features)`.
        features: of one pass.
        inputs: channels of a crop.
        each: whether it takes one channel, so that channels pass one after the other and their
            features stand side by side.
    """

    def __init__(self, network: nn.Module, features: int, inputs: int, *, each: bool) -> None:
        super().__init__()
        self.network = network
        self.each = each
        self.width = features * inputs if each else features

    def encode(self, x: Tensor) -> Tensor:
        """Embeddings `(N, width)` of standardised crops `(N, C, D, H, W)`."""
        if not self.each:
            codes: Tensor = self.network(x)
            return codes
        return torch.cat([self.network(channel) for channel in x.split(1, dim=1)], dim=1)


def load_given(settings: Given, view: View) -> GivenNetwork:
    """The network with the weights of the user.

    Raises:
        RadpipeError: the file cannot be read, or a tensor is missing, is one too many, or has
            another size; the first layer that differs is named.
    """
    tensors = read_tensors(settings.weights)
    shapes = {name: tuple(tensor.shape) for name, tensor in tensors.items()}
    given = build_given(settings, view, shapes, settings.weights)
    own = given.network.state_dict()
    given.network.load_state_dict({name: tensors.get(name, own[name]) for name in own})
    return given.eval()


def build_given(
    settings: Given, view: View, shapes: Mapping[str, tuple[int, ...]], file: Path
) -> GivenNetwork:
    """The network that weights of such sizes fit into, with random weights.

    Raises:
        RadpipeError: they fit into no network of this name with these channels.
    """
    family = "resnet" if settings.network.startswith("resnet") else "densenet"
    first = shapes.get(FIRST[family])
    channels = first[1] if first is not None and len(first) > 1 else view.channels
    if channels not in (1, view.channels):
        raise RadpipeError(
            f"the weights are of a network with other channels: layer '{FIRST[family]}' differs",
            file=file,
            found=f"{channels} channels",
            expected=f"{view.channels} ({', '.join(view.modalities)}"
            + (" and the mask)" if settings.mask_channel else ")")
            + ", or 1 that all go through",
        )
    network, features = _architecture(settings, channels, shapes)
    check_shapes(network, shapes, file)
    each = channels == 1 and view.channels > 1
    return GivenNetwork(network, features, view.channels, each=each)


def read_tensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a weights file, without wrappers, prefixes and classifier.

    Raises:
        RadpipeError: it is neither safetensors nor a state dict of torch.
    """
    if not path.is_file():
        raise ConfigError("the given weights do not exist", file=path)
    try:
        content: Any = safetensors.torch.load_file(str(path))
    except SafetensorError:
        content = _read_torch(path)
    for wrapper in WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(wrapper), Mapping):
            content = content[wrapper]
    if not isinstance(content, Mapping) or not all(
        isinstance(value, Tensor) for value in content.values()
    ):
        raise RadpipeError(
            "the given weights are no mapping of tensors", file=path, found=type(content).__name__
        )
    tensors = {str(name): tensor for name, tensor in content.items()}
    for prefix in PREFIXES:
        if tensors and all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): t for name, t in tensors.items()}
    return {name: t for name, t in tensors.items() if not name.startswith(HEADS)}


def check_shapes(network: nn.Module, found: Mapping[str, tuple[int, ...]], file: Path) -> None:
    """See that weights are those of `network`, in the order of its layers.

    Raises:
        RadpipeError: naming the first layer that differs.
    """
    expected = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    for name in [*expected, *(n for n in found if n not in expected)]:
        # How many batches a normalisation saw plays no part, and old files do not have it.
        if expected.get(name) != found.get(name) and not name.endswith(".num_batches_tracked"):
            raise RadpipeError(
                f"the weights are of another network: layer '{name}' differs",
                file=file,
                found=found.get(name, "no such tensor"),
                expected=expected.get(name, "no such tensor"),
            )


def _read_torch(path: Path) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, EOFError, RuntimeError, ValueError, pickle.UnpicklingError) as error:
        raise RadpipeError(
            "the given weights cannot be read",
            file=path,
            found=str(error).splitlines()[0],
            expected="safetensors, or a state dict of torch without other objects",
        ) from None


def _architecture(
    settings: Given, channels: int, shapes: Mapping[str, tuple[int, ...]]
) -> tuple[nn.Module, int]:
    """The network as MONAI builds it, and the number of its features."""
    if settings.network == "densenet121":
        dense = densenet.DenseNet121(spatial_dims=3, in_channels=channels, out_channels=1)
        dense.class_layers.out = nn.Identity()
        return dense, DENSENET_FEATURES
    shortcuts = [name for name in shapes if ".downsample." in name]
    network = getattr(resnet, settings.network)(
        pretrained=False,
        spatial_dims=3,
        n_input_channels=channels,
        feed_forward=False,
        # Published weights differ in their shortcuts: padded with zeros, or convolutions that may
        # have a bias. The names of the tensors tell.
        shortcut_type="B" if shortcuts else "A",
        bias_downsample="layer2.0.downsample.0.bias" in shapes,
    )
    return network, 2048 if settings.network == "resnet50" else 512
