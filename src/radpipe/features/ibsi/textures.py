"""Texture features in every way in which IBSI merges the matrices of slices and directions.

`2D`: features of each slice, averaged; `2.5D`: matrices of the slices merged; `3D`: matrices of the
volume. Families with directions have each of them twice: `averaged` over directions, or with the
directions `merged` before.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, TypeVar

import numpy as np

from radpipe.features.ibsi.cooccurrence import cooccurrence, cooccurrence_features
from radpipe.features.ibsi.counts import Counts, count_features
from radpipe.features.ibsi.dependence import DEPENDENCE_FEATURES, dependences
from radpipe.features.ibsi.neighbours import directions
from radpipe.features.ibsi.runs import RUN_FEATURES, runs
from radpipe.features.ibsi.tone import ToneDifferences, tone_differences, tone_features
from radpipe.features.ibsi.zones import (
    DISTANCE_ZONE_FEATURES,
    SIZE_ZONE_FEATURES,
    border_distances,
    zone_distances,
    zone_sizes,
    zones,
)
from radpipe.types import Labels, Mask

Dimension = Literal["2D", "3D"]
"""Slice by slice, with the two ways of merging slices, or volumetric."""

Features = dict[str, float]
M = TypeVar("M")


def texture_features(
    levels: Labels, mask: Mask, dimension: Dimension
) -> dict[tuple[str, str], Features]:
    """Every texture feature of IBSI.

    Args:
        levels: grey levels (z, y, x) from 1, 0 outside the intensity mask.
        mask: the morphological mask (z, y, x), which the distances of zones refer to.
        dimension: aggregations wanted.

    Returns:
        Features by family (`glcm`, `glrlm`, `glszm`, `gldzm`, `ngtdm`, `ngldm`) and aggregation
        (`2D averaged`, `2D merged`, `2.5D averaged`, `2.5D merged`, `3D averaged`, `3D merged`;
        without directions `2D`, `2.5D`, `3D`).
    """
    if dimension == "3D":
        return {**_directional(levels, "3D"), **_volumes(levels, mask)}
    return {**_directional(levels, "2D"), **_slices(levels, mask)}


def _directional(levels: Labels, dimension: Dimension) -> dict[tuple[str, str], Features]:
    """Co-occurrences and runs."""
    count = int(levels.max())
    steps = directions("volume" if dimension == "3D" else "plane")
    parts = [levels] if dimension == "3D" else _planes(levels)
    pairs = [[cooccurrence(part, step, count) for step in steps] for part in parts]
    lengths = [[runs(part, step) for step in steps] for part in parts]
    merge = _merge_volume if dimension == "3D" else _merge_planes
    return {
        **merge("glcm", pairs, lambda m: np.sum(list(m), axis=0), cooccurrence_features),
        **merge("glrlm", lengths, Counts.merged, lambda m: count_features(m, RUN_FEATURES)),
    }


def _merge_volume(
    family: str,
    parts: list[list[M]],
    merge: Callable[[Iterable[M]], M],
    describe: Callable[[M], Features],
) -> dict[tuple[str, str], Features]:
    (volume,) = parts
    return {
        (family, "3D averaged"): _mean([describe(m) for m in volume]),
        (family, "3D merged"): describe(merge(volume)),
    }


def _merge_planes(
    family: str,
    parts: list[list[M]],
    merge: Callable[[Iterable[M]], M],
    describe: Callable[[M], Features],
) -> dict[tuple[str, str], Features]:
    """Slices by directions, averaged or merged along either."""
    along = [merge(matrices) for matrices in zip(*parts, strict=True)]
    return {
        (family, "2D averaged"): _mean([describe(m) for row in parts for m in row]),
        (family, "2D merged"): _mean([describe(merge(row)) for row in parts]),
        (family, "2.5D averaged"): _mean([describe(m) for m in along]),
        (family, "2.5D merged"): describe(merge(along)),
    }


def _volumes(levels: Labels, mask: Mask) -> dict[tuple[str, str], Features]:
    """Families without directions, in the volume."""
    numbered = zones(levels, "volume")
    distances = zone_distances(levels, numbered, border_distances(mask, "volume"))
    differences = tone_differences(levels, "volume", int(levels.max()))
    depending = dependences(levels, "volume")
    return {
        ("glszm", "3D"): count_features(zone_sizes(levels, numbered), SIZE_ZONE_FEATURES),
        ("gldzm", "3D"): count_features(distances, DISTANCE_ZONE_FEATURES),
        ("ngtdm", "3D"): tone_features(differences),
        ("ngldm", "3D"): count_features(depending, DEPENDENCE_FEATURES),
    }


def _slices(levels: Labels, mask: Mask) -> dict[tuple[str, str], Features]:
    """Families without directions, slice by slice and with the slices merged."""
    filled = [place for place, plane in enumerate(levels) if plane.any()]
    planes = [levels[k : k + 1] for k in filled]
    numbered = [zones(plane, "plane") for plane in planes]
    border = border_distances(mask, "plane")
    found = {
        "glszm": [zone_sizes(a, b) for a, b in zip(planes, numbered, strict=True)],
        "gldzm": [
            zone_distances(a, b, border[k : k + 1])
            for k, a, b in zip(filled, planes, numbered, strict=True)
        ],
        "ngldm": [dependences(plane, "plane") for plane in planes],
    }
    names = {
        "glszm": SIZE_ZONE_FEATURES,
        "gldzm": DISTANCE_ZONE_FEATURES,
        "ngldm": DEPENDENCE_FEATURES,
    }
    features: dict[tuple[str, str], Features] = {}
    for family, parts in found.items():
        described = [count_features(part, names[family]) for part in parts]
        features[family, "2D"] = _mean(described)
        features[family, "2.5D"] = count_features(Counts.merged(parts), names[family])
    tones = [tone_differences(plane, "plane", int(levels.max())) for plane in planes]
    features["ngtdm", "2D"] = _mean([tone_features(part) for part in tones])
    features["ngtdm", "2.5D"] = tone_features(ToneDifferences.merged(tones))
    return features


def _planes(levels: Labels) -> list[Labels]:
    """The slices that hold a voxel of the region, each of shape (1, y, x)."""
    return [plane[None] for plane in levels if plane.any()]


def _mean(features: Sequence[Features]) -> Features:
    """The mean of each feature over the matrices in which it is defined."""
    means = {}
    for name in features[0]:
        values = np.array([one[name] for one in features])
        defined = values[~np.isnan(values)]
        means[name] = float(defined.mean()) if defined.size else float("nan")
    return means
