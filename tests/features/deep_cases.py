"""Cases in two groups: in one the region is brighter than around it, in the other darker."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.io.images import write_image
from radpipe.types import CaseFiles

SIZE = 12
MODALITIES = ("T1w", "FLAIR", "T2w", "ADC")


def group_of(case: str) -> float:
    """0 or 1, by the number of the case."""
    return float(int(case.removeprefix("case")) % 2)


def write_cases(folder: Path, count: int, modalities: int = 2) -> list[CaseFiles]:
    """`count` cases of two groups by turns, then one without a region."""
    rng = np.random.default_rng(0)
    files = []
    for number in range(count + 1):
        mask = np.zeros((SIZE, SIZE, SIZE), dtype=np.uint8)
        z, y, x = rng.integers(3, 5, 3)
        mask[z : z + 4, y : y + 4, x : x + 4] = number < count
        sign = 1 if number % 2 else -1
        images = {}
        for place, modality in enumerate(MODALITIES[:modalities]):
            array = 0.5 * rng.normal(size=mask.shape) + 100 + sign * (place + 2.0) * mask
            images[modality] = folder / f"{number}_{modality}.nii.gz"
            write_image(sitk.GetImageFromArray(array.astype(np.float32)), images[modality])
        write_image(sitk.GetImageFromArray(mask), folder / f"{number}_mask.nii.gz")
        files.append(CaseFiles(f"case{number}", images, folder / f"{number}_mask.nii.gz"))
    return files
