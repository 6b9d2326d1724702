"""First-order and texture features of one region in one image, from grey levels made once.

The texture matrices are counted by pyradiomics' C code and most features by its classes, which
here share the grey levels and the mask of the region; first order and the slow parts of the
co-occurrence features are written anew to the same values.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from radiomics.base import RadiomicsFeaturesBase
from radiomics.glcm import RadiomicsGLCM
from radiomics.gldm import RadiomicsGLDM
from radiomics.glrlm import RadiomicsGLRLM
from radiomics.glszm import RadiomicsGLSZM
from radiomics.ngtdm import RadiomicsNGTDM

from radpipe.features.boxes import Box, bounding_box
from radpipe.features.dictionary import FIRST_ORDER
from radpipe.types import Labels, Mask, Vector

Values = dict[tuple[str, str], float]
"""A value by class and feature."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class LevelImage:
    """A discretised region.

    Attributes:
        levels: grey level of each voxel from 1, axes (z, y, x); 0 outside the region.
        mask: the region, of the same shape.
    """

    levels: Labels
    mask: Mask

    def inside(self, box: Box) -> "LevelImage":
        """The part inside a box."""
        return replace(self, levels=self.levels[box.slices], mask=self.mask[box.slices])


class _SharedLevels(RadiomicsFeaturesBase):
    """The base of pyradiomics' classes, without images, binning and logging.

    It stands behind them in the order of resolution, so that their constructors reach it.
    """

    def __init__(self, image: LevelImage, _: None, **settings: Any) -> None:
        self.settings = settings
        self.voxelBased = False
        self.coefficients: dict[str, Any] = {}
        self.imageArray, self.maskArray = image.levels, image.mask
        self.logger = _Silence()
        self.inputImage = _Grid()

    def _applyBinning(self, matrix: Labels) -> Labels:  # noqa: N802 (the name is pyradiomics')
        gray_levels = self.settings["gray_levels"]
        self.coefficients["grayLevels"] = gray_levels
        self.coefficients["Ng"] = int(gray_levels[-1])
        return matrix


class _Grid:
    """Takes the place of the image, of which a merged matrix asks the spacing and ignores it."""

    def GetSpacing(self) -> tuple[float, float, float]:  # noqa: N802
        """Millimetres of a voxel, unused where no distance weighs."""
        return (1.0, 1.0, 1.0)


class _Silence:
    """Takes the place of pyradiomics' logger, which would format arrays that nobody reads."""

    def debug(self, *_: object) -> None:
        """Say nothing."""

    warning = debug


class _Glcm(RadiomicsGLCM, _SharedLevels):
    """Co-occurrence: sums over diagonals and powers of levels without a pass for each level."""

    def _calculateCoefficients(self) -> None:  # noqa: N802
        p = self.P_glcm
        levels = self.coefficients["grayLevels"].astype(float)
        i, j = levels[:, None], levels[None, :]
        px, py = p.sum(2, keepdims=True), p.sum(1, keepdims=True)
        ux = np.sum(i[None, :, :, None] * p, (1, 2), keepdims=True)
        uy = np.sum(j[None, :, :, None] * p, (1, 2), keepdims=True)
        number, eps = self.coefficients["Ng"], np.spacing(1)
        sums = (i + j).astype(int) - 2
        differences = np.abs(i - j).astype(int)
        self.coefficients |= {
            "eps": eps,
            "i": i,
            "j": j,
            "kValuesSum": np.arange(2, 2 * number + 1, dtype=float),
            "kValuesDiff": np.arange(number, dtype=float),
            "px": px,
            "py": py,
            "ux": ux,
            "uy": uy,
            "pxAddy": _summed_by(sums, p[0], 2 * number - 1)[None],
            "pxSuby": _summed_by(differences, p[0], number)[None],
            "HXY": -np.sum(p * np.log2(p + eps), (1, 2)),
            "centred": (i + j)[None, :, :, None] - ux - uy,
        }

    def getClusterTendencyFeatureValue(self) -> Array:  # noqa: N802
        """Second moment of the sum of levels."""
        return self._cluster_moment(lambda d: d * d)

    def getClusterShadeFeatureValue(self) -> Array:  # noqa: N802
        """Third moment of the sum of levels."""
        return self._cluster_moment(lambda d: d * d * d)

    def getClusterProminenceFeatureValue(self) -> Array:  # noqa: N802
        """Fourth moment of the sum of levels."""
        return self._cluster_moment(lambda d: (d * d) ** 2)

    def getMCCFeatureValue(self) -> Array:  # noqa: N802
        """Second largest singular value of p(i, j) / sqrt(p(i) p(j)), the mean over directions.

        Its square is the second eigenvalue of pyradiomics' Q, which is not symmetric and so far
        dearer to decompose; pyradiomics' epsilon is kept, and differs in its square only.
        """
        p = np.moveaxis(self.P_glcm[0], 2, 0)
        if p.shape[1] < 2:
            return np.ones(1)
        px, py = p.sum(2, keepdims=True), p.sum(1, keepdims=True)
        if not np.isfinite(p).all():
            return np.full(1, np.nan)
        scaled = p / np.sqrt(px * py + self.coefficients["eps"])
        singular = np.sort(np.abs(np.linalg.eigvalsh(scaled)), axis=-1)[:, -2]
        return np.nanmean(singular, keepdims=True)

    def _cluster_moment(self, power: Callable[[Array], Array]) -> Array:
        moment = np.sum(self.P_glcm * power(self.coefficients["centred"]), (1, 2))
        return np.nanmean(moment, 1)


class _Glrlm(RadiomicsGLRLM, _SharedLevels):
    pass


class _Glszm(RadiomicsGLSZM, _SharedLevels):
    pass


class _Gldm(RadiomicsGLDM, _SharedLevels):
    pass


class _Ngtdm(RadiomicsNGTDM, _SharedLevels):
    pass


_CLASSES: dict[str, type[RadiomicsFeaturesBase]] = {
    "glcm": _Glcm,
    "glrlm": _Glrlm,
    "glszm": _Glszm,
    "gldm": _Gldm,
    "ngtdm": _Ngtdm,
}


def intensity_features(values: Vector, voxel_mm3: float) -> Values:
    """The first-order features that do not depend on grey levels.

    Args:
        values: intensities of the region, shape (n,), finite.
        voxel_mm3: volume of a voxel.
    """
    x = values.astype(np.float64)
    p10, p25, p50, p75, p90 = np.percentile(x, [10, 25, 50, 75, 90])
    mean, energy = x.mean(), float(np.sum(x * x))
    centred = x - mean
    squares = centred * centred
    variance = squares.mean()
    robust = x[(x >= p10) & (x <= p90)]
    third, fourth = (squares * centred).mean(), (squares * squares).mean()
    found = {
        "10Percentile": p10,
        "90Percentile": p90,
        "Energy": energy,
        "InterquartileRange": p75 - p25,
        "Kurtosis": fourth / variance**2 if variance else 0.0,
        "Maximum": x.max(),
        "Mean": mean,
        "MeanAbsoluteDeviation": np.abs(centred).mean(),
        "Median": p50,
        "Minimum": x.min(),
        "Range": x.max() - x.min(),
        "RobustMeanAbsoluteDeviation": np.abs(robust - robust.mean()).mean(),
        "RootMeanSquared": np.sqrt(energy / x.size),
        "Skewness": third / variance**1.5 if variance else 0.0,
        "TotalEnergy": energy * voxel_mm3,
        "Variance": variance,
    }
    return {(FIRST_ORDER, name): float(value) for name, value in found.items()}


def level_features(image: LevelImage, dimension: str, aggregation: str) -> Values:
    """Entropy and uniformity of the grey levels, and the 75 features of five texture matrices.

    Args:
        image: the discretised region, cut to its box.
        dimension: `3d` (26 neighbours), `2.5d` (8 neighbours in the slice, all slices counted into
            one matrix) or `2d` (a matrix each slice; the mean of its features over slices in which
            they are defined).
        aggregation: `averaged` (co-occurrence and runs: the mean of each direction's features) or
            `merged` (the directions' matrices are added up before).
    """
    gray_levels, counts = np.unique(image.levels[image.mask], return_counts=True)
    share = counts / counts.sum()
    eps = np.spacing(1)
    values: Values = {
        (FIRST_ORDER, "Entropy"): float(-np.sum(share * np.log2(share + eps))),
        (FIRST_ORDER, "Uniformity"): float(np.sum(share * share)),
    }
    settings = {
        "gray_levels": gray_levels,
        "force2D": dimension != "3d",
        "weightingNorm": "no_weighting" if aggregation == "merged" else None,
    }
    if dimension != "2d":
        return values | _matrix_features(image, settings)
    slices = [_matrix_features(part, settings) for part in _slices(image)]
    return values | {
        key: float(np.nanmean([features[key] for features in slices])) for key in slices[0]
    }


def _matrix_features(image: LevelImage, settings: dict[str, Any]) -> Values:
    found: Values = {}
    for name, texture_class in _CLASSES.items():
        texture = texture_class(image, None, **settings)
        texture._initCalculation()
        for feature in _feature_names(name):
            value = np.asarray(getattr(texture, f"get{feature}FeatureValue")())
            found[(name, feature)] = float(value.real.squeeze())
    return found


def _slices(image: LevelImage) -> list[LevelImage]:
    """The slices in which the region has voxels, each cut to its box."""
    parts = []
    for z in np.flatnonzero(image.mask.any(axis=(1, 2))):
        part = replace(image, levels=image.levels[z : z + 1], mask=image.mask[z : z + 1])
        parts.append(part.inside(bounding_box(part.mask)))
    return parts


@cache
def _feature_names(name: str) -> tuple[str, ...]:
    """The features of a class that pyradiomics has not deprecated."""
    names = _CLASSES[name].getFeatureNames()
    return tuple(feature for feature, deprecated in names.items() if not deprecated)


def _summed_by(keys: Labels, p: Array, number: int) -> Array:
    """The sum of `p` (level, level, direction) of equal key, shape (number, direction)."""
    order = np.argsort(keys, axis=None, kind="stable")
    ordered = keys.ravel()[order]
    starts = np.flatnonzero(np.r_[True, np.diff(ordered) > 0])
    sums = np.zeros((number, p.shape[2]))
    sums[ordered[starts]] = np.add.reduceat(p.reshape(-1, p.shape[2])[order], starts, axis=0)
    return sums
