"""Several members' opinions of a case joined into one: mean, vote or STAPLE."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from radpipe.config.segmentation import Combination
from radpipe.networks.inference import entropy
from radpipe.types import Labels, Matrix

PLANES = 16
"""Planes worked on at once in single precision, whatever the size of the volume."""

ITERATIONS = 200
"""STAPLE's at most; it has converged long before."""

CONVERGED = 1e-6
"""Change of STAPLE's performances below which it ends."""

START = 0.99999
"""Performance of every member at STAPLE's start, as in ITK."""


@dataclass(frozen=True)
class Prediction:
    """What one member says of a case.

    Attributes:
        probabilities: of background and labels `(L + 1, z, y, x)`, half precision.
        information: mutual information of class and weights by dropout, in nats, `(z, y, x)`.
    """

    probabilities: Tensor
    information: Tensor | None = None


@dataclass(frozen=True)
class Joint:
    """What the members say together.

    Attributes:
        probabilities: of background and labels `(L + 1, z, y, x)`, half precision.
        information: mutual information of class and member (and dropout) in nats, `(z, y, x)`;
            none for one member without dropout, and where members were asked for classes only.
        members: classes that each member would have drawn; empty where there is one.
    """

    probabilities: Tensor
    information: Tensor | None = None
    members: list[Labels] = field(default_factory=list)


def slabs(depth: int) -> Iterator[slice]:
    """Planes of a volume, a few at a time."""
    for start in range(0, depth, PLANES):
        yield slice(start, min(start + PLANES, depth))


def most_probable(probabilities: Tensor) -> Labels:
    """The class of each voxel, uint8 `(z, y, x)`; of equal ones the first, background first."""
    classes = np.empty(probabilities.shape[1:], np.uint8)
    for part in slabs(len(classes)):
        # numpy's argmax takes the first of equals; torch's does not promise it.
        classes[part] = probabilities[:, part].float().numpy().argmax(axis=0)
    return classes


def one_hot(classes: Labels, count: int) -> Tensor:
    """Certain probabilities of `count` classes, `(count, z, y, x)` in half precision."""
    certain = torch.zeros((count, *classes.shape), dtype=torch.half)
    for label in range(count):
        certain[label] = torch.from_numpy(classes == label)
    return certain


def join(predictions: Iterable[Prediction], combine: Combination) -> Joint:
    """Join members, which are made and dropped one at a time.

    Args:
        predictions: on one grid.
        combine: `mean` of the probabilities; `vote`: the share of members that say so; `staple`:
            the posterior of Warfield et al., IEEE Trans Med Imaging 2004;23:903. The most probable
            class is drawn; of equal ones (a tied vote) the first, background before all labels.
            One member stays as it is.
    """
    mean = _Mean()
    members: list[Labels] = []
    count = 0
    for prediction in predictions:
        members.append(most_probable(prediction.probabilities))
        count = len(prediction.probabilities)
        if combine == "mean" or len(members) == 1:
            mean.add(prediction)
        elif len(members) == 2:
            mean = _Mean()
    if combine == "mean" or len(members) == 1:
        return Joint(*mean.result(), members if len(members) > 1 else [])
    shares = vote(members, count) if combine == "vote" else staple(members, count)
    return Joint(shares, None, members)


def vote(members: Sequence[Labels], count: int) -> Tensor:
    """The share of members for each class, `(count, z, y, x)` in half precision."""
    shares = torch.zeros((count, *members[0].shape), dtype=torch.half)
    for label in range(count):
        for part in slabs(len(members[0])):
            votes = sum((m[part] == label).astype(np.float32) for m in members)
            shares[label, part] = torch.from_numpy(votes / len(members))
    return shares


def staple(members: Sequence[Labels], count: int) -> Tensor:
    """STAPLE's posterior of each class, `(count, z, y, x)` in half precision.

    Several classes at once, each member with a confusion matrix, the prior of a class being its
    mean share among the members. All voxels with the same opinions have the same posterior, so the
    expectation-maximisation runs over the patterns that occur: exact, at no cost of memory.
    """
    opinions = [_patterns(members, part, count) for part in slabs(len(members[0]))]
    patterns, where = np.unique(np.concatenate([o for o, _ in opinions]), return_inverse=True)
    voxels = np.bincount(where, np.concatenate([n for _, n in opinions])).astype(float)
    said = np.stack(np.unravel_index(patterns, (count,) * len(members)))
    posterior = torch.from_numpy(_posterior(said, voxels, count)).half()
    result = torch.empty((count, *members[0].shape), dtype=torch.half)
    for part in slabs(len(members[0])):
        index = np.searchsorted(patterns, _codes(members, part, count))
        result[:, part] = posterior[torch.from_numpy(index)].movedim(-1, 0)
    return result


def pairwise_dice(members: Sequence[Labels], label: int) -> float:
    """The mean Dice of all pairs of members for one class; two empty masks agree.

    Roy et al., NeuroImage 2019;195:11, for samples by dropout.
    """
    dices = []
    for i, one in enumerate(members):
        for other in members[:i]:
            sizes = int((one == label).sum()) + int((other == label).sum())
            common = int(((one == label) & (other == label)).sum())
            dices.append(2 * common / sizes if sizes else 1.0)
    return float(np.mean(dices))


class _Mean:
    """Running mean of probabilities, and of each member's own uncertainty."""

    def __init__(self) -> None:
        self.count = 0
        self.total = self.own = torch.zeros(())
        self.information: Tensor | None = None

    def add(self, prediction: Prediction) -> None:
        self.count += 1
        if self.count == 1:
            self.total, self.information = prediction.probabilities, prediction.information
            return
        if self.count == 2:
            self.own = _own_entropy(Prediction(self.total, self.information))
        add_to_mean(self.total, prediction.probabilities, self.count)
        add_to_mean(self.own[None], _own_entropy(prediction)[None], self.count)

    def result(self) -> tuple[Tensor, Tensor | None]:
        """The mean, and the mutual information: its entropy less the mean of the members' own."""
        if self.count == 1:
            return self.total, self.information
        information = torch.empty_like(self.own)
        for part in slabs(len(information)):
            joint = entropy(self.total[:, part].float(), 0)
            information[part] = (joint - self.own[part].float()).clamp_min(0)
        return self.total, information


def add_to_mean(mean: Tensor, values: Tensor, count: int) -> None:
    """Make `values` the `count`-th member of a running mean `(K, z, y, x)`, in place."""
    for part in slabs(mean.shape[1]):
        one = mean[:, part].float()
        mean[:, part] = torch.lerp(one, values[:, part].float(), 1 / count).to(mean.dtype)


def _own_entropy(prediction: Prediction) -> Tensor:
    """What a member leaves open given its weights: entropy less mutual information."""
    own = torch.empty(prediction.probabilities.shape[1:], dtype=torch.half)
    for part in slabs(len(own)):
        own[part] = entropy(prediction.probabilities[:, part].float(), 0)
        if prediction.information is not None:
            own[part] -= prediction.information[part]
    return own


def _codes(members: Sequence[Labels], part: slice, count: int) -> npt.NDArray[np.int64]:
    """One number for what all members say of a voxel."""
    return np.ravel_multi_index([m[part] for m in members], (count,) * len(members))


def _patterns(
    members: Sequence[Labels], part: slice, count: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    return np.unique(_codes(members, part, count), return_counts=True)


def _posterior(said: npt.NDArray[np.intp], voxels: npt.NDArray[np.float64], count: int) -> Matrix:
    """STAPLE over patterns: `(patterns, count)`.

    Args:
        said: class by member and pattern.
        voxels: voxels of each pattern.
        count: classes.
    """
    says = np.stack([said == label for label in range(count)], axis=-1).astype(float)
    prior = (says * voxels[:, None]).sum(axis=(0, 1)) / (len(said) * voxels.sum())
    # performance[member, said, true]: P(member says | true class).
    performance = np.full((len(said), count, count), (1 - START) / (count - 1))
    performance[:, np.arange(count), np.arange(count)] = START
    posterior = np.zeros((len(voxels), count))
    for _ in range(ITERATIONS):
        # A product of many small numbers: summed as logarithms, scaled by the largest.
        with np.errstate(divide="ignore"):
            scores = np.log(prior) + np.log(np.einsum("mpc,mct->mpt", says, performance)).sum(
                axis=0
            )
        posterior = np.exp(scores - scores.max(axis=1, keepdims=True))
        posterior /= posterior.sum(axis=1, keepdims=True)
        weight = posterior * voxels[:, None]
        found = np.einsum("mpc,pt->mct", says, weight)
        total = weight.sum(axis=0)
        updated = np.divide(found, total, out=performance.copy(), where=total > 0)
        change = np.abs(updated - performance).max()
        performance = updated
        if change < CONVERGED:
            break
    return posterior
