"""Normalisation that does not look at the other patches of a batch."""

from torch import nn


def instance_norms(network: nn.Module) -> None:
    """Put instance normalisation with affine parameters in place of every batch normalisation.

    Patches come in batches of a few, whose statistics are not those of whole volumes, and a patch
    must not be judged by its neighbours in the batch.
    """
    for name, child in network.named_children():
        if isinstance(child, nn.BatchNorm3d):
            setattr(network, name, nn.InstanceNorm3d(child.num_features, affine=True))
        elif isinstance(child, nn.BatchNorm2d):
            setattr(network, name, nn.InstanceNorm2d(child.num_features, affine=True))
        else:
            instance_norms(child)
