"""Training patients kept aside, and how well whole cases of theirs are drawn."""

from collections.abc import Sequence

import numpy as np
from torch import nn

from radpipe.config import EarlyStopping
from radpipe.errors import FitError
from radpipe.segmentation.caching import CachedCase, CaseCache
from radpipe.segmentation.inference import probabilities
from radpipe.segmentation.label_maps import IGNORED
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles, Labels

CASES = 8
"""Cases drawn at a look, whatever the number kept aside."""

VOXELS = 40_000_000
"""Voxels drawn at a look; one case is drawn in any event."""

OVERLAP = 0.25
"""Of the windows of a look: what is compared is one network with itself."""


def keep_aside(
    patients: Sequence[str], settings: EarlyStopping, seed: int
) -> tuple[list[int], list[int]]:
    """Split cases by patient into those trained on and those looked at.

    Args:
        patients: the patient of each case.
        settings: the share of the patients that is kept aside.
        seed: of the choice.

    Returns:
        Numbers of the cases to train on, and of those kept aside.

    Raises:
        FitError: there are not two patients.
    """
    names = sorted(set(patients))
    if len(names) < 2:
        raise FitError(
            "early stopping keeps training patients aside", found=len(names), expected="2 or more"
        )
    count = min(max(1, round(settings.share * len(names))), len(names) - 1)
    aside = set(np.random.default_rng([seed, 4]).choice(names, count, replace=False))
    kept = [number for number, patient in enumerate(patients) if patient in aside]
    return [number for number in range(len(patients)) if number not in kept], kept


class HardDice:
    """The mean Dice of a network over labels and whole cases that it is not trained on.

    Masks are drawn by sliding window, each voxel has one label, the background is not counted, nor
    is a label that a case has neither in truth nor in the drawing. The first case of each patient
    comes first, until there are `CASES` cases or `VOXELS` voxels.

    Args:
        files: cases with masks.
        patients: the patient of each.
        plan: how images are read and masks drawn; without mirroring and dropout here.
        labels: name and value in the masks of each label.
        cache: keeps the cases.

    Raises:
        FitError: no case has a labelled voxel.
    """

    def __init__(
        self,
        files: list[CaseFiles],
        patients: Sequence[str],
        plan: Plan,
        labels: dict[str, int],
        *,
        cache: CaseCache,
    ) -> None:
        quick = {"flips": [], "mc_dropout": 0, "overlap": OVERLAP}
        settings = plan.segmenter.model_copy(update=quick)
        self.plan = plan.model_copy(update={"segmenter": settings})
        self.labels = len(labels)
        self.cases: list[CachedCase] = []
        for number in _first_of_each(patients):
            case = cache.add(files[number])
            sizes = [c.classes.size for c in (*self.cases, case)]
            if self.cases and (len(self.cases) == CASES or sum(sizes) > VOXELS):
                break
            self.cases.append(case)
        if not any(case.centres for case in self.cases):
            raise FitError(
                "the patients kept aside for early stopping have no labelled voxel",
                found=", ".join(sorted(set(patients))),
            )

    def __call__(self, network: nn.Module) -> float:
        """The mean Dice; afterwards the network is in evaluation mode."""
        scores: list[float] = []
        for case in self.cases:
            drawn = probabilities(network, case.image.astype(np.float32), self.plan).argmax(axis=0)
            scores += hard_dice(drawn, case.classes, self.labels)
        return float(np.mean(scores))


def hard_dice(drawn: Labels, truth: Labels, labels: int) -> list[float]:
    """Dice of each label that is in one of two class maps; ignored voxels do not count."""
    counted = truth != IGNORED
    scores: list[float] = []
    for label in range(1, labels + 1):
        a, b = (drawn == label) & counted, truth == label
        size = int(np.count_nonzero(a)) + int(np.count_nonzero(b))
        if size:
            scores.append(float(2 * np.count_nonzero(a & b) / size))
    return scores


def _first_of_each(patients: Sequence[str]) -> list[int]:
    """Numbers of cases: the first of each patient, then the second ones, and so on."""
    seen: dict[str, int] = {}
    rounds = []
    for number, patient in enumerate(patients):
        seen[patient] = seen.get(patient, 0) + 1
        rounds.append((seen[patient], number))
    return [number for _, number in sorted(rounds)]
