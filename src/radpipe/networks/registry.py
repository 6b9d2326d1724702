"""Networks by the name a config gives them."""

from torch import nn

from radpipe.errors import ConfigError
from radpipe.networks import dense, from_monai, variants, volumetric
from radpipe.networks.spec import Builder, NetworkSpec

NETWORKS: dict[str, Builder] = {
    **from_monai.BUILDERS,
    **volumetric.BUILDERS,
    **dense.BUILDERS,
    **variants.BUILDERS,
}
"""Every network by its name in the config."""


def build_network(name: str, spec: NetworkSpec) -> nn.Module:
    """Build a network by name, with random weights; seed before (`devices.seed_everything`).

    Args:
        name: a key of `NETWORKS`.
        spec: what it is built from; a network passes over what it has no use for.

    Returns:
        From `(N, inputs, *size)` of any size to logits `(N, outputs, *size)`, see `spec.Builder`.

    Raises:
        ConfigError: no network has that name, or this one cannot be built as specified.
    """
    if name not in NETWORKS:
        raise ConfigError("unknown network", found=f"'{name}'", expected=", ".join(NETWORKS))
    if spec.dims not in (2, 3):
        raise ConfigError("a network has 2 or 3 dimensions", found=spec.dims)
    if spec.channels is not None and (len(spec.channels) < 2 or min(spec.channels) < 1):
        raise ConfigError(
            "the channels of a network do not make sense",
            found=list(spec.channels),
            expected="two levels or more, one feature or more each",
        )
    return NETWORKS[name](spec)


def count_parameters(network: nn.Module) -> int:
    """The number of trainable values."""
    return sum(p.numel() for p in network.parameters() if p.requires_grad)
