"""The intensity-volume histogram: which share of a region is at least how bright."""

from dataclasses import dataclass

import numpy as np

from radpipe.types import Vector


@dataclass(frozen=True)
class IntensityGrid:
    """The intensities i_k = start + k * step, k = 0 ... count - 1, at which volumes are counted."""

    start: float
    step: float
    count: int

    @property
    def intensities(self) -> Vector:
        """Shape (count,), rising."""
        return self.start + self.step * np.arange(self.count)


def volume_histogram(values: Vector, grid: IntensityGrid) -> dict[str, float]:
    """The six features of the intensity-volume histogram and the area under it.

    The share of the volume at intensity i_k is that of voxels of at least i_k; the fraction of
    intensity is (i_k - first) / (last - first).

    Args:
        values: discretised intensities of the region, each a member of the grid (bin centres for
            calibrated continuous units, levels for arbitrary ones).
        grid: the range of intensities, that of re-segmentation where there is one.

    Returns:
        Volume fractions, intensities in the units of `values`. A grid of one intensity has no
        fractions of intensity: what depends on them is NaN.
    """
    # Half a step down: rounding must not move a voxel below its own intensity.
    below = np.searchsorted(np.sort(values), grid.intensities - grid.step / 2)
    volumes = 1.0 - below / values.size
    features = {
        "VolumeAtIntensity10": _volume_at(volumes, 0.1),
        "VolumeAtIntensity90": _volume_at(volumes, 0.9),
        "IntensityAtVolume10": _intensity_at(grid, volumes, 0.1),
        "IntensityAtVolume90": _intensity_at(grid, volumes, 0.9),
    }
    features["VolumeDifference"] = features["VolumeAtIntensity10"] - features["VolumeAtIntensity90"]
    features["IntensityDifference"] = (
        features["IntensityAtVolume10"] - features["IntensityAtVolume90"]
    )
    features["AreaUnderCurve"] = (
        float(np.trapezoid(volumes, dx=1 / (grid.count - 1))) if grid.count > 1 else float("nan")
    )
    return features


def _volume_at(volumes: Vector, fraction: float) -> float:
    """The largest volume of at least this fraction of intensity."""
    if volumes.size == 1:
        return float("nan")
    first = int(np.ceil(fraction * (volumes.size - 1) - 1e-9))
    return float(volumes[first])


def _intensity_at(grid: IntensityGrid, volumes: Vector, fraction: float) -> float:
    """The smallest intensity that at most this fraction of the volume reaches.

    Where even the last intensity is reached by more, it is the step after it.
    """
    few = np.flatnonzero(volumes <= fraction)
    return grid.start + grid.step * float(few[0] if few.size else volumes.size)
