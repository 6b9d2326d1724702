"""Lesions: where they lie, their shape, and how they look, as the latent grade says."""

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from radpipe.phantoms.anatomy import Anatomy
from radpipe.phantoms.fields import generator, smooth_field
from radpipe.types import Mask, Volume

LESION_SIGNAL = {"T1w": (0.60, -0.06, -0.5), "FLAIR": (1.30, 0.13, 1.0)}
"""Mean signal, its change per unit of the contrast trait, and the share of the heterogeneity."""

TEXTURE_SCALE_MM = 6.0
"""Distance of the spline coefficients of the texture inside a lesion."""

_OUTLINE_SCALE_MM = 13.0
_SATELLITE_PROBABILITY = 0.35
_SATELLITE_SHARE = 0.2
_LOWEST_MM = -15.0
"""No lesion has its centre below this world z: cerebellum and brain stem stay free."""


@dataclass(frozen=True)
class LesionTraits:
    """What the latent grade changes in a lesion.

    `volume_ml` is the volume of all lesions of the case; `irregularity` the standard deviation of
    the outline as a share of the radius; `contrast` the trait that moves the mean signal, about
    N(0, 1); `heterogeneity` the standard deviation of the FLAIR signal inside.
    """

    volume_ml: float
    irregularity: float
    contrast: float
    heterogeneity: float


@dataclass(frozen=True)
class Lesions:
    """The lesions of a case on the grid of its anatomy, axes (z, y, x)."""

    mask: Mask
    texture: Volume
    count: int
    traits: LesionTraits

    def signal(self, modality: str) -> Volume:
        """The signal a voxel has where it is all lesion."""
        mean, slope, share = LESION_SIGNAL[modality]
        spread = share * self.traits.heterogeneity
        value = mean + slope * self.traits.contrast + spread * self.texture
        return np.asarray(np.clip(value, 0.1, None))


def traits_of(standard: dict[str, float], growth: float = 1.0) -> LesionTraits:
    """Turn standard normal traits into quantities; `growth` multiplies the volume."""
    volume_ml = growth * 11.0 * np.exp(0.55 * standard["volume"])
    heterogeneity = 0.14 * np.exp(0.55 * standard["heterogeneity"])
    return LesionTraits(
        volume_ml=float(np.clip(volume_ml, 3.0, 40.0)),
        irregularity=float(np.clip(0.15 + 0.07 * standard["irregularity"], 0.02, 0.30)),
        contrast=float(np.clip(standard["contrast"], -2.5, 2.5)),
        heterogeneity=float(np.clip(heterogeneity, 0.03, 0.40)),
    )


def draw_lesions(
    anatomy: Anatomy, traits: LesionTraits, *, seed: int, patient: tuple[str, int], case: int
) -> Lesions:
    """The lesions of one case: place and outline are the patient's, the texture is the case's."""
    rng = generator(seed, *patient, "lesion")
    several = rng.random() < _SATELLITE_PROBABILITY
    shares = (1 - _SATELLITE_SHARE, _SATELLITE_SHARE) if several else (1.0,)
    depth_mm = ndimage.distance_transform_edt(anatomy.brain, sampling=anatomy.grid.spacing_mm[0])
    mask = np.zeros_like(anatomy.brain)
    for share in shares:
        mask |= _draw_one(anatomy, depth_mm, mask, traits, share=share, rng=rng)
    texture = smooth_field(
        generator(seed, patient[0], "case", case, "texture"), anatomy.grid, TEXTURE_SCALE_MM
    )
    inside = texture[mask]
    # Scaled inside the lesion, so that `heterogeneity` is exactly its standard deviation there.
    texture = (texture - inside.mean()) / inside.std()
    return Lesions(mask, texture, len(shares), traits)


def _draw_one(
    anatomy: Anatomy,
    depth_mm: Volume,
    taken: Mask,
    traits: LesionTraits,
    *,
    share: float,
    rng: np.random.Generator,
) -> Mask:
    """One connected lesion of `share` of the volume, in the brain and apart from the others."""
    volume_ml = share * traits.volume_ml
    radius_mm = (volume_ml * 1000.0 * 3.0 / (4.0 * np.pi)) ** (1 / 3)
    free = anatomy.brain & ~_dilated(taken, anatomy, 6.0)
    centre = _draw_centre(anatomy, depth_mm, free, radius_mm=radius_mm, rng=rng)
    axes = np.exp(rng.normal(0.0, 0.12, 3))
    axes /= np.prod(axes) ** (1 / 3)
    z, y, x = np.meshgrid(*anatomy.grid.axes_mm, indexing="ij", sparse=True)
    squares = (((p - c) / a) ** 2 for p, c, a in zip((z, y, x), centre, axes, strict=True))
    outline = smooth_field(rng, anatomy.grid, _OUTLINE_SCALE_MM)
    # A tumour pushes fluid aside more than it fills it.
    level = np.sqrt(sum(squares)) / radius_mm + traits.irregularity * outline + anatomy.fluid
    level[~free] = np.inf
    voxels = max(1, round(volume_ml / anatomy.grid.voxel_ml))
    mask = level <= np.partition(level, voxels - 1, axis=None)[voxels - 1]
    parts, count = ndimage.label(mask)
    if count == 1:
        return np.asarray(mask)
    sizes = np.bincount(parts.ravel())[1:]
    return np.asarray(parts == 1 + int(np.argmax(sizes)))


def _draw_centre(
    anatomy: Anatomy,
    depth_mm: Volume,
    free: Mask,
    *,
    radius_mm: float,
    rng: np.random.Generator,
) -> tuple[float, float, float]:
    """World z, y, x of a voxel of white matter, deep enough for a lesion of that radius."""
    z, y, x = anatomy.grid.axes_mm
    eligible = free & (anatomy.white > 0.6) & (depth_mm > 0.75 * radius_mm)
    eligible &= (z > _LOWEST_MM)[:, None, None]
    if not eligible.any():
        eligible = free & (depth_mm == depth_mm[free].max())
    voxels = np.argwhere(eligible)
    k, j, i = voxels[rng.integers(len(voxels))]
    return float(z[k]), float(y[j]), float(x[i])


def _dilated(mask: Mask, anatomy: Anatomy, distance_mm: float) -> Mask:
    if not mask.any():
        return mask
    steps = max(1, round(distance_mm / anatomy.grid.spacing_mm[0]))
    return np.asarray(ndimage.binary_dilation(mask, iterations=steps))
