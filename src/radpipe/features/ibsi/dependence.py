"""The neighbouring grey level dependence matrix (NGLDM): distance 1, coarseness 0."""

import numpy as np

from radpipe.features.ibsi.counts import Counts
from radpipe.features.ibsi.neighbours import Neighbourhood, PaddedLevels
from radpipe.types import Labels

DEPENDENCE_FEATURES = (
    "LowDependenceEmphasis",
    "HighDependenceEmphasis",
    "LowGreyLevelCountEmphasis",
    "HighGreyLevelCountEmphasis",
    "LowDependenceLowGreyLevelEmphasis",
    "LowDependenceHighGreyLevelEmphasis",
    "HighDependenceLowGreyLevelEmphasis",
    "HighDependenceHighGreyLevelEmphasis",
    "GreyLevelNonUniformity",
    "NormalisedGreyLevelNonUniformity",
    "DependenceCountNonUniformity",
    "NormalisedDependenceCountNonUniformity",
    "DependenceCountPercentage",
    "GreyLevelVariance",
    "DependenceCountVariance",
    "DependenceCountEntropy",
    "DependenceCountEnergy",
)


def dependences(levels: Labels, neighbourhood: Neighbourhood) -> Counts:
    """Voxels by grey level and by how many voxels around, itself included, share that level.

    Args:
        levels: levels (z, y, x), 0 outside the region.
        neighbourhood: 8 neighbours in the slice or 26 in the volume.
    """
    padded = PaddedLevels(levels)
    own = padded.flat[padded.inside]
    equal = np.ones(own.size, dtype=np.int64)
    for neighbour in padded.neighbours(neighbourhood):
        equal += neighbour == own
    return Counts.of(own, equal, own.size)
