"""Parts of a network that a training leaves as they are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import Tensor, nn

from radpipe.errors import ConfigError


@contextmanager
def frozen(network: nn.Module, prefixes: Sequence[str]) -> Iterator[None]:
    """Within the block, tensors whose names begin with one of `prefixes` do not change.

    Layers all of whose own tensors are frozen are in evaluation mode as well: a normalisation
    would otherwise go on collecting statistics.

    Raises:
        ConfigError: a prefix begins no name, or nothing would be left to train.
    """
    if not prefixes:
        yield
        return
    tensors: dict[str, Tensor] = network.state_dict(keep_vars=True)
    names = _matching(tensors, prefixes)
    held = [tensors[name] for name in names if tensors[name].requires_grad]
    still = [module for module in _layers(network, names) if module.training]
    for tensor in held:
        tensor.requires_grad_(False)
    for module in still:
        module.training = False
    try:
        if not any(p.requires_grad for p in network.parameters()):
            raise ConfigError("every tensor of the network is frozen", found=list(prefixes))
        yield
    finally:
        for tensor in held:
            tensor.requires_grad_(True)
        for module in still:
            module.training = True


@contextmanager
def modes_kept(network: nn.Module) -> Iterator[None]:
    """After the block every layer is in training or evaluation mode as before."""
    modes = [(module, module.training) for module in network.modules()]
    try:
        yield
    finally:
        for module, mode in modes:
            module.training = mode


def _matching(tensors: dict[str, Tensor], prefixes: Sequence[str]) -> set[str]:
    found = set()
    for prefix in prefixes:
        names = {name for name in tensors if name.startswith(prefix)}
        if not names:
            raise ConfigError(
                "frozen: no tensor of the network begins like this",
                found=f"'{prefix}'",
                expected=f"the beginning of a name such as '{next(iter(tensors))}'",
            )
        found |= names
    return found


def _layers(network: nn.Module, names: set[str]) -> Iterator[nn.Module]:
    """Layers with tensors of their own, all of them among `names`."""
    for path, module in network.named_modules():
        own = [*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)]
        if own and all(f"{path}.{name}".lstrip(".") in names for name, _ in own):
            yield module
