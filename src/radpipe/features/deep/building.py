"""Encoders built from their settings, untrained or from a weights file."""

from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from torch import nn

from radpipe.config import encoders as kinds
from radpipe.errors import RadpipeError
from radpipe.features.deep.region import RegionEncoder, View
from radpipe.networks.autoencoder import Autoencoder
from radpipe.networks.belief import BeliefNetwork
from radpipe.networks.capsule import FREE, CapsuleNetwork
from radpipe.networks.classifier import Classifier3D
from radpipe.networks.heads import Head
from radpipe.networks.slices import SliceNetwork
from radpipe.networks.variational import VariationalAutoencoder

Shapes = Mapping[str, tuple[int, ...]]
"""The size of each tensor of a weights file by its name."""


def build_network(settings: kinds.CropEncoder, view: View, head: Head | None) -> nn.Module:
    """The network of an encoder of crops, with random weights or those that were given.

    Args:
        settings: of the encoder.
        view: what it is shown.
        head: of the outcome, for a supervised one.
    """
    inputs, crop = view.channels, settings.crop
    if isinstance(settings, kinds.Given):
        # MONAI, seconds that other kinds must not wait for.
        from radpipe.features.deep.given import load_given

        return load_given(settings, view)
    if isinstance(settings, kinds.Belief):
        masked = int(settings.mask_channel)
        return BeliefNetwork(inputs, masked, crop, settings.hidden, settings.pool)
    assert isinstance(settings, kinds.TrainedEncoder)
    if isinstance(settings, kinds.Variational):
        return VariationalAutoencoder(inputs, settings.channels, settings.latent, crop)
    if isinstance(settings, kinds.Autoencoder | kinds.Denoising):
        return Autoencoder(inputs, settings.channels, settings.latent, crop)
    assert head is not None
    return _supervised(settings, inputs, head)


def _supervised(settings: kinds.TrainedEncoder, inputs: int, head: Head) -> nn.Module:
    if isinstance(settings, kinds.Capsule):
        above = head.classes or FREE
        own = settings.dimension
        return CapsuleNetwork(inputs, settings.channels, above, own, head, settings.routing)
    if isinstance(settings, kinds.Lstm | kinds.Transformer):
        return SliceNetwork(
            inputs,
            settings.channels,
            settings.crop[0],
            settings.latent,
            settings.kind,
            head.outputs,
        )
    return Classifier3D(inputs, settings.channels, head.outputs)


def rebuild(settings: kinds.CropEncoder, view: View, weights: Path) -> RegionEncoder:
    """An encoder of crops ready for the tensors of its weights file."""
    shapes = tensor_shapes(weights)
    if isinstance(settings, kinds.Given):
        # MONAI, likewise.
        from radpipe.features.deep.given import build_given

        inner = "network.network."
        own = {k.removeprefix(inner): v for k, v in shapes.items() if k.startswith(inner)}
        return RegionEncoder(build_given(settings, view, own, weights), view)
    head = _head_of(shapes) if isinstance(settings, kinds.Supervised) else None
    return RegionEncoder(build_network(settings, view, head), view)


def tensor_shapes(weights: Path) -> dict[str, tuple[int, ...]]:
    """The size of each tensor of a safetensors file.

    Raises:
        RadpipeError: it is no such file.
    """
    try:
        with safe_open(str(weights), "pt") as file:
            return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise RadpipeError("the weights cannot be read", file=weights, found=error) from None


def _head_of(shapes: Shapes) -> Head:
    """The head that a trained network has; what it means plays no part in an embedding."""
    transform = shapes.get("network.transform")
    readout = shapes.get("network.readout.bias")
    if transform is not None and readout is None:
        classes = transform[1]
        return Head("binary") if classes == 2 else Head("multiclass", classes)
    last = readout or next(
        (s for n, s in shapes.items() if n.startswith("network.head.") and n.endswith(".bias")),
        (1,),
    )
    return Head("regression", last[0])
