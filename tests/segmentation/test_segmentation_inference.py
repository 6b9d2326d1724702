"""How members are asked and joined: views, flips, dropout, spacing, cascade, ensembles, memory."""

import resource
import sys
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from radpipe.config import Network
from radpipe.config.segmentation import Cleaning, Crf
from radpipe.errors import CaseError
from radpipe.segmentation import cascade, ensembles
from radpipe.segmentation.ensembles import Prediction, join, one_hot, pairwise_dice, staple, vote
from radpipe.segmentation.inference import Member, probabilities, segment_case
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles

LESION = {"lesion": 7}


class Bright(nn.Module):
    """Logits of a lesion where the image is above a level; works in 2-D and 3-D."""

    def __init__(self, level: float = 0.0, dropout: float = 0.0) -> None:
        super().__init__()
        self.level = level
        self.drop = nn.Dropout(dropout)
        self.seen: list[tuple[int, ...]] = []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.append(tuple(x.shape[2:]))
        above = self.drop(4 * (x[:, :1] - self.level))
        return torch.cat([-above, above], dim=1)


def plan(spacing_mm: tuple[float, float, float] | None = None, **changes: object) -> Plan:
    given = {"name": "s", "network": "unet", "patch": (8, 8, 8), "dropout": 0.1} | changes
    return Plan(segmenter=Network.model_validate(given), spacing_mm=spacing_mm)


def write(array: np.ndarray, path: Path) -> Path:
    image = sitk.GetImageFromArray(array)
    image.SetSpacing((1.0, 1.0, 2.0))
    image.SetOrigin((5.0, -40.0, 12.0))
    image.SetDirection(sitk.VersorTransform((0.0, 1.0, 1.0), 0.4).GetMatrix())
    sitk.WriteImage(image, path)
    return path


@pytest.fixture
def case(tmp_path: Path) -> CaseFiles:
    """Two bright boxes, of 5 x 6 x 8 and 3 x 3 x 3 voxels."""
    image = np.full((12, 20, 24), -1.0, np.float32)
    image[2:7, 3:9, 4:12] = 1
    image[8:11, 14:17, 18:21] = 1
    return CaseFiles("c1", {"T1w": write(image, tmp_path / "c1.nii.gz")})


def bright(case: CaseFiles) -> np.ndarray:
    return sitk.GetArrayFromImage(sitk.ReadImage(case.images["T1w"])) > 0


def labels_of(drawing: object) -> np.ndarray:
    return sitk.GetArrayFromImage(drawing.mask)


@pytest.mark.parametrize("view", ["3d", "2.5d", "2d"])
def test_every_view_draws_the_case(case: CaseFiles, view: str) -> None:
    network = Bright()
    drawing = segment_case([Member(network, plan(view=view))], case, LESION)
    assert np.array_equal(labels_of(drawing), 7 * bright(case))
    sizes = {"3d": {(8, 8, 8)}, "2d": {(8, 8)}, "2.5d": {(8, 8)}}
    assert set(network.seen) == sizes[view]


def test_three_planes_are_averaged(case: CaseFiles) -> None:
    """A network that calls the first row of its slices: z for two of the planes, y for one."""

    class First(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            row = torch.full_like(x[:, :1], -20.0)
            row[:, :, 0] = 20
            return torch.cat([-row, row], dim=1)

    values = np.zeros((1, 4, 4, 4), np.float32)
    got = probabilities(First(), values, plan(view="2.5d", patch=(4, 4, 4)))
    assert got.dtype == np.float16
    expected = np.zeros((4, 4, 4))
    expected[0] += 2 / 3
    expected[:, 0] += 1 / 3
    assert got[1] == pytest.approx(expected, abs=2e-3)


def test_flips_of_the_plan_are_made(case: CaseFiles) -> None:
    class First(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            row = torch.full_like(x, -20.0)
            row[..., 0] = 20
            return torch.cat([-row, row], dim=1)

    def mirrored(axes: list[str]) -> Plan:
        return plan(flips=axes, augmentation={"flips": axes}, patch=(4, 4, 4))

    values = np.zeros((1, 4, 4, 4), np.float32)
    got = probabilities(First(), values, mirrored(["x"]))[1]
    assert got[0, 0] == pytest.approx([0.5, 0, 0, 0.5], abs=1e-3)
    same = probabilities(First(), values, mirrored(["z", "y"]))[1]
    assert same[0, 0] == pytest.approx([1, 0, 0, 0], abs=1e-3)


def test_dropout_is_seeded_by_the_case(case: CaseFiles) -> None:
    member = Member(Bright(dropout=0.5), plan(mc_dropout=3))
    first, again = (segment_case([member], case, LESION) for _ in range(2))
    other = segment_case([member], CaseFiles("c2", case.images), LESION)
    maps = [sitk.GetArrayFromImage(d.entropy) for d in (first, again, other)]
    assert np.array_equal(maps[0], maps[1])
    assert not np.array_equal(maps[0], maps[2])
    assert first.information is not None
    information = sitk.GetArrayFromImage(first.information)
    assert (information >= 0).all()
    assert (information <= maps[0] + 1e-3).all()
    assert first.uncertainty["mean_information"].item() > 0.05
    assert segment_case([Member(Bright(), plan())], case, LESION).information is None


@pytest.mark.parametrize("spacing_mm", [(2.0, 2.0, 2.0), (0.5, 0.6, 1.0)])
def test_a_network_with_a_spacing_of_its_own(
    case: CaseFiles, spacing_mm: tuple[float, float, float]
) -> None:
    """It is shown its own voxel size; the mask is on the prepared grid."""
    network = Bright()
    drawing = segment_case([Member(network, plan(spacing_mm, patch=(64, 64, 64)))], case, LESION)
    reference = sitk.ReadImage(case.images["T1w"])
    assert drawing.mask.GetOrigin() == reference.GetOrigin()
    assert drawing.mask.GetDirection() == reference.GetDirection()
    drawn, true = labels_of(drawing) > 0, bright(case)
    assert 2 * (drawn & true).sum() / (drawn.sum() + true.sum()) > 0.8


def test_a_cascade_draws_inside_the_box_only(case: CaseFiles, tmp_path: Path) -> None:
    """The coarse mask holds one voxel of the large box; the margin reaches part of it."""
    coarse = np.zeros((12, 20, 24), np.uint8)
    coarse[4, 6, 8] = 7
    path = write(coarse, tmp_path / "coarse.nii.gz")
    settings = {"cascade": "other", "margin_mm": 2.0}
    member = Member(Bright(), plan(**settings))
    drawn = labels_of(segment_case([member], case, LESION, coarse=path))
    expected = np.zeros_like(drawn)
    expected[3:6, 4:9, 6:11] = 7
    assert np.array_equal(drawn, expected)
    whole = labels_of(segment_case([Member(Bright(), plan())], case, LESION, coarse=path))
    assert np.array_equal(whole, 7 * bright(case)), "a member without a cascade looks everywhere"


def test_an_empty_coarse_mask_is_no_reason_to_draw_nothing(case: CaseFiles, tmp_path: Path) -> None:
    path = write(np.zeros((12, 20, 24), np.uint8), tmp_path / "coarse.nii.gz")
    member = Member(Bright(), plan(cascade="other"))
    drawn = labels_of(segment_case([member], case, LESION, coarse=path))
    assert np.array_equal(drawn, 7 * bright(case))


def test_a_box_on_a_grid_of_other_voxels() -> None:
    """Voxels 2 to 3 of 2 mm along x reach from 3 to 7 mm; with 1 mm around: 2 to 8 mm."""
    mask = np.zeros((1, 1, 8), np.uint8)
    mask[0, 0, 2:4] = 1
    coarse = sitk.GetImageFromArray(mask)
    coarse.SetSpacing((2.0, 1.0, 1.0))
    grid = sitk.Image((32, 5, 5), sitk.sitkUInt8)
    grid.SetSpacing((0.5, 1.0, 1.0))
    grid.SetOrigin((-0.75, -2.0, 0.0))
    # Centres from -0.75: the voxel from 2 to 2.5 mm has number 6, that from 7.5 to 8 mm 17.
    assert cascade.region_box(coarse, grid, 1.0) == (slice(0, 2), slice(1, 4), slice(6, 18))
    assert cascade.region_box(sitk.Image((4, 4, 4), sitk.sitkUInt8), grid, 1.0) is None
    grid.SetOrigin((100.0, 0.0, 0.0))
    assert cascade.region_box(coarse, grid, 1.0) is None


@given(
    start=st.tuples(*[st.integers(0, 9)] * 3),
    length=st.tuples(*[st.integers(1, 10)] * 3),
    patch=st.tuples(*[st.integers(1, 14)] * 3),
)
def test_context_holds_the_box_and_a_patch(
    start: tuple[int, ...], length: tuple[int, ...], patch: tuple[int, int, int]
) -> None:
    size = (10, 10, 10)
    z, y, x = (slice(a, min(10, a + n)) for a, n in zip(start, length, strict=True))
    wide = cascade.with_context((z, y, x), patch, size)
    for inner, outer, least in zip((z, y, x), wide, patch, strict=True):
        assert 0 <= outer.start <= inner.start < inner.stop <= outer.stop <= 10
        assert outer.stop - outer.start == max(min(least, 10), inner.stop - inner.start)


def test_the_mean_of_networks(case: CaseFiles) -> None:
    """One sees what is above 0, one what is above 2, of which there is nothing: logits 8 and -8."""
    members = [Member(Bright(level), plan()) for level in (0.0, 2.0, -0.5)]
    drawing = segment_case(members, case, LESION)
    assert np.array_equal(labels_of(drawing), 7 * bright(case))
    p = np.array([1 / (1 + np.exp(-8.0 * (1 - level))) for level in (0.0, 2.0, -0.5)])
    mean = p.mean()
    nats = -(mean * np.log(mean) + (1 - mean) * np.log(1 - mean))
    own = -(p * np.log(p) + (1 - p) * np.log(1 - p)).mean()
    inside = bright(case)
    entropy = sitk.GetArrayFromImage(drawing.entropy)[inside]
    information = sitk.GetArrayFromImage(drawing.information)[inside]
    assert entropy == pytest.approx(np.full(inside.sum(), nats / np.log(2)), abs=3e-3)
    assert information == pytest.approx(np.full(inside.sum(), (nats - own) / np.log(2)), abs=3e-3)
    # Pairs: two agree, and each of them disagrees with the one that drew nothing.
    assert drawing.uncertainty["disagreement"].item() == pytest.approx(1 - 1 / 3)


def test_masks_of_others_are_members_too(case: CaseFiles, tmp_path: Path) -> None:
    """Files and a network in one vote; a tie goes to the background."""
    one = np.zeros((12, 20, 24), np.uint8)
    one[2:7, 3:9, 4:12] = 7
    file = write(one, tmp_path / "drawn.nii.gz")
    network = Member(Bright(), plan())
    for combine in ("vote", "mean", "staple"):
        drawn = labels_of(segment_case([file, file, network], case, LESION, combine=combine))
        assert np.array_equal(drawn, one), combine
    tied = labels_of(segment_case([file, network], case, LESION, combine="vote"))
    assert np.array_equal(tied, one)
    alone = segment_case([file], case, LESION, combine="staple")
    assert np.array_equal(labels_of(alone), one)
    assert alone.expected_dice == {"lesion": 1.0}


def test_cleaning_and_the_random_field_change_the_mask_alone(case: CaseFiles) -> None:
    member = Member(Bright(), plan())
    plain = segment_case([member], case, LESION)
    cleaning = Cleaning(largest_component=True, crf=Crf(smoothness_mm=1.0))
    cleaned = segment_case([member], case, LESION, cleaning=cleaning)
    assert (labels_of(cleaned)[:8] == labels_of(plain)[:8]).mean() > 0.98
    assert not labels_of(cleaned)[8:].any()
    assert np.array_equal(*(sitk.GetArrayFromImage(d.entropy) for d in (plain, cleaned)))
    assert cleaned.expected_dice["lesion"] < plain.expected_dice["lesion"]


def test_a_missing_modality_is_zeros(case: CaseFiles) -> None:
    files = CaseFiles("c1", {"T1w": case.images["T1w"], "FLAIR": None})
    drawing = segment_case([Member(Bright(), plan())], files, LESION)
    assert np.array_equal(labels_of(drawing), 7 * bright(case))
    with pytest.raises(CaseError, match="case 'c1': the case has no image at all"):
        segment_case([Member(Bright(), plan())], CaseFiles("c1", {"T1w": None}), LESION)


def volumes(*rows: list[int]) -> list[np.ndarray]:
    return [np.array(row, np.uint8).reshape(1, 1, -1) for row in rows]


def test_votes_by_hand() -> None:
    members = volumes([0, 1, 1, 2], [0, 1, 2, 1], [0, 0, 2, 0])
    shares = vote(members, 3).reshape(3, 4)
    assert shares.T.tolist() == pytest.approx(
        np.array([[1, 0, 0], [1 / 3, 2 / 3, 0], [0, 1 / 3, 2 / 3], [1 / 3, 1 / 3, 1 / 3]]),
        abs=1e-3,
    )
    drawn = ensembles.most_probable(vote(members, 3)).ravel()
    assert drawn.tolist() == [0, 1, 2, 0], "of equal ones the first, background before all"


def noisy_members(seed: int, wrong: list[float], classes: int) -> tuple[np.ndarray, list]:
    rng = np.random.default_rng(seed)
    truth = np.zeros((6, 12, 12), np.uint8)
    for k in range(1, classes):
        truth[:, 4 * (k - 1) : 4 * k, 2:10] = k
    members = []
    for share in wrong:
        errs = rng.random(truth.shape) < share
        members.append(np.where(errs, rng.integers(0, classes, truth.shape), truth).astype("u1"))
    return truth, members


def test_staple_agrees_with_itk_and_trusts_the_better_member() -> None:
    truth, members = noisy_members(0, [0.05, 0.3, 0.4, 0.4], 2)
    posterior = staple(members, 2)[1].float().numpy()
    judge = sitk.STAPLEImageFilter()
    judge.SetForegroundValue(1)
    expected = sitk.GetArrayFromImage(
        judge.Execute([sitk.GetImageFromArray(m.astype(np.int16)) for m in members])
    )
    assert np.abs(posterior - expected).max() < 0.02
    assert ((posterior > 0.5) != truth).mean() < (
        (vote(members, 2)[1].numpy() > 0.5) != truth
    ).mean()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_staple_of_several_labels_agrees_with_itk(seed: int) -> None:
    _, members = noisy_members(seed, [0.1, 0.2, 0.3, 0.4, 0.4], 4)
    drawn = ensembles.most_probable(staple(members, 4))
    judge = sitk.MultiLabelSTAPLEImageFilter()
    judge.SetTerminationUpdateThreshold(1e-7)
    expected = sitk.GetArrayFromImage(judge.Execute([sitk.GetImageFromArray(m) for m in members]))
    assert (drawn == expected).mean() > 0.99


def test_staple_of_members_who_agree_is_what_they_say() -> None:
    same = volumes([0, 0, 1, 2, 2]) * 3
    assert ensembles.most_probable(staple(same, 4)).ravel().tolist() == [0, 0, 1, 2, 2]
    nothing = volumes([0, 0, 0]) * 2
    assert not ensembles.most_probable(staple(nothing, 3)).any()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 4), st.integers(2, 4))
def test_joined_probabilities_sum_to_one(seed: int, classes: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    members = [rng.integers(0, classes, (3, 4, 5)).astype(np.uint8) for _ in range(count)]
    for combine in ("mean", "vote", "staple"):
        joint = join((Prediction(one_hot(m, classes)) for m in members), combine)
        assert torch.allclose(joint.probabilities.float().sum(0), torch.ones(3, 4, 5), atol=4e-3)
        assert len(joint.members) == count
        assert not torch.isnan(joint.probabilities).any()


def test_pairwise_dice_by_hand() -> None:
    members = volumes([1, 1, 0, 0], [1, 0, 0, 0], [0, 0, 0, 0])
    assert pairwise_dice(members, 1) == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert pairwise_dice(members, 2) == 1


LARGE = """
import resource, sys
from pathlib import Path
import numpy as np, SimpleITK as sitk, torch
from torch import nn
from radpipe.config import Network
from radpipe.config.segmentation import Cleaning
from radpipe.segmentation.inference import Member, segment_case
from radpipe.segmentation.plan import Plan
from radpipe.types import CaseFiles

torch.set_num_threads(1)

class Bright(nn.Module):
    def forward(self, x):
        return torch.cat([-x, x], dim=1)

path = Path(sys.argv[1]) / "large.mha"
settings = {"name": "s", "network": "unet", "patch": (64, 128, 128), "overlap": 0.25}
plan = Plan(segmenter=Network.model_validate(settings))
cleaning = Cleaning(largest_component=True, fill_holes=True)
drawing = segment_case(
    [Member(Bright(), plan)], CaseFiles("large", {"CT": path}), {"lesion": 1}, cleaning=cleaning
)
drawn = sitk.GetArrayViewFromImage(drawing.mask)
print(int(drawn.sum()), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_a_volume_of_512_x_512_x_400_takes_below_3_gb(tmp_path: Path) -> None:
    image = sitk.Image((512, 512, 400), sitk.sitkInt16) - 10
    image[100:300, 150:250, 40:200] = 10
    sitk.WriteImage(image, tmp_path / "large.mha")
    del image
    done = run(
        [sys.executable, "-c", LARGE, str(tmp_path)], capture_output=True, text=True, check=True
    )
    voxels, kilobytes = map(int, done.stdout.split())
    assert voxels == 200 * 100 * 160
    assert kilobytes < 3e6
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss >= kilobytes
