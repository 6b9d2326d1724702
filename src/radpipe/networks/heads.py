"""What a network is asked for an outcome of each kind: how many numbers, and which loss.

The outcome `y` is a numpy array: 0 or 1 (binary), the index of the class (multiclass), a number
(regression), or a structured array with fields `event` (bool) and `time` (survival). A survival
model gives a log risk: larger means earlier.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from radpipe.config.outcome import OutcomeKind
from radpipe.errors import FitError


@dataclass(frozen=True)
class Head:
    """The end of a network for one outcome.

    Attributes:
        kind: of the outcome.
        outputs: numbers that the network gives for a case.
        centre: regression: mean of the training outcomes; `(y - centre) / scale` is learned.
        scale: regression: their standard deviation.
    """

    kind: OutcomeKind
    outputs: int = 1
    centre: float = 0.0
    scale: float = 1.0

    @property
    def classes(self) -> int:
        """Classes of the outcome, 0 where it has none."""
        return {"binary": 2, "multiclass": self.outputs}.get(self.kind, 0)

    def targets(self, y: npt.NDArray[Any]) -> dict[str, Tensor]:
        """The outcomes of some cases as tensors, to be batched: `y`, or `time` and `event`."""
        if self.kind == "survival":
            times = torch.as_tensor(np.asarray(y["time"], dtype=np.float32))
            return {"time": times, "event": torch.as_tensor(np.asarray(y["event"], dtype=bool))}
        if self.kind == "multiclass":
            return {"y": torch.as_tensor(np.asarray(y, dtype=np.int64))}
        values = (np.asarray(y, dtype=float) - self.centre) / self.scale
        return {"y": torch.as_tensor(values.astype(np.float32))}

    def loss(self, outputs: Tensor, batch: dict[str, Tensor]) -> Tensor:
        """The scalar to minimise.

        Cross-entropy of a logit (binary) or of logits (multiclass), mean squared error on the scale
        of the training outcomes (regression), or `cox_loss` (survival).

        Args:
            outputs: `(N, outputs)`.
            batch: with the entries of `targets`.
        """
        if self.kind == "survival":
            return cox_loss(outputs[:, 0], batch["time"], batch["event"])
        if self.kind == "multiclass":
            return nn.functional.cross_entropy(outputs, batch["y"])
        if self.kind == "binary":
            return nn.functional.binary_cross_entropy_with_logits(outputs[:, 0], batch["y"])
        return nn.functional.mse_loss(outputs[:, 0], batch["y"])

    def predictions(self, outputs: Tensor) -> Tensor:
        """What outputs mean: probabilities `(N, classes)`, values `(N,)` or log risks `(N,)`."""
        if self.kind == "multiclass":
            return torch.softmax(outputs, dim=1)
        if self.kind == "binary":
            positive = torch.sigmoid(outputs[:, 0])
            return torch.stack([1 - positive, positive], dim=1)
        return outputs[:, 0] * self.scale + self.centre


def make_head(kind: OutcomeKind, y: npt.NDArray[Any]) -> Head:
    """The head for the outcomes of a training part, and nothing else.

    Raises:
        FitError: they cannot be learned: missing ones, a single class, no event, or values that
            are not of this kind.
    """
    if kind == "survival":
        _check_survival(y)
        return Head(kind)
    values = np.asarray(y, dtype=float)
    if not len(values) or not np.isfinite(values).all():
        raise FitError("an outcome of the training part is missing", expected="a value a case")
    if kind == "regression":
        return Head(kind, 1, float(values.mean()), float(values.std()) or 1.0)
    classes = np.unique(values)
    if (classes % 1 != 0).any() or classes[0] < 0 or (kind == "binary" and classes[-1] > 1):
        found = ", ".join(f"{value:g}" for value in classes[:6])
        raise FitError(f"the outcomes are no classes of a {kind} outcome", found=found)
    if len(classes) < 2:
        raise FitError("the training part has a single class", found=f"{classes[0]:g}")
    return Head(kind, 1 if kind == "binary" else int(classes[-1]) + 1)


def cox_loss(log_risk: Tensor, time: Tensor, event: Tensor) -> Tensor:
    """Negative log partial likelihood of Cox, a mean over the events (ties as Breslow 1974).

    The risk sets are those of the batch. Without an event the loss is 0 and teaches nothing.

    Args:
        log_risk: `(N,)`.
        time: of the event or of censoring, `(N,)`.
        event: whether there was one, `(N,)` bool.
    """
    at_risk = time[None, :] >= time[:, None]
    risk = torch.logsumexp(log_risk[None, :].masked_fill(~at_risk, -torch.inf), dim=1)
    events = event.to(log_risk.dtype)
    return ((risk - log_risk) * events).sum() / events.sum().clamp(min=1)


def _check_survival(y: npt.NDArray[Any]) -> None:
    if not {"time", "event"} <= set(y.dtype.names or ()):
        raise FitError("a survival outcome needs the fields time and event", found=y.dtype)
    if not np.isfinite(y["time"]).all() or (y["time"] < 0).any():
        raise FitError("a time of the training part is missing or negative")
    if not y["event"].any():
        raise FitError("the training part has no event", found=f"{len(y)} censored cases")
