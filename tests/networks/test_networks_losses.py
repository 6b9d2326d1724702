"""Losses whose values a reader can work out."""

import math
from typing import get_args

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from monai.losses.dice import DiceCELoss
from monai.losses.focal_loss import FocalLoss
from pydantic import ValidationError

from radpipe.config import Network
from radpipe.config.segmentation import LossName
from radpipe.errors import ConfigError
from radpipe.networks.losses import ENTROPIES, IGNORED, LOSSES, LabelLoss, build_loss
from radpipe.networks.voxelwise import border_weights


def loss_of(name: str, labels: int = 2, **changes: object) -> LabelLoss:
    weights = [1.0] * (labels + 1) if name == "weighted_ce" else None
    return build_loss(name, labels, **{"class_weights": weights} | changes)


def certain(classes: torch.Tensor, labels: int) -> torch.Tensor:
    """Logits that are sure of `classes` (N, 1, …)."""
    hot = torch.nn.functional.one_hot(classes[:, 0].long(), labels + 1)
    return 50.0 * hot.movedim(-1, 1)


TARGET = torch.tensor([0, 1, 1, 2]).reshape(1, 1, 1, 2, 2).float()


def test_every_loss_a_config_may_name_is_there() -> None:
    assert set(LOSSES) == set(get_args(LossName))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("target", [TARGET, TARGET[:, :, 0]], ids=["3-D", "2-D"])
def test_the_right_answer_costs_nothing_and_a_wrong_one_more(
    name: str, target: torch.Tensor
) -> None:
    loss = loss_of(name)
    right = loss(certain(target, 2), target).item()
    wrong = loss(certain(torch.zeros_like(target), 2), target).item()
    assert right == pytest.approx(0, abs=1e-4)
    assert wrong > 0.3


def test_cross_entropy_of_no_opinion_is_the_log_of_the_classes() -> None:
    none = torch.zeros(1, 3, 1, 2, 2)
    for name in ("ce", "weighted_ce", "border_ce"):
        assert loss_of(name)(none, TARGET).item() == pytest.approx(math.log(3))


def test_dice_leaves_the_background_out() -> None:
    """Label 1 right, label 2 missed and called background: mean of 0 and 1."""
    missed = torch.where(TARGET == 2, 0.0, TARGET)
    loss = build_loss("dice", 2)(certain(missed, 2), TARGET).item()
    assert loss == pytest.approx(0.5, abs=1e-4)


def test_dice_ce_is_that_of_monai() -> None:
    logits = torch.randn(2, 3, 4, 5, 6)
    target = torch.randint(0, 3, (2, 1, 4, 5, 6)).float()
    peer = DiceCELoss(include_background=False, to_onehot_y=True, softmax=True, batch=True)
    assert build_loss("dice_ce", 2)(logits, target).item() == pytest.approx(
        peer(logits, target).item(), rel=1e-6
    )


def test_focal_is_that_of_monai_and_dice_focal_adds_dice() -> None:
    """No opinion among three classes: (1 - 1/3)^2 log 3 a voxel, a third of it a channel."""
    none = torch.zeros(1, 3, 1, 2, 2)
    focal = build_loss("focal", 2)(none, TARGET).item()
    assert focal == pytest.approx((2 / 3) ** 2 * math.log(3) / 3)
    peer = FocalLoss(to_onehot_y=True, use_softmax=True, gamma=2.0)
    assert focal == pytest.approx(peer(none, TARGET).item())
    both = build_loss("dice_focal", 2)(none, TARGET).item()
    assert both == pytest.approx(focal + build_loss("dice", 2)(none, TARGET).item())


def test_a_weighted_mean_over_voxels() -> None:
    """Four voxels, all called 0 at odds e:1:1; weights 1, 2, 2, 5 of classes 0, 1, 1, 2."""
    logits = torch.zeros(1, 3, 1, 2, 2)
    logits[:, 0] = 1.0
    total = math.log(math.e + 2)
    by_hand = (1 * (total - 1) + 2 * total + 2 * total + 5 * total) / (1 + 2 + 2 + 5)
    loss = build_loss("weighted_ce", 2, class_weights=[1.0, 2.0, 5.0])
    assert loss(logits, TARGET).item() == pytest.approx(by_hand, rel=1e-5)


def test_a_missed_voxel_costs_more_than_a_false_one_under_tversky() -> None:
    """Ten voxels, label in two of them. One missed: 1 - 1 / (1 + 0.7); one too many: 2 / 2.3."""
    target = torch.zeros(1, 1, 1, 1, 10)
    target[..., :2] = 1
    missed, added = target.clone(), target.clone()
    missed[..., 1] = 0
    added[..., 2] = 1
    loss = build_loss("tversky", 1)
    assert loss(certain(missed, 1), target).item() == pytest.approx(1 - 1 / 1.7, abs=1e-4)
    assert loss(certain(added, 1), target).item() == pytest.approx(1 - 2 / 2.3, abs=1e-4)


def test_generalised_dice_weighs_labels_by_the_square_of_their_size() -> None:
    """8 background voxels of 10, both of label 1 missed.

    Weights 1/64 and 1/4; overlaps 8 and 0; sums of sizes 8 + 10 and 2 + 0:
    1 - 2 (8/64) / (18/64 + 2/4) = 0.68.
    """
    target = torch.zeros(1, 1, 1, 1, 10)
    target[..., :2] = 1
    loss = build_loss("generalised_dice", 1)(certain(torch.zeros_like(target), 1), target)
    assert loss.item() == pytest.approx(0.68, abs=1e-4)


def test_the_hausdorff_loss_grows_with_the_distance_of_a_mistake() -> None:
    """A voxel at distance d of the drawn one: both masks are wrong by d, squared, twice each.

    At d = 1: |p - t| is 1 in two voxels. Fields (distance to the mask, inside to its outside): the
    drawn voxel 1 in its own field and 1 in the other's, the false one likewise: (1 + 1) * 2 / 9.
    At d = 4: 1 and 16 each: (1 + 16) * 2 / 9.
    """
    target = torch.zeros(1, 1, 1, 1, 9)
    target[..., 2] = 1
    loss = build_loss("hausdorff", 1)
    for d, expected in ((1, 4 / 9), (4, 34 / 9)):
        drawn = torch.roll(target, d, dims=-1)
        assert loss(certain(drawn, 1), target).item() == pytest.approx(expected, rel=1e-4)


def test_the_hardest_voxels_alone() -> None:
    """Cross-entropies of log(1 + e^k), k = 0..3: the mean of the two largest."""
    logits = torch.zeros(1, 2, 1, 2, 2)
    logits[0, 1] = torch.tensor([0.0, 3.0, 1.0, 2.0]).reshape(1, 2, 2)
    target = torch.zeros(1, 1, 1, 2, 2)
    each = [math.log(1 + math.exp(k)) for k in range(4)]
    half = build_loss("ce", 1, hardest=0.5)(logits, target).item()
    assert half == pytest.approx(sum(each[2:]) / 2)
    assert build_loss("ce", 1, hardest=0.01)(logits, target).item() == pytest.approx(each[3])
    # Of three voxels that count, a half is two, rounded up; the hardest of all is not one of them.
    target[0, 0, 0, 0, 1] = IGNORED
    rest = build_loss("ce", 1, hardest=0.5, ignore=True)(logits, target).item()
    assert rest == pytest.approx((each[2] + each[1]) / 2)


def test_border_weights_are_those_of_the_paper() -> None:
    """Objects at both ends of a line of seven: d1 + d2 = 6 between them, whatever the voxel."""
    line = torch.tensor([[[1, 0, 0, 0, 0, 0, 2]]])
    weights = border_weights(line)
    expected = 10 * math.exp(-36 / 50)
    assert weights.shape == line.shape
    assert weights[0, 0, 1:-1].tolist() == pytest.approx([expected] * 5)
    assert weights[0, 0, [0, -1]].tolist() == [0, 0]


def test_border_weights_need_two_objects_and_know_the_nearest_two() -> None:
    line = torch.tensor([[[1, 0, 0, 0]], [[0, 0, 0, 0]]])
    assert not border_weights(line).any()
    three = torch.tensor([[[1, 0, 1, 0, 0, 1]]])
    weights = border_weights(three)[0, 0]
    assert weights[1] == pytest.approx(10 * math.exp(-(2**2) / 50))
    assert weights[3] == pytest.approx(10 * math.exp(-(3**2) / 50))


def test_the_border_weighs_in_the_cross_entropy() -> None:
    """One voxel of background between two objects, weight 1 + 10 exp(-4 / 50); theirs is 1."""
    target = torch.tensor([1.0, 0.0, 1.0]).reshape(1, 1, 1, 3)
    logits = torch.zeros(1, 2, 1, 3)
    logits[0, 1, 0, 1] = 4.0
    weight = 1 + 10 * math.exp(-4 / 50)
    by_hand = (2 * math.log(2) + weight * math.log(1 + math.exp(4))) / (2 + weight)
    assert build_loss("border_ce", 1)(logits, target).item() == pytest.approx(by_hand, rel=1e-5)


@pytest.mark.parametrize("name", LOSSES)
def test_levels_weigh_half_of_the_one_before(name: str) -> None:
    """The second level sees every other voxel; weights 2/3 and 1/3."""
    target = torch.randint(0, 3, (1, 1, 4, 4, 4), generator=torch.manual_seed(1)).float()
    fine, coarse = torch.randn(1, 3, 4, 4, 4), torch.randn(1, 3, 2, 2, 2)
    loss = loss_of(name)
    expected = 2 / 3 * loss(fine, target) + 1 / 3 * loss(coarse, target[..., 1::2, 1::2, 1::2])
    assert loss([fine, coarse], target).item() == pytest.approx(expected.item(), rel=1e-5)
    assert torch.equal(loss([fine], target), loss(fine, target))


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(LOSSES),
    st.integers(0, 2**31),
    st.sampled_from([(2, 3, 4), (5, 6), (1, 1, 1)]),
    st.sampled_from([0.0, 0.3, 1.0]),
    st.sampled_from([1.0, 0.25]),
)
def test_ignored_voxels_count_for_nothing(
    name: str, seed: int, size: tuple[int, ...], share: float, hardest: float
) -> None:
    """Other logits there change neither the loss nor a gradient, and theirs is zero."""
    random = torch.Generator().manual_seed(seed)
    target = torch.randint(0, 3, (2, 1, *size), generator=random).float()
    target[torch.rand(target.shape, generator=random) < share] = IGNORED
    inside = (target != IGNORED).expand(2, 3, *size)
    loss = loss_of(name, ignore=True, hardest=hardest if name in ENTROPIES else 1.0)
    logits = torch.randn(2, 3, *size, generator=random)
    others = torch.where(inside, logits, 30 * torch.randn(2, 3, *size, generator=random))
    found = []
    for given_logits in (logits, others):
        given_logits.requires_grad_(True)
        value = loss(given_logits, target)
        value.backward()
        found.append((value.item(), given_logits.grad))
    assert math.isfinite(found[0][0])
    assert found[0][0] == found[1][0]
    assert torch.equal(found[0][1], found[1][1])
    assert not found[0][1][~inside].any()
    if not inside.any():
        assert not found[0][1].any()


@pytest.mark.parametrize("name", LOSSES)
def test_ignoring_nothing_changes_nothing(name: str) -> None:
    logits = torch.randn(2, 3, 4, 3, 5)
    target = torch.randint(0, 3, (2, 1, 4, 3, 5)).float()
    plain, careful = loss_of(name), loss_of(name, ignore=True)
    assert careful(logits, target).item() == pytest.approx(plain(logits, target).item(), rel=1e-5)


@pytest.mark.parametrize("name", ["ce", "focal", "hausdorff", "dice", "generalised_dice"])
def test_what_is_ignored_is_as_if_cut_off(name: str) -> None:
    """The mean is over the voxels that count, not over the patch."""
    logits, target = (
        torch.randn(1, 3, 1, 1, 6),
        torch.tensor([0.0, 1, 1, 2, 0, 0]).view(1, 1, 1, 1, 6),
    )
    wide = torch.cat([logits, torch.zeros(1, 3, 1, 1, 6)], dim=-1)
    # The Hausdorff loss sees masks: where the network draws nothing, a mask has no part.
    wide[:, 0, ..., 6:] = 50
    rest = torch.full((1, 1, 1, 1, 6), float(IGNORED))
    loss = build_loss(name, 2, ignore=True)
    assert loss(wide, torch.cat([target, rest], dim=-1)).item() == pytest.approx(
        loss(logits, target).item(), rel=1e-5
    )


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("only", [0, 1, 2])
def test_labels_missing_in_a_batch_leave_loss_and_gradient_finite(name: str, only: int) -> None:
    target = torch.full((2, 1, 3, 4, 5), float(only))
    for scale in (1.0, 100.0):
        logits = (scale * torch.randn(2, 3, 3, 4, 5)).requires_grad_(True)
        value = loss_of(name)(logits, target)
        value.backward()
        assert torch.isfinite(value)
        assert torch.isfinite(logits.grad).all()


@pytest.mark.parametrize("name", LOSSES)
def test_a_step_against_the_gradient_lowers_the_loss(name: str) -> None:
    random = torch.Generator().manual_seed(3)
    target = torch.randint(0, 3, (2, 1, 4, 4, 4), generator=random).float()
    logits = torch.randn(2, 3, 4, 4, 4, generator=random).requires_grad_(True)
    loss = loss_of(name)
    before = loss(logits, target)
    before.backward()
    step = 0.1 * logits.grad / logits.grad.norm()
    assert loss(logits - step, target) < before


def test_half_precision_is_left_at_the_door() -> None:
    """200 000 voxels: their sum is beyond bfloat16's eight bits and float16's range."""
    target = (torch.arange(60**3) % 2).reshape(1, 1, 60, 60, 60).float()
    logits = torch.zeros(1, 2, 60, 60, 60, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        value = build_loss("dice_ce", 1)(logits, target)
    assert value.dtype == torch.float32
    assert value.item() == pytest.approx(0.5 + math.log(2), rel=1e-5)


def test_an_unknown_loss_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown loss; found 'dise', expected dice_ce"):
        build_loss("dise", 1)


def test_a_network_with_other_labels_is_told() -> None:
    with pytest.raises(ValueError, match="logits have 3 channels, expected 2"):
        build_loss("dice", 1)(torch.zeros(1, 3, 1, 2, 2), TARGET)


def test_settings_without_a_use_are_told() -> None:
    with pytest.raises(ConfigError, match="loss 'weighted_ce' needs class_weights"):
        build_loss("weighted_ce", 1)
    with pytest.raises(ConfigError, match="loss 'dice' takes no class_weights; expected one of we"):
        build_loss("dice", 1, class_weights=[1, 1])
    with pytest.raises(ConfigError, match=r"do not fit; found \[1, 2, 3\], expected 2 weights"):
        build_loss("border_ce", 1, class_weights=[1, 2, 3])
    with pytest.raises(ConfigError, match=r"loss 'focal' takes all voxels; found hardest: 0\.5"):
        build_loss("focal", 1, hardest=0.5)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("changes", [{}, {"class_weights": [1.0, 1.0]}, {"hardest": 0.5}], ids=str)
def test_a_config_is_refused_where_the_loss_would_refuse_it(
    name: str, changes: dict[str, object]
) -> None:
    """Before any job is started, that is."""
    refused = []
    for build in (
        lambda **c: Network(name="s", loss=name, **c),
        lambda **c: build_loss(name, 1, **c),
    ):
        try:
            build(**changes)
            refused.append(False)
        except (ConfigError, ValidationError):
            refused.append(True)
    assert refused[0] == refused[1]
