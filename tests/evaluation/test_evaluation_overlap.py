"""Overlap of masks: by geometry, against DeepMind's surface-distance, and when masks are empty."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import binary_erosion, distance_transform_edt

from radpipe.errors import RadpipeError
from radpipe.evaluation.boundary import boundary_iou
from radpipe.evaluation.labels import score_labels
from radpipe.evaluation.overlap import (
    DISTANCES,
    score_mask,
    summarise_overlap,
    summarised_metrics,
)
from radpipe.evaluation.surface import surfel_areas

FIELDS = {
    "dice": "dice",
    "hd100": "hd_mm",
    "hd95": "hd95_mm",
    "assd_pooled_area_weighted": "assd_mm",
}


@pytest.fixture(scope="module")
def masks(oracle):
    return np.load(oracle.folder / "masks.npz"), oracle.json("masks")


def box(shape, *corners):
    mask = np.zeros(shape, dtype=bool)
    mask[tuple(slice(a, b) for a, b in corners)] = True
    return mask


def test_two_boxes_by_hand():
    # 4 x 4 x 4 voxels of 2 x 1 x 1 mm, shifted by one voxel (2 mm) along z.
    reference = box((8, 8, 8), (2, 6), (2, 6), (2, 6))
    prediction = box((8, 8, 8), (3, 7), (2, 6), (2, 6))
    scores = score_mask(prediction, reference, (2.0, 1.0, 1.0), [1.0])
    assert scores.dice == pytest.approx(2 * 48 / 128)
    assert scores.iou == pytest.approx(48 / 80)
    assert scores.sensitivity == scores.precision == pytest.approx(48 / 64)
    assert scores.hd_mm == 2.0
    assert scores.volume_reference_ml == pytest.approx(64 * 2 / 1000)
    assert scores.volume_difference_ml == 0
    assert scores.grid_diagonal_mm == pytest.approx(np.sqrt(16**2 + 8**2 + 8**2))


def test_volume_difference_has_the_sign_of_the_prediction():
    reference, prediction = (
        box((4, 4, 4), (1, 3), (1, 3), (1, 3)),
        box((4, 4, 4), (1, 2), (1, 3), (1, 3)),
    )
    scores = score_mask(prediction, reference, (10.0, 10.0, 10.0), [1.0])
    assert (scores.volume_difference_ml, scores.absolute_volume_difference_ml) == (-4.0, 4.0)
    assert scores.relative_volume_difference == -0.5


@pytest.mark.parametrize("case", range(15))
def test_distances_are_those_of_surface_distance(case, masks, oracle):
    arrays_, facts = masks
    name = sorted(facts)[case]
    reference, prediction = arrays_[f"{name}__ref"], arrays_[f"{name}__pred"]
    table = oracle.csv("segmentation_metrics").query("case == @name")
    spacing_mm = tuple(facts[name]["spacing_zyx"])
    found = score_mask(prediction, reference, spacing_mm, [1.0, 2.0, 3.0])
    deepmind = table[table["tool"] == "deepmind"].set_index("metric")["value"].astype(float)
    for metric, field in FIELDS.items():
        # A distance to an empty mask is infinite there and missing here.
        expected = deepmind[metric] if np.isfinite(deepmind[metric]) else np.nan
        assert getattr(found, field) == pytest.approx(expected, abs=1e-6, nan_ok=True), metric
    for tolerance, score in found.surface_dice.items():
        expected = deepmind[f"nsd_{tolerance:.0f}mm"]
        assert score == pytest.approx(expected, abs=1e-6, nan_ok=True)
    counts = table[table["tool"] == "counts"].set_index("metric")["value"]
    for metric in ("dice", "iou"):
        # Two empty masks have no ratio: the table holds the error that the division gave.
        expected = pd.to_numeric(counts[metric], errors="coerce")
        assert getattr(found, metric) == pytest.approx(expected, abs=1e-12, nan_ok=True)
    medpy = table[table["tool"] == "medpy"].set_index("metric")["value"]
    for metric, field in {
        "sensitivity": "sensitivity",
        "precision": "precision",
        "ravd": "relative_volume_difference",
    }.items():
        # MedPy has no answer for an empty mask, or 0 where the ratio does not exist.
        expected = pd.to_numeric(pd.Series([medpy[metric]]), errors="coerce")[0]
        if np.isfinite(expected) and reference.any():
            assert getattr(found, field) == pytest.approx(expected, abs=1e-12), metric


def test_area_of_a_flat_surface_is_that_of_the_voxel_face():
    areas = surfel_areas((2.0, 3.0, 5.0))
    upper_half = 0b11110000
    assert areas[upper_half] == pytest.approx(3 * 5)
    assert areas[0] == areas[255] == 0
    assert (areas[1:255] > 0).all()


def test_area_does_not_depend_on_which_side_is_inside():
    areas = surfel_areas((3.0, 0.8, 0.7))
    assert areas == pytest.approx(areas[::-1])


@pytest.mark.parametrize(
    ("drawn", "predicted", "dice", "surface_dice", "missed", "both_empty"),
    [
        (True, False, 0.0, 0.0, True, False),
        (False, True, 0.0, 0.0, False, False),
        (False, False, np.nan, np.nan, False, True),
    ],
)
def test_empty_masks(drawn, predicted, dice, surface_dice, missed, both_empty):
    region, empty = box((5, 5, 5), (1, 3), (1, 3), (1, 3)), np.zeros((5, 5, 5), dtype=bool)
    scores = score_mask(
        region if predicted else empty, region if drawn else empty, (1.0, 1.0, 1.0), [1.0]
    )
    assert scores.dice == pytest.approx(dice, nan_ok=True)
    assert scores.surface_dice == pytest.approx({1.0: surface_dice}, nan_ok=True)
    assert scores.boundary_iou == pytest.approx({1.0: surface_dice}, nan_ok=True)
    assert (scores.missed, scores.both_empty) == (missed, both_empty)
    assert all(np.isnan(getattr(scores, metric)) for metric in DISTANCES)


def test_one_voxel_is_its_own_surface():
    voxel = box((1, 1, 1), (0, 1), (0, 1), (0, 1))
    scores = score_mask(voxel, voxel, (1.0, 1.0, 1.0), [1.0])
    assert (scores.dice, scores.hd_mm, scores.assd_mm) == (1, 0, 0)
    assert scores.surface_dice == scores.boundary_iou == {1.0: 1.0}


def test_the_border_of_the_grid_is_a_surface():
    full = np.ones((3, 3, 3), dtype=bool)
    core = box((3, 3, 3), (1, 2), (1, 2), (1, 2))
    assert score_mask(core, full, (1.0, 1.0, 1.0), [1.0]).hd_mm == pytest.approx(np.sqrt(3))


@pytest.mark.parametrize(
    ("width_mm", "shared", "either"),
    [
        # A rod of 5 x 5 voxels, shifted by one voxel along x. In a slice a rim of one voxel is the
        # square without its inner 3 x 3, 16 voxels; the two share 4 + 4 above and below.
        (1.0, 8, 24),
        (0.2, 8, 24),  # a rim is never thinner than the outermost voxels
        (2.0, 18, 30),  # the squares without their centres, which differ
        (9.0, 20, 30),  # all
    ],
)
def test_boundary_iou_by_hand(width_mm, shared, either):
    slices = 41  # of 10 mm; the first and the last are outermost with all their voxels
    reference = box((slices, 9, 9), (0, slices), (2, 7), (2, 7))
    prediction = box((slices, 9, 9), (0, slices), (2, 7), (3, 8))
    found = boundary_iou(prediction, reference, (10.0, 1.0, 1.0), [width_mm])
    inner = slices - 2
    assert found == {width_mm: (inner * shared + 2 * 20) / (inner * either + 2 * 30)}


def by_distance_transform(prediction, reference, spacing_mm, width_mm):
    """The definition, word for word: a distance transform of the padded mask, then sets."""
    rims = []
    for mask in (prediction, reference):
        padded = np.pad(mask, 1)
        depth = distance_transform_edt(padded, sampling=spacing_mm)
        outermost = padded & ~binary_erosion(padded)
        rims.append(padded & ((depth <= width_mm) | outermost))
    return (rims[0] & rims[1]).sum() / (rims[0] | rims[1]).sum()


def test_lesions_are_counted_as_regions():
    reference, prediction = np.zeros((1, 5, 9), bool), np.zeros((1, 5, 9), bool)
    reference[0, 0, 0] = reference[0, 1, 1] = True  # they share a corner: one lesion
    reference[0, 0, 5:8] = True
    reference[0, 4, 8] = True
    prediction[0, 1, 1] = True  # finds the first
    prediction[0, 0, 4:6] = True  # finds the second
    prediction[0, 4, 0:2] = True  # finds nothing
    scores = score_mask(prediction, reference, (1.0, 1.0, 1.0), [1.0])
    assert (scores.lesions, scores.lesions_found, scores.lesions_false) == (3, 2, 1)
    assert scores.lesion_sensitivity == pytest.approx(2 / 3)
    swapped = score_mask(reference, prediction, (1.0, 1.0, 1.0), [1.0])
    assert (swapped.lesions, swapped.lesions_found, swapped.lesions_false) == (3, 2, 1)


def test_one_drawn_region_may_find_two_lesions():
    reference, prediction = np.zeros((1, 1, 7), bool), np.ones((1, 1, 7), bool)
    reference[0, 0, [1, 5]] = True
    scores = score_mask(prediction, reference, (1.0, 1.0, 1.0), [1.0])
    assert (scores.lesions, scores.lesions_found, scores.lesions_false) == (2, 2, 0)


def test_label_maps_by_hand():
    # Eight voxels: five right. Label 4 is drawn on three and two are found, label 9 on two and one
    # is found; a background voxel is taken for 4.
    reference = np.array([[[4, 4, 4, 9, 9, 0, 0, 7]]], np.uint8)
    prediction = np.array([[[4, 4, 9, 9, 0, 4, 0, 0]]], np.uint8)
    found = score_labels(prediction, reference, [4, 9])
    assert found.pixel_accuracy == pytest.approx(5 / 8)  # 7 is no label: background, and right
    assert found.mean_accuracy == pytest.approx((2 / 3 + 1 / 2) / 2)
    assert found.mean_iou == pytest.approx((2 / 4 + 1 / 3) / 2)


def test_labels_that_are_not_there_are_in_no_mean():
    nothing = np.zeros((1, 1, 4), np.uint8)
    found = score_labels(nothing, nothing, [1, 2])
    assert found.pixel_accuracy == 1
    assert np.isnan(found.mean_accuracy)
    assert np.isnan(found.mean_iou)
    drawn = np.array([[[2, 0, 0, 0]]], np.uint8)
    invented = score_labels(drawn, nothing, [1, 2])
    assert (invented.pixel_accuracy, invented.mean_iou) == (0.75, 0)
    assert np.isnan(invented.mean_accuracy)


def test_columns_name_their_tolerance():
    voxel = np.ones((1, 1, 1), bool)
    row = score_mask(voxel, voxel, (1.0, 1.0, 1.0), [2.0, 0.5]).row()
    assert {"surface_dice_2mm", "surface_dice_0.5mm", "boundary_iou_0.5mm"} <= set(row)
    assert "surface_dice" not in row
    shown = summarised_metrics(list(row))
    assert [m for m in shown if m.startswith("surface")] == [
        "surface_dice_2mm",
        "surface_dice_0.5mm",
    ]


def test_summary_counts_what_was_missed():
    region, empty = box((5, 5, 5), (1, 3), (1, 3), (1, 3)), np.zeros((5, 5, 5), dtype=bool)
    pairs = [(region, region), (empty, region), (empty, empty)]
    table = pd.DataFrame([score_mask(p, r, (1.0, 1.0, 1.0), [1.0]).row() for p, r in pairs])
    summary = summarise_overlap(table).set_index("metric")
    assert summary.loc["dice", ["mean", "n", "n_missed", "n_both_empty"]].tolist() == [0.5, 2, 1, 1]
    assert summary.loc["hd95_mm", "mean"] == pytest.approx(np.sqrt(75) / 2)
    assert summary.loc["hd95_mm", "mean_found"] == 0


def test_other_grids_are_refused():
    with pytest.raises(
        RadpipeError, match=r"do not share a 3-D grid; found \(2, 2, 2\) and \(2, 2, 3\)"
    ):
        score_mask(np.ones((2, 2, 2)), np.ones((2, 2, 3)), (1.0, 1.0, 1.0), [1.0])


pairs_of_masks = st.tuples(*[arrays(bool, (4, 3, 5))] * 2).filter(
    lambda m: m[0].any() and m[1].any()
)


@settings(max_examples=40, deadline=None)
@given(masks=pairs_of_masks)
def test_what_is_true_of_every_pair(masks):
    prediction, reference = masks
    spacing = (3.0, 1.0, 0.5)
    one, other = (
        score_mask(prediction, reference, spacing, [1.0]),
        score_mask(reference, prediction, spacing, [1.0]),
    )
    for width in (0.4, 1.0, 3.0):
        expected = by_distance_transform(prediction, reference, spacing, width)
        assert boundary_iou(prediction, reference, spacing, [width])[width] == expected
    assert one.lesions_found <= one.lesions
    assert one.dice == other.dice
    assert one.hd_mm == other.hd_mm
    assert one.assd_mm == pytest.approx(other.assd_mm)
    assert one.sensitivity == other.precision
    assert one.iou == pytest.approx(one.dice / (2 - one.dice))
    assert 0 <= one.assd_mm <= one.hd95_mm + one.hd_mm
    assert one.hd95_mm <= one.hd_mm <= one.grid_diagonal_mm
    assert score_mask(prediction, prediction, spacing, [1.0]).surface_dice == {1.0: 1.0}
