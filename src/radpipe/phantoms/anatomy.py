"""A patient's brain: the MNI152 template, deformed, with the contrasts of T1w and FLAIR images."""

from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from radpipe.io.images import array_of, read_image
from radpipe.phantoms.fields import CENTRE_MM, Grid, generator, smooth_field
from radpipe.types import Mask, Volume

REFERENCE = "T1w"
"""The modality on whose grid masks are drawn."""

MODALITIES = (REFERENCE, "FLAIR")

TISSUE_SIGNAL = {"T1w": (0.22, 0.62, 0.95), "FLAIR": (0.12, 0.74, 0.58)}
"""Signal of cerebrospinal fluid, grey and white matter; the unit is arbitrary."""

_DEFORMATION_MM = 3.5
"""Standard deviation of the smooth displacement along each axis."""

_DEFORMATION_SCALE_MM = 35.0
_SIZE_SD = 0.03
"""Standard deviation of the size of a head along each axis, relative."""


@dataclass(frozen=True)
class Anatomy:
    """Tissue fractions of a brain on a grid finer than the images, axes (z, y, x).

    `template` is the deformed T1 template: it brings nuclei and vessels that no tissue map shows.
    """

    grid: Grid
    grey: Volume
    white: Volume
    template: Volume
    brain: Mask

    @property
    def fluid(self) -> Volume:
        """Fraction of cerebrospinal fluid."""
        return np.clip(1.0 - self.grey - self.white, 0.0, 1.0) * self.brain

    def signal(self, modality: str, contrast: float = 1.0) -> Volume:
        """The tissues' signal in a modality; `contrast` scales grey against white matter."""
        fluid, grey, white = TISSUE_SIGNAL[modality]
        middle = (grey + white) / 2
        grey, white = (middle + contrast * (value - middle) for value in (grey, white))
        signal = fluid * self.fluid + grey * self.grey + white * self.white
        if modality == "T1w":
            signal = 0.5 * signal + 0.5 * 1.1 * self.template
        return np.asarray(signal * self.brain)


@dataclass(frozen=True)
class Template:
    """The MNI152 tissue maps and T1 image, values 0 to 1, axes (z, y, x)."""

    grid: Grid
    maps: dict[str, Volume]


@lru_cache(maxsize=4)
def load_template(spacing_mm: float) -> Template:
    """The template smoothed for sampling every `spacing_mm`.

    The maps are read from nilearn's package data: its `load_mni152_*` functions give the same
    voxels, but importing them costs seconds that a test would pay each time.
    """
    spacing = max(1.0, spacing_mm)
    grid = Grid.around_centre((spacing, spacing, spacing))
    folder = files("nilearn") / "datasets" / "data"
    maps = {}
    for name in ("t1", "gm", "wm"):
        path = str(folder / f"mni_icbm152_{name}_tal_nlin_sym_09a_converted.nii.gz")
        image = sitk.Cast(read_image(path), sitk.sitkFloat32)
        image = sitk.SmoothingRecursiveGaussian(image, 0.35 * spacing)
        array = array_of(sitk.Resample(image, _empty(grid), sitk.Transform(), sitk.sitkLinear))
        maps[name] = np.clip(array / 255.0, 0.0, 1.0)
    inside = ndimage.binary_fill_holes(maps["t1"] > 0.06)
    maps["brain"] = np.asarray(inside, dtype=np.float32)
    return Template(grid, maps)


def draw_anatomy(seed: int, cohort: str, patient: int, spacing_mm: float) -> Anatomy:
    """The brain of one patient: the template under a random scaling and smooth deformation."""
    grid = Grid.around_centre((spacing_mm, spacing_mm, spacing_mm))
    rng = generator(seed, cohort, patient, "anatomy")
    scale = np.clip(rng.normal(1.0, _SIZE_SD, 3), 0.93, 1.07)
    template = load_template(spacing_mm)
    index = []
    for axis, coordinate in enumerate(np.meshgrid(*grid.axes_mm, indexing="ij", sparse=True)):
        centre = CENTRE_MM[2 - axis]
        warp = _DEFORMATION_MM * smooth_field(rng, grid, _DEFORMATION_SCALE_MM)
        point = centre + (coordinate - centre) / scale[axis] + warp
        origin, step = template.grid.origin_mm[2 - axis], template.grid.spacing_mm[2 - axis]
        index.append(((point - origin) / step).astype(np.float32))
    maps = {
        name: ndimage.map_coordinates(array, index, order=1, mode="constant")
        for name, array in template.maps.items()
    }
    brain = maps["brain"] > 0.5
    return Anatomy(grid, maps["gm"] * brain, maps["wm"] * brain, maps["t1"] * brain, brain)


def _empty(grid: Grid) -> sitk.Image:
    return grid.image(np.zeros(grid.size[::-1], dtype=np.float32))
