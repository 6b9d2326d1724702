"""Zones of connected voxels of one grey level: size (GLSZM) and distance to the border (GLDZM)."""

import numpy as np
from scipy import ndimage
from skimage import measure

from radpipe.features.ibsi.counts import Counts
from radpipe.features.ibsi.neighbours import Neighbourhood
from radpipe.types import Labels, Mask

SIZE_ZONE_FEATURES = (
    "SmallZoneEmphasis",
    "LargeZoneEmphasis",
    "LowGreyLevelZoneEmphasis",
    "HighGreyLevelZoneEmphasis",
    "SmallZoneLowGreyLevelEmphasis",
    "SmallZoneHighGreyLevelEmphasis",
    "LargeZoneLowGreyLevelEmphasis",
    "LargeZoneHighGreyLevelEmphasis",
    "GreyLevelNonUniformity",
    "NormalisedGreyLevelNonUniformity",
    "ZoneSizeNonUniformity",
    "NormalisedZoneSizeNonUniformity",
    "ZonePercentage",
    "GreyLevelVariance",
    "ZoneSizeVariance",
    "ZoneSizeEntropy",
)

DISTANCE_ZONE_FEATURES = (
    "SmallDistanceEmphasis",
    "LargeDistanceEmphasis",
    "LowGreyLevelZoneEmphasis",
    "HighGreyLevelZoneEmphasis",
    "SmallDistanceLowGreyLevelEmphasis",
    "SmallDistanceHighGreyLevelEmphasis",
    "LargeDistanceLowGreyLevelEmphasis",
    "LargeDistanceHighGreyLevelEmphasis",
    "GreyLevelNonUniformity",
    "NormalisedGreyLevelNonUniformity",
    "ZoneDistanceNonUniformity",
    "NormalisedZoneDistanceNonUniformity",
    "ZonePercentage",
    "GreyLevelVariance",
    "ZoneDistanceVariance",
    "ZoneDistanceEntropy",
)


def zones(levels: Labels, neighbourhood: Neighbourhood) -> Labels:
    """The number of the zone of each voxel, from 1, and 0 outside the region.

    Args:
        levels: levels (z, y, x), 0 outside the region.
        neighbourhood: zones are connected in their slice (8 neighbours) or in the volume (26).
    """
    if neighbourhood == "volume":
        return measure.label(levels, background=0, connectivity=3)
    numbered = np.zeros(levels.shape, dtype=np.int64)
    found = 0
    for place, plane in enumerate(levels):
        labels = measure.label(plane, background=0, connectivity=2)
        numbered[place] = np.where(labels > 0, labels + found, 0)
        found += int(labels.max())
    return numbered


def zone_sizes(levels: Labels, numbered: Labels) -> Counts:
    """Zones by grey level and number of voxels; `numbered` is that of `zones`."""
    _, first, size = np.unique(numbered[levels > 0], return_index=True, return_counts=True)
    return Counts.of(levels[levels > 0][first], size, int((levels > 0).sum()))


def zone_distances(levels: Labels, numbered: Labels, distances: Labels) -> Counts:
    """Zones by grey level and their smallest distance to the border of the region.

    Args:
        levels: levels (z, y, x), 0 outside the intensity mask.
        numbered: what `zones` gives.
        distances: what `border_distances` gives for the morphological mask.
    """
    inside = levels > 0
    zone = numbered[inside] - 1
    count = int(zone.max(initial=-1)) + 1
    nearest = np.full(count, np.iinfo(np.int64).max)
    np.minimum.at(nearest, zone, distances[inside].astype(np.int64))
    level = np.zeros(count, dtype=np.int64)
    level[zone] = levels[inside]
    return Counts.of(level, nearest, int(inside.sum()))


def border_distances(mask: Mask, neighbourhood: Neighbourhood) -> Labels:
    """Steps from each voxel through a face of voxels to the outside, 1 at the border (z, y, x).

    Args:
        mask: the morphological mask (z, y, x); what lies beyond the image is outside.
        neighbourhood: steps within the slice or in the volume.
    """
    if neighbourhood == "volume":
        padded = np.pad(mask, 1)
        return ndimage.distance_transform_cdt(padded, metric="taxicab")[1:-1, 1:-1, 1:-1]
    planes = (np.pad(plane, 1) for plane in mask)
    return np.stack(
        [ndimage.distance_transform_cdt(p, metric="taxicab")[1:-1, 1:-1] for p in planes]
    )
