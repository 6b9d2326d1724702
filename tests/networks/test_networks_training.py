"""The one training loop: it learns, it repeats, it stops with a sentence."""

import math
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn
from torch.utils.data import Dataset, IterableDataset

from radpipe.errors import FitError
from radpipe.networks.training import TrainingSettings, fit, one_cycle, seed_everything


class Line(Dataset):
    """y = 2 x + 1 on eight points."""

    def __len__(self) -> int:
        return 8

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        x = torch.tensor([index / 8])
        return {"x": x, "y": 2 * x + 1}


class Stream(IterableDataset):
    """The first `count` points of the line."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __iter__(self) -> Iterator[dict[str, Tensor]]:
        line = Line()
        return (line[i % 8] for i in range(self.count))


class Nothing(Dataset):
    def __len__(self) -> int:
        return 0


def squared(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
    return ((network(batch["x"]) - batch["y"]) ** 2).mean()


def trained(seed: int, dataset: Dataset, **changes: float) -> tuple[nn.Linear, object]:
    seed_everything(seed)
    network = nn.Linear(1, 1)
    given = {"steps": 300, "batch": 8, "learning_rate": 0.1} | changes
    return network, fit(network, squared, dataset, TrainingSettings(seed=seed, **given))


def test_a_line_is_learned_and_the_log_tells_every_step() -> None:
    network, log = trained(1, Line())
    assert network.weight.item() == pytest.approx(2, abs=0.05)
    assert network.bias.item() == pytest.approx(1, abs=0.05)
    assert list(log.columns) == ["step", "loss", "learning_rate", "seconds"]
    assert list(log["step"]) == list(range(1, 301))
    assert log["learning_rate"].max() == pytest.approx(0.1)
    assert log["loss"].iloc[-1] < 1e-3 < log["loss"].iloc[0]
    assert not network.training


def test_equal_seeds_give_equal_weights_and_other_seeds_others() -> None:
    short = {"steps": 5, "batch": 3}
    first, log = trained(7, Line(), **short)
    again, log_again = trained(7, Line(), **short)
    other, _ = trained(8, Line(), **short)
    assert torch.equal(first.weight, again.weight)
    assert list(log["loss"]) == list(log_again["loss"])
    assert not torch.equal(first.weight, other.weight)


def test_every_item_is_visited_equally_often_even_if_the_batch_is_larger() -> None:
    seen: list[float] = []

    def note(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        seen.extend(batch["x"][:, 0].tolist())
        return squared(network, batch)

    fit(nn.Linear(1, 1), note, Line(), TrainingSettings(4, 16, 0.1, seed=1))
    assert len(seen) == 64
    assert {x: seen.count(x) for x in seen} == {i / 8: 8 for i in range(8)}


def test_a_stream_is_read_in_full_batches() -> None:
    _, log = trained(1, Stream(12), steps=3, batch=4)
    assert len(log) == 3


def test_a_stream_that_ends_early_is_told() -> None:
    with pytest.raises(FitError, match="ended early; found 2, expected 3"):
        trained(1, Stream(11), steps=3, batch=4)


def test_no_data_is_told() -> None:
    with pytest.raises(FitError, match="nothing to train on"):
        trained(1, Nothing())


def test_a_loss_that_is_not_finite_names_its_step() -> None:
    calls = []

    def broken(network: nn.Module, batch: dict[str, Tensor]) -> Tensor:
        calls.append(1)
        return squared(network, batch) * (math.nan if len(calls) == 3 else 1)

    with pytest.raises(FitError, match="no longer finite at step 3; found nan"):
        fit(nn.Linear(1, 1), broken, Line(), TrainingSettings(5, 2, 0.1, seed=1))


def test_checkpoints_are_written_only_where_asked(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    fit(nn.Linear(1, 1), squared, Line(), TrainingSettings(2, 2, 0.1, seed=1))
    assert list(tmp_path.iterdir()) == []
    folder = tmp_path / "checkpoints"
    fit(nn.Linear(1, 1), squared, Line(), TrainingSettings(100, 2, 0.1, 1, checkpoints=folder))
    assert (folder / "last.ckpt").is_file()


@pytest.mark.parametrize("steps", [1, 2, 10, 1000])
def test_the_schedule_rises_to_its_peak_and_falls_to_zero(steps: int) -> None:
    rates = [one_cycle(step, steps) for step in range(steps)]
    peak = rates.index(max(rates))
    assert max(rates) == 1
    assert min(rates) > 0
    assert rates[: peak + 1] == sorted(rates[: peak + 1])
    assert rates[peak:] == sorted(rates[peak:], reverse=True)
    assert steps < 100 or rates[-1] < 0.001
