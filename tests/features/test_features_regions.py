"""Regions from one mask, counted by hand."""

import re

import numpy as np
import pytest
import SimpleITK as sitk
from feature_images import image_of
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.config import Handcrafted
from radpipe.features.regions import make_regions, region_names
from radpipe.io.images import labels_of

ALL = ["whole", "core", "rim", "ring", "largest", "each_label"]
LABELS = {"necrosis": 1, "edema": 2}


def mask_of(array: np.ndarray, spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0)) -> sitk.Image:
    return image_of(array.astype(np.uint8), spacing_mm)


def cube(side: int = 5, shape: tuple[int, ...] = (11, 11, 11)) -> np.ndarray:
    array = np.zeros(shape, dtype=np.uint8)
    array[3 : 3 + side, 3 : 3 + side, 3 : 3 + side] = 1
    return array


def sizes(
    array: np.ndarray, spacing_mm: tuple[float, ...] = (1.0, 1.0, 1.0), **keys: object
) -> dict[str, int]:
    config = Handcrafted(**{"regions": ALL, "rim_mm": 1.0, "ring_mm": 1.0} | keys)
    made = make_regions(mask_of(array, spacing_mm), config, LABELS, {})
    return {name: int(labels_of(region).sum()) for name, region in made.masks.items()}


def test_a_cube_of_five_voxels() -> None:
    """Its core is a cube of three; around it lie six faces of 25 voxels and twelve edges of 5."""
    assert sizes(cube()) == {
        **{"whole": 125, "core": 27, "rim": 98, "ring": 210, "largest": 125},
        **{"label_necrosis": 125, "label_edema": 0},
    }


def test_thick_slices_count_in_mm() -> None:
    """With slices of 3 mm, 1 mm reaches the neighbours in the slice only: 5 slices of 3 x 3."""
    found = sizes(cube(), (1.0, 1.0, 3.0))
    assert found["core"] == 5 * 9
    assert found["ring"] == 5 * 24
    reaching = sizes(cube(), (1.0, 1.0, 3.0), rim_mm=3.0, ring_mm=3.0)
    assert reaching["core"] == 0
    assert reaching["ring"] > 2 * 25


def test_the_ring_ends_at_the_border_of_the_image() -> None:
    array = np.zeros((5, 5, 5), dtype=np.uint8)
    array[0, 0, 0] = 1
    assert sizes(array)["ring"] == 6
    assert sizes(array, ring_mm=100.0)["ring"] == 124


def test_a_rim_of_half_a_voxel_and_more_is_there() -> None:
    """Voxels of 2 mm have their centres 1 mm below the surface."""
    spacing = (2.0, 2.0, 2.0)
    assert sizes(cube(), spacing, rim_mm=1.0)["rim"] == 98
    assert sizes(cube(), spacing, rim_mm=0.9)["rim"] == 0


def test_the_border_of_the_image_is_no_surface() -> None:
    """A slab through the image has two faces, not six."""
    array = np.zeros((7, 5, 5), dtype=np.uint8)
    array[2:5] = 1
    assert sizes(array)["core"] == 25


def test_the_ring_can_leave_air_out() -> None:
    array = cube()
    air = np.zeros(array.shape, dtype=np.float32)
    air[:3] = -1000.0
    config = Handcrafted(regions=["ring"], ring_mm=1.0, ring_values={"CT": (-200, None)})
    images = {"CT": sitk.GetImageFromArray(air)}
    ring = make_regions(mask_of(array), config, {}, images).masks["ring"]
    assert int(labels_of(ring).sum()) == 25 * 5 + 8 * 5


def test_the_largest_part_and_each_label() -> None:
    array = cube(3)
    array[0, 0, 0] = 2
    array[9:, 9:, 9:] = 2
    array[9, 9, 9] = 1
    found = sizes(array)
    assert found["whole"] == 27 + 1 + 8
    assert found["largest"] == 27
    assert found["label_edema"] == 8
    assert found["label_necrosis"] == 28


def test_of_two_equal_parts_the_first_is_taken() -> None:
    array = np.zeros((3, 3, 9), dtype=np.uint8)
    array[1, 1, [0, 4, 8]] = 1
    config = Handcrafted(regions=["largest"])
    largest = make_regions(mask_of(array), config, {}, {}).masks["largest"]
    assert np.argwhere(labels_of(largest)).tolist() == [[1, 1, 0]]


@pytest.mark.parametrize(
    ("array", "reasons"),
    [
        (cube(0), dict.fromkeys(region_names(Handcrafted(regions=ALL), LABELS), "mask is empty")),
        (cube(2), {"core": "deeper than 1 mm", "label_edema": r"label 2 \('edema'\) is not in"}),
        (
            np.ones((4, 4, 4)),
            {"rim": "within 1 mm of its surface", "ring": "within 1 mm of the mask lies inside"},
        ),
    ],
)
def test_an_empty_region_has_a_reason(array: np.ndarray, reasons: dict[str, str]) -> None:
    config = Handcrafted(regions=ALL, rim_mm=1.0, ring_mm=1.0)
    made = make_regions(mask_of(array), config, LABELS, {})
    empty = {name for name, region in made.masks.items() if not labels_of(region).any()}
    assert set(made.reasons) == empty
    for name, words in reasons.items():
        assert re.search(words, made.reasons[name])


@settings(max_examples=30, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.tuples(*[st.floats(0.5, 4.0)] * 3),
    st.floats(0.5, 6.0),
    st.sampled_from([0.02, 0.3, 0.9]),
)
def test_core_and_rim_share_the_mask_and_the_ring_lies_outside(
    seed: int, spacing_mm: tuple[float, float, float], width_mm: float, density: float
) -> None:
    array = np.random.default_rng(seed).random((6, 7, 8)) < density
    config = Handcrafted(regions=ALL, rim_mm=width_mm, ring_mm=width_mm)
    made = make_regions(mask_of(array, spacing_mm), config, LABELS, {})
    part = {name: labels_of(region) > 0 for name, region in made.masks.items()}
    assert list(part) == region_names(config, LABELS)
    assert np.array_equal(part["whole"], array)
    assert np.array_equal(part["core"] | part["rim"], array)
    assert not (part["core"] & part["rim"]).any()
    assert not (part["ring"] & array).any()
    assert not (part["largest"] & ~array).any()
