"""Losses of label maps by the name a config gives them (MONAI where it has them)."""

from collections.abc import Callable, Sequence

import torch
from monai.losses.dice import DiceLoss, GeneralizedDiceLoss
from monai.losses.focal_loss import FocalLoss
from monai.losses.hausdorff_loss import HausdorffDTLoss
from monai.losses.tversky import TverskyLoss
from torch import Tensor, nn

from radpipe.errors import ConfigError
from radpipe.networks.voxelwise import CrossEntropy, border_weights

IGNORED = 255
"""The class of a voxel that counts for nothing."""

GAMMA = 2.0
"""Focusing exponent of the focal loss (Lin et al. 2017)."""
FALSE_POSITIVES, FALSE_NEGATIVES = 0.3, 0.7
"""Weights of the Tversky loss (Salehi et al. 2017): a missed voxel costs more."""

LabelLoss = Callable[[Tensor | Sequence[Tensor], Tensor], Tensor]
"""From logits `(N, labels + 1, …)`, or a list of them, full resolution first, and classes
`(N, 1, …)` to a scalar."""

Term = Callable[[Tensor, Tensor, Tensor | None], Tensor]
"""From logits `(N, L, …)`, classes and the voxels that count, both `(N, …)`, to a scalar; the
classes of voxels that do not count are 0, and where all count the last is None."""


class _Region:
    """A loss of MONAI between probabilities and labels, both blank where a voxel does not count."""

    def __init__(self, loss: nn.Module) -> None:
        self.loss = loss

    def __call__(self, logits: Tensor, classes: Tensor, counted: Tensor | None) -> Tensor:
        probabilities = torch.softmax(logits, dim=1)
        drawn = _one_hot(classes, logits.shape[1])
        if counted is not None:
            inside = counted[:, None]
            probabilities, drawn = probabilities * inside, drawn * inside
        value: Tensor = self.loss(probabilities, drawn)
        return value


class _Focal:
    """MONAI's focal loss, averaged over the voxels that count."""

    def __init__(self) -> None:
        self.loss = FocalLoss(gamma=GAMMA, use_softmax=True, reduction="none")

    def __call__(self, logits: Tensor, classes: Tensor, counted: Tensor | None) -> Tensor:
        values: Tensor = self.loss(logits, _one_hot(classes, logits.shape[1]))
        if counted is not None:
            values = values.movedim(1, -1)[counted]
        return values.sum() / max(1, values.numel())


class _Hausdorff:
    """MONAI's Hausdorff loss by distance transforms, a mean over the voxels that count."""

    def __init__(self) -> None:
        self.loss = HausdorffDTLoss(include_background=False, reduction="none")

    def __call__(self, logits: Tensor, classes: Tensor, counted: Tensor | None) -> Tensor:
        means = _Region(self.loss)(logits, classes, counted).mean(dim=1).flatten()
        if counted is None:
            return means.mean()
        share = counted.flatten(1).float().mean(dim=1)
        return (means * share.numel() / share.sum().clamp(min=1e-6)).mean()


class _Sum:
    """Two losses added."""

    def __init__(self, first: Term, second: Term) -> None:
        self.first, self.second = first, second

    def __call__(self, logits: Tensor, classes: Tensor, counted: Tensor | None) -> Tensor:
        return self.first(logits, classes, counted) + self.second(logits, classes, counted)


def _dice() -> Term:
    # Over the batch: a patch without a label would otherwise have a Dice of 0 or 1 by chance.
    return _Region(DiceLoss(include_background=False, batch=True))


def _generalised_dice() -> Term:
    # Sudre et al. 2017, background included. Its weights are 1 / voxels^2: MONAI's smoothing of
    # 1e-5 would outweigh them from a few thousand voxels on.
    return _Region(GeneralizedDiceLoss(batch=True, smooth_nr=1e-9, smooth_dr=1e-9))


def _tversky() -> Term:
    loss = TverskyLoss(
        include_background=False, alpha=FALSE_POSITIVES, beta=FALSE_NEGATIVES, batch=True
    )
    return _Region(loss)


TERMS: dict[str, Callable[[], Term]] = {
    "dice": _dice,
    "focal": _Focal,
    "dice_focal": lambda: _Sum(_dice(), _Focal()),
    "generalised_dice": _generalised_dice,
    "tversky": _tversky,
    "hausdorff": _Hausdorff,
}
ENTROPIES = ("dice_ce", "ce", "weighted_ce", "border_ce")
"""Losses with a cross-entropy in them: these can take the hardest voxels alone."""
WEIGHTED = ("weighted_ce", "border_ce")
LOSSES = (*ENTROPIES, *TERMS)


def build_loss(
    name: str,
    labels: int,
    *,
    class_weights: Sequence[float] | None = None,
    ignore: bool = False,
    hardest: float = 1.0,
) -> LabelLoss:
    """A loss of logits against classes, 0 = background.

    A list of logits (deep supervision) is scored with weights 1, 1/2, 1/4 … that sum to 1, the
    classes brought to each size by nearest neighbour. A label that is missing in a batch costs what
    the network draws of it.

    Args:
        name: one of `LOSSES`.
        labels: labels beside the background; the channels of the logits are checked against it.
        class_weights: `weighted_ce` (needed) and `border_ce`: a weight a class, background first.
        ignore: whether the classes may hold `IGNORED`; these voxels have no gradient then.
        hardest: losses with a cross-entropy: share of the voxels that it is taken of, those where
            it is largest.

    Raises:
        ConfigError: no loss has that name, or it has no use for what is given, or lacks it.
    """
    _check(name, labels, class_weights, hardest)
    term = _term(name, class_weights, hardest)

    def of(logits: Tensor | Sequence[Tensor], target: Tensor) -> Tensor:
        levels = [logits] if isinstance(logits, Tensor) else list(logits)
        shares = torch.tensor([0.5**level for level in range(len(levels))], device=target.device)
        values = [_scored(term, level, target, labels=labels, ignore=ignore) for level in levels]
        if len(values) == 1:
            return values[0]
        return (torch.stack(values) * shares).sum() / shares.sum()

    return of


def _term(name: str, class_weights: Sequence[float] | None, hardest: float) -> Term:
    if name in TERMS:
        return TERMS[name]()
    border = border_weights if name == "border_ce" else None
    entropy = CrossEntropy(class_weights, border, hardest)
    return _Sum(_dice(), entropy) if name == "dice_ce" else entropy


def _scored(term: Term, logits: Tensor, target: Tensor, *, labels: int, ignore: bool) -> Tensor:
    if logits.shape[1] != labels + 1:
        raise ValueError(f"logits have {logits.shape[1]} channels, expected {labels + 1}")
    if logits.shape[2:] != target.shape[2:]:
        target = nn.functional.interpolate(target, logits.shape[2:], mode="nearest-exact")
    classes = target[:, 0].long()
    counted = classes != IGNORED if ignore else None
    if counted is not None:
        classes = torch.where(counted, classes, 0)
    # Sums over a batch of patches overflow or lose their digits in half precision.
    with torch.autocast(logits.device.type, enabled=False):
        return term(logits.float(), classes, counted)


def _check(name: str, labels: int, class_weights: Sequence[float] | None, hardest: float) -> None:
    if name not in LOSSES:
        raise ConfigError("unknown loss", found=f"'{name}'", expected=", ".join(LOSSES))
    if hardest < 1 and name not in ENTROPIES:
        raise ConfigError(
            f"loss '{name}' takes all voxels",
            found=f"hardest: {hardest}",
            expected=f"1, or one of the losses {', '.join(ENTROPIES)}",
        )
    if class_weights is None:
        if name == "weighted_ce":
            raise ConfigError("loss 'weighted_ce' needs class_weights", found="none")
        return
    if name not in WEIGHTED:
        raise ConfigError(
            f"loss '{name}' takes no class_weights", expected=f"one of {', '.join(WEIGHTED)}"
        )
    if len(class_weights) != labels + 1 or min(class_weights) < 0 or max(class_weights) <= 0:
        raise ConfigError(
            "class_weights do not fit",
            found=list(class_weights),
            expected=f"{labels + 1} weights, background first, none negative and not all 0",
        )


def _one_hot(classes: Tensor, count: int) -> Tensor:
    return nn.functional.one_hot(classes, count).movedim(-1, 1).float()
