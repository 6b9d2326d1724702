"""Cases of two boxes: what a small network learns in a few steps."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from radpipe.types import CaseFiles


def write(array: np.ndarray, path: Path) -> Path:
    """Write an array on a grid with thick slices away from the origin."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 2.0, 0.5))
    image.SetOrigin((7.0, -3.0, 11.0))
    sitk.WriteImage(image, path)
    return path


def two_boxes(folder: Path, name: str, seed: int) -> CaseFiles:
    """Label 3 where the image is bright, label 5 where it is dark."""
    rng = np.random.default_rng(seed)
    mask = np.zeros((17, 20, 15), np.uint8)
    low = rng.integers(2, 6, 3)
    mask[low[0] : low[0] + 8, low[1] : low[1] + 8, low[2] : low[2] + 3] = 3
    mask[low[0] : low[0] + 8, low[1] : low[1] + 8, low[2] + 4 : low[2] + 8] = 5
    image = 2.0 * (mask == 3) - 2.0 * (mask == 5) + 0.3 * rng.standard_normal(mask.shape)
    file = write(image.astype(np.float32), folder / f"{name}.nii.gz")
    return CaseFiles(name, {"T1w": file}, write(mask, folder / f"{name}_mask.nii.gz"))
