"""What an encoder of some kinds needs beside the images, and whom its weights saw before."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from radpipe.config import Start
from radpipe.config import encoders as kinds
from radpipe.config.outcome import OutcomeKind
from radpipe.errors import FitError
from radpipe.segmentation.manifest import check_start


@dataclass(frozen=True)
class Targets:
    """The outcome of the training part, for encoders that learn from it.

    Attributes:
        kind: of the outcome.
        y: the outcome of each case by its name; what it is, says `networks.heads`. A case whose
            outcome is not known (missing, or NaN) is left out of the training.
    """

    kind: OutcomeKind
    y: Mapping[str, Any]

    def of(self, cases: Iterable[str]) -> npt.NDArray[Any]:
        """The outcomes of some cases, in their order."""
        return np.array([self.y[case] for case in cases])

    def known(self, case: str) -> bool:
        """Whether the outcome of a case is known."""
        if case not in self.y:
            return False
        value = self.y[case]
        return bool(np.isfinite(value["time"] if self.kind == "survival" else value))


@dataclass(frozen=True)
class Sources:
    """Where an encoder comes from, beside the crops of its training part.

    Attributes:
        targets: for supervised kinds: outcomes of the training part.
        segmenter: for kind segmenter: the folder of the fold's segmenter, with
            `weights.safetensors`, `plan.yaml` and `manifest.json`.
        labels: for kind segmenter: name and value in the mask of each label.
    """

    targets: Targets | None = None
    segmenter: Path | None = None
    labels: Mapping[str, int] = field(default_factory=dict)

    @property
    def segmenter_folder(self) -> Path:
        """The folder of the segmenter.

        Raises:
            FitError: none was given.
        """
        if self.segmenter is None:
            raise FitError("an encoder of kind segmenter needs the segmenter of its fold")
        return self.segmenter


def start_of(settings: kinds.EncoderBase, sources: Sources) -> Start | None:
    """The weights that an encoder begins with, for its manifest: those given, or a segmenter's."""
    if isinstance(settings, kinds.Given):
        return Start(weights=settings.weights, unseen=settings.unseen)
    if isinstance(settings, kinds.Bottleneck):
        return Start(weights=sources.segmenter_folder / "weights.safetensors")
    return None


def check_sources(settings: kinds.EncoderBase, sources: Sources, patients: Iterable[str]) -> None:
    """See that what an encoder begins with never saw one of `patients`, the fold's test part.

    Raises:
        FitError: a patient was seen, or nobody knows.
    """
    start = start_of(settings, sources)
    if start is not None:
        check_start(start, patients)
