"""The quantities of the house, named once: shape, axis order and unit."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Volume = npt.NDArray[np.floating[Any]]
"""Voxel values, axes (z, y, x)."""

Mask = npt.NDArray[np.bool_]
"""Membership of one region, axes (z, y, x)."""

Labels = npt.NDArray[np.integer[Any]]
"""Label of each voxel, 0 is background, axes (z, y, x)."""

SpacingZYX = tuple[float, float, float]
"""Voxel size in mm, axes (z, y, x): the order of arrays, not of SimpleITK."""

Vector = npt.NDArray[np.floating[Any]]
"""One value a case or a patient, shape (n,)."""

Matrix = npt.NDArray[np.floating[Any]]
"""Cases by columns, shape (n, p)."""

Part = Literal["train", "test"]

DEVELOPMENT = "development"
"""The cohort that is split into folds; every other name is an external cohort."""

FINAL = "final"
"""The fold that is the refit on the whole development cohort."""


@dataclass(frozen=True)
class Exclusion:
    """A case set aside, at which stage and why."""

    case: str
    stage: str
    reason: str


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence interval and the way it was made."""

    estimate: float
    low: float
    high: float
    method: str


@dataclass(frozen=True)
class CaseFiles:
    """Where the prepared images and the mask of one case lie; a missing modality is None."""

    case: str
    images: dict[str, Path | None]
    mask: Path | None = None
