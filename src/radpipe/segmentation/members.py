"""Everything that draws the masks of a fold together, as it lies on disk."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import SimpleITK as sitk

from radpipe.config import Classical, Ensemble, Segmenter, read_segmenter
from radpipe.io import images
from radpipe.logs import progress
from radpipe.segmentation.inference import Member, load_segmenter, segment_case
from radpipe.segmentation.plan import read_plan
from radpipe.types import CaseFiles

MASKS, ENTROPY = "masks", "entropy"
"""Folders of what a segmenter, of whatever kind, has drawn of the cases of a fold."""


def load_members(
    places: Sequence[Mapping[str, Any]], labels: dict[str, int], *, inputs: int
) -> list[Member | Path]:
    """The members of a segmenter: trained networks, or the folder of masks of a classical one.

    Args:
        places: of each member its section of the config (`segmenter`) and its `folder`, with
            `weights.safetensors` and `plan.yaml`, or `masks/`.
        labels: name and value in the mask of each label.
        inputs: number of modalities.

    Raises:
        RadpipeError: weights that are not of the planned network.
    """
    members: list[Member | Path] = []
    for place in places:
        folder = Path(place["folder"])
        if isinstance(read_segmenter(place["segmenter"]), Classical):
            members.append(folder / MASKS)
            continue
        plan = read_plan(folder / "plan.yaml")
        weights = folder / "weights.safetensors"
        members.append(Member(load_segmenter(weights, plan, labels, inputs=inputs), plan))
    return members


def draw_fold(
    settings: Segmenter,
    members: Sequence[Member | Path],
    cases: Sequence[CaseFiles],
    labels: dict[str, int],
    *,
    coarse: Path | None,
    target: Path,
) -> pd.DataFrame:
    """Draw and write the masks of some cases with their entropy maps.

    Args:
        settings: of the segmenter: how members are joined, for an ensemble.
        members: from `load_members`.
        cases: prepared images.
        labels: name and value in the mask of each label.
        coarse: folder of the masks in which members with a cascade draw.
        target: folder that gets `masks/<case>.nii.gz`, and the like in `entropy/`, uint8: 0 sure,
            255 anything is possible.

    Returns:
        `inference.Drawing.uncertainty` of all cases.
    """
    joined, tables = _joined_by(settings, members), []
    for files in progress(cases, "segmenting case"):
        name = f"{files.case}.nii.gz"
        them = [m / name if isinstance(m, Path) else m for m in members]
        where = None if coarse is None else coarse / name
        drawing = segment_case(them, files, labels, coarse=where, **joined)
        images.write_image(drawing.mask, target / MASKS / name)
        images.write_image(_as_bytes(drawing.entropy), target / ENTROPY / name)
        tables.append(drawing.uncertainty)
    return pd.concat(tables, ignore_index=True)


def _joined_by(settings: Segmenter, members: Sequence[Member | Path]) -> dict[str, Any]:
    """How masks are joined and cleaned: as an ensemble says, or the plan of a single network."""
    if isinstance(settings, Ensemble):
        return {"combine": settings.combine, "cleaning": settings.cleaning}
    plans = [member.plan for member in members if isinstance(member, Member)]
    return {"combine": "mean", "cleaning": plans[0].segmenter.cleaning}


def _as_bytes(entropy: sitk.Image) -> sitk.Image:
    """0 to 1 as 0 to 255: a quarter of the size, and finer than the numbers are true."""
    values = np.rint(images.array_of(entropy) * 255).astype(np.uint8)
    return images.image_like(values, entropy)
