"""The registry of predictors on images: from the settings of a model to its network."""

from collections.abc import Callable

from torch import nn

from radpipe.config import Model
from radpipe.networks.capsule import FREE, CapsuleNetwork
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.heads import Head
from radpipe.networks.slices import SliceNetwork
from radpipe.networks.streams import Encoded, Streams
from radpipe.networks.views import AxialSlices, Encoder, PlainEncoder, ThreePlanes

ARCHITECTURE = ("channels", "layers", "view", "slices", "width", "streams")
"""The settings of a model that its network depends on, beside the size of the crop."""

Size = tuple[int, int, int]
EncoderBuilder = Callable[[Model, int, Size], Encoder]
"""From a model, the channels that are seen (the mask last) and the size of the crop."""


def build_network(model: Model, inputs: int, size: Size, head: Head) -> nn.Module:
    """The network of a model, with random weights.

    Args:
        model: predictor, channels, view and the other settings in `ARCHITECTURE`.
        inputs: channels of a crop, the mask last.
        size: of a crop, (D, H, W) voxels.
        head: of the outcome.
    """
    if model.streams:
        encoders = [ENCODERS[model.predictor](model, 2, size) for _ in range(inputs - 1)]
        return Streams(encoders, head.outputs)
    if model.predictor == "cnn3d":
        return Classifier3D(inputs, model.channels, head.outputs)
    if model.predictor == "capsule":
        above = head.classes or FREE
        return CapsuleNetwork(inputs, model.channels, above, model.width, head)
    return Encoded(ENCODERS[model.predictor](model, inputs, size), head.outputs)


def _plain(model: Model, inputs: int, _size: Size) -> Encoder:
    return PlainEncoder(3, inputs, model.channels)


def _slices(model: Model, inputs: int, _size: Size) -> Encoder:
    return AxialSlices(PlainEncoder(2, inputs, model.channels), model.slices)


def _planes(model: Model, inputs: int, size: Size) -> Encoder:
    return ThreePlanes(lambda _: PlainEncoder(2, inputs, model.channels), size)


def _published(model: Model, inputs: int, size: Size) -> Encoder:
    # MONAI, seconds that other networks must not wait for.
    from radpipe.networks.backbones import build_backbone

    name, channels, layers = model.predictor, model.channels, model.layers
    if model.view == "25d":
        return ThreePlanes(
            lambda plane: build_backbone(name, inputs, plane, channels, layers), size
        )
    if model.view == "2d":
        plane = build_backbone(name, inputs, size[1:], channels, layers)
        return AxialSlices(plane, model.slices)
    return build_backbone(name, inputs, size, channels, layers)


def _lstm(model: Model, inputs: int, size: Size) -> Encoder:
    return _headless(SliceNetwork(inputs, model.channels, size[0], model.width, "lstm"))


def _transformer(model: Model, inputs: int, size: Size) -> Encoder:
    return _headless(SliceNetwork(inputs, model.channels, size[0], model.width, "transformer"))


def _capsules(model: Model, inputs: int, _size: Size) -> Encoder:
    network = CapsuleNetwork(inputs, model.channels, FREE, model.width, Head("regression"))
    network.readout = None
    return network


def _headless(network: SliceNetwork) -> SliceNetwork:
    """The network without its head, whose place another one takes."""
    network.head = nn.Sequential()
    return network


ENCODERS: dict[str, EncoderBuilder] = {
    "cnn3d": _plain,
    "cnn2d": _slices,
    "cnn25d": _planes,
    "resnet": _published,
    "densenet": _published,
    "se_resnet": _published,
    "efficientnet": _published,
    "cnn_lstm": _lstm,
    "cnn_transformer": _transformer,
    "capsule": _capsules,
}
"""Every network among the predictors."""
