"""Texture matrices of the digital phantom, against those printed in IBSI's reference manual."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from radpipe.features.ibsi.cooccurrence import cooccurrence, cooccurrence_features
from radpipe.features.ibsi.counts import Counts, count_features
from radpipe.features.ibsi.dependence import DEPENDENCE_FEATURES, dependences
from radpipe.features.ibsi.neighbours import directions
from radpipe.features.ibsi.phantoms import DIGITAL_LEVELS
from radpipe.features.ibsi.runs import RUN_FEATURES, runs
from radpipe.features.ibsi.textures import texture_features
from radpipe.features.ibsi.tone import ToneDifferences, tone_differences, tone_features
from radpipe.features.ibsi.zones import border_distances, zone_distances, zone_sizes, zones

PHANTOM = np.array(DIGITAL_LEVELS)
FIRST_SLICE = PHANTOM[:1]

# Small regions of levels 1 to 3, with voxels outside (0), at least one inside.
REGIONS = hnp.arrays(
    np.int64, st.tuples(*[st.integers(1, 4)] * 3), elements=st.integers(0, 3)
).filter(lambda levels: bool(levels.any()))


def listed(counts: Counts) -> dict[tuple[int, int], int]:
    return {
        (int(level), int(size)): int(number)
        for level, size, number in zip(counts.level, counts.size, counts.number, strict=True)
    }


def pairs(matrix: np.ndarray) -> dict[tuple[int, int], int]:
    return {(int(i) + 1, int(j) + 1): int(matrix[i, j]) for i, j in np.argwhere(matrix)}


def symmetric(upper: dict[tuple[int, int], int]) -> dict[tuple[int, int], int]:
    return {**upper, **{(j, i): n for (i, j), n in upper.items()}}


def test_directions_are_half_of_the_neighbours() -> None:
    assert len(directions("plane")) == 4
    assert len(directions("volume")) == 13
    both = set(directions("volume")) | {(-z, -y, -x) for z, y, x in directions("volume")}
    assert len(both) == 26


def test_cooccurrence_along_y_of_the_first_slice() -> None:
    found = pairs(cooccurrence(FIRST_SLICE, (0, 1, 0), 6))
    assert found == symmetric({(1, 1): 10, (1, 4): 4, (4, 4): 6, (4, 6): 1, (6, 6): 4})


def test_cooccurrence_from_slice_to_slice() -> None:
    found = pairs(cooccurrence(PHANTOM, (1, 0, 0), 6))
    upper = {(1, 1): 66, (1, 4): 5, (1, 6): 1, (3, 6): 1, (4, 4): 16, (6, 6): 8}
    assert found == symmetric(upper)


def test_cooccurrence_of_all_directions() -> None:
    merged = sum(cooccurrence(PHANTOM, step, 6) for step in directions("volume"))
    upper = {
        **{(1, 1): 536, (1, 3): 14, (1, 4): 105, (1, 6): 61, (3, 4): 5},
        **{(3, 6): 6, (4, 4): 64, (4, 6): 28, (6, 6): 16},
    }
    assert pairs(merged) == symmetric(upper)


def test_runs_along_y_of_the_first_slice() -> None:
    expected = {(1, 1): 1, (1, 2): 2, (1, 4): 1, (4, 1): 2, (4, 2): 3, (6, 3): 1}
    assert listed(runs(FIRST_SLICE, (0, 1, 0))) == expected


def test_runs_of_all_directions() -> None:
    merged = Counts.merged([runs(PHANTOM, step) for step in directions("volume")])
    assert listed(merged) == {
        **{(1, 1): 190, (1, 2): 140, (1, 3): 31, (1, 4): 18, (1, 5): 3, (3, 1): 13},
        **{(4, 1): 149, (4, 2): 24, (4, 3): 1, (4, 4): 2},
        **{(6, 1): 78, (6, 2): 3, (6, 3): 1, (6, 4): 1},
    }
    assert merged.voxels == 13 * 74


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        (0, {(1, 3): 1, (1, 6): 1, (4, 2): 1, (4, 6): 1, (6, 3): 1}),
        (1, {(1, 4): 1, (1, 8): 1, (3, 1): 1, (4, 2): 2, (6, 1): 2}),
        (2, {(1, 14): 1, (4, 2): 1, (6, 1): 1}),
        (3, {(1, 15): 1, (4, 2): 1, (6, 1): 1}),
    ],
)
def test_zone_sizes_of_each_slice(place: int, expected: dict[tuple[int, int], int]) -> None:
    plane = PHANTOM[place : place + 1]
    assert listed(zone_sizes(plane, zones(plane, "plane"))) == expected


def test_zone_sizes_of_the_volume() -> None:
    found = zone_sizes(PHANTOM, zones(PHANTOM, "volume"))
    assert listed(found) == {(1, 50): 1, (3, 1): 1, (4, 2): 1, (4, 14): 1, (6, 7): 1}


def test_zone_distances_of_the_second_slice() -> None:
    plane = PHANTOM[1:2]
    distances = border_distances(PHANTOM > 0, "plane")[1:2]
    found = zone_distances(plane, zones(plane, "plane"), distances)
    assert listed(found) == {(1, 1): 2, (3, 2): 1, (4, 1): 2, (6, 1): 1, (6, 2): 1}


def test_zone_distances_of_the_volume() -> None:
    distances = border_distances(PHANTOM > 0, "volume")
    found = zone_distances(PHANTOM, zones(PHANTOM, "volume"), distances)
    assert listed(found) == {(1, 1): 1, (3, 1): 1, (4, 1): 2, (6, 1): 1}


def test_border_distance_counts_steps_through_faces() -> None:
    cube = np.ones((5, 5, 5), dtype=bool)
    assert border_distances(cube, "volume")[2].tolist() == [
        [1, 1, 1, 1, 1],
        [1, 2, 2, 2, 1],
        [1, 2, 3, 2, 1],
        [1, 2, 2, 2, 1],
        [1, 1, 1, 1, 1],
    ]
    assert border_distances(cube, "plane")[0][2].tolist() == [1, 2, 3, 2, 1]


def test_dependences_of_the_volume() -> None:
    ones = [2, 2, 1, 6, 4, 6, 5, 5, 3, 2, 5, 3, 3, 2]
    assert listed(dependences(PHANTOM, "volume")) == {
        **{(1, size): number for size, number in zip(range(5, 19), ones, strict=True)},
        **{(1, 21): 1, (3, 1): 1, (4, 2): 2, (4, 4): 2, (4, 5): 6, (4, 6): 4, (4, 7): 2},
        **{(6, 2): 1, (6, 3): 4, (6, 4): 1, (6, 5): 1},
    }


def test_tone_differences_of_the_volume() -> None:
    found = tone_differences(PHANTOM, "volume", 6)
    assert found.number.tolist() == [50, 0, 1, 16, 0, 7]
    expected = [39.946954, 0, 0.2, 20.825401, 0, 24.127005]
    assert found.difference == pytest.approx(expected, abs=1e-6)


def test_tone_differences_of_the_first_slice() -> None:
    found = tone_differences(FIRST_SLICE, "plane", 6)
    assert found.number.tolist() == [9, 0, 0, 8, 0, 3]
    assert found.difference == pytest.approx([14.575, 0, 0, 5.775, 0, 7.325])


def test_features_of_a_small_matrix_by_hand() -> None:
    # Three runs: level 1 of length 2, level 2 of length 1, twice; four voxels.
    counts = Counts.of(np.array([1, 2, 2]), np.array([2, 1, 1]), 4)
    found = count_features(counts, RUN_FEATURES)
    assert found["ShortRunsEmphasis"] == pytest.approx((1 / 4 + 2) / 3)
    assert found["LongRunsEmphasis"] == pytest.approx((4 + 2) / 3)
    assert found["LowGreyLevelRunEmphasis"] == pytest.approx((1 + 2 / 4) / 3)
    assert found["LongRunHighGreyLevelEmphasis"] == pytest.approx((4 + 4 + 4) / 3)
    assert found["GreyLevelNonUniformity"] == pytest.approx((1 + 4) / 3)
    assert found["NormalisedRunLengthNonUniformity"] == pytest.approx(5 / 9)
    assert found["RunPercentage"] == pytest.approx(3 / 4)
    assert found["RunLengthVariance"] == pytest.approx(2 / 9)
    assert found["RunEntropy"] == pytest.approx(np.log2(3) - 2 / 3)


def test_features_of_one_level_alone() -> None:
    matrix = cooccurrence(np.full((1, 1, 3), 1), (0, 0, 1), 1)
    found = cooccurrence_features(matrix)
    assert found["JointMaximum"] == 1
    assert found["Correlation"] == 1
    assert found["JointEntropy"] == 0
    assert np.isnan(found["InformationCorrelation1"])
    assert tone_features(tone_differences(np.full((1, 2, 2), 1), "plane", 1)) == {
        **{"Coarseness": 1e6, "Contrast": 0, "Busyness": 0, "Complexity": 0, "Strength": 0}
    }


def test_a_voxel_without_neighbours_has_no_pairs_and_no_tone() -> None:
    voxel = np.ones((1, 1, 1), dtype=np.int64)
    assert np.isnan(list(cooccurrence_features(cooccurrence(voxel, (0, 0, 1), 1)).values())).all()
    assert np.isnan(list(tone_features(tone_differences(voxel, "volume", 1)).values())).all()
    assert listed(dependences(voxel, "volume")) == {(1, 1): 1}
    empty = Counts.of(np.array([], dtype=int), np.array([], dtype=int), 0)
    assert np.isnan(list(count_features(empty, DEPENDENCE_FEATURES).values())).all()


@given(REGIONS)
@settings(max_examples=50)
def test_every_voxel_is_in_one_run_one_zone_and_one_dependence(levels: np.ndarray) -> None:
    voxels = int((levels > 0).sum())
    for step in directions("volume"):
        found = runs(levels, step)
        assert int(found.size @ found.number) == voxels
    numbered = zones(levels, "volume")
    sizes = zone_sizes(levels, numbered)
    assert int(sizes.size @ sizes.number) == voxels
    distances = zone_distances(levels, numbered, border_distances(levels > 0, "volume"))
    assert distances.number.sum() == sizes.number.sum()
    assert dependences(levels, "volume").number.sum() == voxels


@given(REGIONS)
@settings(max_examples=25)
def test_merged_slices_are_the_volume_seen_in_the_plane(levels: np.ndarray) -> None:
    planes = [levels[k : k + 1] for k in range(len(levels)) if levels[k].any()]
    merged = Counts.merged([dependences(plane, "plane") for plane in planes])
    assert listed(merged) == listed(dependences(levels, "plane"))
    numbered = zones(levels, "plane")
    sizes = Counts.merged([zone_sizes(plane, zones(plane, "plane")) for plane in planes])
    assert listed(sizes) == listed(zone_sizes(levels, numbered))
    count = int(levels.max())
    tones = ToneDifferences.merged([tone_differences(p, "plane", count) for p in planes])
    assert tones.difference == pytest.approx(tone_differences(levels, "plane", count).difference)


@given(REGIONS)
@settings(max_examples=25)
def test_textures_of_a_mirrored_region_are_the_same(levels: np.ndarray) -> None:
    found = texture_features(levels, levels > 0, "3D")
    mirrored = np.ascontiguousarray(levels[:, :, ::-1])
    again = texture_features(mirrored, mirrored > 0, "3D")
    for key, features in found.items():
        assert again[key] == pytest.approx(features, nan_ok=True, abs=1e-9), key
