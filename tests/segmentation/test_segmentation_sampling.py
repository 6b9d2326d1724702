"""Patches: where they lie, what they hold, how they are changed."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import HealthCheck, given, settings

from radpipe.errors import CaseError, FitError
from radpipe.segmentation.sampling import NO_AUGMENTATION, Augmentation, PatchDataset, cut
from radpipe.types import CaseFiles

LABELS = {"core": 1, "rim": 4}


def write_case(
    folder: Path, name: str, image: np.ndarray, mask: np.ndarray, modalities: int = 1
) -> CaseFiles:
    """A case whose modality k holds `image + 1000 k`."""
    files = {}
    for k in range(modalities):
        files[f"M{k}"] = folder / f"{name}_{k}.nii.gz"
        sitk.WriteImage(
            sitk.GetImageFromArray((image + 1000 * k).astype(np.float32)), files[f"M{k}"]
        )
    sitk.WriteImage(sitk.GetImageFromArray(mask.astype(np.uint8)), folder / f"{name}_mask.nii.gz")
    return CaseFiles(name, files, folder / f"{name}_mask.nii.gz")


def counting(*size: int) -> np.ndarray:
    """Every voxel holds its own number."""
    return np.arange(np.prod(size), dtype=np.float32).reshape(size)


@pytest.fixture
def one_voxel(tmp_path: Path) -> CaseFiles:
    """Label 4 at (7, 2, 5) of a 10 x 9 x 8 volume, nothing else."""
    mask = np.zeros((10, 9, 8))
    mask[7, 2, 5] = 4
    return write_case(tmp_path, "a", counting(10, 9, 8), mask, modalities=2)


def patches(cases: list[CaseFiles], count: int = 20, **changes: object) -> list[dict]:
    given = {"labels": LABELS, "patch": (4, 4, 4), "foreground": 1.0, "seed": 3}
    dataset = PatchDataset(cases, **(given | {"augmentation": NO_AUGMENTATION} | changes))
    return [dataset[i % len(dataset)] for i in range(count)]


def test_an_unchanged_patch_is_a_piece_of_the_volume(one_voxel: CaseFiles) -> None:
    volume = torch.from_numpy(counting(10, 9, 8))
    item = patches([one_voxel], 1)[0]
    assert item["image"].shape == (2, 4, 4, 4)
    assert item["label"].shape == (1, 4, 4, 4)
    # The labelled voxel is at index 2 of an even patch of 4, which begins at (5, 0, 3).
    assert torch.allclose(item["image"][0], volume[5:9, 0:4, 3:7], atol=0.05)
    assert torch.allclose(item["image"][1], volume[5:9, 0:4, 3:7] + 1000, atol=0.6)
    assert torch.nonzero(item["label"]).tolist() == [[0, 2, 2, 2]]
    assert item["label"].max() == 2, "the value 4 is class 2"


def test_foreground_patches_always_hold_a_labelled_voxel(one_voxel: CaseFiles) -> None:
    assert all(p["label"].any() for p in patches([one_voxel]))
    assert not all(p["label"].any() for p in patches([one_voxel], foreground=0.0))


def test_labels_are_drawn_alike_however_small(tmp_path: Path) -> None:
    """One voxel of label 4, 1000 of label 1, far apart: half of the patches see each."""
    mask = np.zeros((10, 10, 40))
    mask[:, :, :10] = 1
    mask[5, 5, 35] = 4
    case = write_case(tmp_path, "a", counting(10, 10, 40) / 10, mask)
    seen = [(p["label"] == 2).any().item() for p in patches([case], 200)]
    assert 70 <= sum(seen) <= 130


def test_a_volume_smaller_than_the_patch_goes_on_with_its_edge_values(tmp_path: Path) -> None:
    case = write_case(tmp_path, "a", counting(2, 3, 1), np.ones((2, 3, 1)))
    item = patches([case], 1, patch=(4, 3, 3))[0]
    assert item["image"][0, :, 0, 0].tolist() == [0, 0, 3, 3]
    assert item["image"][0, 0, :, 2].tolist() == [0, 1, 2]


def test_equal_seeds_give_equal_patches(one_voxel: CaseFiles) -> None:
    def images(seed: int) -> torch.Tensor:
        drawn = patches([one_voxel], 6, seed=seed, augmentation=Augmentation())
        return torch.stack([p["image"] for p in drawn])

    assert torch.equal(images(1), images(1))
    assert not torch.equal(images(1), images(2))


def test_modalities_and_label_are_turned_together(tmp_path: Path) -> None:
    """The mask is where the image is bright; after turning it still is, in both modalities."""
    z, y, x = np.indices((24, 24, 24))
    inside = (abs(z - 12) < 6) & (abs(y - 12) < 4) & (abs(x - 12) < 8)
    case = write_case(tmp_path, "a", 100.0 * inside, inside, modalities=2)
    change = Augmentation(affine=1.0, angle=0.6, intensity=0.0)
    for item in patches([case], 10, patch=(16, 16, 16), augmentation=change):
        image, label = item["image"], item["label"][0] == 1
        assert torch.allclose(image[0] + 1000, image[1], atol=1.0)
        assert ((image[0] > 50) == label).float().mean() > 0.97


def test_no_patch_is_a_mirror_image(tmp_path: Path) -> None:
    """Left and right differ: whatever the augmentation, values go on growing along x."""
    x = np.indices((16, 16, 16))[2]
    case = write_case(tmp_path, "a", 10.0 * x, np.ones((16, 16, 16)))
    change = Augmentation(affine=1.0, intensity=0.0)
    for item in patches([case], 20, patch=(8, 8, 8), augmentation=change):
        means = item["image"][0].mean(dim=(0, 1))
        assert means[-1] > means[0]


def test_intensities_change_within_their_bounds(tmp_path: Path) -> None:
    """A modality of level 0 and 2 has deviation 1: shift 0.25, gain 0.25 about the mean."""
    image = np.where(np.indices((8, 8, 8)).sum(0) % 2, 2.0, 0.0)
    case = write_case(tmp_path, "a", image, np.ones((8, 8, 8)))
    change = Augmentation(affine=0.0, intensity=1.0, noise=0.0)
    drawn = patches([case], 50, patch=(8, 8, 8), augmentation=change)
    means = torch.stack([p["image"].mean() for p in drawn])
    spans = torch.stack([p["image"].max() - p["image"].min() for p in drawn])
    assert 0.75 <= means.min() < 0.9
    assert 1.1 < means.max() <= 1.25
    assert 1.5 <= spans.min() < 1.8
    assert 2.2 < spans.max() <= 2.5


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.tuples(*[st.floats(-5, 15, width=32)] * 3))
def test_cut_interpolates_between_voxels_and_holds_the_edge(
    one_voxel: CaseFiles, position: tuple[float, float, float]
) -> None:
    """The counting volume is linear: its value at a position is known everywhere inside."""
    dataset = PatchDataset([one_voxel], labels=LABELS, patch=(2, 2, 2), foreground=1, seed=0)
    inside = np.clip(position, 0, (9, 8, 7))
    values, _ = cut(dataset.cases[0], torch.tensor(position).reshape(1, 1, 1, 3))
    assert values[0].item() == pytest.approx(inside @ (72, 8, 1), abs=0.6)


def test_what_cannot_be_trained_on_is_told(tmp_path: Path, one_voxel: CaseFiles) -> None:
    with pytest.raises(FitError, match="no case to train on"):
        patches([])
    empty = write_case(tmp_path, "b", counting(4, 4, 4), np.zeros((4, 4, 4)))
    with pytest.raises(FitError, match=r"no training case has a labelled voxel.*\[1, 4\]"):
        patches([empty])
    with pytest.raises(CaseError, match="case 'a': the case has no mask"):
        patches([CaseFiles("a", one_voxel.images)])
    other = CaseFiles("a", one_voxel.images | {"X": empty.images["M0"]}, one_voxel.mask)
    with pytest.raises(
        CaseError, match=r"not on the grid.*found \(4, 4, 4\), expected \(8, 9, 10\)"
    ):
        patches([other])
