"""The grey level co-occurrence matrix (GLCM), distance 1, symmetric."""

import numpy as np
import numpy.typing as npt

from radpipe.features.ibsi.neighbours import Direction, PaddedLevels
from radpipe.types import Labels, Matrix, Vector

CountMatrix = npt.NDArray[np.int64]
"""Counts of pairs, shape (levels, levels); row 0 is level 1."""


def cooccurrence(levels: Labels, direction: Direction, count: int) -> CountMatrix:
    """How often two levels are neighbours along a direction, counted both ways.

    Args:
        levels: levels (z, y, x), 0 outside the region.
        direction: step to the neighbour (z, y, x).
        count: the largest level, of which the matrix has one row and column each.
    """
    padded = PaddedLevels(levels)
    first = padded.flat[padded.inside]
    second = padded.flat[padded.inside + padded.offset(direction)]
    pairs = second > 0
    index = (first[pairs] - 1) * count + second[pairs] - 1
    matrix = np.bincount(index, minlength=count * count).reshape(count, count)
    return matrix + matrix.T


def cooccurrence_features(matrix: CountMatrix) -> dict[str, float]:
    """The 25 features of IBSI of a matrix; all are NaN if it holds no pair."""
    total = matrix.sum()
    if total == 0:
        return dict.fromkeys(_features(np.ones((1, 1))), float("nan"))
    return _features(matrix / total)


def _features(p: Matrix) -> dict[str, float]:
    """Features of probabilities; a symmetric matrix has one marginal distribution."""
    count = len(p)
    level = np.arange(1, count + 1, dtype=np.float64)
    i, j = level[:, None], level[None, :]
    marginal = p.sum(axis=1)
    mean = float(level @ marginal)
    variance = float((level - mean) ** 2 @ marginal)
    distance, centred = np.abs(i - j), i + j - 2 * mean
    unequal = distance > 0
    return {
        "JointMaximum": float(p.max()),
        "JointAverage": mean,
        "JointVariance": variance,
        "JointEntropy": _entropy(p),
        **_diagonal_features(p),
        "AngularSecondMoment": float((p**2).sum()),
        "Contrast": float((distance**2 * p).sum()),
        "Dissimilarity": float((distance * p).sum()),
        "InverseDifference": float((p / (1 + distance)).sum()),
        "NormalisedInverseDifference": float((p / (1 + distance / count)).sum()),
        "InverseDifferenceMoment": float((p / (1 + distance**2)).sum()),
        "NormalisedInverseDifferenceMoment": float((p / (1 + (distance / count) ** 2)).sum()),
        "InverseVariance": float((p[unequal] / distance[unequal] ** 2).sum()),
        "Correlation": (float((i * j * p).sum()) - mean**2) / variance if variance else 1.0,
        "Autocorrelation": float((i * j * p).sum()),
        "ClusterTendency": float((centred**2 * p).sum()),
        "ClusterShade": float((centred**3 * p).sum()),
        "ClusterProminence": float((centred**4 * p).sum()),
        **_information_features(p, marginal),
    }


def _diagonal_features(p: Matrix) -> dict[str, float]:
    """Features of the distributions of the difference and of the sum of two levels."""
    count = len(p)
    row, column = np.indices(p.shape)
    differences = np.bincount(np.abs(row - column).ravel(), weights=p.ravel()).astype(np.float64)
    sums = np.bincount((row + column).ravel(), weights=p.ravel()).astype(np.float64)
    difference = np.arange(count, dtype=np.float64)
    total = np.arange(2, 2 * count + 1, dtype=np.float64)
    average, sum_average = float(difference @ differences), float(total @ sums)
    return {
        "DifferenceAverage": average,
        "DifferenceVariance": float((difference - average) ** 2 @ differences),
        "DifferenceEntropy": _entropy(differences),
        "SumAverage": sum_average,
        "SumVariance": float((total - sum_average) ** 2 @ sums),
        "SumEntropy": _entropy(sums),
    }


def _information_features(p: Matrix, marginal: Vector) -> dict[str, float]:
    """Information correlation: the joint entropy against that of independent levels.

    Of one level alone (an entropy of 0) the first measure is undefined.
    """
    single, joint = _entropy(marginal), _entropy(p)
    independent = marginal[:, None] * marginal[None, :]
    # Rounding may put the joint entropy of independent levels above what it is bounded by.
    excess = max(_entropy(independent) - joint, 0.0)
    present = independent > 0
    crossed = float(-(p[present] * np.log2(independent[present])).sum())
    return {
        "InformationCorrelation1": (joint - crossed) / single if single else float("nan"),
        "InformationCorrelation2": float(np.sqrt(1 - np.exp(-2 * excess))),
    }


def _entropy(p: Matrix | Vector) -> float:
    """In bits."""
    present = p[p > 0]
    return float(-(present * np.log2(present)).sum())
