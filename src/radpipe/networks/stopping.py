"""When a training ends before its last step, and which weights are kept then."""

import math
from typing import Any

from torch import Tensor, nn

from radpipe.config import EarlyStopping


class Watch:
    """Follows the validation of a training; larger is better.

    Without early stopping only the end is looked at, and the last weights are kept.

    Attributes:
        value: the best so far.
        step: where it was measured.
        misses: looks since then.
        weights: the network's at that step, on the CPU.
    """

    def __init__(self, settings: EarlyStopping | None, steps: int) -> None:
        self.settings = settings
        self.steps = steps
        self.value = -math.inf
        self.step = 0
        self.misses = 0
        self.weights: dict[str, Tensor] = {}

    def due(self, step: int) -> bool:
        """Whether to look after `step`."""
        looks = self.settings is not None and step % self.settings.every == 0
        return looks or step == self.steps

    def note(self, step: int, value: float, network: nn.Module) -> None:
        """Take a value; one that is missing is no gain."""
        if not value > self.value:
            self.misses += 1
            return
        self.value, self.step, self.misses = value, step, 0
        if self.settings is not None:
            self.weights = {k: v.detach().cpu().clone() for k, v in network.state_dict().items()}

    @property
    def over(self) -> bool:
        """Whether the training should end."""
        return self.settings is not None and self.misses >= self.settings.patience

    def restore(self, network: nn.Module) -> None:
        """Give `network` the best weights, where some were kept."""
        if self.weights:
            network.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint holds of it."""
        return {k: getattr(self, k) for k in ("value", "step", "misses", "weights")}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from there."""
        for name, value in state.items():
            setattr(self, name, value)
