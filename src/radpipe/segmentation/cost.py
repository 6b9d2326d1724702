"""What a training step of a network costs, counted and not timed.

Two runs of a study must make the same plan, also on a busy machine. So the operations and the
features of a network are counted on tensors without content, and turned into seconds and bytes by
rates that were measured once: those of the CPU on one core of an AMD EPYC with torch 2.13 (U-Nets
of 0 to 2 residual units, DynUNets and SegResNets of 8 to 32 features; all within a fifth), those of
the GPU from the published epoch times of nnU-Net on an RTX 2080 Ti (0.59 s for two patches of
80 x 192 x 160, mixed precision) and its plans for 8 GB (two patches of 128 x 128 x 128).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from radpipe.networks.registry import build_network
from radpipe.networks.spec import NetworkSpec

Device = Literal["cpu", "gpu"]


@dataclass(frozen=True)
class Rates:
    """How fast and how large a device is, for one training step (forward and backward).

    Attributes:
        per_operation: seconds a multiplication of the forward pass.
        per_feature: seconds a value that a layer puts out.
        per_voxel: seconds a voxel and modality of a patch, to draw and augment it.
        per_step: seconds a step, whatever its size.
        bytes_per_feature: memory that a value needs until its gradient is known.
        bytes_per_logit: memory of the loss for a value of the network's output.
        base_gb: memory before the first network, in 1e9 bytes.
    """

    per_operation: float
    per_feature: float
    per_voxel: float
    per_step: float
    bytes_per_feature: float
    bytes_per_logit: float
    base_gb: float


@dataclass(frozen=True)
class Count:
    """One patch through a network.

    Attributes:
        operations: multiplications of all convolutions, forward.
        features: values that all layers put out.
        logits: values of the output.
        parameters: trainable values.
    """

    operations: int
    features: int
    logits: int
    parameters: int

    def of_batch(self, batch: int) -> "Count":
        """The same for several patches."""
        return replace(
            self,
            operations=self.operations * batch,
            features=self.features * batch,
            logits=self.logits * batch,
        )


RATES: dict[Device, Rates] = {
    "cpu": Rates(
        per_operation=2.3e-11,
        per_feature=1.1e-8,
        per_voxel=1.0e-7,
        per_step=2e-3,
        bytes_per_feature=4.0,
        bytes_per_logit=48.0,
        base_gb=0.65,
    ),
    "gpu": Rates(
        per_operation=3.0e-13,
        per_feature=9.0e-11,
        # Workers on the CPU prepare patches meanwhile.
        per_voxel=0.0,
        per_step=2e-2,
        bytes_per_feature=2.8,
        bytes_per_logit=24.0,
        base_gb=1.0,
    ),
}

BYTES_PER_PARAMETER = 20
"""The weight, its gradient, two moments of Adam, and a copy: four bytes each."""

FORWARD = 0.35
"""Share of a training step that the forward pass takes, which is all that drawing needs."""


def count(name: str, spec: NetworkSpec, patch: Sequence[int]) -> Count:
    """Count one patch through a network by tensors that have sizes and no content.

    Args:
        name: a key of `NETWORKS`.
        spec: of the network; it is built on torch's `meta` device, without memory.
        patch: voxels, as many axes as the network has.
    """
    hashable = {
        key: _tuples(getattr(spec, key)) for key in ("channels", "patch", "strides", "kernels")
    }
    return _count(name, replace(spec, **hashable), tuple(patch))


@lru_cache(maxsize=4096)
def _count(name: str, spec: NetworkSpec, patch: tuple[int, ...]) -> Count:
    """Remembered, because a planner asks for the same network again and again."""
    operations = features = 0

    def note(layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal operations, features
        features += output.numel()
        if isinstance(layer, nn.ConvTranspose2d | nn.ConvTranspose3d):
            each = layer.out_channels // layer.groups * prod(layer.kernel_size)
            operations += inputs[0].numel() * each
        elif isinstance(layer, nn.Conv2d | nn.Conv3d):
            each = layer.in_channels // layer.groups * prod(layer.kernel_size)
            operations += output.numel() * each

    with torch.device("meta"):
        network = build_network(name, spec).train()
    for layer in network.modules():
        if not any(True for _ in layer.children()):
            layer.register_forward_hook(note)
    with torch.no_grad():
        output = network(torch.empty(1, spec.inputs, *patch, device="meta"))
    logits = sum(o.numel() for o in (output if isinstance(output, list) else [output]))
    parameters = sum(p.numel() for p in network.parameters())
    return Count(operations, features, logits, parameters)


def _tuples(values: Any) -> Any:
    return tuple(_tuples(v) for v in values) if isinstance(values, list | tuple) else values


def step_seconds(counted: Count, voxels: int, *, inputs: int, device: Device) -> float:
    """Nominal seconds of a training step on one core, or on the GPU.

    Args:
        counted: of all patches of the step.
        voxels: of all patches of the step.
        inputs: modalities.
        device: what the rates are of.
    """
    rates = RATES[device]
    return (
        rates.per_step
        + rates.per_operation * counted.operations
        + rates.per_feature * counted.features
        + rates.per_voxel * voxels * (1 + inputs) / 2
    )


def memory_gb(counted: Count, device: Device) -> float:
    """Memory of a training step in 1e9 bytes, without the cases that are held ready."""
    rates = RATES[device]
    held = (
        counted.features * rates.bytes_per_feature
        + counted.logits * rates.bytes_per_logit
        + counted.parameters * BYTES_PER_PARAMETER
    )
    return rates.base_gb + held / 1e9
