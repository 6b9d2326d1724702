"""Losses whose values a reader can work out."""

import math

import pytest
import torch

from radpipe.errors import ConfigError
from radpipe.networks.losses import LOSSES, build_loss


def certain(classes: torch.Tensor, labels: int) -> torch.Tensor:
    """Logits that are sure of `classes` (N, 1, …)."""
    hot = torch.nn.functional.one_hot(classes[:, 0].long(), labels + 1)
    return 50.0 * hot.movedim(-1, 1)


TARGET = torch.tensor([0, 1, 1, 2]).reshape(1, 1, 1, 2, 2).float()


@pytest.mark.parametrize("name", LOSSES)
def test_the_right_answer_costs_nothing_and_a_wrong_one_more(name: str) -> None:
    loss = build_loss(name, 2)
    right = loss(certain(TARGET, 2), TARGET).item()
    wrong = loss(certain(torch.zeros_like(TARGET), 2), TARGET).item()
    assert right == pytest.approx(0, abs=1e-4)
    assert wrong > 0.5


def test_cross_entropy_of_no_opinion_is_the_log_of_the_classes() -> None:
    assert build_loss("ce", 2)(torch.zeros(1, 3, 1, 2, 2), TARGET).item() == pytest.approx(
        math.log(3)
    )


def test_dice_leaves_the_background_out() -> None:
    """Label 1 right, label 2 missed and called background: mean of 0 and 1."""
    missed = torch.where(TARGET == 2, 0.0, TARGET)
    loss = build_loss("dice", 2)(certain(missed, 2), TARGET).item()
    assert loss == pytest.approx(0.5, abs=1e-4)


def test_an_unknown_loss_is_told() -> None:
    with pytest.raises(ConfigError, match="unknown loss; found 'dise', expected dice_ce"):
        build_loss("dise", 1)


def test_a_network_with_other_labels_is_told() -> None:
    with pytest.raises(ValueError, match="logits have 3 channels, expected 2"):
        build_loss("dice", 1)(torch.zeros(1, 3, 1, 2, 2), TARGET)
