"""From trained networks to the mask of a case and how sure it is."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zlib import crc32

import numpy as np
import pandas as pd
import SimpleITK as sitk
import torch
from torch import Tensor, nn

from radpipe.config.segmentation import Cleaning, Combination
from radpipe.errors import CaseError
from radpipe.io import images
from radpipe.networks.inference import Passes, sliding_window
from radpipe.networks.registry import build_network
from radpipe.networks.weights import load_weights
from radpipe.segmentation.cascade import background_around, region_box, with_context
from radpipe.segmentation.crf import refine
from radpipe.segmentation.ensembles import (
    Joint,
    Prediction,
    add_to_mean,
    join,
    most_probable,
    one_hot,
)
from radpipe.segmentation.label_maps import label_values
from radpipe.segmentation.loading import read_channels, read_classes
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.postprocessing import clean_labels
from radpipe.segmentation.restoring import restore_probabilities
from radpipe.segmentation.uncertainty import case_uncertainty, entropy_map, information_map
from radpipe.segmentation.views import planes, window
from radpipe.types import CaseFiles, Volume

AXES = {"z": 0, "y": 1, "x": 2}


@dataclass(frozen=True)
class Member:
    """A trained network and its plan."""

    network: nn.Module
    plan: Plan


@dataclass(frozen=True)
class Drawing:
    """The mask of a case and how sure it is, on the grid of the prepared images.

    Attributes:
        mask: label values, uint8.
        entropy: of each voxel, 0 to 1 (`uncertainty.entropy_map`), float32.
        information: mutual information of class and member or dropout, on the same scale; none for
            one member without dropout, and where members vote or are joined by STAPLE.
        uncertainty: one row a label (`uncertainty.case_uncertainty`).
    """

    mask: sitk.Image
    entropy: sitk.Image
    information: sitk.Image | None
    uncertainty: pd.DataFrame

    @property
    def expected_dice(self) -> dict[str, float]:
        """The expected Dice of each label by its name."""
        return dict(zip(self.uncertainty["label"], self.uncertainty["expected_dice"], strict=True))


def load_segmenter(
    weights: str | Path, plan: Plan, labels: dict[str, int], *, inputs: int
) -> nn.Module:
    """A trained segmenter from its weights; `inputs` is the number of modalities.

    Raises:
        RadpipeError: the weights are of another network.
    """
    spec = plan.network_spec(inputs=inputs, labels=len(labels))
    network = build_network(plan.segmenter.network, spec)
    load_weights(network, weights)
    return network.eval()


def probabilities(network: nn.Module, values: Volume, plan: Plan, *, case: str = "") -> Volume:
    """What a network says of a volume, with all that the plan asks for: view, flips, dropout.

    Args:
        network: as trained with this plan.
        values: `(C, z, y, x)` float32, as `read_channels` gives them.
        plan: its patch, overlap, view, flips and mc_dropout.
        case: seeds the dropout.

    Returns:
        Probabilities of background and labels `(L + 1, z, y, x)`, float16, on the same grid.
    """
    said = _seen(network, torch.from_numpy(values), plan, case).numpy()
    return said[:-1] if plan.segmenter.mc_dropout else said


def segment_case(
    members: Sequence[Member | Path],
    files: CaseFiles,
    labels: dict[str, int],
    *,
    combine: Combination = "mean",
    cleaning: Cleaning | None = None,
    coarse: Path | None = None,
) -> Drawing:
    """Draw the mask of one case.

    Probabilities are kept in half precision and members are asked one after the other: two classes
    of 512 x 512 x 400 voxels take below 3 GB with one member, and 4 GB with several.

    Args:
        members: networks with their plans, or files of masks that others have drawn on the
            prepared grid: these are certain of what they say.
        files: prepared images; a mask in it is not looked at.
        labels: name and value in the mask of each label.
        combine: how several members are joined.
        cleaning: what is done to the mask; the random field changes the mask alone, how sure it is
            remains what the members said. None: nothing.
        coarse: mask that says where members with a cascade draw; if it is empty, everywhere.

    Raises:
        CaseError: a file is missing or on another grid, or the case has no image.
    """
    cleaning = cleaning or Cleaning()
    frame = _frame(files)
    asked = _Asked(files, labels, frame, coarse)
    joint = join((asked.member(member) for member in members), combine)
    spacing_mm = images.spacing_zyx(frame)
    drawn = joint.probabilities
    if cleaning.crf is not None:
        drawn = refine(drawn, _prepared(files), spacing_mm, cleaning.crf)
    classes = clean_labels(most_probable(drawn), spacing_mm, cleaning)
    return _drawing(files.case, joint, classes, labels, frame)


@dataclass(frozen=True)
class _Asked:
    """A case that members are asked about, one after the other."""

    files: CaseFiles
    labels: dict[str, int]
    frame: sitk.Image
    coarse: Path | None

    def member(self, member: Member | Path) -> Prediction:
        """What a member says on the prepared grid."""
        if isinstance(member, Path):
            files = replace(self.files, mask=member)
            classes = read_classes(files, self.frame, self.labels)
            return Prediction(one_hot(classes, len(self.labels) + 1))
        said = self._network(member)
        if member.plan.segmenter.mc_dropout:
            return Prediction(said[:-1], said[-1])
        return Prediction(said)

    def _network(self, member: Member) -> Tensor:
        values, image = read_channels(self.files, member.plan)
        grid = _empty_like(image)
        del image
        tensor, own = torch.from_numpy(values), member.plan.segmenter
        box = None
        if self.coarse is not None and own.cascade is not None:
            coarse = images.read_image(self.coarse, case=self.files.case)
            box = region_box(coarse, grid, own.margin_mm)
        if box is None:
            said = _seen(member.network, tensor, member.plan, self.files.case)
        else:
            size = values.shape[1:]
            wide = with_context(box, own.patch, size)
            inside = tensor[(slice(None), *wide)]
            part = _seen(member.network, inside, member.plan, self.files.case)
            said = background_around(part, wide, box, size)
        return restore_probabilities(said, grid, self.frame)


def _seen(network: nn.Module, values: Tensor, plan: Plan, case: str) -> Tensor:
    """Mean over the views of a network `(L + 1, z, y, x)`; with dropout one channel more."""
    own = plan.segmenter
    # The name of a case seeds its dropout: the same mask whatever else is drawn with it.
    passes = Passes(tuple(AXES[a] for a in own.flips), own.mc_dropout, crc32(case.encode()))
    mean = torch.zeros(())
    for number, axis in enumerate(planes(own.view) or (None,), start=1):
        seen = sliding_window(
            network if axis is None else _Slices(network, axis),
            values,
            window(own.patch, axis),
            own.overlap,
            passes=passes,
            dtype=torch.half,
        )
        if number == 1:
            mean = seen
        else:
            add_to_mean(mean, seen, number)
    return mean


class _Slices(nn.Module):
    """A network of slices, shown windows of one voxel across `axis` (0 to 2)."""

    def __init__(self, network: nn.Module, axis: int) -> None:
        super().__init__()
        self.network = network
        self.axis = axis + 2

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.network(x.squeeze(self.axis))
        return logits.unsqueeze(self.axis)


def _there(files: CaseFiles) -> Iterator[sitk.Image]:
    """The prepared images that the case has."""
    for path in files.images.values():
        if path is not None:
            yield images.read_image(path, case=files.case)


def _frame(files: CaseFiles) -> sitk.Image:
    """An empty image on the prepared grid."""
    for image in _there(files):
        return _empty_like(image)
    raise CaseError("the case has no image at all", case=files.case)


def _empty_like(image: sitk.Image) -> sitk.Image:
    """An image on the same grid, of a quarter of the memory."""
    empty = sitk.Image(image.GetSize(), sitk.sitkUInt8)
    empty.CopyInformation(image)
    return empty


def _prepared(files: CaseFiles) -> Volume:
    """The prepared images `(C, z, y, x)`, as they are."""
    return np.stack([images.array_of(image) for image in _there(files)])


def _drawing(
    case: str, joint: Joint, classes: np.ndarray, labels: dict[str, int], frame: sitk.Image
) -> Drawing:
    """The maps and the table of what was drawn."""
    values = label_values(labels)
    names = sorted(labels, key=lambda name: labels[name])
    information = None
    if joint.information is not None:
        map_ = information_map(joint.information, len(values))
        information = images.image_like(map_, frame)
    return Drawing(
        mask=images.image_like(np.array(values, np.uint8)[classes], frame),
        entropy=images.image_like(entropy_map(joint.probabilities), frame),
        information=information,
        uncertainty=case_uncertainty(case, joint, classes, images.spacing_zyx(frame), names),
    )
