"""Two scanners: motion between the modalities, resolution, blur, bias field, gain, noise."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from radpipe.phantoms.anatomy import MODALITIES, REFERENCE
from radpipe.phantoms.fields import CENTRE_MM, Grid, generator, smooth_field
from radpipe.types import Mask, Volume

BIAS_SCALE_MM = 110.0
"""Distance of the spline coefficients of the bias field: smooth over half a head."""


@dataclass(frozen=True)
class Scanner:
    """A site's scanner. `blur` is a share of the voxel, `noise` a share of white matter's signal.

    `slice_factor` is the slice thickness of images that are not the reference, in units of the
    cohort's spacing; `bias` the standard deviation of the logarithm of the bias field.
    """

    site: str
    gain: float
    noise: float
    blur: float
    slice_factor: float
    bias: float


SCANNERS = {
    "north": Scanner("north", gain=420.0, noise=0.020, blur=0.40, slice_factor=1.0, bias=0.20),
    "south": Scanner("south", gain=900.0, noise=0.035, blur=0.50, slice_factor=1.4, bias=0.24),
}

_SOUTH_SHARE = {"development": 0.4, "external": 0.75}


@dataclass(frozen=True)
class Scan:
    """An image as it is stored, and the bias field it was multiplied by (mean log 0 in brain)."""

    image: sitk.Image
    bias: sitk.Image


def draw_site(seed: int, cohort: str, patient: int) -> str:
    """The site that examines a patient; the external cohort is mostly of the other site."""
    share = _SOUTH_SHARE.get(cohort, 0.5)
    return "south" if generator(seed, cohort, patient, "site").random() < share else "north"


def draw_motion(seed: int, cohort: str, case: int) -> dict[str, sitk.Euler3DTransform]:
    """For each modality the transform from points of the reference to points of that image."""
    motion = {}
    for modality in MODALITIES:
        transform = sitk.Euler3DTransform()
        transform.SetCenter(CENTRE_MM)
        if modality != REFERENCE:
            rng = generator(seed, cohort, "case", case, "motion", modality)
            angles = np.radians(np.clip(rng.normal(0.0, 2.5, 3), -6.0, 6.0))
            shift = np.clip(rng.normal(0.0, 3.0, 3), -7.0, 7.0)
            transform.SetRotation(*(float(a) for a in angles))
            transform.SetTranslation([float(s) for s in shift])
        motion[modality] = transform
    return motion


def image_grid(modality: str, scanner: Scanner, spacing_mm: float) -> Grid:
    """The grid of a modality: the reference is isotropic, the others have the scanner's slices."""
    if modality == REFERENCE:
        return Grid.around_centre((spacing_mm, spacing_mm, spacing_mm))
    thick = spacing_mm * scanner.slice_factor
    return Grid.around_centre((spacing_mm, spacing_mm, thick), shift_mm=(1.0, -1.5, 2.0))


def acquire(
    signal: sitk.Image,
    brain: sitk.Image,
    *,
    grid: Grid,
    transform: sitk.Euler3DTransform,
    scanner: Scanner,
    rng: np.random.Generator,
) -> Scan:
    """Image a head: resolution and blur, motion, bias field, gain, Rician noise, 0 outside.

    Args:
        signal: tissue signal on a fine grid, in the space of the reference.
        brain: the brain on the same grid, 1 inside.
        grid: the grid of the stored image.
        transform: from points of the reference to points of this image.
        scanner: the site's scanner.
        rng: the generator of bias field, gain and noise.
    """
    inside, resolved = sample(signal, brain, grid, transform, scanner.blur)
    log_bias = smooth_field(rng, grid, BIAS_SCALE_MM)
    log_bias -= log_bias[inside].mean()
    log_bias *= scanner.bias / log_bias[inside].std()
    # Four decimals are exact enough and let the stored truth compress.
    bias = np.round(np.exp(log_bias, dtype=np.float32), 4)
    gain = scanner.gain * float(np.exp(rng.normal(0.0, 0.08)))
    noise = rng.standard_normal((2, *inside.shape), dtype=np.float32) * (scanner.noise * gain)
    # The magnitude of a complex signal with normal noise in both parts is Rician.
    magnitude = np.hypot(gain * bias * resolved + noise[0], noise[1])
    stored = np.where(inside, np.clip(np.rint(magnitude), 1, 32767), 0).astype(np.int16)
    return Scan(grid.image(stored), grid.image(bias))


def sample(
    signal: sitk.Image,
    brain: sitk.Image,
    grid: Grid,
    transform: sitk.Euler3DTransform,
    blur: float,
) -> tuple[Mask, Volume]:
    """The brain and the blurred signal on a grid, axes (z, y, x)."""
    if blur > 0.0:
        signal = sitk.SmoothingRecursiveGaussian(signal, [blur * s for s in grid.spacing_mm])
    target = grid.image(np.zeros(grid.size[::-1], dtype=np.uint8))
    back = transform.GetInverse()
    inside = sitk.GetArrayFromImage(sitk.Resample(brain, target, back, sitk.sitkLinear)) > 0.5
    resolved = sitk.GetArrayFromImage(sitk.Resample(signal, target, back, sitk.sitkLinear))
    return inside, np.asarray(resolved)
