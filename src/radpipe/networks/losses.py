"""Losses of label maps by the name a config gives them (MONAI)."""

from collections.abc import Callable

from monai.losses.dice import DiceCELoss, DiceLoss
from monai.losses.focal_loss import FocalLoss
from torch import Tensor, nn

from radpipe.errors import ConfigError

LabelLoss = Callable[[Tensor, Tensor], Tensor]


def _dice() -> nn.Module:
    # Over the batch: a patch without a label would otherwise have a Dice of 0 or 1 by chance.
    return DiceLoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)


def _dice_ce() -> nn.Module:
    return DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)


def _focal() -> nn.Module:
    return FocalLoss(include_background=True, to_onehot_y=True, use_softmax=True, gamma=2.0)


class _CrossEntropy(nn.Module):
    """Cross-entropy that takes the target with a channel axis, as the other losses do."""

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        return nn.functional.cross_entropy(logits, target[:, 0].long())


LOSSES: dict[str, Callable[[], nn.Module]] = {
    "dice_ce": _dice_ce,
    "dice": _dice,
    "ce": _CrossEntropy,
    "focal": _focal,
}


def build_loss(name: str, labels: int) -> LabelLoss:
    """A loss of logits `(N, labels + 1, …)` against label numbers `(N, 1, …)`, 0 = background.

    Args:
        name: a key of `LOSSES`.
        labels: labels beside the background; the channels of the logits are checked against it.

    Raises:
        ConfigError: no loss has that name.
    """
    if name not in LOSSES:
        raise ConfigError("unknown loss", found=f"'{name}'", expected=", ".join(LOSSES))
    loss = LOSSES[name]()

    def of(logits: Tensor, target: Tensor) -> Tensor:
        if logits.shape[1] != labels + 1:
            raise ValueError(f"logits have {logits.shape[1]} channels, expected {labels + 1}")
        value: Tensor = loss(logits, target)
        return value

    return of
