"""Boxes around a region."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st

from radpipe.errors import CaseError
from radpipe.features.crops import Margin, crop_case, has_region
from radpipe.io.images import write_image
from radpipe.types import CaseFiles

SHAPE = (8, 9, 10)


def write_case(
    folder: Path, voxels: list[tuple[int, int, int]], shape: tuple[int, int, int] = SHAPE
) -> CaseFiles:
    """T1w numbers its voxels from 1, FLAIR is its negative; the mask has the voxels given."""
    array = np.arange(1, np.prod(SHAPE) + 1, dtype=np.float32).reshape(SHAPE)
    mask = np.zeros(shape, dtype=np.uint8)
    for voxel in voxels:
        mask[voxel] = 3
    paths = {name: folder / f"{name}.nii.gz" for name in ("T1w", "FLAIR", "mask")}
    for (_, path), values in zip(paths.items(), (array, -array, mask), strict=True):
        write_image(sitk.GetImageFromArray(values), path)
    mask_path = paths.pop("mask")
    return CaseFiles("c", paths, mask_path)


def test_the_box_is_centred_on_the_region(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(4, 5, 6)])
    crop = crop_case(files, (3, 3, 3), ["FLAIR", "T1w"])
    assert crop.shape == (3, 3, 3, 3)
    assert crop.dtype == np.float32
    assert crop[-1].sum() == 1
    assert crop[-1, 1, 1, 1] == 1
    assert crop[1, 1, 1, 1] == 1 + 4 * 90 + 5 * 10 + 6
    assert np.array_equal(crop[0], -crop[1])


def test_the_centroid_lies_between_its_voxels(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(2, 2, 2), (2, 2, 6)])
    crop = crop_case(files, (1, 1, 5), ["T1w"])
    assert crop[-1].ravel().tolist() == [1, 0, 0, 0, 1]


@pytest.mark.parametrize("margin", [None, Margin(2.0)])
def test_of_a_region_in_two_parts_the_nearer_one_is_shown(
    tmp_path: Path, margin: Margin | None
) -> None:
    files = write_case(tmp_path, [(0, 1, 1), (0, 2, 1), (7, 8, 9)])
    crop = crop_case(files, (3, 3, 3), ["T1w"], margin)
    # Neither the mean of the voxels nor the middle of their box is within three voxels of one.
    assert crop[-1].sum() == 2
    assert crop[0, 1, 1, 1] == 1 + 0 * 90 + 2 * 10 + 1


def test_outside_the_image_is_zero(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(0, 0, 0)])
    crop = crop_case(files, (3, 3, 3), ["T1w"])
    assert (crop[0] > 0).sum() == 2**3
    assert crop[0, 1, 1, 1] == 1
    assert not crop[0, 0].any()


def test_without_a_region_the_box_is_at_the_centre(tmp_path: Path) -> None:
    files = write_case(tmp_path, [])
    for no_region in (files, CaseFiles("c", files.images)):
        crop = crop_case(no_region, SHAPE, ["T1w"])
        assert not has_region(crop)
        assert crop[0, 0, 0, 0] == 1
        assert (crop[0] > 0).all()
    assert has_region(crop_case(write_case(tmp_path, [(1, 1, 1)]), (3, 3, 3), ["T1w"]))


def test_sizes_must_agree(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(1, 1, 1)], shape=(8, 9, 11))
    with pytest.raises(CaseError, match=r"case 'c', file .*: T1w and the mask differ in size"):
        crop_case(files, (3, 3, 3), ["T1w"])


@settings(max_examples=30, deadline=None)
@given(
    st.tuples(*[st.integers(0, n - 1) for n in SHAPE]),
    st.tuples(*[st.integers(1, 25)] * 3),
)
def test_every_crop_has_its_shape_and_shows_the_region(
    tmp_path_factory: pytest.TempPathFactory,
    voxel: tuple[int, int, int],
    size: tuple[int, int, int],
) -> None:
    files = write_case(tmp_path_factory.mktemp("case"), [voxel])
    crop = crop_case(files, size, ["T1w", "FLAIR"])
    assert crop.shape == (3, *size)
    assert crop[-1].sum() == 1
    middle = (0, *(n // 2 for n in size))
    assert crop[middle] == 1 + np.ravel_multi_index(voxel, SHAPE)


def test_beyond_the_margin_is_blank(tmp_path: Path) -> None:
    """One voxel of region, one voxel of margin: 3 x 3 x 3 of the 5 x 5 x 5 are shown."""
    files = write_case(tmp_path, [(4, 5, 6)])
    crop = crop_case(files, (5, 5, 5), ["T1w"], Margin(1, millimetres=False))
    assert (crop[0] > 0).sum() == 3**3
    assert crop[0, 1:4, 1:4, 1:4].all()
    assert np.array_equal(crop[0, 1:4, 1:4, 1:4], crop_case(files, (3, 3, 3), ["T1w"])[0])


def test_a_margin_in_mm_counts_in_the_voxels_of_each_axis(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(4, 5, 6)])
    for path in (*files.images.values(), files.mask):
        image = sitk.ReadImage(str(path))
        image.SetSpacing((1.0, 1.0, 2.0))  # x y z
        write_image(image, path)
    crop = crop_case(files, (7, 7, 7), ["T1w"], Margin(2))
    assert (crop[0] > 0).any(axis=(1, 2)).sum() == 3, "one slice on each side"
    assert (crop[0] > 0).any(axis=(0, 1)).sum() == 5


def test_scaled_to_the_crop_a_region_keeps_its_shape_and_loses_its_size(tmp_path: Path) -> None:
    """A region of 2 x 2 x 4 voxels fills the longest axis; the others stay half as long."""
    box = [(z, y, x) for z in (3, 4) for y in (4, 5) for x in (3, 4, 5, 6)]
    files = write_case(tmp_path, box)
    crop = crop_case(files, (8, 8, 8), ["T1w"], Margin(0, resample=True))
    where = np.argwhere(crop[-1])
    assert (where.max(axis=0) - where.min(axis=0) + 1).tolist() == [4, 4, 8]
    inside = crop[0][crop[-1] > 0]
    assert inside.mean() == pytest.approx(1 + 3.5 * 90 + 4.5 * 10 + 4.5, rel=1e-3)


def test_a_scaled_crop_of_one_voxel_a_voxel_is_the_crop(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(z, y, x) for z in (3, 4) for y in (3, 4) for x in (3, 4)])
    scaled = crop_case(files, (4, 4, 4), ["T1w", "FLAIR"], Margin(1, resample=True))
    plain = crop_case(files, (4, 4, 4), ["T1w", "FLAIR"])
    assert np.allclose(scaled, plain, rtol=1e-5)


def test_a_thin_region_does_not_vanish_when_it_is_scaled_down(tmp_path: Path) -> None:
    files = write_case(tmp_path, [(4, 4, x) for x in range(10)])
    assert has_region(crop_case(files, (2, 2, 2), ["T1w"], Margin(0, resample=True)))


def test_a_margin_without_a_region_is_the_box_at_the_centre(tmp_path: Path) -> None:
    files = write_case(tmp_path, [])
    crop = crop_case(files, (3, 3, 3), ["T1w"], Margin(1, resample=True))
    assert not has_region(crop)
    assert crop.shape == (2, 3, 3, 3)
