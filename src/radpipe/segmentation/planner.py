"""From a fingerprint and a budget to a plan.

Every decision is a rule on the numbers of the training part, and says in a phrase what it went by.
What the user set in the config is not decided again. Nothing is timed or drawn: the same cases and
settings give the same plan on every machine.
"""

from collections.abc import Set
from dataclasses import dataclass, field
from math import prod
from typing import Any

from radpipe.config import Cleaning, Network
from radpipe.segmentation.cost import FORWARD
from radpipe.segmentation.fingerprint import Fingerprint
from radpipe.segmentation.geometry import ANISOTROPIC, SMALLEST_LEVEL, target_spacing
from radpipe.segmentation.plan import GIVEN, Plan
from radpipe.segmentation.resolution import choose_sizes
from radpipe.segmentation.sizing import Sizes
from radpipe.types import SpacingZYX

NETWORK = {
    "cpu": ("unet", "on a core, many steps of a plain network teach more than few of a deep one"),
    "gpu": ("dynunet", "the topology of nnU-Net, which a GPU has the time for"),
}
LEARNING_RATE = {
    "unet": (3e-3, "what plain U-Nets of this kind train well with"),
    "dynunet": (1e-3, "for two convolutions a level; higher ones diverge at times"),
}
SMALL = 200
"""Voxels of a label in the median case below which it counts as small."""

ONE_PIECE = 0.99
"""Share of a label in its largest piece from which it counts as one piece."""

OFTEN = 50
"""Patches of each training case from which mild changes of them are soon learned by heart."""

VARIED = {"elastic_voxels": 2.0, "blur": 0.7, "gamma": 0.3}
"""How far patches are changed then, beside what they always are: as nnU-Net's (Isensee 2021), with
smooth deformations in place of its low resolutions."""

SLOW_CASE = 120.0
"""Nominal seconds of drawing a case beyond which windows overlap less."""

ENOUGH_CASES = 5
"""Cases with a label from which its shape may be judged."""


@dataclass
class Planner:
    """Makes one plan; `chosen` and `reasons` fill as it goes."""

    settings: Network
    facts: Fingerprint
    given: Set[str]
    chosen: dict[str, Any] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def plan(self, *, normalised: bool) -> Plan:
        """Decide on everything, what others depend on first."""
        device = self.settings.budget.device
        self.chosen["network"], self.reasons["network"] = NETWORK[device]
        self._choose_view()
        if self._of("network") == "dynunet":
            self._decide("deep_supervision", True, "lower levels learn sooner when they are scored")
        self._choose_robustness()
        spacing, sizes = choose_sizes(
            self.facts, self.settings.model_copy(update=self.chosen), self.given
        )
        self._say_sizes(sizes, spacing)
        self._choose_training()
        self._choose_augmentation(min(spacing))
        self._choose_drawing(sizes)
        dims = 3 if self._of("view") == "3d" else 2
        strides, kernels = sizes.levels.axes(dims)
        intensities = None if normalised else self._intensities()
        self.reasons["normalisation"] = (
            "the images are prepared with a common scale"
            if normalised
            else "images have no common scale: mean, sd and percentiles of the labelled voxels"
        )
        prepared = self.facts.one_spacing and spacing == self.facts.spacing_mm
        return Plan(
            segmenter=self.settings.model_copy(update=self.chosen),
            spacing_mm=None if prepared else (spacing[2], spacing[1], spacing[0]),
            normalisation="prepared" if normalised else "foreground",
            intensities=intensities,
            strides=strides,
            kernels=kernels,
            reasons={**self.reasons, **dict.fromkeys(sorted(self.given), GIVEN)},
            fingerprint=self.facts.summary(),
        )

    def _decide(self, key: str, value: Any, reason: str) -> None:
        """Set a key that the user left open."""
        if key not in self.given:
            self.chosen[key] = value
            self.reasons[key] = reason

    def _of(self, key: str) -> Any:
        """A setting as it stands by now."""
        return self.chosen.get(key, getattr(self.settings, key))

    def _choose_view(self) -> None:
        facts = self.facts
        slices = facts.size[0]
        thick = facts.spacing_mm[0] > ANISOTROPIC * max(facts.spacing_mm[1:])
        if slices < SMALLEST_LEVEL or (thick and slices < 2 * SMALLEST_LEVEL):
            self._decide("view", "2d", f"{slices:g} slices are too few to look across them")
        else:
            self._decide("view", "3d", f"{slices:g} slices of {facts.spacing_mm[0]:g} mm")

    def _say_sizes(self, sizes: Sizes, spacing: SpacingZYX) -> None:
        budget, facts = self.settings.budget, self.facts
        median = target_spacing(facts.spacing_mm, facts.finest_mm, facts.size)
        text = " x ".join(f"{n:g}" for n in spacing)
        self.reasons["spacing_mm"] = (
            f"{text} mm (z y x), coarser than the images, to see enough of labels that span "
            + " x ".join(f"{n:.0f}" for n in facts.extent_mm)
            + " mm"
            if spacing != median
            else f"{text} mm (z y x), the median"
            + (" and that of all cases" if facts.one_spacing else "")
        )
        self._decide(
            "patch",
            sizes.patch,
            "of the median image of "
            + " x ".join(f"{n:g}" for n in facts.size)
            + f" voxels, as much as {budget.minutes:g} minutes and {budget.memory_gb:g} GB hold",
        )
        self._decide(
            "channels",
            list(sizes.channels),
            f"the widest with steps enough: {sizes.seconds:.2g} s a step, "
            f"{sizes.memory_gb:.1f} GB (nominal)",
        )
        self._decide(
            "batch", sizes.batch, f"{sizes.batch * prod(sizes.patch):,} voxels keep the device busy"
        )
        self._decide(
            "steps",
            sizes.steps,
            f"{budget.minutes:g} minutes at {sizes.seconds:.2g} s a step (nominal, "
            f"{budget.device}), a part left for reading and saving",
        )
        self.reasons["strides"] = (
            "axes are halved, the finest first, down to "
            f"{SMALLEST_LEVEL} voxels; kernels span an axis once it is as fine as the others"
        )

    def _choose_robustness(self) -> None:
        """Dropout where passes with it are wanted, blanked modalities where cases lack one."""
        if self.settings.mc_dropout and not self.settings.dropout:
            self._decide("dropout", 0.1, "passes with dropout are to be averaged (mc_dropout)")
        lacking = max(self.facts.missing.values()) / len(self.facts.cases)
        if lacking and len(self.facts.modalities) > 1:
            self._decide(
                "modality_dropout",
                min(0.3, max(0.1, round(lacking, 2))),
                f"{lacking:.0%} of the cases lack a modality: the network must do without",
            )

    def _choose_training(self) -> None:
        network = self._of("network")
        self._decide("learning_rate", *LEARNING_RATE[network])
        smallest = self._smallest_label()
        volume = prod(self.facts.size)
        patch = min(1.0, prod(self._of("patch")) / volume)
        if smallest is not None and smallest < SMALL:
            self._decide(
                "foreground", 0.8, f"a label has {smallest:g} voxels in the median case: seldom met"
            )
        elif patch > 0.5:
            self._decide("foreground", 0.5, "a patch holds most of an image wherever it lies")
        else:
            self._decide(
                "foreground",
                0.67,
                f"labels fill {self.facts.labelled_share:.2%} of an image, and the rest must be "
                "seen as well",
            )

    def _choose_augmentation(self, voxel_mm: float) -> None:
        """More varied patches where a training meets each case again and again."""
        seen = self._of("steps") * self._of("batch") / len(self.facts.cases)
        if seen < OFTEN:
            self.reasons.setdefault("augmentation", f"mild: {seen:.0f} patches of each case")
            return
        change = {
            "elastic_mm": round(VARIED["elastic_voxels"] * voxel_mm, 2),
            "blur": VARIED["blur"],
            "gamma": VARIED["gamma"],
        }
        self._decide(
            "augmentation",
            self.settings.augmentation.model_copy(update=change),
            f"{seen:.0f} patches of each case: shape, sharpness and contrast vary too",
        )

    def _choose_drawing(self, sizes: Sizes) -> None:
        """Windows, flips and cleaning."""
        windows = prod(self.facts.size) / prod(sizes.patch) * 8
        seconds = windows * sizes.seconds / sizes.batch * FORWARD
        slow = seconds > SLOW_CASE
        self._decide(
            "overlap",
            0.25 if slow else 0.5,
            f"about {max(1, round(seconds))} s a case (nominal) with half of a window overlapping",
        )
        mirrored = [axis for axis in self.settings.augmentation.flips if axis != "x"]
        self._decide(
            "flips",
            mirrored,
            "as in training, but for left and right"
            if mirrored
            else "none in training: a mirrored case is no case that the network knows",
        )
        self._choose_cleaning()

    def _choose_cleaning(self) -> None:
        drawn = {n: label for n, label in self.facts.labels.items() if label.largest_share}
        single = [
            label.cases >= ENOUGH_CASES
            and label.largest_share is not None
            and label.largest_share.p10 >= ONE_PIECE
            for label in drawn.values()
        ]
        if drawn and all(single):
            self._decide(
                "cleaning",
                Cleaning(largest_component=True),
                "each label is one piece in nine of ten training cases or more",
            )
        else:
            self._decide(
                "cleaning", Cleaning(), "labels come in several pieces, or in too few cases to tell"
            )

    def _smallest_label(self) -> float | None:
        sizes = [label.voxels.median for label in self.facts.labels.values() if label.voxels]
        return min(sizes, default=None)

    def _intensities(self) -> list[tuple[float, float, float, float]]:
        """Mean, sd and percentiles; a modality never seen in training is brought to zero."""
        found = (self.facts.intensities[name] for name in self.facts.modalities)
        return [(i.mean, i.sd, i.low, i.high) if i else (0.0, 1.0, 0.0, 0.0) for i in found]
