"""Heads: how many numbers an outcome takes, and losses that can be worked out by hand."""

import math

import numpy as np
import pytest
import torch

from radpipe.errors import FitError
from radpipe.networks.heads import cox_loss, make_head

SURVIVAL = [("event", bool), ("time", float)]


def test_each_kind_of_outcome_has_its_number_of_outputs() -> None:
    heads = {
        "binary": make_head("binary", np.array([0.0, 1.0])),
        "multiclass": make_head("multiclass", np.array([0.0, 2.0, 1.0])),
        "regression": make_head("regression", np.array([1.0, 3.0])),
        "survival": make_head("survival", np.array([(True, 1.0)], dtype=SURVIVAL)),
    }
    assert {kind: head.outputs for kind, head in heads.items()} == {
        "binary": 1,
        "multiclass": 3,
        "regression": 1,
        "survival": 1,
    }
    assert [head.classes for head in heads.values()] == [2, 3, 0, 0]


def test_losses_by_hand() -> None:
    binary = make_head("binary", np.array([0.0, 1.0]))
    assert binary.loss(torch.zeros(2, 1), binary.targets(np.array([0, 1.0]))).item() == (
        pytest.approx(math.log(2))
    )
    three = make_head("multiclass", np.array([0.0, 1.0, 2.0]))
    assert three.loss(torch.zeros(1, 3), three.targets(np.array([2.0]))).item() == pytest.approx(
        math.log(3)
    )
    number = make_head("regression", np.array([10.0, 20.0]))  # mean 15, sd 5
    assert number.targets(np.array([20.0]))["y"].tolist() == [1.0]
    assert number.loss(torch.zeros(1, 1), number.targets(np.array([25.0]))).item() == 4.0


def test_predictions_are_on_the_scale_of_the_outcome() -> None:
    number = make_head("regression", np.array([10.0, 20.0]))
    assert number.predictions(torch.tensor([[2.0]])).tolist() == [25.0]
    binary = make_head("binary", np.array([0.0, 1.0]))
    assert binary.predictions(torch.zeros(1, 1)).tolist() == [[0.5, 0.5]]
    three = make_head("multiclass", np.array([0.0, 1.0, 2.0]))
    assert three.predictions(torch.randn(4, 3)).sum(dim=1).tolist() == pytest.approx([1] * 4)


def test_cox_loss_by_hand() -> None:
    """Events at 1 and 3, censored at 2: risk sets of three and of one."""
    risk = torch.tensor([math.log(2), 0.0, 0.0])
    time, event = torch.tensor([1.0, 2.0, 3.0]), torch.tensor([True, False, True])
    expected = (math.log(4) - math.log(2) + 0.0) / 2
    assert cox_loss(risk, time, event).item() == pytest.approx(expected)


def test_tied_events_share_their_risk_set() -> None:
    """Breslow: both events at 1 see both cases and the third."""
    time, event = torch.tensor([1.0, 1.0, 2.0]), torch.tensor([True, True, False])
    assert cox_loss(torch.zeros(3), time, event).item() == pytest.approx(math.log(3))


def test_cox_loss_without_an_event_teaches_nothing() -> None:
    risk = torch.tensor([1.0, 2.0], requires_grad=True)
    loss = cox_loss(risk, torch.tensor([1.0, 2.0]), torch.tensor([False, False]))
    loss.backward()
    assert loss.item() == 0
    assert risk.grad is not None
    assert not risk.grad.any()


def test_only_the_order_of_times_and_differences_of_risks_count() -> None:
    generator = torch.Generator().manual_seed(0)
    risk, time = torch.randn(9, generator=generator), torch.rand(9, generator=generator)
    event = torch.rand(9, generator=generator) > 0.4
    one = cox_loss(risk, time, event)
    assert torch.allclose(cox_loss(risk + 5, time.exp(), event), one, atol=1e-5)


@pytest.mark.parametrize(
    ("kind", "y", "message"),
    [
        ("binary", [0.0, 2.0], "no classes of a binary outcome; found 0, 2"),
        ("binary", [1.0, 1.0], "a single class; found 1"),
        ("multiclass", [0.5, 1.0], "no classes of a multiclass"),
        ("regression", [1.0, np.nan], "outcome of the training part is missing"),
        ("binary", [], "outcome of the training part is missing"),
        ("survival", [1.0], "needs the fields time and event"),
    ],
)
def test_outcomes_that_cannot_be_learned(kind, y, message: str) -> None:
    with pytest.raises(FitError, match=message):
        make_head(kind, np.array(y, dtype=float))


def test_survival_without_events_or_times_is_refused() -> None:
    with pytest.raises(FitError, match="no event; found 1 censored"):
        make_head("survival", np.array([(False, 1.0)], dtype=SURVIVAL))
    with pytest.raises(FitError, match="missing or negative"):
        make_head("survival", np.array([(True, -1.0)], dtype=SURVIVAL))
