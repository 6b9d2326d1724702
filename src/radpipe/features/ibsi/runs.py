"""The grey level run length matrix (GLRLM): voxels of one level in a row."""

import numpy as np

from radpipe.features.ibsi.counts import Counts
from radpipe.features.ibsi.neighbours import Direction, PaddedLevels
from radpipe.types import Labels

RUN_FEATURES = (
    "ShortRunsEmphasis",
    "LongRunsEmphasis",
    "LowGreyLevelRunEmphasis",
    "HighGreyLevelRunEmphasis",
    "ShortRunLowGreyLevelEmphasis",
    "ShortRunHighGreyLevelEmphasis",
    "LongRunLowGreyLevelEmphasis",
    "LongRunHighGreyLevelEmphasis",
    "GreyLevelNonUniformity",
    "NormalisedGreyLevelNonUniformity",
    "RunLengthNonUniformity",
    "NormalisedRunLengthNonUniformity",
    "RunPercentage",
    "GreyLevelVariance",
    "RunLengthVariance",
    "RunEntropy",
)


def runs(levels: Labels, direction: Direction) -> Counts:
    """Runs along a direction by grey level and length.

    Args:
        levels: levels (z, y, x), 0 outside the region.
        direction: step from a voxel to the next of its run (z, y, x).
    """
    padded = PaddedLevels(levels)
    flat, step = padded.flat, padded.offset(direction)
    starts = padded.inside[flat[padded.inside - step] != flat[padded.inside]]
    length = np.ones(starts.size, dtype=np.int64)
    # All runs grow by one voxel at a time; those that have ended drop out.
    growing = np.arange(starts.size)
    last = starts.copy()
    while growing.size:
        last = last + step
        same = flat[last] == flat[starts[growing]]
        growing, last = growing[same], last[same]
        length[growing] += 1
    return Counts.of(flat[starts], length, padded.inside.size)
