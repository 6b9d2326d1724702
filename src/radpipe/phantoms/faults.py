"""Bad cases: each has one fault, and none of them may reach a model."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import SimpleITK as sitk

from radpipe.io.files import atomic
from radpipe.io.images import image_like, labels_of, read_image, write_image
from radpipe.phantoms.anatomy import MODALITIES, REFERENCE

COHORT = "faults"
"""The stream of random numbers of bad cases; in the sheet they belong to development."""

DONOR = 2
"""Index of the development case whose images are given to another patient."""

Row = dict[str, Any]


def _truncate_file(directory: Path, row: Row, _donor: Row) -> None:
    """The reference image ends in the middle, as after a broken transfer."""
    path = directory / row[f"image_{REFERENCE}"]
    data = path.read_bytes()
    with atomic(path) as part:
        part.write_bytes(data[: len(data) // 2])


def _empty_mask(directory: Path, row: Row, _donor: Row) -> None:
    """The mask has no voxel."""
    path = directory / row["mask"]
    mask = read_image(path)
    write_image(image_like(np.zeros_like(labels_of(mask)), mask), path)


def _move_mask(directory: Path, row: Row, _donor: Row) -> None:
    """The mask has lost five slices and its place: its grid is not that of the reference."""
    path = directory / row["mask"]
    mask = sitk.GetImageFromArray(labels_of(read_image(path))[5:])
    write_image(mask, path)


def _copy_images(directory: Path, row: Row, donor: Row) -> None:
    """Images and mask are those of another patient."""
    for column in [*(f"image_{modality}" for modality in MODALITIES), "mask"]:
        with atomic(directory / row[column]) as part:
            shutil.copyfile(directory / donor[column], part)


FAULTS: dict[str, Callable[[Path, Row, Row], None]] = {
    "truncated file": _truncate_file,
    "empty mask": _empty_mask,
    "mask geometry": _move_mask,
    "duplicate image": _copy_images,
}
"""Each fault and the function that spoils the files of the case in a row of the sheet."""
