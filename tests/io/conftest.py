"""A small cohort on disk that a test may spoil in one place."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import SimpleITK as sitk

from radpipe.config import Study, load_study

SHAPE = (8, 9, 10)
CASES = [f"c{i}" for i in range(1, 11)]


def noise(seed: int) -> sitk.Image:
    values = np.random.default_rng(seed).normal(100, 10, SHAPE).astype(np.float32)
    image = sitk.GetImageFromArray(values)
    image.SetSpacing((2.0, 2.0, 3.0))
    image.SetOrigin((-5.0, 4.0, 7.0))
    return image


def cube(image: sitk.Image, edge: int = 3) -> sitk.Image:
    values = np.zeros(SHAPE, dtype=np.uint8)
    values[2 : 2 + edge, 2 : 2 + edge, 2 : 2 + edge] = 1
    mask = sitk.GetImageFromArray(values)
    mask.CopyInformation(image)
    return mask


class Cohort:
    """Ten development cases, one a patient, classes in turn; files under `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.sheet = folder / "cases.tsv"
        rows = []
        for number, case in enumerate(CASES):
            image = noise(number)
            sitk.WriteImage(image, str(folder / f"{case}.nii.gz"))
            sitk.WriteImage(cube(image), str(folder / f"{case}_mask.nii.gz"))
            rows.append(
                {
                    "case": case,
                    "image_T1w": f"{case}.nii.gz",
                    "mask": f"{case}_mask.nii.gz",
                    "grade": str(number % 2),
                    "age": str(50 + number),
                }
            )
        self.table = pd.DataFrame(rows)

    def set(self, case: str, **cells: str) -> None:
        for column, cell in cells.items():
            if column not in self.table:
                self.table[column] = ""
            self.table.loc[self.table["case"] == case, column] = cell

    def study(self, **changes: Any) -> Study:
        self.table.to_csv(self.sheet, sep="\t", index=False)
        config: dict[str, Any] = {
            "study": "small",
            "cases": str(self.sheet),
            "outcome": {"column": "grade", "positive": 1},
            "images": {"modalities": ["T1w"]},
            "features": {"handcrafted": {}, "clinical": ["age"]},
            "splits": {"folds": 2, "inner_folds": 2},
            "models": [
                {"name": "volume", "blocks": ["volume"], "predictor": "linear"},
            ],
        }
        return load_study({**config, **changes})


@pytest.fixture
def cohort(tmp_path: Path) -> Cohort:
    return Cohort(tmp_path)


@pytest.fixture
def write() -> Callable[[np.ndarray, Path, sitk.Image | None], None]:
    """Write an array, axes (z, y, x), on the grid of an image."""

    def _write(array: np.ndarray, path: Path, like: sitk.Image | None = None) -> None:
        image = sitk.GetImageFromArray(array)
        if like is not None:
            image.CopyInformation(like)
        sitk.WriteImage(image, str(path))

    return _write
