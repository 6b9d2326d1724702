"""Images from arrays, and the filters of pyradiomics that a study's image types stand for."""

import numpy as np
import SimpleITK as sitk

from radpipe.config import Handcrafted


def image_of(array: np.ndarray, spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)) -> sitk.Image:
    """An image of voxels `(z, y, x)` with a spacing `(x, y, z)`."""
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(spacing_mm)
    return image


def pyradiomics_filters(config: Handcrafted) -> dict[str, dict[str, object]]:
    """pyradiomics' names of the image types with the settings they need."""
    every = {
        "original": ("Original", {}),
        "log": ("LoG", {"sigma": config.log_sigma_mm}),
        "wavelet": ("Wavelet", {"force2D": config.dimension != "3d"}),
        "square": ("Square", {}),
        "square_root": ("SquareRoot", {}),
        "logarithm": ("Logarithm", {}),
        "exponential": ("Exponential", {}),
        "gradient": ("Gradient", {}),
        "lbp2d": ("LBP2D", {}),
        "lbp3d": ("LBP3D", {}),
    }
    return dict(every[key] for key in config.image_types)
