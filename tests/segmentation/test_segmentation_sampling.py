"""Patches: where they lie, what they hold, how they change, and that a draw can be repeated."""

from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import HealthCheck, given, settings
from torch import nn

from radpipe.config import Augmentation, Network
from radpipe.errors import CaseError, ConfigError, FitError
from radpipe.networks.losses import IGNORED as IGNORED_BY_LOSSES
from radpipe.segmentation import augmentation as changes
from radpipe.segmentation import hard_negatives
from radpipe.segmentation.augmentation import NO_AUGMENTATION
from radpipe.segmentation.caching import CaseCache
from radpipe.segmentation.label_maps import IGNORED, classes_of, resample_classes
from radpipe.segmentation.loading import read_channels, read_classes
from radpipe.segmentation.plan import Plan
from radpipe.segmentation.sampling import PatchDataset, Place, warped
from radpipe.segmentation.views import planes, window
from radpipe.types import CaseFiles

LABELS = {"core": 1, "rim": 4}


def write_case(
    folder: Path,
    name: str,
    image: np.ndarray,
    mask: np.ndarray,
    modalities: int = 1,
    spacing_mm: tuple[float, float, float] = (1.0, 1.0, 1.0),
) -> CaseFiles:
    """A case whose modality k holds `image + 1000 k`; spacing x, y, z."""

    def write(array: np.ndarray, path: Path) -> Path:
        written = sitk.GetImageFromArray(array)
        written.SetSpacing(spacing_mm)
        sitk.WriteImage(written, path)
        return path

    files = {
        f"M{k}": write((image + 1000 * k).astype(np.float32), folder / f"{name}_{k}.nii.gz")
        for k in range(modalities)
    }
    return CaseFiles(name, files, write(mask.astype(np.uint8), folder / f"{name}_mask.nii.gz"))


def counting(*size: int) -> np.ndarray:
    """Every voxel holds its own number."""
    return np.arange(np.prod(size), dtype=np.float32).reshape(size)


def plan_of(**changes: object) -> Plan:
    """A plan of small unchanged patches around labelled voxels, but for `changes`."""
    given = {"patch": (4, 4, 4), "foreground": 1.0, "augmentation": NO_AUGMENTATION}
    return Plan(segmenter=Network(name="s", network="unet", **(given | changes)))


def dataset_of(cases: list[CaseFiles], seed: int = 3, **changes: object) -> PatchDataset:
    return PatchDataset(cases, plan_of(**changes), LABELS, seed=seed)


def patches(cases: list[CaseFiles], count: int = 20, **changes: object) -> list[dict]:
    dataset = dataset_of(cases, **changes)
    return [dataset[draw] for draw in range(count)]


@pytest.fixture
def one_voxel(tmp_path: Path) -> CaseFiles:
    """Label 4 at (7, 2, 5) of a 10 x 9 x 8 volume, nothing else."""
    mask = np.zeros((10, 9, 8))
    mask[7, 2, 5] = 4
    return write_case(tmp_path, "a", counting(10, 9, 8), mask, modalities=2)


# Where patches lie


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


@pytest.mark.parametrize("corner", [(0, 0, 0), (11, 0, 11), (6, 5, 11)])
@pytest.mark.parametrize("view", ["3d", "2.5d", "2d"])
def test_a_lesion_of_one_voxel_is_hit_however_the_patch_is_changed(
    tmp_path: Path, corner: tuple[int, int, int], view: str
) -> None:
    mask = np.zeros((12, 12, 12))
    mask[corner] = 1
    case = write_case(tmp_path, "a", counting(12, 12, 12), mask)
    wild = Augmentation(
        spatial=1, rotation_deg=45, zoom=0.7, elastic_mm=1.5, flips=["z", "y", "x"], intensity=0
    )
    for item in patches([case], 30, patch=(6, 6, 6), augmentation=wild, view=view):
        assert (item["label"] == 1).any()


def test_labels_are_drawn_alike_however_small(tmp_path: Path) -> None:
    """One voxel of label 4, 1000 of label 1, far apart: half of the patches see each."""
    mask = np.zeros((10, 10, 40))
    mask[:, :, :10] = 1
    mask[5, 5, 35] = 4
    case = write_case(tmp_path, "a", counting(10, 10, 40) / 10, mask)
    seen = [(p["label"] == 2).any().item() for p in patches([case], 200)]
    assert 70 <= sum(seen) <= 130


def test_cases_come_in_permutations(tmp_path: Path) -> None:
    cases = [
        write_case(tmp_path, f"c{k}", np.full((4, 4, 4), k), np.ones((4, 4, 4))) for k in range(5)
    ]
    drawn = [int(p["image"].mean()) for p in patches(cases, 20)]
    rounds = [drawn[k : k + 5] for k in range(0, 20, 5)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in rounds)
    assert rounds[0] != rounds[1]


def test_a_case_without_a_label_is_drawn_from_anywhere(
    tmp_path: Path, one_voxel: CaseFiles
) -> None:
    empty = write_case(tmp_path, "b", counting(9, 9, 9), np.zeros((9, 9, 9)), modalities=2)
    seen = [p["label"].any().item() for p in patches([one_voxel, empty], 10)]
    assert sum(seen) == 5


def test_a_volume_smaller_than_the_patch_goes_on_with_its_edge_values(tmp_path: Path) -> None:
    case = write_case(tmp_path, "a", counting(2, 3, 1), np.ones((2, 3, 1)))
    item = patches([case], 1, patch=(4, 3, 3))[0]
    assert item["image"][0, :, 0, 0].tolist() == [0, 0, 3, 3]
    assert item["image"][0, 0, :, 2].tolist() == [0, 1, 2]
    # One voxel is lacking: it goes on at the far end, as the padding of inference does.
    item = patches([case], 1, patch=(3, 3, 1))[0]
    assert item["image"][0, :, 0, 0].tolist() == [0, 3, 3]


# Draws can be repeated


def test_a_draw_is_a_function_of_seed_and_number(one_voxel: CaseFiles) -> None:
    wild = Augmentation(elastic_mm=2.0, blur=1.0, gamma=0.3, flips=["x"])
    first, second, other = (
        dataset_of([one_voxel], seed=s, augmentation=wild, modality_dropout=0.3) for s in (1, 1, 2)
    )
    forwards = [first[draw]["image"] for draw in range(6)]
    backwards = [second[draw]["image"] for draw in reversed(range(6))][::-1]
    assert all(map(torch.equal, forwards, backwards))
    assert not any(torch.equal(a, other[draw]["image"]) for draw, a in enumerate(forwards))
    assert len({tuple(a.flatten().tolist()) for a in forwards}) == 6


def test_patches_do_not_depend_on_the_number_of_threads(one_voxel: CaseFiles) -> None:
    wild = Augmentation(spatial=1, intensity=1, elastic_mm=2.0, blur=1.0, gamma=0.3)
    dataset = dataset_of([one_voxel], augmentation=wild, patch=(40, 40, 40))
    threads = torch.get_num_threads()
    drawn = []
    try:
        for count in (1, 2):
            torch.set_num_threads(count)
            drawn.append(torch.stack([dataset[draw]["image"] for draw in range(3)]))
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(*drawn)


def test_cases_beyond_the_memory_are_read_from_files_and_give_the_same_patches(
    one_voxel: CaseFiles, tmp_path: Path
) -> None:
    wanted = patches([one_voxel], 5, augmentation=Augmentation())
    tight = plan_of(augmentation=Augmentation(), budget={"memory_gb": 1e-9})
    folder = tmp_path / "run" / "cases"
    folder.mkdir(parents=True)
    (folder / "left by a kill").touch()
    cache = CaseCache(tight, LABELS, 3, folder)
    dataset = PatchDataset([one_voxel], tight, LABELS, seed=3, cache=cache)
    assert isinstance(dataset.cases[0].image, np.memmap)
    assert cache.used_bytes == 0
    assert len(list(folder.rglob("*.npy"))) == 2
    assert not (folder / "left by a kill").exists()
    for draw, item in enumerate(wanted):
        assert torch.equal(dataset[draw]["image"], item["image"])
        assert torch.equal(dataset[draw]["label"], item["label"])
    cache.close()
    assert not folder.exists()


# Slices


def test_windows_of_the_views() -> None:
    assert planes("3d") == ()
    assert planes("2d") == (0,)
    assert planes("2.5d") == (0, 1, 2)
    assert window((3, 5, 7), None) == (3, 5, 7)
    assert [window((3, 5, 7), axis) for axis in range(3)] == [(1, 5, 7), (5, 1, 7), (5, 7, 1)]


def test_slices_across_z_and_of_all_planes(tmp_path: Path) -> None:
    volume = counting(8, 8, 8)
    case = write_case(tmp_path, "a", volume, np.ones((8, 8, 8)))
    for item in patches([case], 6, patch=(2, 4, 4), view="2d"):
        image = item["image"][0]
        assert item["image"].shape == item["label"].shape == (1, 4, 4)
        assert torch.allclose(image.diff(dim=0), torch.tensor(8.0))
        assert torch.allclose(image.diff(dim=1), torch.tensor(1.0))
    steps = [
        (p["image"][0].diff(dim=0).mean().item(), p["image"][0].diff(dim=1).mean().item())
        for p in patches([case], 6, patch=(2, 4, 4), view="2.5d")
    ]
    # Across z: (y, x); across y: (z, x); across x: (z, y), in turn.
    assert steps == [(8, 1), (64, 1), (64, 8)] * 2


# Changes


def test_modalities_and_label_are_changed_together(tmp_path: Path) -> None:
    """The mask is where the image is bright; after turning it still is, in both modalities."""
    z, y, x = np.indices((24, 24, 24))
    inside = (abs(z - 12) < 6) & (abs(y - 12) < 4) & (abs(x - 12) < 8)
    case = write_case(tmp_path, "a", 100.0 * inside, inside, modalities=2)
    change = Augmentation(
        spatial=1.0, rotation_deg=35, elastic_mm=1.0, intensity=0.0, flips=["z", "x"]
    )
    for item in patches([case], 10, patch=(16, 16, 16), augmentation=change):
        image, label = item["image"], item["label"][0] == 1
        assert torch.allclose(image[0] + 1000, image[1], atol=1.0)
        assert ((image[0] > 50) == label).float().mean() > 0.97


def test_no_patch_is_a_mirror_image_unless_asked(tmp_path: Path) -> None:
    """Left and right differ: whatever the augmentation, values go on growing along x."""
    x = np.indices((16, 16, 16))[2]
    case = write_case(tmp_path, "a", 10.0 * x, np.ones((16, 16, 16)))

    def mirrored(**changed: object) -> list[bool]:
        change = Augmentation(spatial=1.0, intensity=0.0, **changed)
        drawn = patches([case], 20, patch=(8, 8, 8), augmentation=change)
        means = [item["image"][0].mean(dim=(0, 1)) for item in drawn]
        return [bool(m[-1] < m[0]) for m in means]

    assert not any(mirrored(elastic_mm=1.0))
    assert not any(mirrored(flips=["z", "y"]))
    assert 4 <= sum(mirrored(flips=["x"])) <= 16


def test_coarse_slices_are_turned_in_their_plane_only(tmp_path: Path) -> None:
    """Voxels of 1 x 1 x 5 mm: nothing is mixed between slices, whose numbers stay whole."""
    z = np.indices((9, 16, 16))[0]
    case = write_case(tmp_path, "a", z, np.ones((9, 16, 16)), spacing_mm=(1, 1, 5))
    wild = Augmentation(spatial=1, rotation_deg=40, zoom=0.5, elastic_mm=2, blur=2, intensity=1,
                        gain=0, shift=0, noise=0)  # fmt: skip
    for item in patches([case], 10, patch=(4, 8, 8), augmentation=wild):
        steps = item["image"][0].diff(dim=0)
        assert torch.allclose(steps, torch.ones(()), atol=1e-3)


def test_intensities_change_within_their_bounds(tmp_path: Path) -> None:
    """A modality of level 0 and 2 has deviation 1: shift 0.25, gain 0.25 about the mean."""
    image = np.where(np.indices((8, 8, 8)).sum(0) % 2, 2.0, 0.0)
    case = write_case(tmp_path, "a", image, np.ones((8, 8, 8)))
    change = Augmentation(spatial=0.0, intensity=1.0, noise=0.0)
    drawn = patches([case], 50, patch=(8, 8, 8), augmentation=change)
    means = torch.stack([p["image"].mean() for p in drawn])
    spans = torch.stack([p["image"].max() - p["image"].min() for p in drawn])
    assert 0.75 <= means.min() < 0.9
    assert 1.1 < means.max() <= 1.25
    assert 1.5 <= spans.min() < 1.8
    assert 2.2 < spans.max() <= 2.5


def test_gamma_bends_between_the_extremes() -> None:
    """0, 1/2, 1 with the exponent 2 of log(2): the ends stay, the middle becomes 1/4."""
    values = torch.tensor([10.0, 15.0, 20.0]).reshape(1, 1, 3)
    changes._bend(values, 2.0)
    assert values.flatten().tolist() == [10.0, 12.5, 20.0]


def test_blur_keeps_the_sum_and_spreads_by_sigma() -> None:
    line = torch.zeros(1, 1, 41)
    line[0, 0, 20] = 1.0
    blurred = changes._blurred(line, 2.0, [False, False, True])[0, 0]
    place = torch.arange(41.0) - 20
    assert blurred.sum() == pytest.approx(1)
    assert (blurred * place**2).sum().sqrt() == pytest.approx(2.0, abs=0.05)


def test_an_elastic_field_is_smooth_and_as_strong_as_asked() -> None:
    rng = np.random.default_rng(0)
    fields = [
        changes.draw_displacement(rng, 3.0, (20, 40, 40), (2.0, 1.0, 1.0), [True, True, True])
        for _ in range(12)
    ]
    drawn = torch.stack(fields) * torch.tensor([2.0, 1.0, 1.0])
    assert drawn.shape == (12, 20, 40, 40, 3)
    assert drawn.std().item() == pytest.approx(3.0, abs=0.3)
    # Never folds: a step of one voxel never goes back by more than itself.
    assert drawn.diff(dim=3).abs().max() < 1.0
    still = changes.draw_displacement(rng, 3.0, (4, 8, 8), (9.0, 1.0, 1.0), [False, True, True])
    assert not still[..., 0].any()
    assert torch.equal(still[0], still[3]), "all slices move alike"


@pytest.mark.parametrize("chance", [0.5, 0.99])
def test_modalities_are_dropped_but_never_all(chance: float) -> None:
    rng = np.random.default_rng(0)
    present = np.array([True, False, True])
    left = []
    for _ in range(200):
        image = torch.ones(3, 2, 2, 2)
        changes.drop_modalities(image, rng, chance, present)
        left.append(image[:, 0, 0, 0].tolist())
    there = np.array(left)[:, [0, 2]]
    assert (there.sum(axis=1) >= 1).all()
    assert (there == 0).any(axis=0).all()


def test_a_missing_modality_stays_blank(tmp_path: Path, one_voxel: CaseFiles) -> None:
    files = CaseFiles("a", {"X": None, **one_voxel.images}, one_voxel.mask)
    wild = Augmentation(spatial=1, intensity=1, blur=1, gamma=0.5)
    for item in patches([files], 8, augmentation=wild, modality_dropout=0.9):
        assert not item["image"][0].any()
        assert item["image"][1:].flatten(1).any(dim=1).any()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.tuples(*[st.floats(-5, 15, width=32)] * 3))
def test_warped_interpolates_between_voxels_and_holds_the_edge(
    one_voxel: CaseFiles, position: tuple[float, float, float]
) -> None:
    """The counting volume is linear: its value at a position is known everywhere inside."""
    case = dataset_of([one_voxel]).cases[0]
    place = Place(np.zeros(3, int), np.ones(3, int), np.zeros(3, int), None)
    apart = torch.tensor(position).reshape(1, 1, 1, 3)
    # A patch of one voxel displaced against itself does not move: two voxels, the second displaced.
    place = place._replace(size=np.array([1, 1, 2]))
    moved = torch.cat([torch.zeros(1, 1, 1, 3), apart - torch.tensor([0.0, 0.0, 1.0])], dim=2)
    values, _ = warped(case, place, np.eye(3), moved)
    inside = np.clip(position, 0, (9, 8, 7))
    assert values[0, 0, 0, 1].item() == pytest.approx(inside @ (72, 8, 1), abs=0.6)


# Earlier mistakes


class DrawsNothing(nn.Module):
    """Says background, or class 2 where the image is above `limit`."""

    def __init__(self, limit: float = float("inf")) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
        self.limit = limit

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = (x[:, :1] > self.limit).float()
        return torch.cat([1 - found, 0 * found, found], dim=1)


@pytest.mark.parametrize("view", ["3d", "2.5d", "2d"])
def test_mistakes_are_found_and_become_centres(one_voxel: CaseFiles, view: str) -> None:
    """A network that draws nothing misses the one voxel; later patches are drawn around it."""
    dataset = dataset_of([one_voxel], foreground=0.0, hard_negatives=1.0, view=view)
    hits = [dataset[draw]["label"].any().item() for draw in range(12)]
    for step in range(1, 9):
        dataset.refresh(DrawsNothing().train(), step)
    assert np.unique(dataset.mistakes.of(0), axis=0).tolist() == [[7, 2, 5]]
    assert all(dataset[draw]["label"].any() for draw in range(12))
    assert not all(hits)
    again = dataset_of([one_voxel], foreground=0.0, hard_negatives=1.0, view=view)
    again.load_state_dict(dataset.state_dict())
    for draw in range(6):
        assert torch.equal(again[draw]["image"], dataset[draw]["image"])


def test_false_positives_count_ignored_voxels_do_not_and_memory_is_bounded(tmp_path: Path) -> None:
    mask = np.zeros((12, 12, 12))
    mask[6, 6, 6] = 4
    mask[:, :, 6:] = np.where(mask[:, :, 6:] == 4, 4, 9)
    case = write_case(tmp_path, "a", np.ones((12, 12, 12)), mask)
    dataset = dataset_of([case], foreground=0.0, hard_negatives=0.5, ignore=9, patch=(8, 8, 8))
    for step in range(5):
        dataset.refresh(DrawsNothing(limit=0.0), step)
    wrong = dataset.mistakes.of(0)
    assert len(wrong) == hard_negatives.KEPT
    assert (wrong[:, 2] < 6).all()


def test_without_hard_negatives_no_network_is_asked(one_voxel: CaseFiles) -> None:
    dataset = dataset_of([one_voxel])
    dataset.refresh(DrawsNothing(), 1)
    assert dataset.state_dict() == {}


# Reading


def test_ignored_is_the_same_everywhere() -> None:
    assert IGNORED == IGNORED_BY_LOSSES
    classes = classes_of(np.array([0, 1, 4, 7, 9], np.uint8), LABELS, ignore=9)
    assert classes.tolist() == [0, 1, 2, 0, 255]
    with pytest.raises(ConfigError, match="value to ignore is that of a label; found 4"):
        classes_of(np.zeros(1, np.uint8), LABELS, ignore=4)


def test_a_plan_resamples_images_and_masks_to_one_grid(tmp_path: Path) -> None:
    """Voxels of 2 mm to 1 mm: a ramp along x stays a ramp of half the step."""
    x = np.indices((6, 6, 6))[2]
    case = write_case(tmp_path, "a", 10.0 * x, np.where(x >= 3, 4, 0), spacing_mm=(2, 2, 2))
    plan = plan_of().model_copy(update={"spacing_mm": (1.0, 1.0, 1.0)})
    values, grid = read_channels(case, plan)
    assert values.shape == (1, 12, 12, 12)
    assert grid.GetSpacing() == (1.0, 1.0, 1.0)
    # New centres lie a quarter of an old voxel beside the old ones.
    assert np.allclose(values[0, 6, 6, 4:8], [17.5, 22.5, 27.5, 32.5], atol=0.5)
    classes = read_classes(case, grid, LABELS)
    assert (classes == 2 * (np.indices((12, 12, 12))[2] >= 6)).all()


def test_coarse_slices_are_resampled_linearly_across_and_by_a_spline_within(
    tmp_path: Path,
) -> None:
    """A single bright slice rings under a spline; across coarse slices nothing goes below 0."""
    image = np.full((9, 6, 6), -1.0)
    image[4] = 1.0
    fine = plan_of().model_copy(update={"spacing_mm": (0.5, 0.5, 0.5)})
    coarse = write_case(tmp_path, "a", image, image > 0, spacing_mm=(1, 1, 5))
    cubes = write_case(tmp_path, "b", image, image > 0, spacing_mm=(1, 1, 1))
    assert read_channels(coarse, fine)[0].min() == pytest.approx(-1, abs=1e-4)
    assert read_channels(cubes, fine)[0].min() < -1.05


def test_a_lesion_smaller_than_a_voxel_does_not_vanish() -> None:
    source, grid = sitk.Image([12, 12, 12], sitk.sitkUInt8), sitk.Image([3, 3, 3], sitk.sitkUInt8)
    grid.SetSpacing((4, 4, 4))
    grid.SetOrigin((1.5, 1.5, 1.5))
    classes = np.zeros((12, 12, 12), np.uint8)
    classes[:, :, :4] = 1
    classes[9, 1, 6] = 2
    coarse = resample_classes(classes, source, grid)
    assert (coarse[:, :, 0] == 1).all()
    assert np.argwhere(coarse == 2).tolist() == [[2, 0, 1]]


def test_intensities_of_a_plan_clip_and_scale(tmp_path: Path) -> None:
    case = write_case(tmp_path, "a", counting(1, 2, 5), np.ones((1, 2, 5)), modalities=2)
    files = CaseFiles("a", {**case.images, "X": None}, case.mask)
    plan = plan_of().model_copy(
        update={
            "normalisation": "foreground",
            "intensities": [(4.0, 2.0, 2.0, 8.0), (1000.0, 1.0, 0.0, 2000.0), (9.0, 1.0, 0.0, 1.0)],
        }
    )
    values, _ = read_channels(files, plan)
    assert values[0, 0].ravel().tolist() == [-1, -1, -1, -0.5, 0, 0.5, 1, 1.5, 2, 2]
    assert values[1, 0].ravel().tolist() == list(range(10))
    assert not values[2].any(), "a missing modality is zeros"
    with pytest.raises(ConfigError, match="needs the intensities of each modality; found 3"):
        read_channels(case, plan)


def test_what_cannot_be_trained_on_is_told(tmp_path: Path, one_voxel: CaseFiles) -> None:
    with pytest.raises(FitError, match="no case to train on"):
        patches([])
    empty = write_case(tmp_path, "b", counting(4, 4, 4), np.zeros((4, 4, 4)))
    with pytest.raises(FitError, match=r"no training case has a labelled voxel.*\[1, 4\]"):
        patches([empty])
    with pytest.raises(CaseError, match="case 'a': the case has no mask"):
        patches([CaseFiles("a", one_voxel.images)])
    with pytest.raises(CaseError, match="case 'a': the case has no image at all"):
        patches([CaseFiles("a", {"M0": None}, one_voxel.mask)])
    other = CaseFiles("a", one_voxel.images | {"X": empty.images["M0"]}, one_voxel.mask)
    with pytest.raises(
        CaseError, match=r"not on the grid.*found \(4, 4, 4\), expected \(8, 9, 10\)"
    ):
        patches([other])
    with pytest.raises(CaseError, match=r"mask is not on the grid.*found \(4, 4, 4\)"):
        patches([CaseFiles("a", one_voxel.images, empty.mask)])
